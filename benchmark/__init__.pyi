from benchmark.evaluation.evaluate import evaluate as evaluate
from benchmark.evaluation.evaluation import Evaluation as Evaluation

__version__: str
