"""Speed of the network: inference and a training step against the plain way, in the same process.

Run by ``make speed``; writes ``results/speed/model.md``. ViT-B/32 with random weights: speed does not depend on
them.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from clip_nodule.lora import merged
from clip_nodule.model import NoduleCLIP
from clip_nodule.network.backbone import build_backbone
from clip_nodule.network.build import has_bf16, new_model, set_precision
from clip_nodule.settings import Settings
from clip_nodule.text.tokens import tokenize
from clip_nodule.training.objective import batch_losses

ROOT = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")
REPORT = "The nodule is a 12.3 x 9.0 mm, part-solid, irregular, poorly marginated nodule with spiculated margins."


def alternating(
    one: Callable[[], object], two: Callable[[], object], repeats: int
) -> tuple[float, float, list[float]]:
    """Medians of two functions called in turns, and the ratio of each turn."""
    one(), two()
    pairs = [(seconds_of(one), seconds_of(two)) for _ in range(repeats)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        sorted(a / b for a, b in pairs),
    )


def seconds_of(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def fresh(precision: str) -> NoduleCLIP:
    """The paper's network under its defaults, with low-rank updates that are not zero."""
    torch.manual_seed(0)
    model = new_model(build_backbone("ViT-B-32-quickgelu"), Settings(pretrained=None))
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.02)
    set_precision(model, precision, CPU)
    return model


def inference(repeats: int, nodules: int) -> tuple[float, float, list[float], float]:
    """Seconds a nodule of the plain and the fast way, their ratios, and how far probabilities differ."""
    plain, fast = fresh("fp32").eval(), fresh("fp32").eval()
    fast.backbone = merged(fast.backbone)  # type: ignore[assignment, arg-type]
    fast.requires_grad_(False)
    set_precision(fast, "auto", CPU)
    planes = torch.rand(nodules, 9, 3, 224, 224, generator=torch.Generator().manual_seed(1)) * 4 - 2
    outputs: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def one_at_a_time() -> None:
        outputs["plain"] = torch.cat([plain(nodule[None]).image_logits for nodule in planes])

    @torch.no_grad()
    def batched() -> None:
        outputs["fast"] = fast(planes).image_logits

    slow, quick, ratios = alternating(one_at_a_time, batched, repeats)
    difference = (outputs["plain"].softmax(-1) - outputs["fast"].softmax(-1)).abs().max()
    return slow / nodules, quick / nodules, ratios, float(difference)


def training(repeats: int) -> tuple[float, float, list[float]]:
    """Seconds of a step of four nodules, plain and fast, and their ratios."""
    settings = Settings(pretrained=None)
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
                features = torch.cat([model.image_features(nodule[None]) for nodule in planes])
                output = model(features, model.text_features(tokens), encoded=True)
            batch_losses(output, labels, settings).both.backward()
            optimizer.step()
            optimizer.zero_grad()

        return step

    return alternating(stepper("fp32", together=False), stepper("auto", together=True), repeats)


def main() -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--nodules", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "speed" / "model.md")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    slow, fast, ratios, difference = inference(arguments.repeats, arguments.nodules)
    step_slow, step_fast, step_ratios = training(arguments.repeats)
    bf16 = "bf16" if has_bf16(CPU) else "fp32 (this processor has no bf16)"
    lines = [
        "# Speed of the network",
        "",
        f"`python tests/speed/bench_model.py --repeats {arguments.repeats} --nodules {arguments.nodules}"
        f" --threads {arguments.threads}` · torch {version('torch')}, open_clip {version('open_clip_torch')},"
        f" peft {version('peft')} · {platform.machine()}, {torch.backends.cpu.get_cpu_capability()},"
        f" bf16 in hardware: {'yes' if has_bf16(CPU) else 'no'} · {arguments.threads} threads",
        "",
        "ViT-B/32, the paper's settings, random weights. The two ways run in turns, so that whatever else the",
        "machine does slows both; ratios are the median of the turns, with the smallest and the largest.",
        "",
        "| what | plain | ours | ratio | target |",
        "|---|---|---|---|---|",
        f"| inference, a nodule | {1e3 * slow:.0f} ms: fp32, LoRA unmerged, one nodule at a time "
        f"| {1e3 * fast:.0f} ms: {bf16}, merged, {arguments.nodules} nodules at a time "
        f"| {_ratio(ratios)} | 3 x |",
        f"| training step, four nodules | {1e3 * step_slow:.0f} ms: fp32, planes encoded one nodule at a time "
        f"| {1e3 * step_fast:.0f} ms: {bf16}, 36 planes at once | {_ratio(step_ratios)} | 1.7 x |",
        "",
        f"Probabilities of the two ways differ by at most {difference:.4f} (target 0.01).",
        "",
        "Not measured: the figures for a GPU. None was lent while this was written; that code ran on CPU only.",
    ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _ratio(ratios: list[float]) -> str:
    return f"{np.median(ratios):.1f} x ({ratios[0]:.1f} to {ratios[-1]:.1f})"


if __name__ == "__main__":
    main()
