"""The equations against values computed by hand from the original papers.

Every expected value is the sum written out in its comment; the coefficients in the comments were copied from the
papers' tables, not from the code.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.producers.calculators.formulas import NODULE_TYPES, RACES, brock, mayo, plco2012, va


def one(**values: float) -> dict[str, Any]:
    return {name: np.array([float(value)]) for name, value in values.items()}


def logistic(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


class TestBrock:
    """McWilliams 2013, supplement, model 2b."""

    BASE = one(
        age=62,
        female=0,
        family_history=0,
        emphysema=0,
        diameter_mm=4,
        nodule_type=0,
        upper_lobe=0,
        nodule_count=4,
        spiculation=0,
    )

    def test_at_its_centre_it_is_its_intercept(self) -> None:
        # age 62, size 4 mm, 4 nodules, all else absent: -6.7892 -> 0.0011246
        assert brock(**self.BASE)[0] == pytest.approx(0.0011246, abs=1e-7)
        assert brock(**self.BASE)[0] == pytest.approx(logistic(-6.7892), rel=1e-6)

    def test_a_large_spiculated_nodule_of_a_woman(self) -> None:
        # age 70: 0.0287*8 = 0.2296; woman 0.6011; family 0.2961; emphysema 0.2953
        # 20 mm: (20/10)^-0.5 = 0.70710678; minus 1.58113883 = -0.87403205; times -5.3854 = 4.70701
        # part-solid 0.3770; upper lobe 0.6581; 1 nodule: -0.0824*(1-4) = 0.2472; spiculated 0.7729
        # sum with -6.7892: 0.2296+0.6011+0.2961+0.2953+4.70701+0.3770+0.6581+0.2472+0.7729-6.7892 = 1.39511
        found = brock(
            **one(
                age=70,
                female=1,
                family_history=1,
                emphysema=1,
                diameter_mm=20,
                nodule_type=NODULE_TYPES["part-solid"],
                upper_lobe=1,
                nodule_count=1,
                spiculation=1,
            )
        )
        assert found[0] == pytest.approx(logistic(1.39511), abs=2e-6)
        assert found[0] == pytest.approx(0.80141, abs=1e-5)

    def test_without_centring_the_intercept_is_the_one_printed_elsewhere(self) -> None:
        # PMC6717521, Table 2: intercept 0.2761 for age, (size/10)^-0.5 and count not centred
        # age 0, count 0, and size so large that (size/10)^-0.5 vanishes
        centred = brock(**{**self.BASE, **one(age=0, nodule_count=0, diameter_mm=1e12)})[0]
        assert math.log(centred / (1 - centred)) == pytest.approx(0.2761, abs=1e-4)

    def test_larger_is_riskier(self) -> None:
        # peers have the sign of the size term wrong
        sizes = np.array([2.0, 4, 8, 16, 32])
        base = {name: np.repeat(value, 5) for name, value in self.BASE.items()}
        assert (np.diff(brock(**{**base, "diameter_mm": sizes})) > 0).all()

    def test_ground_glass_is_below_solid_is_below_part_solid(self) -> None:
        risks = [brock(**{**self.BASE, "nodule_type": np.array([NODULE_TYPES[t]])})[0] for t in
                 ("non-solid", "solid", "part-solid")]  # fmt: skip
        assert risks == sorted(risks)


class TestMayo:
    """Swensen 1997, Table 4."""

    def test_a_smoker_of_65(self) -> None:
        # -6.8272 + 0.0391*65 + 0.7917 + 0.1274*15 = -6.8272 + 2.5415 + 0.7917 + 1.9110 = -1.5830 -> 0.17037
        found = mayo(
            **one(age=65, ever_smoker=1, extrathoracic_cancer=0, diameter_mm=15, spiculation=0, upper_lobe=0)
        )
        assert found[0] == pytest.approx(logistic(-1.5830), abs=1e-9)
        assert found[0] == pytest.approx(0.17037, abs=1e-5)

    def test_everything_present(self) -> None:
        # -6.8272 + 0.0391*70 + 0.7917 + 1.3388 + 0.1274*25 + 1.0407 + 0.7838
        # = -6.8272 + 2.7370 + 0.7917 + 1.3388 + 3.1850 + 1.0407 + 0.7838 = 3.0498 -> 0.95478
        found = mayo(
            **one(age=70, ever_smoker=1, extrathoracic_cancer=1, diameter_mm=25, spiculation=1, upper_lobe=1)
        )
        assert found[0] == pytest.approx(logistic(3.0498), abs=1e-9)
        assert found[0] == pytest.approx(0.95478, abs=1e-5)


class TestVA:
    """Gould 2007."""

    def test_a_former_smoker(self) -> None:
        # -8.404 + 2.061 + 0.779*7.0 + 0.112*18 - 0.567*1.2 = -8.404 + 2.061 + 5.453 + 2.016 - 0.6804 = 0.4456
        found = va(**one(age=70, ever_smoker=1, diameter_mm=18, years_quit=12))
        assert found[0] == pytest.approx(logistic(0.4456), abs=1e-9)
        assert found[0] == pytest.approx(0.60959, abs=1e-5)

    def test_someone_who_never_smoked(self) -> None:
        # -8.404 + 0.779*6 + 0.112*10 = -8.404 + 4.674 + 1.12 = -2.610 -> 0.06849
        found = va(**one(age=60, ever_smoker=0, diameter_mm=10, years_quit=0))
        assert found[0] == pytest.approx(logistic(-2.610), abs=1e-9)


class TestPLCO:
    """Tammemagi 2013, Table 2."""

    BASE = one(
        age=62,
        education=4,
        bmi=27,
        copd=0,
        cancer_history=0,
        family_history=0,
        race=0,
        current_smoker=0,
        cigarettes_per_day=24.8660833,  # 10 / 0.4021541613, the centre
        smoking_years=27,
        years_quit=10,
    )

    def test_at_its_centre_it_is_its_intercept(self) -> None:
        # -4.532506 -> 0.010639
        assert plco2012(**self.BASE)[0] == pytest.approx(logistic(-4.532506), rel=1e-6)

    def test_a_current_smoker(self) -> None:
        # age 66: 0.0778868*4 = 0.3115472; education 2: -0.0812744*(2-4) = 0.1625488
        # bmi 24: -0.0274194*(24-27) = 0.0822582; copd 0.3553063; cancer 0.4589971; family 0.587185
        # black 0.3944778; current 0.2597431; 20 a day: -1.822606*(0.5-0.4021541613) = -0.1783344
        # 45 years: 0.0317321*18 = 0.5711778; quit 0: -0.0308572*(0-10) = 0.308572
        # sum with -4.532506: -1.2190271 -> 0.228108
        found = plco2012(
            **one(
                age=66,
                education=2,
                bmi=24,
                copd=1,
                cancer_history=1,
                family_history=1,
                race=RACES["black"],
                current_smoker=1,
                cigarettes_per_day=20,
                smoking_years=45,
                years_quit=0,
            )
        )
        assert math.log(found[0] / (1 - found[0])) == pytest.approx(-1.2190271, abs=1e-6)

    def test_more_education_is_less_risk(self) -> None:
        # peers have this sign wrong
        risks = [plco2012(**{**self.BASE, "education": np.array([float(level)])})[0] for level in range(1, 7)]
        assert (np.diff(risks) < 0).all()
        # one level: the odds ratio is exp(-0.0812744) = 0.92194 (Table 2 prints 0.922)
        odds = [r / (1 - r) for r in risks]
        assert odds[1] / odds[0] == pytest.approx(0.92194, abs=1e-5)

    @pytest.mark.parametrize(
        ("race", "ratio"),
        [("white", 1), ("black", 1.484), ("hispanic", 0.475), ("asian", 0.627),
         ("american indian or alaskan native", 1), ("native hawaiian or pacific islander", 2.793)],
    )  # fmt: skip
    def test_odds_ratios_of_race_are_those_printed(self, race: str, ratio: float) -> None:
        # Table 2: odds ratios against white
        found = plco2012(**{**self.BASE, "race": np.array([RACES[race]])})[0]
        base = plco2012(**self.BASE)[0]
        assert (found / (1 - found)) / (base / (1 - base)) == pytest.approx(ratio, abs=2e-3)

    def test_more_cigarettes_are_more_risk(self) -> None:
        risks = [plco2012(**{**self.BASE, "cigarettes_per_day": np.array([float(n)])})[0] for n in (5, 10, 20, 40)]
        assert (np.diff(risks) > 0).all()


@given(st.floats(40, 90), st.floats(1, 80), st.booleans(), st.booleans())
def test_every_risk_is_a_probability_and_missing_stays_missing(
    age: float, size: float, smoker: bool, upper: bool
) -> None:
    risk = mayo(
        **one(
            age=age, ever_smoker=smoker, extrathoracic_cancer=0, diameter_mm=size, spiculation=0, upper_lobe=upper
        )
    )
    assert 0 < risk[0] < 1
    assert np.isnan(va(**one(age=age, ever_smoker=smoker, diameter_mm=float("nan"), years_quit=0)))[0]
