"""Speed of preprocessing against SimpleITK and scipy: `python tests/speed/bench_preprocess.py`.

Writes results/speed/preprocess.md. Everything runs on one core unless a row says otherwise, and its time on
the processor counts, which other work on the machine disturbs least. Functions are timed in turns, and each figure
is the median of the ratios of such turns.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import pandas as pd
import SimpleITK as sitk

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.imaging.cropping.cohort import crop_cohort  # noqa: E402
from benchmark.imaging.cropping.layout import Entry  # noqa: E402
from benchmark.imaging.cropping.scan import ScanTask, crop_scan  # noqa: E402
from benchmark.imaging.planes import nine_planes  # noqa: E402

SHAPE, SPACING, ORIGIN = (260, 512, 512), (0.7, 0.7, 1.25), (-180.0, -170.0, -300.0)
Row = tuple[str, str, str, str]


def seconds(function: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """How long one call takes; by default the time on the processor."""
    begin = clock()
    function()
    return clock() - begin


def turns(
    one: Callable[[], object],
    two: Callable[[], object],
    repeats: int,
    clock: Callable[[], float] = time.process_time,
) -> tuple[float, float, float]:
    """Median seconds of each, and the median of ``one / two`` over the turns."""
    one(), two()
    pairs = [(seconds(one, clock), seconds(two, clock)) for _ in range(repeats)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def write_scan(path: Path, shape: tuple[int, int, int], seed: int) -> None:
    """A scan with noise, of about the compressibility of a real one: lung in a wall of soft tissue, in air."""
    rng = np.random.default_rng(seed)
    y, x = np.ogrid[: shape[1], : shape[2]]
    radius = ((x - shape[2] / 2) / (0.45 * shape[2])) ** 2 + ((y - shape[1] / 2) / (0.35 * shape[1])) ** 2
    voxels = np.select([radius < 0.7, radius < 1], [-850, 40], -1000) + np.rint(rng.normal(0, 30, shape))
    image = sitk.GetImageFromArray(voxels.astype(np.int16))
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    sitk.WriteImage(image, str(path))


def nodules(images: list[str], slices: list[int], shape: tuple[int, int, int] = SHAPE) -> pd.DataFrame:
    """A nodule a row, well inside its scan."""
    rng = np.random.default_rng(1)
    low, high = 0.3 * np.array(shape[2:0:-1]), 0.7 * np.array(shape[2:0:-1])
    index = [(*rng.uniform(low, high), k) for k in slices]
    mm = np.array(index) * SPACING + ORIGIN
    frame = pd.DataFrame(mm, columns=["coordX", "coordY", "coordZ"])
    frame.insert(0, "image_path", images)
    frame.insert(0, "nodule_id", [str(row) for row in range(len(frame))])
    frame.insert(0, "pid", "1")
    return frame


def crop_here(tasks: list[ScanTask], *arguments: Any) -> Iterator[list[Entry]]:
    """``crop_scans`` without the processes: what a worker does, timed in this one."""
    *where, _ = arguments
    return (crop_scan(task, *where) for task in tasks)


class Cropping:
    """``crop_cohort`` into a new folder at each call; with 0 workers in this process, where it can be timed."""

    def __init__(self, table: pd.DataFrame, root: Path, workers: int = 0) -> None:
        self.table, self.root, self.workers, self.count = table, root, workers, 0

    def __call__(self) -> None:
        """Crop all nodules of the table."""
        with tempfile.TemporaryDirectory(dir=self.root) as out:
            place = "benchmark.imaging.cropping.cohort.crop_scans"
            with mock.patch(place, crop_here) if self.workers == 0 else contextlib.nullcontext():
                store = crop_cohort(self.table, self.root, out, workers=self.workers)
            if len(store.cropped) != len(self.table):
                raise RuntimeError(store.failures.to_string())


class Command:
    """``bench crop`` of a table into a new folder at each call."""

    def __init__(self, table: pd.DataFrame, root: Path, name: str) -> None:
        self.root, self.csv = root, root / f"{name}.csv"
        table.assign(malignant=0).to_csv(self.csv, index=False)

    def __call__(self) -> None:
        """Run it."""
        with tempfile.TemporaryDirectory(dir=self.root) as out:
            script = Path(sys.executable).with_name("bench")
            arguments = ["crop", "--nodules", self.csv, "--image-root", self.root, "--out", out, "--workers", "0"]
            subprocess.run([script, *arguments], check=True, capture_output=True)


def resample_whole(path: Path, centre: tuple[float, float, float]) -> None:
    """The alternative: read, resample the whole scan to 1 mm, cut."""
    image = sitk.ReadImage(str(path))
    size = [round((n - 1) * s) + 1 for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    grid = (size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), (1.0, 1.0, 1.0), image.GetDirection())
    whole = sitk.Resample(image, *grid, -1000, image.GetPixelID())
    start = [c - 50 for c in whole.TransformPhysicalPointToIndex(centre)]
    first = [max(0, s) for s in start]
    cut = [min(100, n - f) for n, f in zip(whole.GetSize(), first, strict=True)]
    sitk.GetArrayFromImage(sitk.RegionOfInterest(whole, cut, first))


def crops(folder: Path, repeats: int) -> list[Row]:
    """Rows about one scan."""
    path = folder / "scan.nii.gz"
    write_scan(path, SHAPE, 0)
    megabytes = path.stat().st_size / 1e6
    slices = np.random.default_rng(2).integers(30, 230, 20).tolist()
    many = nodules(["scan.nii.gz"] * 20, slices)
    deepest = many.loc[[int(np.argmax(slices))]].reset_index(drop=True)
    middle = nodules(["scan.nii.gz"], [130])
    rows = []
    for name, table, goal in (("in the middle", middle, "≤ 0.75"), ("near the last slice", deepest, "≤ 0.75")):
        ours, read, ratio = turns(Cropping(table, folder), lambda: sitk.ReadImage(str(path)), repeats)
        what = f"Crop of one nodule {name} ({megabytes:.0f} MB): time / `SimpleITK.ReadImage`"
        rows.append((what, f"{ours * 1e3:.0f} ms / {read * 1e3:.0f} ms", f"{ratio:.2f}", goal))
    centre = tuple(float(middle[c].iloc[0]) for c in ("coordX", "coordY", "coordZ"))
    whole, ours, ratio = turns(
        lambda: resample_whole(path, centre), Cropping(middle, folder), max(3, repeats // 3)
    )  # type: ignore[arg-type]
    what = "The same: SimpleITK read + whole resample to 1 mm + crop / ours"
    rows.append((what, f"{whole * 1e3:.0f} ms / {ours * 1e3:.0f} ms", f"{ratio:.1f}", "≥ 4"))
    twenty, one, ratio = turns(Cropping(many, folder), Cropping(deepest, folder), repeats)
    what = "20 nodules of one scan / the one of them that lies deepest in the file"
    rows.append((what, f"{twenty * 1e3:.0f} ms / {one * 1e3:.0f} ms", f"{ratio:.2f}", "≤ 1.3"))
    crop_many, crop_deepest = Command(many, folder, "many"), Command(deepest, folder, "deepest")
    twenty, one, ratio = turns(crop_many, crop_deepest, max(3, repeats // 2), time.perf_counter)
    what = "The same, as the command `bench crop`, start to end, wall clock"
    rows.append((what, f"{twenty * 1e3:.0f} ms / {one * 1e3:.0f} ms", f"{ratio:.2f}", "≤ 1.3"))
    return [*rows, memory(many, folder)]


def memory(table: pd.DataFrame, folder: Path) -> Row:
    """Peak memory of a process that crops, over that of the same process before it does."""
    code = (
        "import sys, pandas as pd\n"
        "from benchmark.imaging.cropping import cohort, scan\n"
        "cohort.crop_scans = lambda tasks, *a: (scan.crop_scan(task, *a[:-1]) for task in tasks)\n"
        "import isal, numcodecs, threadpoolctl\n"
        "def peak():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(line.split()[1] for line in lines if line.startswith('VmHWM'))\n"
        "table = pd.read_csv(sys.argv[1], dtype={'pid': str, 'nodule_id': str})\n"
        "before = peak()\n"
        "cohort.crop_cohort(table, sys.argv[2], sys.argv[3])\n"
        "print(before, peak())\n"
    )
    with tempfile.TemporaryDirectory() as out:
        table.to_csv(Path(out) / "n.csv", index=False)
        command = [sys.executable, "-c", code, f"{out}/n.csv", str(folder), f"{out}/s"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    before, after = (int(number) * 1024 for number in done.stdout.split())
    size = int(np.prod(SHAPE)) * 2
    what = "Peak memory above the idle process, 20 nodules / uncompressed scan"
    return (
        what,
        f"{(after - before) / 2**20:.0f} MiB / {size / 2**20:.0f} MiB",
        f"{(after - before) / size:.2f}",
        "≤ 2",
    )


def children_time() -> float:
    """Processor time of all processes that were waited for."""
    times = os.times()
    return times.children_user + times.children_system


def two_workers(folder: Path, repeats: int) -> list[Row]:
    """16 scans with one worker and with two, on two cores."""
    names = [f"{k}.nii.gz" for k in range(16)]
    for name in names:
        shutil.copyfile(folder / "scan.nii.gz", folder / name)
    table = nodules(names, [130] * 16)
    pair = Cropping(table, folder, 1), Cropping(table, folder, 2)
    rows = []
    for what, clock, goal in (
        ("16 scans, one worker / two workers (two cores, wall clock)", time.perf_counter, "≥ 1.7"),
        ("The same, processor time of all workers together (1 would be no loss)", children_time, ""),
    ):
        one, two, ratio = turns(*pair, max(3, repeats // 3), clock)
        rows.append((what, f"{one:.2f} s / {two:.2f} s", f"{ratio:.2f}", goal))
    return rows


def scipy_planes(crop: np.ndarray) -> np.ndarray:
    """The alternative, the paper's route: rotate the whole cube three times, zoom nine slices."""
    from scipy.ndimage import rotate, zoom

    scaled = (np.clip(crop, -1000, 500) + 1000.0) / 1500
    slices = [scaled.take(50, axis) for axis in range(3)]
    for axes in ((0, 2), (0, 1), (1, 2)):
        turned = rotate(scaled, 45, axes=axes, reshape=False)
        slices += [turned.take(50, axis) for axis in axes]
    return np.stack([zoom(plane[25:75, 25:75], 224 / 50, order=1) for plane in slices])


def planes(repeats: int) -> list[Row]:
    """Rows about planes."""
    import torch

    from clip_nodule.planes.augment import augmented_planes
    from clip_nodule.planes.batch import planes_batch

    torch.set_num_threads(1)
    batch = np.random.default_rng(0).integers(-1000, 500, (8, 100, 100, 100)).astype(np.int16)
    crop, tensor = batch[0], torch.from_numpy(batch)
    rows = []

    def against_scipy(what: str, function: Callable[[], object], count: int, goal: str) -> None:
        def repeated() -> None:
            for _ in range(0, 8, count):
                function()

        slow, fast, ratio = turns(lambda: scipy_planes(crop), repeated, repeats)
        rows.append((what, f"{slow * 1e3:.0f} ms / {fast * 1e3 / 8:.2f} ms", f"{ratio * 8:.0f}", goal))

    for recipe, goal in (("zhuang2025", "≥ 20, aim 40"), ("default", "≥ 80")):
        against_scipy(f"scipy / `nine_planes`, `{recipe}`", lambda r=recipe: nine_planes(crop, r), 1, goal)
    for recipe in ("zhuang2025", "default"):
        for size in (224, 64):
            against_scipy(
                f"scipy at 224 px / `planes_batch`, `{recipe}`, {size} px, one channel",
                lambda r=recipe, s=size: planes_batch(tensor, r, s, channels=1), 8, "",
            )  # fmt: skip
            against_scipy(
                f"scipy at 224 px, not augmented / `augmented_planes`, `{recipe}`, {size} px, one channel",
                lambda r=recipe, s=size: augmented_planes(tensor, r, range(8), size=s, channels=1), 8, "",
            )  # fmt: skip
    return [*rows, on_gpu()]


def on_gpu() -> Row:
    """Nodules a second on a GPU, if there is one."""
    import torch

    from clip_nodule.planes.batch import planes_batch

    what, goal = "`planes_batch` on a GPU, [n, 9, 3, 224, 224]", "≥ 20,000 a second"
    if not torch.cuda.is_available():
        return what, "not measured", "no GPU was there", goal
    crop = torch.randint(-1000, 500, (1024, 100, 100, 100), dtype=torch.int16, device="cuda")
    rates = []
    for _ in range(6):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        planes_batch(crop, "zhuang2025")
        torch.cuda.synchronize()
        rates.append(len(crop) / (time.perf_counter() - begin))
    return what, torch.cuda.get_device_name(), f"{statistics.median(rates[1:]):,.0f} a second", goal


def report(rows: list[Row], repeats: int) -> str:
    """The table as Markdown."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "SimpleITK", "isal", "torch"))
    lines = [
        "# Speed of preprocessing",
        "",
        f"`python tests/speed/bench_preprocess.py --repeats {repeats}` with Python {platform.python_version()}, "
        f"{versions}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.",
        "One core and its processor time unless said. The scan is 512 x 512 x 260 int16 with noise; a crop",
        "includes writing it into a crop store. As in any chest CT, some of it is soft tissue: a scan without any",
        "is read to its end, to see whether it is in HU. Ratios are medians over turns. With a load far above the",
        "number of cores other programs were at work, and the wall clock of the row with two workers says little.",
        "",
        "| what | times | ratio | goal |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    cores = os.sched_getaffinity(0)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.sched_setaffinity(0, {min(cores)})
        rows = [*crops(Path(folder), repeats), *planes(repeats)]
        os.sched_setaffinity(0, cores)
        rows[5:5] = two_workers(Path(folder), repeats)
    target = ROOT / "results/speed/preprocess.md"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(report(rows, repeats), encoding="utf-8")
    sys.stdout.write(target.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
