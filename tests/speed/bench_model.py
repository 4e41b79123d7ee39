"""Speed of the network: inference and a training step against the plain way, in the same process.

Run by ``make speed``; writes ``results/speed/model.md`` on ViT-B/32 and ``results/speed/tiny.md`` on the tiny
network. Random weights: speed does not depend on them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from clip_nodule.inference.api import BATCH
from clip_nodule.network.backbone import build_backbone
from clip_nodule.network.device import has_bf16, set_precision
from clip_nodule.network.int8 import has_int8, quantise_images
from clip_nodule.network.lora import merged
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.text.tokens import tokenize
from clip_nodule.training.objective import batch_losses

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
REPORT = "The nodule is a 12.3 x 9.0 mm, part-solid, irregular, poorly marginated nodule with spiculated margins."


@dataclass(frozen=True)
class Ways:
    """Several ways to do one thing, called in turns.

    Attributes:
        seconds: Median of each way.
        ratios: How many times the first way's time is another's, of each turn and ascending; one list a way.
    """

    seconds: list[float]
    ratios: list[list[float]]


def alternating(repeats: int, *ways: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Ways:
    """Call all ways in turns, once before anything is measured."""
    for way in ways:
        way()
    turns = [[seconds_of(way, clock) for way in ways] for _ in range(repeats)]
    ratios = [sorted(turn[0] / turn[index] for turn in turns) for index in range(len(ways))]
    return Ways([statistics.median(times) for times in zip(*turns, strict=True)], ratios)


def seconds_of(function: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds of one call."""
    begin = clock()
    function()
    return clock() - begin


def fresh(precision: str) -> NoduleCLIP:
    """The paper's network under its defaults, with low-rank updates that are not zero."""
    torch.manual_seed(0)
    model = new_model(build_backbone("ViT-B-32-quickgelu"), load_settings(None, {"pretrained": None}))
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.02)
    set_precision(model, precision, CPU)
    return model


def plainly_encoded(model: NoduleCLIP, planes: torch.Tensor) -> torch.Tensor:
    """Features of planes by open_clip's own forward pass, one nodule at a time."""
    encoded = [model.encoder.visual(nodule) for nodule in planes]
    return torch.stack(encoded)


def inference(repeats: int, nodules: int, precisions: list[str]) -> tuple[Ways, list[float]]:
    """The plain way and each precision over some nodules, and how far probabilities differ from the plain ones."""
    planes = torch.rand(nodules, 9, 3, 224, 224, generator=torch.Generator().manual_seed(1)) * 4 - 2
    outputs: dict[str, torch.Tensor] = {}

    def scorer(precision: str | None) -> Callable[[], None]:
        model = fresh("fp32").eval().requires_grad_(False)
        if precision is not None:
            model.backbone = merged(model.backbone)  # type: ignore[assignment, arg-type]
            if precision == "int8":
                quantise_images(model.encoder, planes[0])
            else:
                set_precision(model, precision, CPU)
        batch = nodules if precision in ("auto", "bf16") else 1

        @torch.no_grad()
        def score() -> None:
            if precision is None:
                logits = model(plainly_encoded(model, planes), encoded=True).image_logits
            else:
                logits = torch.cat([model(block).image_logits for block in planes.split(batch)])
            outputs[str(precision)] = logits.softmax(-1)

        return score

    ways = alternating(repeats, *map(scorer, [None, *precisions]))
    differences = [float((outputs["None"] - outputs[p]).abs().max()) for p in precisions]
    return ways, differences


def training(repeats: int) -> Ways:
    """A step of four nodules, plain and fast."""
    settings = load_settings(None, {"pretrained": None})
    planes = torch.rand(4, 9, 3, 224, 224, generator=torch.Generator().manual_seed(1)) * 4 - 2
    tokens, labels = tokenize([REPORT] * 4), torch.tensor([0, 1, 0, 1])

    def stepper(precision: str, together: bool) -> Callable[[], None]:
        model = fresh(precision).train()
        optimizer = torch.optim.AdamW(
            [p for p in model.parameters() if p.requires_grad], lr=1e-4, weight_decay=0.1
        )

        def step() -> None:
            if together:
                output = model(planes, tokens)
            else:
                features = plainly_encoded(model, planes)
                output = model(features, model.text_features(tokens), encoded=True)
            batch_losses(output, labels, settings.losses).both.backward()
            optimizer.step()
            optimizer.zero_grad()

        return step

    return alternating(repeats, stepper("fp32", together=False), stepper("auto", together=True))


def scoring(repeats: int, nodules: int, clock: Callable[[], float]) -> Ways:
    """The tiny network as ``bench score`` runs it, in fp32, bf16 and, where there is VNNI, int8."""
    planes = torch.rand(nodules, 9, 3, 48, 48, generator=torch.Generator().manual_seed(1)) * 4 - 2

    def scorer(precision: str) -> Callable[[], object]:
        torch.manual_seed(0)
        model = (
            new_model(build_backbone("tiny"), load_settings(None, {"pretrained": None}))
            .eval()
            .requires_grad_(False)
        )
        model.backbone = merged(model.backbone)  # type: ignore[assignment, arg-type]
        if precision == "int8":
            quantise_images(model.encoder, planes[0])
        else:
            set_precision(model, precision, CPU)
        batch = 1 if precision == "int8" else BATCH["cpu"]

        @torch.no_grad()
        def score() -> torch.Tensor:
            return torch.cat([model(block).image_logits for block in planes.split(batch)])

        return score

    ways = map(scorer, ["fp32", "bf16", "int8"] if has_int8() else ["fp32", "bf16"])
    return alternating(repeats, *ways, clock=clock)


def write_tiny(repeats: int, threads: int, path: Path) -> None:
    """Measure the tiny network with one thread and with ``threads``, and write its report."""
    nodules, rows, load = 64, [], os.getloadavg()[0]
    names = [f"fp32, {BATCH['cpu']} nodules at a time", f"bf16, {BATCH['cpu']} at a time", "int8, one at a time"]
    for count in sorted({1, threads}):
        torch.set_num_threads(count)
        # What else the machine does adds nothing to the processor time, which of several threads is their sum.
        ways = scoring(repeats, nodules, time.process_time if count == 1 else time.perf_counter)
        rows += [
            f"| {count} | {name} | {1e3 * seconds / nodules:.1f} ms | {_ratio(ratios, digits=2)} |"
            for name, seconds, ratios in zip(names, ways.seconds, ways.ratios, strict=False)
        ]
    command = f"python tests/speed/bench_model.py --network tiny --repeats {repeats} --threads {threads}"
    lines = [
        "# Speed of the tiny network",
        "",
        f"`{command}` · {_machine()}",
        "",
        f"Scoring {nodules} nodules by `tiny-cpu`'s network with random weights. `bench score` computes as many",
        "blocks of nodules at a time as there are cores, each by one thread: what one thread takes counts.",
        "The ways run in turns; fp32 / way is how many times as fast as fp32 a way is: the median of the turns,",
        "with the smallest and the largest. Below 1 it is slower. One thread: processor time, to which what else",
        "the machine does adds little; more: wall clock. "
        f"The load was {load:.1f} on {os.cpu_count()} cores when this began.",
        "",
        "| threads | `--precision` | a nodule | fp32 / way |",
        "|---|---|---|---|",
        *rows,
        "",
        "`auto` is bf16 where the processor has it, and never int8.",
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--nodules", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", choices=["both", "ViT-B/32", "tiny"], default="both")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "speed" / "model.md")
    arguments = parser.parse_args()
    if arguments.network != "ViT-B/32":
        write_tiny(arguments.repeats, arguments.threads, arguments.out.with_name("tiny.md"))
    if arguments.network == "tiny":
        return
    torch.set_num_threads(arguments.threads)
    precisions = ["auto", "int8"] if has_int8() else ["auto"]
    ways, differences = inference(arguments.repeats, arguments.nodules, precisions)
    step = training(arguments.repeats)
    bf16 = "bf16" if has_bf16(CPU) else "fp32 (this processor has no bf16)"
    names = {
        "auto": f"{bf16}, merged, {arguments.nodules} nodules at a time",
        "int8": "int8, merged, one nodule at a time",
    }
    milliseconds = [1e3 * seconds / arguments.nodules for seconds in ways.seconds]
    rows = [
        f"| inference, a nodule | {milliseconds[0]:.0f} ms: fp32, LoRA unmerged, one nodule at a time "
        f"| {took:.0f} ms: {names[precision]} | {_ratio(ratios)} | 3 x | {difference:.4f} |"
        for precision, took, ratios, difference in zip(
            precisions, milliseconds[1:], ways.ratios[1:], differences, strict=True
        )
    ]
    lines = [
        "# Speed of the network",
        "",
        f"`python tests/speed/bench_model.py --repeats {arguments.repeats} --nodules {arguments.nodules}"
        f" --threads {arguments.threads}` · {_machine()} · {arguments.threads} threads",
        "",
        "ViT-B/32, the paper's settings, random weights. The two ways run in turns, so that whatever else the",
        "machine does slows both; ratios are the median of the turns, with the smallest and the largest.",
        "",
        "| what | plain | ours | ratio | target | largest difference of a probability (target 0.01) |",
        "|---|---|---|---|---|---|",
        *rows,
        f"| training step, four nodules | {1e3 * step.seconds[0]:.0f} ms: fp32, planes encoded nodule by nodule "
        f"| {1e3 * step.seconds[1]:.0f} ms: {bf16}, 36 planes at once | {_ratio(step.ratios[1])} | 1.7 x | |",
        "",
        "`bench score --precision int8` asks for int8: how far it is from fp32 depends on a run's weights, so it",
        "is compared with fp32 on eight nodules of the cohort first. Weights here are random. The plain ways use",
        "open_clip's own forward pass; ours leaves out what the last layer computes for nothing.",
        "",
        "Not measured: the figures for a GPU. None was lent while this was written; that code ran on CPU only.",
    ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _machine() -> str:
    return (
        f"torch {version('torch')}, open_clip {version('open_clip_torch')}, peft {version('peft')}"
        f" · {platform.machine()}, {torch.backends.cpu.get_cpu_capability()},"
        f" in hardware: bf16 {'yes' if has_bf16(CPU) else 'no'}, int8 (VNNI) {'yes' if has_int8() else 'no'}"
    )


def _ratio(ratios: list[float], digits: int = 1) -> str:
    middle, low, high = (f"{value:.{digits}f}" for value in (np.median(ratios), ratios[0], ratios[-1]))
    return f"{middle} x ({low} to {high})"


if __name__ == "__main__":
    main()
