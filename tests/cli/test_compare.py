import shutil

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from tests.comparison.made import write_made

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_made(folder, {"nlst": (40, 15)}, columns={"sex": ["F", "M"]})
    return folder


def call(made, *more):
    options = ["--results", str(made), "--cohorts", str(made / "cohorts")]
    if "--replicates" not in more:
        options += ["--replicates", "200"]
    return RUNNER.invoke(app, ["compare", *options, *more])


def test_the_main_table_is_printed_and_the_files_are_named(made):
    done = call(made, "--cohort", "nlst", "--model", "poor", "--model", "good", "--by", "sex", "--recall", "0.5")
    assert done.exit_code == 0, done.output
    assert "By sex" in done.output
    lines = done.output.splitlines()
    first = next(k for k, line in enumerate(lines) if line.strip().startswith("poor"))
    assert lines[first + 1].strip().startswith("good")
    assert "middling" not in done.output
    assert "FPR ↓ @0.5" in done.output
    assert str(made / "compare" / "report" / "index.html") in done.output.replace("\n", "")
    assert (made / "compare" / "tables" / "subgroups.md").is_file()


def test_the_answer_stands_first_and_what_is_left_out_is_named(made):
    done = call(made, "--cohort", "nlst", "--model", "poor", "--model", "good", "--out", str(made / "short"))
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith(
        "NLST, 40 patients, 15 positive (37.5\N{NO-BREAK SPACE}%): good ranks highest by AUROC. Ahead of poor"
    )
    table = pd.read_csv(made / "short" / "tables" / "pairs.csv").set_index("metric").loc["auroc"]
    assert f"by {abs(table['difference']):.3f} (" in lines[0]
    assert "AUROC differences on the same patients" in done.output
    assert "FPR ↓ @0.8" not in done.output
    assert "Differences at operating points" not in done.output
    (more,) = [line for line in lines if line.startswith("More: ")]
    assert "FPR and precision at fixed recall; differences at operating points; gain in net benefit." in more
    assert "--all-tables" in more
    everything = call(made, "--cohort", "nlst", "--model", "poor", "--model", "good", "--all-tables")
    for said in ("FPR ↓ @0.8", "Differences at operating points", "Added value: gain in net benefit"):
        assert said in everything.output
    assert "More: " not in everything.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cohort", "nlts"], "did you mean 'nlst'"),
        (["--cohort", "nlst", "--model", "godo"], "did you mean 'good'"),
        (["--cohort", "nlst", "--unit", "scan"], "'scan' is not one of 'patient', 'nodule'"),
        (["--cohort", "nlst", "--by", "sxe"], "did you mean 'sex'"),
        (["--cohort", "nlst", "--published", "zhuang"], "zhuang2025"),
        (["--cohort", "nlst", "--recall", "1.5"], "--recall '1.5'"),
        (["--cohort", "nlst", "--metric", "npv@recal=0.9"], "--metric 'npv@recal=0.9'"),
        (["--cohort", "nlst", "--metric", "npv@recall=90"], "expected npv@recall=VALUE, such as npv@recall=0.8"),
        (["--cohort", "nlst", "--figures", "bmp"], "choose from png, svg, pdf"),
        (["--cohort", "nlst", "--reference", "godo"], "did you mean 'good'"),
        (
            ["--cohort", "nlst", "--title", "godo=X"],
            "--title 'godo' — is no model of this comparison; did you mean",
        ),
        (
            ["--cohort", "nlst", "--cohort-title", "nlts=X"],
            "--cohort-title 'nlts' — is no cohort of this comparison",
        ),
        (
            ["--cohort", "nlst", "--threshold", "godo=0.5"],
            "is of no model of this comparison; did you mean 'good'",
        ),
        (["--cohort", "nlst", "--threshold", "good"], "gives no threshold"),
        (["--cohort", "nlst", "--threshold", "good=high"], "gives no threshold"),
        (["--cohort", "nlst", "--threshold-from", "nlst:recall=90"], "says no way to choose a threshold"),
        (["--cohort", "nlst", "--threshold-from", "nlts"], "did you mean 'nlst'"),
        (["--cohort", "nlst", "--margin", "auroc=0.05"], "name it with --versus MODEL"),
        (["--cohort", "nlst", "--versus", "good"], "is given without a margin"),
        (["--cohort", "nlst", "--versus", "godo", "--margin", "auroc=0.05"], "did you mean 'good'"),
        (["--cohort", "nlst", "--versus", "good", "--margin", "auprc=0.05"], "has no test of non-inferiority"),
        (["--cohort", "nlst", "--versus", "good", "--margin", "auroc=5"], "--margin 'auroc=5' — is no margin"),
        (["--cohort", "nlst", "--versus", "good", "--margin", "auroc=x"], "is no number"),
        (["--cohort", "nlst", "--title", "good"], "--title 'good' — is not MODEL=TITLE"),
        (["--cohort", "nlst", "--replicates", "0"], "--replicates"),
        ([], "--cohort"),
    ],
)
def test_bad_usage_is_status_2_and_writes_nothing(made, tmp_path, options, message):
    done = call(made, *options, "--out", str(tmp_path / "never"))
    assert done.exit_code == 2
    assert message in " ".join(done.output.split()).replace("│ ", "")
    assert not (tmp_path / "never").exists()


def test_titles_of_models_and_cohorts_are_printed_in_the_order_given(made, tmp_path):
    done = call(
        made,
        *("--cohort", "nlst", "--cohort-title", "nlst=National trial", "--out", str(tmp_path / "titled")),
        *("--model", "poor", "--model", "good", "--title", "good=Ours", "--title", "poor=ours"),
    )
    assert done.exit_code == 0, done.output
    lines = [line.strip() for line in done.output.splitlines()]
    at = lines.index("National trial, n = 40 (15 positive)")
    assert [line.split("  ")[0] for line in lines[at + 1 : at + 3]] == ["ours (poor)", "Ours (good)"]
    table = (tmp_path / "titled" / "tables" / "performance.csv").read_text(encoding="utf-8")
    assert "\nnlst,poor," in table


def test_metrics_are_given_once_each_and_printed(made, tmp_path):
    metrics = ("--metric", "recall@specificity=0.95", "--metric", "npv@recall=0.9")
    done = call(made, "--cohort", "nlst", *metrics, "--replicates", "200", "--out", str(tmp_path / "more"))
    assert done.exit_code == 0
    assert "NPV at recall 0.9 differences" in " ".join(done.output.split())
    header = (tmp_path / "more" / "tables" / "performance.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.endswith(
        "auprc_high,recall@specificity=0.95,recall@specificity=0.95_low,recall@specificity=0.95_high,"
        "npv@recall=0.9,npv@recall=0.9_low,npv@recall=0.9_high"
    )


def test_few_replicates_are_warned_about(made, tmp_path):
    done = call(made, "--cohort", "nlst", "--model", "good", "--replicates", "50", "--out", str(tmp_path / "few"))
    assert done.exit_code == 0
    assert "too few for intervals" in done.output


def test_an_output_folder_that_cannot_be_written_is_refused(made, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    done = call(made, "--cohort", "nlst", "--out", str(blocked / "out"))
    assert done.exit_code == 2
    assert "cannot be written" in done.output


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium on this machine")
@pytest.mark.needs("images")
def test_figures_are_written_in_every_format(made, tmp_path):
    done = call(made, "--cohort", "nlst", "--figures", "png,svg,pdf", "--out", str(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    begins = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<svg"}
    for suffix, begin in begins.items():
        files = sorted((tmp_path / "out" / "figures").glob(f"*.{suffix}"))
        assert len(files) >= 7
        assert all(path.read_bytes().startswith(begin) and path.stat().st_size > 3000 for path in files)
