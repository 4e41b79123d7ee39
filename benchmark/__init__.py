"""Evaluation of lung-nodule malignancy models: contracts, cohorts, metrics, statistics, tables, report.

Pure numpy, pandas and scipy: nothing here imports torch, ``clip_nodule`` or ``adapters`` (a test holds it;
only ``benchmark.cli`` does, inside the command that needs them).
"""

__version__ = "0.1.0"
