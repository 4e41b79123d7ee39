"""A smaller run of the coverage measurements, in their bands; the nightly size is ``make coverage``."""

import pytest

from tests.coverage import added, gates, incidence, missing, points, readers, record, stars, survival, whole
from tests.coverage.designs import Design
from tests.coverage.measure import SEED, jobs, report

REPEATS = 500


def check(rows):
    assert rows
    for row in rows:
        assert row.passed, f"{row.case}: {row.what} {row.rate:.3f} not in {row.low:.3f}..{row.high:.3f}"


def test_bands_are_those_of_the_plan():
    # STATISTICS.md D3: for .95 at R = 500, 1,000, 2,000, 10,000; Wald 20+200 at .95 is .851 ± .026.
    for repeats, low, high in (
        (500, 0.918, 0.982),
        (1000, 0.927, 0.973),
        (2000, 0.934, 0.966),
        (10_000, 0.943, 0.957),
    ):
        assert gates.band(0.95, repeats) == pytest.approx((low, high), abs=6e-4)
    assert gates.band(0.851, 2000) == pytest.approx((0.825, 0.877), abs=5e-4)
    assert len(gates.COVERAGE) == 9
    assert gates.COVERAGE[Design(20, 200, 0.95)]["ap bca"] == 0.941
    assert sum(map(len, gates.COVERAGE.values())) == 9 * 5 + 4 + 4 + 4 + 4
    assert len(list(jobs(1.0))) == 26 + 6 + 5 + 2 + 5 + 4 + 4 + 1 + 3 + 2 + 6 * 3 + 3 * 4 + 3 + 6 * 2 + 3 + 3


def test_a_rate_outside_its_band_fails():
    row = gates.Measured("t", "c", "w", 0.5, 100, *gates.band(0.95, 100))
    assert not row.passed
    assert "**OUT**" in report([record.entry([row], 1.0, SEED)], SEED)


@pytest.mark.slow
@pytest.mark.parametrize("design", gates.COVERAGE, ids=lambda design: design.name)
def test_intervals_by_formula(design):
    check(gates.analytic_coverage(design, REPEATS, SEED))


@pytest.mark.slow
@pytest.mark.parametrize(
    "design", [d for d, m in gates.COVERAGE.items() if gates.DRAWN & set(m)], ids=lambda d: d.name
)
def test_bootstrap_intervals(design):
    check(gates.drawn_coverage(design, REPEATS, SEED))


@pytest.mark.slow
def test_clustered_intervals():
    check(gates.clustered_coverage(REPEATS, SEED, replicates=500))


@pytest.mark.slow
def test_levels_and_power():
    for case in gates.PAIRED:
        check(gates.paired_level(case, REPEATS, SEED))
    check(gates.family_level(REPEATS, SEED))
    check(gates.permutation_level(REPEATS, SEED))
    for models, folds, reference in gates.FOLDS:
        check(gates.fold_level(models, folds, reference, REPEATS, SEED))
    check(gates.power_of_delong(REPEATS, SEED))
    for case in stars.STARS:
        check(stars.star_level(case, REPEATS, SEED))
    check(gates.shuffled_labels(REPEATS, SEED))


@pytest.mark.slow
def test_differences_and_few_positives():
    for case in gates.DIFFERENCES:
        check(gates.difference_misses(case, REPEATS, SEED, replicates=500))
    for design in gates.FEW:
        check(gates.few_positives(design, REPEATS, SEED, replicates=200))


def test_limits_and_p_of_a_difference_agree_in_every_sample():
    check(
        [row for row in gates.difference_misses(gates.DIFFERENCES[1], 40, SEED, 200) if "contradict" in row.what]
    )


@pytest.mark.slow
def test_time_to_event():
    check(survival.censored_coverage(survival.CASES[2], 300, [SEED, 3]))


@pytest.mark.slow
def test_areas_weighted_for_missing_scores():
    check(missing.weighted_coverage(missing.GAPS[1], 100, [SEED, 4], replicates=100))


@pytest.mark.slow
def test_agreement_margins_and_readers():
    for case in readers.SCANS:
        check(readers.agreement_coverage(case, REPEATS, SEED))
    for case in readers.OF_PATIENTS:
        check(readers.agreement_by_patient_coverage(case, REPEATS, SEED))
    for case in readers.MARGINS:
        check(readers.margin_level(case, REPEATS, SEED))
    check(readers.mrmc_level(300, SEED))
    check(readers.against_readers_level(readers.AGAINST[0], 200, SEED, replicates=200))


@pytest.mark.slow
@pytest.mark.parametrize("case", [(50, 500, 1), (50, 500, 3)])
def test_added_value_by_formula(case):
    check(added.call_coverage(case, REPEATS, SEED))
    check(added.strata_coverage(case, REPEATS, SEED))
    check(added.expected_coverage(case, REPEATS, SEED))


@pytest.mark.slow
def test_added_value_by_resampling():
    check(added.predictive_coverage((50, 500), REPEATS, SEED))
    check(added.yield_coverage((50, 500), REPEATS, SEED, replicates=300))
    check(added.fusion_level((50, 500), 60, SEED))


@pytest.mark.slow
@pytest.mark.parametrize("nodules", [1, 3])
def test_operating_points_and_net_benefit(nodules):
    check(points.point_coverage((50, 500, nodules), 200, [SEED, 5], replicates=300))
    check(added.gain_coverage((50, 500, nodules), 300, [SEED, 6], replicates=300))


@pytest.mark.slow
@pytest.mark.parametrize("case", incidence.CASES[2::3], ids=lambda case: case.name)
def test_cumulative_incidence(case):
    check(incidence.incidence_coverage(case, 300, [SEED, 7]))


@pytest.mark.slow
def test_cohorts_sampled_as_a_whole():
    check(whole.whole_cohort_coverage(whole.CASES[0], 300, [SEED, 9], replicates=300))
