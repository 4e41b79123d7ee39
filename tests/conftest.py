"""Shared by all tests: one thread a worker, no network, the shared folder where there is one, tests of extras."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from functools import cache
from pathlib import Path

import pytest
import typer.main
import typer.testing
from hypothesis import settings

from benchmark.extras import missing_modules
from tests.shares import is_in_share

settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
"""The same examples in every run, so that a failure is the change's; ``make search`` draws others."""

os.fsync = lambda descriptor: None
"""Thousands of small files would wait for the disk; test_reaching_the_disk.py sees that they are brought there."""

typer.testing._get_command = cache(typer.main.get_command)  # type: ignore[attr-defined]
"""What CliRunner calls: hundreds of tests need the command's tree built once, not once each."""

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
NEEDS = {
    "cli/test_choices.py": "model",
    "cli/test_crop.py": "ct",
    "cli/test_demo.py": "model",
    "cli/test_import_weights.py": "model",
    "cli/test_text.py": "model",
    "cli/test_train.py": "model",
    "cli/test_tune.py": "model",
    "clip_nodule": "model",
    "cohorts/idc/test_prepare_again.py": "dicom",
    "cohorts/test_box_files.py": "ct",
    "cohorts/test_check.py": "ct",
    "cohorts/test_check_is_crop.py": "ct",
    "cohorts/test_lidc_xml.py": "dicom",
    "cohorts/test_masks.py": "ct",
    "cohorts/test_nlst_locations.py": "dicom",
    "cohorts/test_overlap_cohorts.py": "ct",
    "cohorts/test_phantom.py": "ct",
    "cohorts/test_phantom_drawing.py": "ct",
    "cohorts/test_phantom_features.py": "ct",
    "cohorts/test_phantom_scan.py": "ct",
    "cohorts/test_phantom_sources.py": "ct",
    "cohorts/test_segmentations.py": "dicom",
    "cohorts/test_series_folders.py": "dicom",
    "cohorts/test_sr.py": "dicom",
    "cohorts/test_voxel_centres.py": "ct",
    "fuzz": "ct",
    "gpu": "model",
    "imaging": "ct",
    "notebooks": "model",
    "references": "model",
    "report/test_gallery.py": "ct",
    "report/test_montage.py": "ct",
    "robustness": "model",
    "work/test_working_folder.py": "ct",
}
"""Folder or file of tests → the extra without which it is skipped, not even imported. Where single tests of a file
need one, they are marked ``needs(extra)``. Everything else runs on the light install."""


class WithoutExtra(pytest.Module):
    """A file of tests that needs what is not installed."""

    def collect(self) -> list[pytest.Item]:
        """Skip it as a whole."""
        raise pytest.skip.Exception(f"needs the extra {needed_extra(self.path)}", allow_module_level=True)


def needed_extra(path: Path) -> str | None:
    """The extra that ``NEEDS`` names for a file of tests."""
    name = path.relative_to(ROOT / "tests").as_posix()
    return next((extra for place, extra in NEEDS.items() if name == place or name.startswith(f"{place}/")), None)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Leave out the files of an extra that is not installed."""
    extra = needed_extra(module_path)
    if extra is None or not missing_modules(extra):
        return None
    return WithoutExtra.from_parent(parent, path=module_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With BENCH_SHARE=I/N, as in .ci/run, one of N parts of the tests, another one each day.

    Those of ``mutation`` and most of ``robustness`` choose by themselves.
    """
    share = os.environ.get("BENCH_SHARE")
    if not share:
        return
    names = ("kill", "disk_full", "two_at_once.py::test_two_at_once")
    itself = ("tests/mutation/", *(f"tests/robustness/test_{name}" for name in names))
    others = [item for item in items if not item.nodeid.startswith(itself) and not is_in_share(item.nodeid, share)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip single tests of an extra that is not installed; none sees a width that another left behind."""
    os.environ.pop("COLUMNS", None)
    for mark in item.iter_markers("needs"):
        if missing_modules(mark.args[0]):
            pytest.skip(f"needs the extra {mark.args[0]}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference inputs beside the checkout; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside this checkout")
    return SHARED
