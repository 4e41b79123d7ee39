"""Prints what the part of the project without a neural network needs, one requirement a line, from pyproject.toml.

That is every dependency but those that bring torch, the extra ``images``, and pytest with its helpers.
``--lowest`` prints the lowest version that pyproject.toml allows of each, in place of the range.
"""

import sys
import tomllib
from pathlib import Path

BRING_TORCH = {"torch", "open_clip_torch", "peft"}
TEST_TOOLS = {"hypothesis", "pytest", "pytest-xdist"}

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
tools = [line for line in extras["dev"] if line.split(">")[0] in TEST_TOOLS]
for line in project["dependencies"] + extras["images"] + tools:
    if line.split(">")[0] not in BRING_TORCH:
        sys.stdout.write((line.replace(">=", "==") if "--lowest" in sys.argv else line) + "\n")
