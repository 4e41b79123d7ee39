"""Coverage of the intervals of time-to-event measures, and level of their paired differences."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmark.metrics import brier_at, dynamic_auc, uno_c
from benchmark.statistics import Resampling, survival_bootstrap
from tests.coverage.gates import Measured, band

TIMES = (2, 4, 6)
METRICS = ("uno_c", "dynamic_auc", "brier_at")
RATE, EFFECT = 0.012, 1.2
"""Hazard a year at an average risk, and its logarithm's growth with one standard deviation of risk."""
TABLE = "Time to event: logit intervals, and differences"


@dataclass(frozen=True)
class Censored:
    """Patients of whom a share is censored at random by year 6, the rest at year 7; with one scan or more."""

    patients: int
    censored: float
    scans: int = 1

    @property
    def name(self):
        twice = f", {self.scans} scans each" if self.scans > 1 else ""
        return f"{self.patients} patients{twice}, {self.censored:.0%} censored by year 6"

    def draw(self, rng):
        """Follow-up, event, the true risk by each of `TIMES`, two noisy copies of equal worth, and the patient."""
        died, risk, copies, patient = self.uncensored(rng)
        left = np.minimum(rng.exponential(-6 / math.log(1 - self.censored), self.patients), 7)[patient]
        return np.minimum(died, left), (died <= left).astype(int), risk, copies, patient

    def uncensored(self, rng):
        """Time of the event, and the rest of `draw`; a scan of several sees its patient's risk with noise."""
        patient = np.arange(self.patients * self.scans) // self.scans
        own = rng.normal(size=self.patients)
        died = rng.exponential(np.exp(-EFFECT * own) / RATE)
        x = own[patient] + (rng.normal(size=patient.size) * 0.3 if self.scans > 1 else 0)
        copies = {name: x + rng.normal(size=x.size) * 0.5 for name in ("a", "b")}
        return died[patient], 1 - np.exp(-RATE * np.exp(EFFECT * x)[:, None] * np.array(TIMES)), copies, patient


@cache
def truth(scans):
    """Values in 400,000 scans without censoring, by name."""
    died, risk, _, _ = Censored(400_000 // scans, 0.3, scans).uncensored(np.random.default_rng(1))
    event = np.ones(died.size, dtype=int)
    areas, scores = dynamic_auc(died, event, risk, TIMES), brier_at(died, event, risk, TIMES)
    found = {f"dynamic_auc@time={t}": area for t, area in zip(TIMES, areas, strict=True)}
    found |= {f"brier_at@time={t}": score for t, score in zip(TIMES, scores, strict=True)}
    return found | {f"uno_c@time={t}": uno_c(died, event, risk[:, k], t) for k, t in enumerate(TIMES)}


CASES = (
    Censored(220, 0.3),
    Censored(220, 0.7),
    Censored(600, 0.3),
    Censored(600, 0.7),
    Censored(600, 0.3, scans=2),
)


def censored_coverage(case, repeats, seed, replicates=400):
    """Coverage by measure and time, and how often two models of equal worth differ; gated from 50 events on."""
    rng = np.random.default_rng(seed)
    expected, held, known, missed, events = truth(case.scans), {}, {}, 0, 0
    for k in range(repeats):
        time, event, risk, copies, patient = case.draw(rng)
        events += int(((time <= 6) & (event == 1)).sum()) / case.scans
        resampling = Resampling(replicates, seed=k, workers=1)
        clusters = patient if case.scans > 1 else None
        for found in survival_bootstrap(
            time, event, {"m": risk}, TIMES, METRICS, clusters, resampling=resampling
        ).estimates:
            if math.isfinite(found.low):
                known[found.metric] = known.get(found.metric, 0) + 1
                inside = found.low <= expected[found.metric] <= found.high
                held[found.metric] = held.get(found.metric, 0) + inside
        pair = survival_bootstrap(time, event, copies, (6,), "dynamic_auc", clusters, resampling=resampling)
        missed += pair.differences[0].p_value < 0.05
    title = f"{case.name}, {events / repeats:.0f} events"
    rows = [
        Measured(
            TABLE, title, f"{name} covered", held[name] / known[name], known[name], *_gate(events / repeats, name)
        )
        for name in expected
    ]
    return [
        *rows,
        Measured(TABLE, title, "equal models differ", missed / repeats, repeats, 0.0, band(0.06, repeats)[1]),
    ]


def _gate(events, name):
    """The target from 50 events on, .93-.97, with the error of 500 repeats; the rest is reported."""
    return (0.93 - 0.025, 0.97 + 0.025) if events >= 50 and name.endswith("=6") else (0.0, 1.0)
