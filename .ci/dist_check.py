"""Builds the sdist and the wheel, and tries both as a new user would: an empty environment, an empty folder.

The wheel is built from the sdist, so that whatever the sdist lacks shows. Names of folders and files hold a space.
The commands of the plain installation run on a made cohort; those of an extra say what to install.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("adapters", "benchmark", "clip_nodule")
ABOUT = {"CITATION.cff", "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml"}
PATIENTS = 40


def run(*words: object, folder: Path, status: int = 0) -> str:
    """Output of a command, both streams together; ends this script where its exit status is another."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(  # noqa: S603 - the words are its own
        [str(word) for word in words],
        cwd=folder,
        env={**variables, "PYTHONUTF8": "1"},
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != status or "Traceback" in done.stdout:
        sys.exit(f"{done.stdout}\n{' '.join(map(str, words))}: status {done.returncode}, not {status}")
    return done.stdout


def program(environment: Path, name: str) -> Path:
    """A program of an environment."""
    return next(environment.glob(f"[bS]*/{name}*"))


def environment_in(folder: Path) -> Path:
    """A new environment with pip and nothing else."""
    venv.create(folder, with_pip=True)
    return folder


def built(environment: Path, out: Path) -> tuple[Path, Path]:
    """The sdist, and the wheel that is made from it."""
    run(program(environment, "python"), "-m", "pip", "install", "--quiet", "build", folder=out)
    run(program(environment, "python"), "-m", "build", "--outdir", out, ROOT, folder=out)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def tracked() -> Iterator[str]:
    """The project's files."""
    yield from run("git", "ls-files", *PACKAGES, folder=ROOT).split("\n")[:-1]


def check_contents(sdist: Path, wheel: Path) -> None:
    """Whether all files of the packages are in both, and nothing else but what describes them."""
    expected = set(tracked())
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    with tarfile.open(sdist) as archive:
        parts = [name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()]
    own = {name for name in parts if not name.startswith("nodule_bench.egg-info/")} - {"PKG-INFO", "setup.cfg"}
    for what, found, more in ((wheel.name, names, set()), (sdist.name, own, ABOUT)):
        lacks, odd = sorted((expected | more) - found), sorted(found - expected - more)
        if lacks or odd:
            sys.exit(f"{what} lacks {lacks} and should not hold {odd}")
    sys.stdout.write(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, {len(names)} files\n")


def make_inputs(folder: Path) -> None:
    """A cohort and two models' scores as tables."""
    ids = [f"P {k}" for k in range(PATIENTS)]
    nodules = [f"{pid},1,{k % 2},{4 + k % 9 + 3 * (k % 2)}" for k, pid in enumerate(ids)]
    header = "pid,nodule_id,malignant,longest_axial_diameter_(mm)"
    (folder / "my nodules.csv").write_text("\n".join([header, *nodules]) + "\n", encoding="utf-8")
    scores = [f"{pid},{(k * 17 % PATIENTS + 12 * (k % 2)) / 100}" for k, pid in enumerate(ids)]
    (folder / "their scores.csv").write_text("\n".join(["patient_id,score", *scores]) + "\n", encoding="utf-8")
    wide = [f"{pid},{k % 2},{(k * 17 % 40 + 12 * (k % 2)) / 100},{k % 9 + k % 2}" for k, pid in enumerate(ids)]
    (folder / "my models.csv").write_text("\n".join(["pid,label,a,b", *wide]) + "\n", encoding="utf-8")


def try_out(bench: Path, folder: Path) -> None:
    """The commands of the plain installation, and what those of an extra say."""
    make_inputs(folder)

    def done(line: str, status: int = 0) -> str:
        words = [word.replace("~", " ") for word in line.split()]  # ~ stands for a space inside a word
        return run(bench, *words, folder=folder, status=status)

    done("--help")
    done("audit zhuang2025")
    done("cohort prepare csv --from my~nodules.csv --out the~cohorts/mine")
    places = "--cohorts the~cohorts --results the~results"
    done(f"score --cohort mine --model size {places}")
    done("adapt csv their~scores.csv --cohort mine --cohorts the~cohorts --model theirs --trained-on none "
         "--out the~results/scores/mine")  # fmt: skip
    done(f"compare --cohort mine {places} --replicates 200 --out the~page")
    if not (folder / "the page" / "report" / "index.html").is_file():
        sys.exit("bench compare wrote no page")
    done("evaluate my~models.csv --model a --model b --replicates 200 --out one~page")
    if not (folder / "one page" / "report" / "index.html").is_file():
        sys.exit("bench evaluate wrote no page")
    for line, extra in (
        (f"score --cohort mine {places}", "model"),
        ("crop --cohort mine --cohorts the~cohorts", "ct"),
    ):
        if not done(line, status=2).endswith(f': pip install "nodule-bench[{extra}]"\n'):
            sys.exit(f"bench {line} does not say what to install")


def main() -> None:
    """Build, look, install, try."""
    with tempfile.TemporaryDirectory(prefix="dist check ") as name:
        place = Path(name)
        for folder in ("dist", "an empty folder"):
            (place / folder).mkdir()
        sdist, wheel = built(environment_in(place / "for building"), place / "dist")
        check_contents(sdist, wheel)
        environment = environment_in(place / "an environment")
        python = program(environment, "python")
        run(python, "-m", "pip", "install", "--quiet", "--no-compile", wheel, folder=place)
        try_out(program(environment, "bench"), place / "an empty folder")
        run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "nodule-bench", folder=place)
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", sdist, folder=place)
        run(program(environment, "bench"), "audit", "zhuang2025", folder=place)
    sys.stdout.write("the wheel and the sdist install and work\n")


if __name__ == "__main__":
    main()
