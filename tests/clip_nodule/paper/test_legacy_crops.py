import os
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.errors import InputError
from clip_nodule.paper.legacy_crops import crops_from_pt


def crop(seed=0):
    return np.random.default_rng(seed).integers(-1024, 600, (100, 100, 100)).astype(np.float32)


def write(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        torch.save(content, folder / f"{name}.pt")
    return folder


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch {self.path}",))


def test_every_file_becomes_a_row(tmp_path):
    folder = write(tmp_path / "pt", **{"007_1": torch.tensor(crop(1)), "a_b_2": torch.tensor(crop(2))[None]})
    store = crops_from_pt(folder, tmp_path / "s")
    assert store.index[["pid", "nodule_id"]].to_numpy().tolist() == [["007", "1"], ["a_b", "2"]]
    assert store.recipe.name == "zhuang2025"
    assert np.array_equal(store.crops([0, 1]), np.stack([crop(1), crop(2)]).astype(np.int16))
    assert store.index["padded_fraction"].isna().all()


def test_a_table_gives_the_rows_and_names_what_is_missing(tmp_path):
    folder = write(tmp_path / "pt", **{"007_1": torch.tensor(crop(1)), "8_0": torch.tensor(crop(3)).half()})
    table = pd.DataFrame({"pid": ["8", "007", "9"], "nodule_id": ["0", "1", "../x"]})
    store = crops_from_pt(folder, tmp_path / "s", table)
    assert store.index["status"].tolist() == ["cropped", "cropped", "failed"]
    assert "9_../x.pt — no such file" in store.index["reason"][2]
    assert np.abs(store.crops([0])[0] - crop(3)).max() <= 0.5


def test_files_that_would_run_code_do_not(tmp_path):
    folder = write(tmp_path / "pt", **{"1_0": torch.tensor(crop(1))})
    canary = tmp_path / "canary"
    torch.save(Canary(canary), folder / "2_0.pt")
    (folder / "3_0.pt").write_bytes(pickle.dumps(Canary(canary)))
    torch.save({"crop": torch.tensor(crop(1)), "x": Canary(canary)}, folder / "4_0.pt")
    store = crops_from_pt(folder, tmp_path / "s")
    assert store.index["status"].tolist() == ["cropped", "failed", "failed", "failed"]
    assert store.index["reason"][1:].str.contains("without running its code").all()
    assert not canary.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (torch.zeros(64, 64, 64), "64 x 64 x 64"),
        (torch.rand(100, 100, 100), "not CT HU"),
        (torch.full((100, 100, 100), float("nan")), "NaN"),
        ([1, 2, 3], "a list, not a tensor"),
    ],
)
def test_other_contents(tmp_path, content, message):
    store = crops_from_pt(write(tmp_path / "pt", **{"1_0": content}), tmp_path / "s")
    assert message in store.index["reason"][0]
    assert store.index["reason"][0].startswith("1_0.pt")


@pytest.mark.parametrize(
    "odd",
    [
        lambda zeros: zeros.to_sparse(),
        lambda zeros: zeros.to("meta"),
        lambda zeros: torch.quantize_per_tensor(zeros, 1.0, 0, torch.qint8),
    ],
    ids=["sparse", "meta", "quantized"],
)
# PyTorch gives up quantised tensors; files that hold them stay.
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_tensors_that_are_no_plain_arrays_fail_alone(tmp_path, odd):
    folder = write(tmp_path / "pt", **{"a_1": odd(torch.zeros(100, 100, 100)), "b_1": torch.tensor(crop())})
    store = crops_from_pt(folder, tmp_path / "s")
    assert store.index["status"].tolist() == ["failed", "cropped"]
    assert "100³ HU are needed" in store.index["reason"][0]


def test_a_flipped_bit_is_found(tmp_path):
    folder = write(tmp_path / "pt", **{"a_1": torch.tensor(crop())})
    data = bytearray((folder / "a_1.pt").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "a_1.pt").write_bytes(data)
    assert "does not fit" in crops_from_pt(folder, tmp_path / "s").index["reason"][0]


def test_cut_and_oversized_files(tmp_path):
    folder = write(tmp_path / "pt", **{"1_0": torch.tensor(crop(1))})
    data = (folder / "1_0.pt").read_bytes()
    (folder / "2_0.pt").write_bytes(data[: len(data) // 2])
    (folder / "3_0.pt").write_bytes(b"")
    with zipfile.ZipFile(folder / "4_0.pt", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("x/data/0", bytes(64 << 20))
    store = crops_from_pt(folder, tmp_path / "s")
    assert store.index["status"].tolist() == ["cropped", "failed", "failed", "failed"]
    assert "more than a crop can" in store.index["reason"][3]


def test_folders_without_such_files(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        crops_from_pt(tmp_path / "none", tmp_path / "s")
    with pytest.raises(InputError, match=r"no \.pt file"):
        crops_from_pt(tmp_path, tmp_path / "s")
    with pytest.raises(InputError, match="not named"):
        crops_from_pt(write(tmp_path / "pt", nodule=torch.tensor(crop())), tmp_path / "s")


def test_two_nodules_of_one_file_name_are_refused_with_the_choice(tmp_path):
    folder = write(tmp_path / "pt", **{"a_b_c": torch.tensor(crop(1))})
    table = pd.DataFrame({"pid": ["a_b", "a"], "nodule_id": ["c", "b_c"]})
    with pytest.raises(InputError, match=r"a_b_c\.pt — is the file of 'a_b' nodule 'c' and of 'a' nodule 'b_c'"):
        crops_from_pt(folder, tmp_path / "s", table)
    assert not (tmp_path / "s").exists()
    assert crops_from_pt(folder, tmp_path / "s", table.iloc[1:]).index["pid"].tolist() == ["a"]


def test_a_crop_that_leads_out_of_its_folder_is_refused(tmp_path):
    outside = write(tmp_path / "elsewhere", x_1=torch.tensor(crop(1)))
    folder = write(tmp_path / "pt")
    (folder / "1_0.pt").symlink_to(outside / "x_1.pt")
    with pytest.raises(InputError, match=r"1_0\.pt — leads out of its folder"):
        crops_from_pt(folder, tmp_path / "s")
