import numpy as np
import pytest
import SimpleITK as sitk
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.cohorts.phantom import PRESETS, prepare_phantom
from benchmark.cohorts.phantom.truth import read_truth
from benchmark.contracts.cohort import load_cohort
from benchmark.contracts.vocabulary import SEMANTIC_COLUMNS
from benchmark.errors import InputError
from benchmark.files import sha256


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return prepare_phantom("nlst", tmp_path_factory.mktemp("cohorts") / "phantom", seed=3, n_patients=6)


def test_folder_can_be_read_back(cohort):
    again = load_cohort(cohort.name, cohort.folder.parent)
    assert again.nodules["pid"].nunique() == 6
    assert set(SEMANTIC_COLUMNS) <= set(again.nodules)
    assert all((again.image_root / path).is_file() for path in again.nodules["image_path"])


def test_scans_are_hu_with_a_proper_geometry(cohort):
    for path in cohort.nodules["image_path"].unique():
        image = sitk.ReadImage(str(cohort.image_root / path))
        assert image.GetPixelID() == sitk.sitkInt16
        voxels = sitk.GetArrayViewFromImage(image)
        assert voxels.min() < -900
        assert voxels.max() > 100
        cosines = np.array(image.GetDirection()).reshape(3, 3)
        np.testing.assert_allclose(cosines @ cosines.T, np.eye(3), atol=1e-6)


def test_solid_nodules_are_dense_where_the_table_says(cohort):
    # SimpleITK's own transform from physical points is the independent reference for our NIfTI headers.
    table = cohort.nodules
    holes = (table[["cyst-like_spaces", "cavitation", "intra-nodular_bronchiectasis"]] == "Present").any(axis=1)
    solid = table[(table["nodule_consistency"] == "Solid") & ~holes]
    assert len(solid) >= 2
    for row in solid.itertuples():
        image = sitk.ReadImage(str(cohort.image_root / row.image_path))
        index = image.TransformPhysicalPointToIndex((row.coordX, row.coordY, row.coordZ))
        assert image[index] > -550, row


def test_same_bytes_whatever_the_number_of_workers(tmp_path, cohort):
    again = prepare_phantom("nlst", tmp_path / "phantom", seed=3, n_patients=6, workers=2)
    files = sorted(path.relative_to(cohort.folder) for path in cohort.folder.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again.folder) for path in again.folder.rglob("*") if path.is_file())
    assert all(sha256(cohort.folder / file) == sha256(again.folder / file) for file in files)


def test_wrong_preset_is_named(tmp_path):
    with pytest.raises(InputError, match="nlst, lungx, dlcs, ucla, features"):
        prepare_phantom("nslt", tmp_path / "x")


def test_presets_have_the_sizes_of_table_1():
    assert {name: preset.full for name, preset in PRESETS.items() if not preset.even} == {
        "nlst": 938,
        "lungx": 70,
        "dlcs": 1120,
        "ucla": 51,
    }


def test_a_cohort_is_replaced_only_when_asked(tmp_path):
    prepare_phantom("ucla", tmp_path / "c", seed=0, n_patients=3)
    manifest = sha256(tmp_path / "c" / "cohort.yaml")
    with pytest.raises(InputError, match="--overwrite"):
        prepare_phantom("ucla", tmp_path / "c", seed=1, n_patients=2, overwrite=False)
    assert sha256(tmp_path / "c" / "cohort.yaml") == manifest
    prepare_phantom("ucla", tmp_path / "c", seed=1, n_patients=2)
    assert len(list((tmp_path / "c" / "images").iterdir())) == 2


def test_ids_keep_their_zeros(cohort):
    assert cohort.nodules["pid"].iloc[0] == "000001"


@pytest.mark.parametrize("n_patients", [0, 1, -3])
def test_too_few_patients_are_refused(tmp_path, n_patients):
    with pytest.raises(InputError, match="at least 2"):
        prepare_phantom("nlst", tmp_path / "x", n_patients=n_patients)


def test_known_best_is_that_of_the_truth_table(cohort):
    truth = read_truth(cohort.folder)
    patients = truth.groupby("pid").agg(y=("malignant", "max"), p=("nodule_probability", "max"))
    assert cohort.manifest.details["known_best_auroc"] == pytest.approx(
        roc_auc_score(patients["y"], patients["p"]), abs=1e-6
    )
    assert (truth["malignant"].to_numpy() == cohort.nodules["malignant"].to_numpy(int)).all()


def test_bad_usage_on_the_command_line(tmp_path):
    runner = CliRunner()
    for words, message in (
        (["--preset", "nslt"], "'nlst', 'lungx', 'dlcs', 'ucla', 'features'"),
        (["--from", "nowhere.sqlite"], "does not exist"),
        (["--background", "nowhere.nii.gz"], "does not exist"),
        (["-n", "1"], "at least 2"),
    ):
        done = runner.invoke(app, ["cohort", "prepare", "phantom", "--out", str(tmp_path / "x"), *words])
        assert done.exit_code == 2, done.output
        assert message in " ".join(done.output.split()).replace("│ ", "")
        assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_a_cohort_is_refused_before_anything_is_drawn(tmp_path):
    with pytest.raises(InputError, match="no name for a cohort"):
        prepare_phantom("nlst", tmp_path / "my cohort", n_patients=100_000)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        prepare_phantom("ucla", tmp_path / "file" / "x", n_patients=2)


def test_the_command_makes_a_cohort(tmp_path):
    words = ["cohort", "prepare", "phantom", "--preset", "ucla", "-n", "2", "--out", str(tmp_path / "u")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "2 nodules of 2 patients" in done.output
    assert CliRunner().invoke(app, words).exit_code == 2
    assert CliRunner().invoke(app, [*words, "--overwrite"]).exit_code == 0


def test_scans_of_the_user_stay(tmp_path):
    out = tmp_path / "mine"
    (out / "images").mkdir(parents=True)
    (out / "images" / "patient.nii.gz").write_bytes(b"mine")
    small = {"seed": 3, "n_patients": 3}
    made = prepare_phantom("nlst", out, **small)
    first = set(made.nodules["image_path"])
    assert (out / "images" / "patient.nii.gz").read_bytes() == b"mine"
    # an earlier cohort's scans go with it; one that was changed since is the user's
    changed = out / sorted(first)[-1]
    changed.write_bytes(b"mine now")
    with pytest.raises(InputError, match=changed.name):
        prepare_phantom("nlst", out, **small)
    assert set(load_cohort("mine", tmp_path).nodules["image_path"]) == first
    made = prepare_phantom("nlst", out, seed=3, n_patients=2)
    assert {path.name for path in (out / "images").iterdir()} == {
        "patient.nii.gz",
        changed.name,
        *(path.removeprefix("images/") for path in made.nodules["image_path"]),
    }
    assert changed.read_bytes() == b"mine now"


@pytest.mark.parametrize("name", ["nodules.csv", "truth.csv", "images/000001.nii.gz"])
def test_a_file_of_the_user_is_not_replaced(tmp_path, cohort, name):
    there = tmp_path / "mine" / name
    if name.startswith("images"):
        there = tmp_path / "mine" / cohort.nodules["image_path"].iloc[0]
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    with pytest.raises(InputError, match="was not written by bench"):
        prepare_phantom("nlst", tmp_path / "mine", seed=3, n_patients=6)
    assert [path for path in (tmp_path / "mine").rglob("*") if path.is_file()] == [there]
    assert there.read_text() == "mine"
