"""Figure files: their size, resolution and fonts as read back, all of each figure inside, nothing on nothing."""

import itertools
import re
import zlib
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib.text import Text

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.report.compare_inputs import read_inputs
from benchmark.report.compare_options import CompareOptions
from benchmark.report.content import content_of
from benchmark.report.drawings import Drawing, Drawings
from benchmark.report.figure_files import check_formats, write_figures
from benchmark.report.manuscript.render import render
from benchmark.report.manuscript.style import FORMATS, WIDTHS_MM, print_style
from benchmark.report.manuscript.text import families_for, plain_text
from tests.comparison.made import write_made
