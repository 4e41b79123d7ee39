"""Joining the shards of a crop store: what became of every nodule was recorded, or nothing is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.journals import (
    Journal,
    Shard,
    journals_of,
    refuse_running_shards,
    remove_journals,
    settled_rows,
)
from benchmark.imaging.cropping.layout import ARRAY, CROPPED, FAILED, Entry, chunk_path
from benchmark.imaging.cropping.scan import ScanTask, scan_keys
from benchmark.imaging.cropping.scan_tasks import CropRequest
from benchmark.imaging.cropping.shards import made_from
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.cropping.writing import finish_store, refuse_strange_folder, sweep
from benchmark.outputs.locks import holding


@dataclass(frozen=True)
class _Account:
    """What journals say of one row.

    Attributes:
        entry: What became of it.
        mark: What its scan held.
        size: Bytes of its chunk.
        shard: Which shard says so.
    """

    entry: Entry
    mark: str
    size: int
    shard: Shard


def finish_shards(request: CropRequest, out: Path | str) -> CropStore:
    """Join the shards of a store, after which it can be read; no scan is read for it.

    Args:
        request: What the shards were asked for.
        out: The store's folder.

    Returns:
        The finished store, the bytes of which do not tell that there were shards.

    Raises:
        InUseError: A shard, or another run on this store, is at work.
        InputError: A shard did not run or is not done, is of another recipe, other options or another nodule
            table, or two saw one scan with different content. Nothing was changed.
    """
    out = Path(out)
    with holding(out, wait=True):
        refuse_running_shards(out)
        refuse_strange_folder(out)
        journals = journals_of(out)
        if not journals:
            what = "holds no shards: none has run since its crops were finished" if (out / ARRAY).exists() else (
                "holds no shards"
            )  # fmt: skip
            raise InputError(Problem(what, "run `bench crop --shard 1/N` to `N/N` first", out))
        _refuse_other_states(request, journals)
        tasks, failed = request.scan_tasks()
        accounts = _accounts(request, tasks, journals)
        problems = [*_not_done(tasks, accounts, journals), *_contradictions(tasks, accounts)]
        entries = failed | {row: _best(found).entry for row, found in accounts.items()}
        problems += _lost_chunks(out, accounts) if not problems else []
        if problems:
            raise InputError(problems)
        for row, entry in entries.items():
            if entry.status == FAILED:
                chunk_path(out, row).unlink(missing_ok=True)
        count = len(request.nodules)
        sweep(out, count)
        finish_store(out, request.ids, [entries[row] for row in range(count)], request.recipe, request.options)
        remove_journals(out)
        return CropStore.open(out)


def _refuse_other_states(request: CropRequest, journals: Iterable[Journal]) -> None:
    """Refuse journals of another recipe, other options or another table than are asked for."""
    mine, problems = made_from(request), []
    for journal in journals:
        difference = "what nobody can read" if journal.made_from is None else journal.made_from.difference(mine)
        if difference:
            what = f"{journal.shard} was made from {difference}"
            fix = (
                f"run it again with --shard {journal.shard.text}, or remove this file if that shard is not wanted"
            )
            problems.append(Problem(what, fix, journal.path))
    if problems:
        raise InputError(problems)


def _accounts(
    request: CropRequest, tasks: Iterable[ScanTask], journals: Iterable[Journal]
) -> dict[int, list[_Account]]:
    """All that journals say of each row of the table; lines on another state of a row are left out."""
    ids = request.ids
    owner = {row: (task, place) for task in tasks for place, row in enumerate(task.rows)}
    found: dict[int, list[_Account]] = {}
    for journal in journals:
        for entry, mark, size in settled_rows(journal):
            task, place = owner.get(entry.row, (None, 0))
            if task is None:
                continue
            one = replace(task, rows=(entry.row,), centres=(task.centres[place],))
            if scan_keys(one, [ids[entry.row]], mark, request.recipe, request.options) == (entry.key,):
                found.setdefault(entry.row, []).append(_Account(entry, mark, size, journal.shard))
    return found


def _not_done(
    tasks: list[ScanTask], accounts: dict[int, list[_Account]], journals: list[Journal]
) -> list[Problem]:
    """The shards that lack scans; where the table was cut in several ways, in the most complete one."""
    missing = [task for task in tasks if any(row not in accounts for row in task.rows)]
    if not missing:
        return []
    lacking: dict[int, dict[Shard, int]] = {}
    for of in {journal.shard.of for journal in journals}:
        shards = lacking.setdefault(of, {})
        for task in missing:
            shard = Shard(of, task.number % of + 1)
            shards[shard] = shards.get(shard, 0) + 1
    there = {journal.shard: journal for journal in journals}
    of = min(lacking, key=lambda of: (len(lacking[of]), of))
    scans = {shard: sum(shard.has(task.number) for task in tasks) for shard in lacking[of]}
    return [
        Problem(
            f"{shard} is not done: {count} of its {scans[shard]} scans are missing"
            if shard in there
            else f"{shard} has not run",
            f"run `bench crop --shard {shard.text}` with the same options",
            shard.journal(journals[0].path.parent.parent),
        )
        for shard, count in sorted(lacking[of].items())
    ]


def _contradictions(tasks: list[ScanTask], accounts: dict[int, list[_Account]]) -> list[Problem]:
    """Scans that two shards saw with different content: which crop stands there cannot be told."""
    problems = []
    for task in tasks:
        of_scan = [account for row in task.rows for account in accounts.get(row, [])]
        if len({account.mark for account in of_scan}) > 1:
            shards = sorted({account.shard for account in of_scan})
            runs = " and ".join(f"--shard {shard.text}" for shard in shards)
            what = f"its content changed between {' and '.join(map(str, shards))}"
            problems.append(Problem(what, f"run again, one after the other, {runs}", task.image))
    return problems


def _lost_chunks(out: Path, accounts: dict[int, list[_Account]]) -> list[Problem]:
    """Crops whose file is missing or has another size than was written."""
    problems = []
    for account in map(_best, accounts.values()):
        if account.entry.status != CROPPED:
            continue
        path = chunk_path(out, account.entry.row)
        try:
            size = path.stat().st_size
        except OSError:
            size = -1
        if size != account.size:
            there = "nothing is" if size < 0 else f"{size} are"
            what = f"{account.shard} wrote {account.size} bytes, but {there} there"
            problems.append(Problem(what, f"run again with --shard {account.shard.text}", path))
    return problems


def _best(accounts: list[_Account]) -> _Account:
    """Of what shards say of one row, from one and the same scan, that there is a crop, if one says so."""
    return min(accounts, key=lambda account: (account.entry.status != CROPPED, account.shard))
