"""Where a project keeps its files: the cohort folders, and one folder of results with a place for each kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.contracts.cohort import Cohort, load_cohort
from benchmark.contracts.names import path_named


@dataclass(frozen=True)
class Workspace:
    """The two folders that commands share, and what stands where in the second.

    Methods that take a name refuse, with ``InputError``, one that could lead out of its folder
    (`benchmark.contracts.names`).

    Attributes:
        cohorts: Folder of the cohort folders.
        results: Folder of everything that is made from them.
        scores_alone: Whether cohorts and models are those of somebody's table, so that runs and crops of the same
            names are none of theirs.
    """

    cohorts: Path = Path("cohorts")
    results: Path = Path("results")
    scores_alone: bool = False

    def cohort(self, name: str) -> Cohort:
        """Load a cohort.

        Raises:
            InputError: There is none of this name, or its files break the contract.
        """
        return load_cohort(name, self.cohorts)

    @property
    def all_scores(self) -> Path:
        """Folder of the score tables' folders."""
        return self.results / "scores"

    def scores(self, cohort: str) -> Path:
        """Folder of a cohort's score tables."""
        return path_named(self.all_scores, cohort, "cohort")

    def score_table(self, cohort: str, model: str) -> Path:
        """A model's score table of a cohort, where nobody asked for another place."""
        return path_named(self.scores(cohort), model, "model", ".csv")

    def scoring_record(self, cohort: str, model: str) -> Path:
        """The record beside a run's score table."""
        return path_named(self.scores(cohort), model, "model", ".json")

    @property
    def runs(self) -> Path:
        """Folder of the run folders."""
        return self.results / "runs"

    def run(self, name: str) -> Path:
        """A run folder."""
        return path_named(self.runs, name, "run")

    def crops(self, cohort: str) -> Path:
        """A cohort's crop store."""
        return path_named(self.results / "crops", cohort, "cohort")

    @property
    def overlaps(self) -> Path:
        """Folder of what cohorts have in common, a table a pair."""
        return self.results / "overlap"

    def explanation(self, cohort: str) -> Path:
        """Folder of a cohort's zero-shot features and their tables."""
        return path_named(self.results / "explain", cohort, "cohort")

    @property
    def texts(self) -> Path:
        """Folder of report texts, a table a cohort."""
        return self.results / "texts"

    def report_texts(self, cohort: str) -> Path:
        """Table of a cohort's report texts."""
        return path_named(self.texts, cohort, "cohort", ".csv")

    def ablation(self, name: str) -> Path:
        """Metric table of an ablation."""
        return path_named(self.results / "tables", name, "ablation", ".csv")

    def search(self, name: str) -> Path:
        """Folder of a search over settings: its trials' table and page, and the configuration that was chosen."""
        return path_named(self.results / "tune", name, "search")

    @property
    def comparison(self) -> Path:
        """Folder of a comparison's tables, figures and page, where nobody asked for another place."""
        return self.results / "compare"

    @property
    def pseudonym_key(self) -> Path:
        """File with the key of the patients' pseudonyms."""
        return self.results / "pseudonyms.key"
