"""Series of a cohort's scans in a small cut of IDC's index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.cohorts.idc.index import IdcIndex, find_index, read_series
from benchmark.cohorts.idc.locate import locate_cohort
from benchmark.cohorts.idc.reconstructions import choose, sharpness, with_nlst_fields
from benchmark.cohorts.idc.series_table import SERIES, read_series_table
from benchmark.contracts.cohort import CohortManifest, load_cohort, write_cohort
from benchmark.errors import InputError
from benchmark.extras import missing_modules
from tests.cohorts.idc.small_index import nlst, series, write_ct_index, write_index

U = "1.3.6.1.4.1"


def cohort(folder: Path, source: str, rows: list[dict[str, Any]]) -> Any:
    blank = {"nodule_id": "1", "image_path": "", "coordX": None, "coordY": None, "coordZ": None, "malignant": 1}
    table = pd.DataFrame([{**blank, **row} for row in rows])
    manifest = CohortManifest(name="mine", title="Mine", details={"source": source})
    return write_cohort(folder / "cohorts" / "mine", manifest, table)


def again(folder: Path) -> Any:
    return load_cohort("mine", folder / "cohorts")


def index(folder: Path, rows: list[dict[str, Any]]) -> IdcIndex:
    return find_index(write_index(folder / "idc_index.parquet", rows))


def test_lungx_is_joined_by_patient_whatever_the_case_of_its_letters(tmp_path: Path) -> None:
    made = cohort(
        tmp_path, "lungx", [{"pid": "CT-Training-lc001"}, {"pid": "LUNGx-CT001"}, {"pid": "LUNGx-CT002"}]
    )
    rows = [
        series("spie_aapm_lung_ct_challenge", "CT-Training-LC001", f"{U}.1"),
        series("spie_aapm_lung_ct_challenge", "LUNGx-CT001", f"{U}.2", Manufacturer="GE MEDICAL S]STEMS"),
        series("spie_aapm_lung_ct_challenge", "LUNGx-CT001", f"{U}.3", Modality="SEG", analysis_result_id="bamf"),
        series("another", "LUNGx-CT002", f"{U}.4"),
    ]
    located = locate_cohort(made, index(tmp_path, rows))
    nodules = again(tmp_path).nodules
    assert nodules["scan_id"].fillna("").tolist() == [f"{U}.1", f"{U}.2", ""]
    assert nodules["vendor"].fillna("").tolist() == ["Philips", "GE", ""]
    assert nodules["series_files"].fillna("").tolist() == ["200", "200", ""]
    assert located.missing.to_dict("records") == [{"scan": "lungx-ct002", "reason": "not in the index"}]
    assert (tmp_path / "cohorts/mine/series_missing.csv").is_file()
    told = "\n".join(located.lines)
    assert "2 of 3 scans" in told
    assert "0.20 GB" in told  # twice 100.5 MB
    assert "CC BY 3.0 (2 series)" in told
    assert "slice thickness of 2 series" in told
    manifest = (tmp_path / "cohorts/mine/series.s5cmd").read_text().splitlines()
    assert [line.split()[2] for line in manifest if not line.startswith("#")] == [f"{U}.1/", f"{U}.2/"]


def test_kernel_and_thickness_come_from_the_table_of_reconstructions(tmp_path: Path) -> None:
    made = cohort(
        tmp_path, "lidc", [{"pid": "LIDC-1", "scan_id": f"{U}.1"}, {"pid": "LIDC-2", "scan_id": f"{U}.2"}]
    )
    found = index(tmp_path, [series("lidc_idri", "LIDC-1", f"{U}.1"), series("lidc_idri", "LIDC-2", f"{U}.2")])
    told = write_ct_index(tmp_path / "ct.parquet", [(f"{U}.1", 1.25, ["B30f", "3"]), (f"{U}.2", None, None)])
    locate_cohort(made, find_index(found.path, told))
    nodules = again(tmp_path).nodules
    assert nodules["slice_thickness_mm"].fillna("").tolist() == ["1.25", ""]
    assert nodules["kernel"].fillna("").tolist() == ["B30f\\3", ""]


NLST = [
    nlst("1", f"{U}.1", "0,OPL,SE,VZOOM,T20s,512,na,80,224,224,na", instanceCount=1),
    nlst("1", f"{U}.2", "0,OPA,SE,VZOOM,B30f,360,2,120,60,30,na"),
    nlst("1", f"{U}.3", "0,OPA,SE,VZOOM,B50f,360,1,120,60,30,na"),
    nlst("1", f"{U}.4", "0,OPA,SE,VZOOM,B30f,360,1,120,60,30,na", instanceCount=5),
    nlst("1", f"{U}.5", "1,OPA,GE,LS16,LUNG,320,2.5,120,na,na,na"),
    nlst("1", f"{U}.6", "1,OPA,GE,LS16,STANDARD,320,2.5,120,na,na,na"),
    nlst("1", f"{U}.8", "2,OPA,GE,LS16,STANDARD,320,2.5,120,na,na,na"),
    nlst("1", f"{U}.7", "2,OPA,GE,LS16,STANDARD,320,2.5,120,na,na,na"),
    nlst("2", f"{U}.9", "0,OPL,GE,LS16,EXPERIMENTAL7,null,na,80,0,0,na", instanceCount=2),
]
SCREENS = [
    {"pid": "1", "nodule_id": f"T{year}", "scan_id": f"1_T{year}", "study_yr": str(year)} for year in range(3)
] + [{"pid": "2", "nodule_id": "T0", "scan_id": "2_T0", "study_yr": "0"}]


@pytest.mark.parametrize(
    ("rule", "kernels", "expected"),
    [
        # T0: the 1 mm series of 5 files cannot hold a chest; T1: both 2.5 mm, soft first; T2: alike, lesser UID
        ("thinnest-soft", (), [f"{U}.3", f"{U}.6", f"{U}.7"]),
        ("soft-thinnest", (), [f"{U}.2", f"{U}.6", f"{U}.7"]),
        ("thinnest-sharp", (), [f"{U}.3", f"{U}.5", f"{U}.7"]),
        ("thinnest-soft", ("b30F",), [f"{U}.2", None, None]),
    ],
)
def test_nlst_takes_one_reconstruction_of_a_screen_by_the_rule(
    tmp_path: Path, rule: str, kernels: tuple[str, ...], expected: list[str | None]
) -> None:
    made = cohort(tmp_path, "nlst", SCREENS)
    located = locate_cohort(made, index(tmp_path, NLST), rule=rule, kernels=kernels)
    taken = located.series.set_index("scan")["SeriesInstanceUID"]
    assert [taken.get(f"1_T{year}") for year in range(3)] == expected
    reasons = located.missing.set_index("scan")["reason"]
    assert "localizers" in reasons["2_T0"]
    assert ("another kernel" in str(reasons.get("1_T1"))) == bool(kernels)


def test_what_the_rule_passed_over_and_its_ties_are_counted(tmp_path: Path) -> None:
    located = locate_cohort(cohort(tmp_path, "nlst", SCREENS), index(tmp_path, NLST))
    told = "\n".join(located.lines)
    assert "3 scans have several series, 3 were not chosen" in told
    assert "left out: 2 localizers" in told
    assert "left out: 1 series shorter than 120 mm" in told
    assert "ties: for 1 scans" in told
    assert "for 1 of them the lesser UID" in told


def test_another_rule_can_be_taken_after_the_first(tmp_path: Path) -> None:
    found = index(tmp_path, NLST)
    locate_cohort(cohort(tmp_path, "nlst", SCREENS), found)
    assert again(tmp_path).nodules["scan_id"].tolist()[0] == f"{U}.3"
    locate_cohort(again(tmp_path), found, rule="soft-thinnest")
    assert again(tmp_path).nodules["scan_id"].tolist()[0] == f"{U}.2"
    assert again(tmp_path).nodules["scan_id"].tolist()[3] == "2_T0"  # what was not found keeps its name


def test_a_series_that_is_known_is_taken_whatever_the_rule(tmp_path: Path) -> None:
    rows = [{**SCREENS[0], "scan_id": f"{U}.2"}, *SCREENS[1:]]
    located = locate_cohort(cohort(tmp_path, "nlst", rows), index(tmp_path, NLST))
    assert f"{U}.2" in set(located.series["SeriesInstanceUID"])
    assert f"{U}.3" not in set(located.series["SeriesInstanceUID"])


def test_a_series_that_two_rows_lead_to_is_listed_once_and_given_to_both(tmp_path: Path) -> None:
    rows = [{**SCREENS[0], "nodule_id": "a", "scan_id": f"{U}.3"}, SCREENS[0]]
    located = locate_cohort(cohort(tmp_path, "nlst", rows), index(tmp_path, NLST))
    assert located.series["SeriesInstanceUID"].tolist() == [f"{U}.3"]
    assert "2 of 2 scans" in located.lines[0]
    assert again(tmp_path).nodules["scan_id"].tolist() == [f"{U}.3"] * 2
    assert again(tmp_path).nodules["vendor"].tolist() == ["Siemens"] * 2


def test_without_a_rule_only_known_series_are_located(tmp_path: Path) -> None:
    rows = [{**SCREENS[0], "scan_id": f"{U}.2"}, *SCREENS[1:]]
    located = locate_cohort(cohort(tmp_path, "nlst", rows), index(tmp_path, NLST), rule="none")
    assert located.series["SeriesInstanceUID"].tolist() == [f"{U}.2"]
    assert located.missing.empty
    assert "rule none: 3 scans whose series is not known are left out" in located.lines
    assert again(tmp_path).nodules["scan_id"].tolist()[1:] == ["1_T1", "1_T2", "2_T0"]


def test_annotations_of_the_patients_are_listed_and_are_no_images(tmp_path: Path) -> None:
    boxes = {"Modality": "SR", "analysis_result_id": "nlst_sybil", "instanceCount": 1, "series_size_MB": 0.5}
    rows = [*NLST, series("nlst", "1", f"{U}.20", **boxes), series("nlst", "77", f"{U}.21", **boxes)]
    located = locate_cohort(
        cohort(tmp_path, "nlst", SCREENS[:3]), index(tmp_path, rows), annotations=["nlst_sybil"]
    )
    beside = located.series[located.series["scan"] == ""]
    assert beside["SeriesInstanceUID"].tolist() == [f"{U}.20"]
    assert f"{U}.20" not in again(tmp_path).nodules["scan_id"].tolist()
    with pytest.raises(InputError, match="nlst_sibyl"):
        locate_cohort(again(tmp_path), index(tmp_path, rows), annotations=["nlst_sibyl"])


def test_columns_of_the_user_are_not_replaced(tmp_path: Path) -> None:
    made = cohort(tmp_path, "csv", [{"pid": "1", "scan_id": f"{U}.2", "kernel": "mine"}])
    with pytest.raises(InputError, match="kernel of its own"):
        locate_cohort(made, index(tmp_path, NLST))


def test_a_cohort_that_says_nothing_of_its_scans_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no row has a SeriesInstanceUID"):
        locate_cohort(cohort(tmp_path, "csv", [{"pid": "1"}]), index(tmp_path, NLST))
    with pytest.raises(InputError, match="none of 1 scans"):
        locate_cohort(cohort(tmp_path, "csv", [{"pid": "1", "scan_id": "1.2.3.4.5"}]), index(tmp_path, NLST))


@pytest.mark.parametrize("cell", ["s3://idc-open-data/x/*\nrm s3://mine/*", "s3://somebody-else/*", None])
def test_an_index_never_writes_commands_of_its_own(tmp_path: Path, cell: str | None) -> None:
    rows = [nlst("1", f"{U}.2", "0,OPA,SE,VZOOM,B30f,360,2,120,60,30,na", series_aws_url=cell)]
    with pytest.raises(InputError, match="no address of IDC"):
        locate_cohort(cohort(tmp_path, "nlst", SCREENS[:1]), index(tmp_path, rows))
    assert not (tmp_path / "cohorts/mine/series.s5cmd").exists()


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"PatientID": ["1"]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match="column is missing"):
        read_series(find_index(tmp_path / "x.parquet"))
    (tmp_path / "y.parquet").write_bytes(b"PAR1 no parquet")
    with pytest.raises(InputError, match="is no Parquet file"):
        read_series(find_index(tmp_path / "y.parquet"))


@pytest.mark.parametrize(
    ("vendor", "kernel", "expected"),
    [
        ("Siemens", "B30f", 0), ("Siemens", "B45f", 0), ("Siemens", "B50f", 2), ("Siemens", "B", 1),
        ("GE", "STANDARD", 0), ("GE", "BONE", 2), ("GE", "EXPERIMENTAL7", 1), ("Philips", "C", 0),
        ("Philips", "D", 2), ("Toshiba", "FC10", 0), ("Toshiba", "FC51", 2), ("Toshiba", "FL01", 1), ("GE", "", 1),
    ],
)  # fmt: skip
def test_kernels_are_soft_sharp_or_unknown(vendor: str, kernel: str, expected: int) -> None:
    assert sharpness(vendor, kernel) == expected


def test_fields_of_a_description_that_are_no_thickness_are_not_taken(tmp_path: Path) -> None:
    told = ["0,OPA,PH,MX8000,C,340,350.2,120,0,0,na", "0,OPA,GE,LS16,unkn,340,na,120,0,0,na", "0,OPA,GE,LS16"]
    rows = [nlst("1", f"{U}.{n}", text) for n, text in enumerate(told)]
    found = with_nlst_fields(read_series(index(tmp_path, rows)))
    assert found["thickness"].isna().all()
    assert found["kernel"].tolist() == ["C", "", ""]
    assert found["kind"].tolist() == ["OPA", "OPA", ""]
    chosen = choose(found.assign(scan="1_T0"), "thinnest-soft").chosen
    assert chosen["series"].tolist() == [f"{U}.0"]  # soft before unknown


def test_lungx_has_uids_of_three_parts(tmp_path: Path) -> None:
    """As idc-index-data 25.0.5 names the series of this patient; read again from the cohort's own tables."""
    uid, patient = "1.3.1186646311610038317282976737211640873380276742551", "LUNGx-CT060"
    found = index(tmp_path, [series("spie_aapm_lung_ct_challenge", patient, uid)])
    locate_cohort(cohort(tmp_path, "lungx", [{"pid": patient}]), found)
    for _ in range(2):
        assert again(tmp_path).nodules["scan_id"].tolist() == [uid]
        assert read_series_table(tmp_path / "cohorts/mine" / SERIES)["SeriesInstanceUID"].tolist() == [uid]
        locate_cohort(again(tmp_path), found)


@pytest.mark.parametrize("uid", ["1_T0", "../1.2.3.4", "1.2", "1.2.3.4/..", "1." * 40 + "1", "01.2.3", ""])
def test_what_is_no_uid_never_names_a_folder(tmp_path: Path, uid: str) -> None:
    found = index(tmp_path, [series("spie_aapm_lung_ct_challenge", "CT-Training-BE001", uid)])
    made = cohort(tmp_path, "lungx", [{"pid": "CT-Training-BE001"}])
    with pytest.raises(InputError, match="have no UID"):
        locate_cohort(made, found)


@pytest.mark.slow
@pytest.mark.skipif(bool(missing_modules("idc")), reason="needs the extra idc")
def test_the_whole_index_holds_every_scan_of_the_public_cohorts(tmp_path: Path, shared: Path) -> None:
    from benchmark.cohorts.prepare import prepare_cohort

    for source, scans in (("lungx", 70), ("luna25", 4069)):
        prepare_cohort(source, [shared / "data" / source], tmp_path / "cohorts" / source)
        located = locate_cohort(load_cohort(source, tmp_path / "cohorts"), find_index())
        assert (len(located.series), len(located.missing)) == (scans, 0)
    lidc = read_series(find_index(), collection="lidc_idri")
    assert (len(lidc), lidc["patient"].nunique()) == (1018, 1010)
