"""Asks pip-audit whether a version in .ci/hashes.txt has a known vulnerability; one that has fails.

pip-audit says "no known vulnerabilities" of packages that its service does not know, too. It is therefore asked
first about a release with a known vulnerability: where it does not find that one, it does not reach its data. This
is said, and is no failure. ``.ci/vulnerabilities.toml`` lists what is allowed, with reasons and dates.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VENV = HERE.parent / ".venv-audit"
KNOWN = "jinja2==2.11.2\n"
"""A release with a vulnerability since 2021 (CVE-2020-28493); it is asked about, and not installed."""


def main() -> int:
    """Install pip-audit, ask it, say what it found."""
    if said := install():
        return say(1, said)
    canary = audited(KNOWN)
    if canary is None or not vulnerabilities(canary):
        return say(0, "pip-audit does not reach its data: dependencies were NOT checked for known vulnerabilities")
    report = audited((HERE / "hashes.txt").read_text(encoding="utf-8"))
    if report is None:
        return say(0, "pip-audit lost the connection to its data: dependencies were NOT checked")
    allowed = tomllib.loads((HERE / "vulnerabilities.toml").read_text(encoding="utf-8")).get("allowed", [])
    failures, notes = verdict(report, allowed, datetime.now(UTC).date())
    return say(1 if failures else 0, *notes, *failures)


def say(status: int, *lines: str) -> int:
    """Print lines, and give the exit status back."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return status


def verdict(
    report: Mapping[str, Any], allowed: Sequence[Mapping[str, Any]], today: date
) -> tuple[list[str], list[str]]:
    """What fails, and what else is to be said, a line each.

    Args:
        report: pip-audit's, as JSON.
        allowed: Entries of ``vulnerabilities.toml``.
        today: Entries of earlier days do not count any more.
    """
    failures, used = [], set()
    for package, version, names, fixed in vulnerabilities(report):
        entries = [n for n, e in enumerate(allowed) if e.get("package") == package and e.get("id") in names]
        used.update(entries)
        if not any(allowed[n].get("reason", "").strip() and allowed[n]["until"] >= today for n in entries):
            why = " (what allows it has expired, or gives no reason)" if entries else ""
            failures.append(f"{package} {version}: {', '.join(names)}{why} — fixed in {fixed or 'no release'}")
    skipped = [item["name"] for item in report["dependencies"] if "vulns" not in item]
    checked = len(report["dependencies"]) - len(skipped)
    notes = [f"pip-audit: {checked} packages checked, {len(used)} allowed, {len(failures)} vulnerabilities fail"]
    if skipped:
        notes.append(f"not known to pip-audit's service, and NOT checked: {', '.join(skipped)}")
    unused = [entry.get("id", "?") for n, entry in enumerate(allowed) if n not in used]
    if unused:
        notes.append(f"no longer found, remove from vulnerabilities.toml: {', '.join(unused)}")
    return failures, notes


def vulnerabilities(report: Mapping[str, Any]) -> list[tuple[str, str, list[str], str]]:
    """Package, version, names and fixing versions of each vulnerability of a report."""
    return [
        (item["name"], item["version"], [found["id"], *found.get("aliases", [])], ", ".join(found["fix_versions"]))
        for item in report["dependencies"]
        for found in item.get("vulns", [])
    ]


def install() -> str:
    """Put pip-audit into an environment of its own, by the hashes of ``audit.txt``; why it cannot be, if so."""
    lock, stamp = (HERE / "audit.txt").read_text(encoding="utf-8"), VENV / ".installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == lock:
        return ""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)  # noqa: S603 (our own words)
    words = ["--quiet", "--require-hashes", "--only-binary", ":all:", "--requirement", str(HERE / "audit.txt")]
    pip = [sys.executable, "-m", "pip", "--python", str(VENV / "bin" / "python"), "install", *words]
    done = subprocess.run(pip, check=False, capture_output=True, text=True)  # noqa: S603 (our own words)
    if done.returncode:
        return f"pip-audit cannot be installed:\n{done.stderr[-2000:]}"
    stamp.write_text(lock, encoding="utf-8")
    return ""


def audited(requirements: str) -> dict[str, Any] | None:
    """pip-audit's report on pinned requirements; None where it got no answer."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "requirements.txt"
        listing.write_text(requirements, encoding="utf-8")
        words = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
        command = [str(VENV / "bin" / "pip-audit"), *words, "--requirement", str(listing)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 (our own words)
    try:
        return dict(json.loads(done.stdout))
    except json.JSONDecodeError:
        if any(word in done.stderr.lower() for word in ("connect", "timed out", "timeout", "resolve", "proxy")):
            return None
        raise SystemExit(f"pip-audit failed:\n{done.stderr[-2000:]}") from None


if __name__ == "__main__":
    sys.exit(main())
