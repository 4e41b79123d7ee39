"""Every seeded fault is caught, and the gate itself can fail."""

import pytest

from tests.mutation.__main__ import ROOT, copy_tree, escaped
from tests.mutation.faults import FAULTS, Fault
from tests.shares import todays_third


def test_every_fault_still_finds_its_place():
    assert len(FAULTS) >= 15
    for fault in FAULTS:
        assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old) == 1, fault.name
        assert all((ROOT / test).is_file() for test in fault.tests), fault.name


@pytest.mark.slow
def test_a_third_of_the_faults_is_caught(tmp_path):
    """Another third each day, as all take minutes; ``make mutation`` seeds all of them."""
    copy_tree(tmp_path)
    assert escaped(tmp_path, todays_third(FAULTS)) == []


@pytest.mark.slow
def test_a_harmless_change_is_reported_as_missed(tmp_path):
    copy_tree(tmp_path)
    comment = Fault(
        "comment",
        "benchmark/metrics/curve.py",
        "from __future__",
        "# sound\nfrom __future__",
        ("tests/metrics/test_utility.py",),
    )
    assert escaped(tmp_path, [comment]) == ["comment"]
