"""The bootstrap of time-to-event measures: what is drawn, what is estimated again, and what comes out."""

import numpy as np
import pytest

from benchmark import metrics as m
from benchmark.errors import InputError
from benchmark.statistics import Resampling, as_survival_sample, holm, survival_bootstrap, survival_bootstrap_of
from benchmark.statistics.bootstrap import draw_weights
from benchmark.statistics.engine import block_generator, block_size

TIMES = [1, 2, 4]
ALL = ("harrell_c", "uno_c", "dynamic_auc", "mean_dynamic_auc", "sybil_auc", "brier_at", "integrated_brier")
DRAWN = Resampling(40, seed=3, workers=1)


def cohort(n=80, seed=0, ties=True):
    """Follow-up of a risk x, and two models of it with a column a year; in quarter years with ``ties``."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    died, left = rng.exponential(6 * np.exp(-x)), rng.uniform(0.2, 8, n)
    time = np.minimum(died, left)
    time = np.ceil(4 * time) / 4 if ties else time
    models = {}
    for name, noise in (("good", 0.3), ("poor", 2.0)):
        y = x + rng.normal(size=n) * noise
        models[name] = np.stack([1 - np.exp(-t / 6 * np.exp(y)) for t in TIMES], axis=1)
    return time, (died <= left).astype(int), models


def measured(name, time, event, risk):
    """A value by its name, from the functions of one sample."""
    measure, _, at = name.partition("@time=")
    column = risk[:, TIMES.index(int(at))] if at else None
    if measure == "harrell_c":
        return m.harrell_c(time, event, risk[:, -1])
    if at:
        return getattr(m, measure)(time, event, column, float(at))
    return getattr(m, measure)(time, event, risk, TIMES)


@pytest.mark.parametrize("clustered", [False, True])
def test_each_replicate_is_the_measure_of_the_drawn_patients(clustered):
    """Patients are repeated with all their cases: the weights for the censoring are those of the resample."""
    time, event, models = cohort()
    codes = np.arange(80) // 3 if clustered else np.arange(80)
    found = survival_bootstrap(time, event, models, TIMES, ALL, codes if clustered else None, resampling=DRAWN)
    count = codes.max() + 1
    weights = draw_weights(block_generator(3, 0), [np.arange(count)], block_size(count))[:, :40]
    for r in range(0, 40, 7):
        rows = np.repeat(np.arange(80), weights[codes, r].astype(int))
        for k, name in enumerate(found.metrics):
            for i, risk in enumerate(models.values()):
                expected = measured(name, time[rows], event[rows], risk[rows])
                assert found.samples[k, i, r] == pytest.approx(expected, rel=1e-11), name
    for estimate in found.estimates:
        expected = measured(estimate.metric, time, event, models[estimate.model])
        assert estimate.value == pytest.approx(expected, rel=1e-12)


def test_limits_and_differences_come_from_the_replicates():
    time, event, models = cohort(200)
    found = survival_bootstrap(time, event, models, TIMES, resampling=Resampling(400, seed=1))
    name = "dynamic_auc@time=4"
    k = found.metrics.index(name)
    one = found.estimate("good", name)
    assert one.standard_error == found.samples[k, 0].std(ddof=1)
    # The logit's derivative is 1/(a(1 − a)); 1.959964 is the normal quantile.
    centre, reach = (
        np.log(one.value / (1 - one.value)),
        1.959964 * one.standard_error / (one.value * (1 - one.value)),
    )
    assert [one.low, one.high] == pytest.approx([1 / (1 + np.exp(-centre + d)) for d in (reach, -reach)], rel=1e-6)
    gap = found.difference("good", "poor", name)
    assert gap.difference == one.value - found.estimate("poor", name).value
    assert gap.standard_error == (found.samples[k, 0] - found.samples[k, 1]).std(ddof=1)
    assert (gap.low > 0 or gap.high < 0) == (gap.p_value < 0.05)
    percentile = survival_bootstrap_of(
        as_survival_sample(time, event, models, TIMES), method="percentile", resampling=Resampling(400, seed=1)
    ).estimate("good", name)
    assert [percentile.low, percentile.high] == pytest.approx(np.quantile(found.samples[k, 0], [0.025, 0.975]))


def test_holm_is_over_the_pairs_and_times_of_a_measure():
    time, event, models = cohort(150)
    models["middling"] = (models["good"] + models["poor"]) / 2
    found = survival_bootstrap(time, event, models, TIMES, ["uno_c", "dynamic_auc"], resampling=Resampling(300))
    for measure in ("uno_c", "dynamic_auc"):
        family = [d for d in found.differences if d.metric.startswith(measure)]
        assert len(family) == 9
        assert [d.p_holm for d in family] == holm([d.p_value for d in family]).tolist()


def test_threads_and_more_replicates_change_nothing_of_what_is_drawn():
    time, event, models = cohort(60)
    runs = [
        survival_bootstrap(
            time, event, models, TIMES, resampling=Resampling(count, seed=5, workers=workers)
        ).samples
        for count, workers in ((300, 1), (300, 4), (100, 2))
    ]
    assert runs[0].tobytes() == runs[1].tobytes()
    assert np.array_equal(runs[0][:, :, :100], runs[2], equal_nan=True)


def test_the_number_of_events_varies_between_resamples():
    """The same probability for all gives a Brier score that is p(1 − p) of the resample's share: it must vary."""
    event = [1] * 10 + [0] * 90
    found = survival_bootstrap(
        [1] * 10 + [9] * 90,
        event,
        {"a": [0.1] * 100},
        [2],
        "brier_at",
        resampling=Resampling(300, stratified=True),
    )
    # Brier = (81 k + (100 − k)) / 10⁴ with k events: its standard deviation is 0.008 √(100 · 0.1 · 0.9) = 0.024.
    assert found.estimates[0].standard_error == pytest.approx(0.024, rel=0.15)


def test_resamples_without_an_answer_are_counted():
    event = [1] + [0] * 19
    risks = {"a": np.arange(20)[::-1], "b": np.arange(20) % 7}
    found = survival_bootstrap(range(1, 21), event, risks, [5], "dynamic_auc", resampling=Resampling(300))
    missing = int(np.isnan(found.samples[0, 0]).sum())
    assert 60 < missing < 160  # (19/20)^20 = 36 % of 300 hold no event
    assert f"{missing} of 300 replicates have no value" in found.estimate("b", "dynamic_auc@time=5").note
    assert found.differences[0].note.startswith("no interval: one patient makes up a class")


def test_no_interval_is_better_than_a_wrong_one():
    time, event, models = cohort(60, ties=False)
    rank = -time
    found = survival_bootstrap(
        time, event, {"a": rank, "b": rank, "c": models["poor"][:, 0]}, [2, 99], resampling=DRAWN
    )
    perfect = found.estimate("a", "dynamic_auc@time=2")
    assert perfect.value == 1
    assert np.isnan([perfect.low, perfect.high]).all()
    assert "no width" in perfect.note
    alike = found.difference("a", "b", "dynamic_auc@time=2")
    assert (alike.difference, alike.p_value) == (0, 1)
    assert "rank these cases alike" in alike.note
    beyond = found.estimate("c", "dynamic_auc@time=99")
    assert np.isnan(beyond.value)
    assert beyond.note.startswith("no interval: the measure has no value")


def test_what_cannot_be_compared_is_refused():
    time, event, models = cohort(20)
    with pytest.raises(InputError, match=r"expected different ones of .*dynamic_auc.* got \['auroc'\]"):
        survival_bootstrap(time, event, models, TIMES, "auroc")
    with pytest.raises(InputError, match="good: risk: 3 columns for 2 times"):
        survival_bootstrap(time, event, models, TIMES[:2])
    with pytest.raises(InputError, match=r"good: .*lie outside \[0, 1\]"):
        survival_bootstrap(time, event, {"good": 2 * models["good"] + 0.5}, TIMES, "brier_at")
    with pytest.raises(InputError, match="a: one risk for 3 times is no probability of each"):
        survival_bootstrap(time, event, {"a": models["good"][:, 0]}, TIMES, "integrated_brier")
    with pytest.raises(InputError, match="one time is no range"):
        survival_bootstrap(time, event, {"a": models["good"][:, 0]}, [1], ["integrated_brier"])
    with pytest.raises(InputError, match="method 'bca': choose from logit, percentile"):
        survival_bootstrap_of(as_survival_sample(time, event, models, TIMES), method="bca")
    with pytest.raises(InputError, match="no risks"):
        survival_bootstrap(time, event, {}, TIMES)


def test_one_patient_with_the_event_gives_no_interval_of_a_rank():
    # Every resample that holds that patient ranks it alike: a width of that would be of the others alone.
    rng = np.random.default_rng(2)
    time, event = np.r_[1.5, 1.5, rng.uniform(2, 9, 58)], np.r_[1, 1, np.zeros(58, int)]
    event[-1] = 1
    models = {
        name: np.c_[risk, np.minimum(risk + 0.1, 1)]
        for name, risk in (("a", rng.random(60)), ("b", rng.random(60)))
    }
    time[-1] = 5.0
    names = ("dynamic_auc", "sybil_auc", "uno_c", "brier_at")
    clusters = np.r_[0, 0, np.arange(1, 59)]  # the first two are scans of one patient
    found = survival_bootstrap(time, event, models, [2, 6], names, clusters, resampling=Resampling(100))
    for name in ("dynamic_auc@time=2", "sybil_auc@time=2", "uno_c@time=2"):
        one = found.estimate("a", name)
        assert np.isfinite(one.value), name
        assert np.isnan([one.low, one.high]).all(), name
        assert "one patient makes up a class" in one.note
        assert np.isnan(found.difference("a", "b", name).p_value)
    for name in ("dynamic_auc@time=6", "brier_at@time=2"):
        assert np.isfinite(found.estimate("a", name).low), name


def test_patients_on_whom_a_value_stands():
    sample = as_survival_sample([1, 2, 3, 4, 5], [1, 0, 1, 0, 1], {"a": [1, 2, 3, 4, 5]}, [1, 4])
    counts = {"dynamic_auc@time=1": 1, "dynamic_auc@time=4": 1, "brier_at@time=4": 2, "harrell_c": 2}
    assert {name: sample.smaller_class(name) for name in counts} == counts
