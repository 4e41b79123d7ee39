"""Evaluation of lung-nodule malignancy models: contracts, cohorts, metrics, statistics, tables, report.

`evaluate` compares models on labels and scores in memory and gives an `Evaluation`::

    from benchmark import evaluate

    evaluate(labels, scores).performance

Pure numpy, pandas and scipy: nothing here imports torch, ``clip_nodule`` or ``adapters`` (a test holds it;
only ``benchmark.cli`` does, inside the command that needs them).
"""

__version__ = "0.1.0"
__all__ = ["Evaluation", "__version__", "evaluate"]

_HOME = {"Evaluation": "benchmark.evaluation.evaluation", "evaluate": "benchmark.evaluation.evaluate"}
"""Where a name is defined; loaded when it is asked for, since pandas and scipy take half a second."""


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
