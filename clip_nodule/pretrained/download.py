"""open_clip's published weights: in the cache of earlier downloads, or downloaded."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import huggingface_hub
import open_clip
from huggingface_hub import constants

from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem

FIX = "give a file of these weights with --pretrained FILE, or --pretrained none for random ones"
SECONDS = 5.0
"""How long the network may take to answer at all."""


def tag_settings(name: str, tag: str) -> dict[str, Any]:
    """open_clip's entry of the weights ``tag`` of a backbone.

    Raises:
        InputError: There is no such tag.
    """
    tags = open_clip.list_pretrained_tags_by_model(name)
    wanted = tag.lower().replace("-", "_")
    if wanted not in tags:
        fix = f"tags: {', '.join(tags)}" if tags else "open_clip has no weights of this backbone"
        what = f"is no file of weights, and no tag of open_clip for {name}{nearest(wanted, tags)}"
        raise InputError(Problem(what, f"{fix}; or {FIX}", column="pretrained", value=tag))
    return cast(dict[str, Any], open_clip.get_pretrained_cfg(name, wanted))


def tag_file(entry: Mapping[str, Any], tag: str) -> Path:
    """The file of a tag's weights, downloaded where it is not in the cache.

    Without a network this fails once and soon, not after the retries of a download.

    Raises:
        InputError: It is not in the cache and cannot be downloaded.
    """
    if cached := _cached(entry):
        return cached
    try:
        if constants.HF_HUB_OFFLINE:
            raise OSError("HF_HUB_OFFLINE is set")
        huggingface_hub.get_session().head(constants.ENDPOINT, timeout=SECONDS)
        return Path(open_clip.download_pretrained(dict(entry)))
    except Exception as error:  # what a client raises differs between the versions of huggingface_hub
        what = f"the weights {tag!r} are not on this machine and cannot be downloaded ({_first_line(error)})"
        raise InputError(Problem(what, FIX, column="pretrained")) from error


def hub_file(repository: str, names: Sequence[str]) -> Path:
    """The first of some files that a model of Hugging Face's hub has, downloaded where none is in the cache.

    Raises:
        InputError: There is no such model, it has none of these files, or it cannot be reached.
    """
    cause = "HF_HUB_OFFLINE is set"
    for find in (huggingface_hub.try_to_load_from_cache, _downloaded):
        for name in names if find is not _downloaded or not constants.HF_HUB_OFFLINE else ():
            try:
                if isinstance(found := find(repository, name), str):
                    return Path(found)
            except Exception as error:  # what a client raises differs between the versions of huggingface_hub
                cause = _first_line(error)
    what = f"{' or '.join(names)} of {repository} is not on this machine and cannot be downloaded ({cause})"
    fix = "check the name, or copy the model's files here and give --backbone local-dir:FOLDER"
    raise InputError(Problem(what, fix, column="backbone"))


def _downloaded(repository: str, name: str) -> str:
    return huggingface_hub.hf_hub_download(repository, name, etag_timeout=SECONDS)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _cached(entry: Mapping[str, Any]) -> Path | None:
    repository, filename = os.path.split(entry.get("hf_hub") or "")
    stem = Path(filename or "open_clip_pytorch_model.bin").stem
    names = ["open_clip_model.safetensors", f"{stem}.safetensors", filename or f"{stem}.bin"]
    for name in dict.fromkeys(names if repository else []):
        found = huggingface_hub.try_to_load_from_cache(repository, name)
        if isinstance(found, str):
            return Path(found)
    return None
