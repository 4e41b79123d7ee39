from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmark.errors import InputError
from benchmark.published.load import cells, load_published, published_keys
from tests.published.made import published_from

SHARED = Path(__file__).parents[2].parent / "shared" / "reference" / "published" / "zhuang2025.yaml"

SMALL = """
key: small
cohorts:
  a: {n: 188, positives: 56}
performance:
  a:
    m: {auroc: 0.862, auprc: 0.670}
operating_points:
  a:
    m: [[0.6, 0.070, 0.722], [0.8, 0.254, 0.493]]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "paper.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def message(folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load_published(write(folder, text))
    return str(caught.value)


@pytest.mark.skipif(not SHARED.exists(), reason="no shared folder")
def test_the_package_holds_the_papers_numbers_digit_for_digit() -> None:
    ours, theirs = load_published("zhuang2025"), load_published(SHARED)
    pairs = list(zip(cells(ours), cells(theirs), strict=True))
    assert len(pairs) == 12 * 2 + 12 * 8 + 16 + 2 * (2 * 12 + 2 * 9)
    assert all(a[0] == b[0] and a[3] == b[3] and a[3].text == b[3].text for a, b in pairs)
    assert ours.cohorts == theirs.cohorts
    assert ours.semantic == theirs.semantic


def test_keys_are_those_of_the_folder() -> None:
    assert "zhuang2025" in published_keys()
    assert load_published("zhuang2025").key == "zhuang2025"


def test_last_zeros_count(tmp_path: Path) -> None:
    paper = load_published(write(tmp_path, SMALL))
    row = paper.operating_points["a"]["m"][0]
    assert (row.fpr.text, row.fpr.decimals, row.listed.decimals) == ("0.070", 3, 1)


def test_zeros_that_a_program_lost_come_back(tmp_path: Path) -> None:
    # What yaml.safe_dump makes of floats: 0.070 becomes 0.07, 0.670 becomes 0.67.
    content = yaml.safe_load(SMALL)
    text = yaml.safe_dump(content)
    assert "0.070" not in text
    paper = load_published(write(tmp_path, text))
    assert paper.operating_points["a"]["m"][0].fpr.decimals == 3
    assert paper.performance["a"]["m"].auprc.decimals == 3
    assert published_from(content).operating_points["a"]["m"][0].fpr.decimals == 3


def test_mixed_decimals_that_were_written_stay(tmp_path: Path) -> None:
    text = SMALL.replace("0.722", "0.72")
    assert load_published(write(tmp_path, text)).operating_points["a"]["m"][0].precision.decimals == 2


@pytest.mark.parametrize("number", ["1.000", "0.00"])
def test_a_whole_number_with_zeros_shows_that_none_were_lost(tmp_path: Path, number: str) -> None:
    text = SMALL.replace("0.670", number).replace("0.070", "0.07")
    assert load_published(write(tmp_path, text)).operating_points["a"]["m"][0].fpr.decimals == 2


def test_a_column_may_be_printed_with_fewer_decimals(tmp_path: Path) -> None:
    """Two precisions that both end in two zeros at 3 decimals: printed with one."""
    rows = "performance: {a: {m: {auroc: 0.064, auprc: 0.043}, k: {auroc: 0.975, auprc: 0.799}}}\n"
    rows += "operating_points: {a: {m: [[0.9, 0.983, 0.1]], k: [[0.9, 0.085, 0.4]]}}\n"
    points = load_published(write(tmp_path, rows)).operating_points["a"]
    assert (points["m"][0].precision.decimals, points["k"][0].precision.decimals) == (1, 1)
    assert points["m"][0].fpr.decimals == 3


def test_quoted_digits_are_meant_as_they_stand() -> None:
    content = yaml.safe_load(SMALL)
    content["operating_points"]["a"]["m"][0][1] = "0.07"
    assert published_from(content).operating_points["a"]["m"][0].fpr.decimals == 2


@pytest.mark.parametrize("scale", ["", "scale: percent"])
def test_percentages_become_fractions(tmp_path: Path, scale: str) -> None:
    text = f"""
key: p
{scale}
performance: {{a: {{m: {{auroc: 86.2, auprc: 67.0}}}}}}
operating_points: {{a: {{m: [[60, 7.0, 72.2], [80, 25.4, 49.3]]}}}}
"""
    paper = load_published(write(tmp_path, text))
    assert float(paper.performance["a"]["m"].auroc) == 0.862
    assert paper.performance["a"]["m"].auroc.decimals == 3
    assert float(paper.operating_points["a"]["m"][0].listed) == 0.6


def test_one_misprint_above_one_is_no_percentage(tmp_path: Path) -> None:
    paper = load_published(write(tmp_path, SMALL.replace("0.862", "5.862")))
    assert float(paper.performance["a"]["m"].auroc) == 5.862
    assert float(paper.performance["a"]["m"].auprc) == 0.67


def test_json_intervals_missing_cells_and_aliases_are_read(tmp_path: Path) -> None:
    path = tmp_path / "paper.json"
    path.write_text('{"performance": {"a": {"m": {"auroc": [0.862, 0.801, 0.910], "auprc": null}}}}', "utf-8")
    row = load_published(path).performance["a"]["m"]
    assert row.auroc.text == "0.862"
    assert [number.text for number in row.auroc_interval] == ["0.801", "0.910"]
    assert row.auprc is None
    text = "operating_points:\n  a: {m: &rows [[0.6, 0.1, 0.5]], k: *rows}\n"
    paper = load_published(write(tmp_path, text))
    assert paper.operating_points["a"]["k"] == paper.operating_points["a"]["m"]


def test_all_problems_are_named_with_their_lines(tmp_path: Path) -> None:
    text = SMALL.replace("0.862", "0,862").replace("0.493", "many")
    found = message(tmp_path, text.replace("{auroc: 0,862", "{auroc: '0,862'"))
    assert "paper.yaml:7:performance.a.m.auroc" in found
    assert "paper.yaml:10:operating_points.a.m.1.precision" in found
    assert "'many'" in found


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: 1\na: 2\n", "stands twice"),
        ("performence: {a: {m: {auroc: 0.8}}}", "did you mean 'performance'?"),
        ("performance: {a: {m: {auroc: !!python/object:os.system 0.8}}}", "tags are not read"),
        ("- 1\n- 2\n", "holds no fields"),
        ("note: nothing\n", "holds no results"),
        ("performance: [\n", "is not YAML"),
        ("operating_points: {a: {m: [[0.6]]}}", "a row is"),
        ("performance: {a: {m: {auroc: [0.8, 0.7]}}}", "auroc is one number, or with its interval"),
        ("performance: {a: {m: {auprc: '0.85 (0.80-0.90)'}}}", "auprc is one number, or with its interval"),
        ("cohorts: {a: {n: 1.5}}\nperformance: {a: {m: {auroc: 0.8}}}", "is not a whole number"),
        ("a: &a [*a]\n", "may contain itself"),
        ("a: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, part: str) -> None:
    assert part in message(tmp_path, text)


def test_missing_files_and_keys_are_named() -> None:
    with pytest.raises(InputError, match="zhuang2025"):
        load_published("zhuang2026")
    with pytest.raises(InputError, match="cannot be read"):
        load_published("no/such/file.yaml")


def test_a_folder_of_the_same_name_does_not_hide_a_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zhuang2025").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_published("zhuang2025").key == "zhuang2025"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "paper.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="UTF-8"):
        load_published(path)


def test_margins_can_have_several_classes_by_the_vocabulary() -> None:
    general = load_published("zhuang2025").semantic["general"]
    assert not general["nodule margin"].exclusive
    assert general["nodule shape"].exclusive
