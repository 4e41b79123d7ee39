"""Report text by Google's Gemini, as in the paper: asked once a nodule, cached, resumable."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.contracts.vocabulary import BY_COLUMN
from benchmark.errors import BenchError, InputError
from benchmark.extras import require_extra
from benchmark.formats.json import parse_json
from benchmark.formats.opening import read_text
from benchmark.progress import Progress
from clip_nodule.text.report import COLUMNS, split_report
from clip_nodule.text.semantics import known_features, read_features

MODEL = "gemini-2.5-flash"
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
CACHE = Path("results/texts/gemini.jsonl")
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
TOKENS_OUT = 260
LARGEST_CACHE = 1 << 29
"""Bytes of the cache; an answer has some 2,000."""
"""Tokens of a typical report, for the cost of a dry run."""
PRICES: dict[str, tuple[float, float]] = {
    "gemini-2.5-flash": (0.30, 2.50),
    "gemini-2.5-flash-lite": (0.10, 0.40),
    "gemini-2.5-pro": (1.25, 10.00),
}
"""US dollars a million tokens in and out, from Google's price list as of 2025; prices change."""

PROMPT = """You are a thoracic radiologist. Turn the features of one lung nodule into a short report in English.
Write two parts, headed "Findings" and "Impression". Under Findings write one bullet point for each feature, in
random order, with nodule margins and additional nodule margins in one point. Under Impression sum up in a
sentence what is present{impression}. State only what the features say, add nothing, and leave out what is not
listed. Features that are absent belong in the findings, not in the impression. Variant {variant}.

Features: {features}"""


@dataclass
class Usage:
    """What a run of requests took.

    Attributes:
        cached: Reports taken from the cache.
        asked: Reports asked for.
        waits: Seconds waited before each retry.
    """

    cached: int = 0
    asked: int = 0
    waits: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Asking:
    """Who is asked for reports, and how.

    Attributes:
        model: Name of the model.
        cache: JSON lines, keyed by model, prompt and features.
        prompt: Template with ``{features}``, ``{impression}`` and ``{variant}``.
        requests_a_minute: Rate limit.
        attempts: How often a request is made before the run gives up.
        timeout: Seconds a request may take.
        base_url: Another server that speaks the API.
    """

    model: str = MODEL
    cache: Path | str = CACHE
    prompt: str = PROMPT
    requests_a_minute: float = 60.0
    attempts: int = 6
    timeout: float = 60.0
    base_url: str | None = None


def gemini_texts(
    nodules: pd.DataFrame,
    asking: Asking | None = None,
    *,
    seed: int = 0,
    with_suspicion: bool = False,
    progress: Progress | None = None,
    usage: Usage | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> pd.DataFrame:
    """Ask Gemini for the report of every nodule that the cache does not hold yet.

    Every answer is written to the cache before the next request, so a run that stops loses nothing.

    Args:
        nodules: Nodule table with semantic columns.
        asking: Who is asked, and how; by default an ``Asking()``.
        seed: Chooses among wordings: it enters the prompt, and the cache's key with it.
        with_suspicion: Show the reader's level of suspicion to Gemini.
        progress: Called with the number of reports done and the number of reports.
        usage: Counts what was done.
        sleep: Waits; replaced in tests.

    Returns:
        The columns of ``report_text.report_texts``.

    Raises:
        InputError: No key in the environment, google-genai is missing, or Gemini refuses the key or the prompt.
        BenchError: The network or the server failed on every attempt.
    """
    asking, usage = asking or Asking(), usage if usage is not None else Usage()
    prompts = make_prompts(nodules, seed, with_suspicion, asking.prompt)
    known = read_cache(Path(asking.cache))
    keys = [_key(asking.model, text) for text in prompts]
    client = None if all(key in known for key in keys) else _client(asking.base_url, asking.timeout)
    pause = 60.0 / asking.requests_a_minute
    last = float("-inf")
    for done, (key, text) in enumerate(zip(keys, prompts, strict=True), start=1):
        if key in known:
            usage.cached += 1
        else:
            if (wait := last + pause - time.monotonic()) > 0:
                sleep(wait)
            last = time.monotonic()
            known[key] = _ask(client, asking.model, text, asking.attempts, usage, sleep)
            usage.asked += 1
            _append(Path(asking.cache), key, asking.model, known[key])
        if progress:
            progress(done, len(keys))
    ids = zip(nodules["pid"].astype(str), nodules["nodule_id"].astype(str), keys, strict=True)
    rows = [(pid, nodule_id, *split_report(known[key]), known[key]) for pid, nodule_id, key in ids]
    return pd.DataFrame(rows, columns=list(COLUMNS), index=nodules.index)


def make_prompts(
    nodules: pd.DataFrame, seed: int = 0, with_suspicion: bool = False, prompt: str = PROMPT
) -> list[str]:
    """The prompt of every nodule. Ids and the outcome never enter it; missing values are left out."""
    if "{features}" not in prompt:
        raise InputError("the prompt has no {features} — put it where the nodule's features go")
    impression = " and how suspicious of lung cancer the nodule is" if with_suspicion else ""
    prompts = []
    for row in known_features(read_features(nodules), with_suspicion):
        described = {_feature_label(column): value for column, value in row.items()}
        features = json.dumps(described, ensure_ascii=False)
        filled = prompt.replace("{impression}", impression).replace("{variant}", str(seed))
        prompts.append(filled.replace("{features}", features))
    return prompts


def estimated_cost(prompts: list[str], model: str = MODEL) -> str:
    """What asking these prompts would cost, from about four characters a token and a typical length of answer."""
    tokens_in, tokens_out = sum(len(text) for text in prompts) // 4, TOKENS_OUT * len(prompts)
    size = f"{len(prompts)} requests, about {tokens_in:,} tokens in and {tokens_out:,} out"
    if model not in PRICES:
        return f"{size}; the price of {model} is not known here"
    price_in, price_out = PRICES[model]
    dollars = (tokens_in * price_in + tokens_out * price_out) / 1e6
    return f"{size}: about ${dollars:.2f} with {model} at ${price_in} and ${price_out} a million tokens"


def read_cache(path: Path) -> dict[str, str]:
    """Answers by key; a last line that a killed run left half written is skipped."""
    if not path.is_file():
        return {}
    answers = {}
    lines = read_text(path, LARGEST_CACHE).split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = parse_json(line, path, number)
            answers[str(entry["key"])] = str(entry["text"])
        except (InputError, KeyError, TypeError) as error:
            if number == len(lines):
                continue
            raise InputError(f"{path}:{number} — is no entry of a text cache — remove the line") from error
    return answers


def _append(path: Path, key: str, model: str, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.is_file() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
    if torn:
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.rfind(b"\n") + 1])
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"key": key, "model": model, "text": text}, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _key(model: str, prompt: str) -> str:
    return hashlib.sha256(f"{model}\0{prompt}".encode()).hexdigest()


def _feature_label(column: str) -> str:
    return (
        column
        if column.startswith("additional_")
        else BY_COLUMN[column].name + (" (mm)" if BY_COLUMN[column].kind == "number" else "")
    )


def _client(base_url: str | None, timeout: float) -> Any:  # noqa: ANN401
    key = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
    if key is None:
        raise InputError(f"no Gemini key — set {KEYS[0]} in the environment, or use --backend template")
    require_extra("gemini", "--backend gemini")
    from google import genai
    from google.genai import types

    options = types.HttpOptions(timeout=int(timeout * 1000), base_url=base_url)
    return genai.Client(api_key=key, http_options=options)


def _transport_errors() -> tuple[type[Exception], ...]:
    """What a failed connection raises: google-genai speaks through httpx, from its version 3 on through httpx2."""
    modules: list[Any] = [import_module(name) for name in ("httpx", "httpx2") if find_spec(name)]
    return tuple(module.HTTPError for module in modules)


def _ask(
    client: Any,  # noqa: ANN401
    model: str,
    prompt: str,
    attempts: int,
    usage: Usage,
    sleep: Callable[[float], None],
) -> str:
    from google.genai.errors import APIError

    reason = ""
    failures: tuple[type[Exception], ...] = (*_transport_errors(), OSError)
    for attempt in range(attempts):
        if attempt:
            wait = min(60.0, 2.0**attempt) * random.uniform(0.75, 1.25)  # noqa: S311 (spreads requests)
            usage.waits.append(wait)
            sleep(wait)
        try:
            answer = client.models.generate_content(model=model, contents=prompt)
        except APIError as error:
            if error.code not in RETRIED:
                raise InputError(f"Gemini refused the request ({error.code}) — {error.message}") from error
            reason = f"{error.code} {error.message}"
            continue
        except failures as error:
            reason = f"{type(error).__name__}: {error}"
            continue
        if answer.text:
            return str(answer.text)
        reason = "the answer held no text"
    raise BenchError(
        f"Gemini did not answer in {attempts} attempts ({reason}) — check the network and run the command again: "
        "reports already written are kept in the cache"
    )
