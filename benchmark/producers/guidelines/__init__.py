"""Guidelines for nodules found on CT as ordinal scores: for research, not for care.

Fleischner Society 2017: MacMahon et al., Radiology 2017;284:228-243. British Thoracic Society 2015: Callister et
al., Thorax 2015;70(Suppl 2):ii1-ii54. The rules are in our words. Neither document ranks its recommendations: the
order of ``FLEISCHNER`` and ``BTS`` is ours, by how soon and how invasive the first step is. Only the first
assessment is offered, not what follows from growth.
"""

from benchmark.producers.guidelines.bts import BTS, bts
from benchmark.producers.guidelines.fleischner import FLEISCHNER, fleischner
from benchmark.producers.guidelines.nodule import GuidelineNodule

__all__ = ["BTS", "FLEISCHNER", "GuidelineNodule", "bts", "fleischner"]
