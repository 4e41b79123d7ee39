"""What a star over folds says of models that are equal, and what the test on patients says."""

import numpy as np
import pandas as pd

from benchmark.comparison.folds import fold_tests, starred
from benchmark.metrics import auroc
from benchmark.statistics import delong_test, holm
from tests.coverage.gates import Measured, band

# Positives, negatives, models, folds, and spreads around what the models share: of a model, and of one fold.
STARS = [(40, 200, 3, 5, 0.7, 0.3), (63, 1057, 3, 5, 0.7, 0.3)]


def star_level(case, repeats, seed):
    """How often equal models on one test set differ: some star over folds, some Holm p below 0.05 on patients."""
    positives, negatives, models, folds, of_model, of_fold = case
    rng = np.random.default_rng(seed)
    label = np.repeat([1, 0], [positives, negatives])
    stars = rejected = 0
    for _ in range(repeats):
        shared = rng.normal(size=label.size) + 1.8 * label
        rows, ensembles = [], []
        for m in range(models):
            own = shared + of_model * rng.normal(size=label.size)
            single = [own + of_fold * rng.normal(size=label.size) for _ in range(folds)]
            ensembles.append(np.mean(single, axis=0))
            rows += [("c", f"m{m}", str(k), "auroc", auroc(label, scores)) for k, scores in enumerate(single)]
        values = pd.DataFrame(rows, columns=["cohort", "model", "fold", "metric", "value"])
        stars += bool(starred(values, fold_tests(values, "c")))
        p = [delong_test(label, ensembles[i], ensembles[j]).p_value for i in range(models) for j in range(i)]
        rejected += holm(p).min() < 0.05
    name = f"{positives}+{negatives}, {models} models, {folds} folds on one test set"
    # STATISTICS.md (e): 65-75 % and 3-4.5 %. How often there is a star follows from how much the folds of a model
    # differ; it is gated around "about three of four", which the note below the table of folds says.
    return [
        Measured("Level of tests", name, "star over folds, any", stars / repeats, repeats, 0.68, 0.84, 0.70),
        Measured(
            "Level of tests",
            name,
            "Holm-DeLong on patients, any",
            rejected / repeats,
            repeats,
            0,
            max(0.061, band(0.05, repeats)[1]),
            0.04,
        ),
    ]
