"""Prints what the part of the project without a neural network needs, one requirement a line, from pyproject.toml.

That is every dependency but those that bring torch, and pytest with its helpers. ``--lowest`` prints the lowest
version that pyproject.toml allows of each, in place of the range.
"""

import re
import sys
import tomllib
from pathlib import Path

BRING_TORCH = {"torch", "open_clip_torch", "peft"}
TEST_TOOLS = {"hypothesis", "pytest", "pytest-xdist"}

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
needed = project["dependencies"] + project["optional-dependencies"]["dev"]
for requirement in needed:
    name = re.split(r"[><=~!;\[ ]", requirement)[0]
    if name not in BRING_TORCH and (requirement in project["dependencies"] or name in TEST_TOOLS):
        sys.stdout.write((requirement.replace(">=", "==") if "--lowest" in sys.argv else requirement) + "\n")
