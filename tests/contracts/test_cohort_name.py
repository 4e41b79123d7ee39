"""A cohort's results stand under its name: a folder that takes another's name would write over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.contracts.cohort import load_cohort
from benchmark.errors import InputError

TABLE = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant\n1,1,x.nii.gz,1,1,1,0\n2,1,x.nii.gz,1,1,1,1\n"


def test_a_folder_that_takes_the_name_of_another_cohort_is_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cohort.yaml").write_text("name: b\ntitle: B\n")
        (tmp_path / folder / "nodules.csv").write_text(TABLE)
    assert load_cohort("b", tmp_path).name == "b"
    with pytest.raises(InputError, match=r"'b'.*is not the name of its folder, 'a'"):
        load_cohort("a", tmp_path)
