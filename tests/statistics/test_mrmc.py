"""Multi-reader multi-case analysis: answers of MRMCaov and RJafroc, brute force, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics import auroc
from benchmark.metrics.inputs import SampleError
from benchmark.statistics import mrmc

SETS = ("s1_4x2_continuous", "s2_4x2_ordinal")


def reference(shared, name):
    folder = shared / "reference/mrmc"
    table = pd.read_csv(folder / f"{name}.csv", dtype={"rating": str})
    table = table.rename(columns={"case_id": "case", "truth": "label"})
    expected = json.loads((folder / f"{name}.expected.json").read_text(encoding="utf-8"))
    return table.assign(rating=table["rating"].map(float)), expected


def readings(readers=3, modalities=3, cases=24, seed=0):
    rng = np.random.default_rng(seed)
    label = np.arange(cases) % 3 == 0
    return pd.DataFrame(
        [
            (f"r{r}", f"m{m}", c, round(float(rng.normal() + (0.6 + 0.3 * m) * label[c]), 1), int(label[c]))
            for r in range(readers)
            for m in range(modalities)
            for c in range(cases)
        ],
        columns=["reader", "modality", "case", "rating", "label"],
    )


@pytest.mark.parametrize("method", ["jackknife", "delong"])
@pytest.mark.parametrize("name", SETS)
def test_mrmcaov(name, method, shared):
    table, answers = reference(shared, name)
    expected = answers["MRMCaov"]["DeLong" if method == "delong" else method]
    found = mrmc(table, covariance=method)
    components = [found.var_reader, found.var_interaction, found.error, found.cov1, found.cov2, found.cov3]
    assert components == pytest.approx(expected["vcov_comps"]["Estimate"], abs=1e-9)
    equality = expected["test_equality"]
    got = [found.ms_modality, found.ms_interaction, found.statistic, found.df1, found.df2, found.p_value]
    assert got == pytest.approx(
        [equality[k] for k in ("MS(T)", "MS(T:R)", "F", "df1", "df2", "p-value")], abs=1e-8
    )
    pair, wanted = found.differences.iloc[0], expected["test_diffs"]
    assert [pair[k] for k in ("difference", "error", "low", "high", "statistic", "p_value")] == pytest.approx(
        [wanted[k] for k in ("Estimate", "StdErr", "CI.lower", "CI.upper", "t", "p-value")], abs=1e-9
    )
    for own, theirs in (("auroc", "Estimate"), ("error", "StdErr"), ("low", "CI.lower"), ("high", "CI.upper")):
        assert found.means[own].tolist() == pytest.approx(expected["test_means"][theirs], abs=1e-9)


@pytest.mark.parametrize(
    ("random", "key"), [("readers and cases", "RRRC"), ("cases", "FRRC"), ("readers", "RRFC")]
)
@pytest.mark.parametrize("name", SETS)
def test_rjafroc(name, random, key, shared):
    table, answers = reference(shared, name)
    expected = answers["RJafroc"][f"OR_jackknife_{key}"][key]
    found = mrmc(table, random)
    assert found.p_value == pytest.approx(expected["FTests"][0]["p"], abs=1e-9)
    pair, wanted = found.differences.iloc[0], expected["ciDiffTrt"][0]
    assert [pair[k] for k in ("difference", "error", "low", "high")] == pytest.approx(
        [wanted[k] for k in ("Estimate", "StdErr", "CILower", "CIUpper")], abs=1e-9
    )
    for mean, theirs in zip(found.means.to_dict("records"), expected["ciAvgRdrEachTrt"], strict=True):
        # RJafroc's limits go beyond 1 where MRMCaov's stop.
        assert [mean[k] for k in ("auroc", "error", "low", "high")] == pytest.approx(
            [min(1, theirs[k]) for k in ("Estimate", "StdErr", "CILower", "CIUpper")], abs=1e-9
        )


def test_jackknife_is_that_of_leaving_each_case_out():
    table = readings()
    found = mrmc(table)
    names = [(m, r) for m in ("m0", "m1", "m2") for r in ("r0", "r1", "r2")]
    wide = table.pivot(index="case", columns=["modality", "reader"], values="rating")[names].to_numpy()
    label = table.groupby("case")["label"].first().to_numpy()
    whole = [auroc(label, column) for column in wide.T]
    assert found.aurocs["auroc"].tolist() == pytest.approx(whole)
    keep = [np.delete(np.arange(len(label)), k) for k in range(len(label))]
    without = np.array([[auroc(label[rows], column[rows]) for column in wide.T] for rows in keep])
    n = len(label)
    covariance = np.cov(without.T) * (n - 1) ** 2 / n
    same_m = np.equal.outer([m for m, _ in names], [m for m, _ in names])
    same_r = np.equal.outer([r for _, r in names], [r for _, r in names])
    kinds = (same_m & same_r, ~same_m & same_r, same_m & ~same_r, ~same_m & ~same_r)
    got = [found.error, found.cov1, found.cov2, found.cov3]
    assert got == pytest.approx([covariance[kind].mean() for kind in kinds])
    assert len(found.differences) == 3
    assert found.df1 == 2


def test_order_of_rows_does_not_matter():
    table = readings(seed=3)
    first, second = mrmc(table), mrmc(table.sample(frac=1, random_state=1))
    assert first.statistic == pytest.approx(second.statistic)
    assert second.means["modality"].tolist() == ["m0", "m1", "m2"]


def test_equal_modalities_show_no_difference():
    table = readings(modalities=1)
    both = pd.concat([table, table.assign(modality="m1")])
    found = mrmc(both)
    assert found.differences.loc[0, "difference"] == 0
    assert np.isnan(found.p_value)
    assert np.isnan(found.differences.loc[0, "low"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop(index=5), "1 of 216 readings are missing, such as reader 'r0', modality 'm0', case '5'"),
        (
            lambda t: pd.concat([t, t.iloc[[7]]]),
            "1 readings are given twice, such as reader 'r0', modality 'm0', case '7'",
        ),
        (lambda t: t.assign(label=t["label"].where(t.index != 0, 0)), "labelled 0 in some readings"),
        (lambda t: t.assign(rating=t["rating"].where(t.index != 0)), "missing or infinite"),
        (lambda t: t.assign(label=2), "neither 0 nor 1"),
        (lambda t: t.drop(columns="case"), "columns are missing: case"),
        (lambda t: t[t["reader"] == "r0"], "3 modalities and 1 readers"),
        (lambda t: t[(t["label"] == 0) | (t["case"] == 0)], "1 positive and 16 negative"),
        (lambda t: t.assign(reader=t["reader"].where(t.index != 0)), "reader: 1 of 216 are missing"),
    ],
)
def test_bad_tables_are_refused(change, says):
    with pytest.raises(SampleError) as error:
        mrmc(change(readings()))
    assert says in str(error.value)


def test_unknown_settings_are_refused():
    with pytest.raises(SampleError, match="choose from"):
        mrmc(readings(), random="everything")
