"""Prints what a part of the project needs, one requirement a line, from pyproject.toml.

That is every dependency of the plain installation, those of the extras named, and pytest with its helpers.
``--lowest`` prints the lowest version that pyproject.toml allows of each, in place of the range.
"""

import sys
import tomllib
from pathlib import Path

TEST_TOOLS = {"hypothesis", "pytest", "pytest-xdist"}

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
wanted = [line for name in sys.argv[1:] if not name.startswith("--") for line in extras[name]]
tools = [line for line in extras["dev"] if line.split(">")[0] in TEST_TOOLS]
for line in project["dependencies"] + wanted + tools:
    sys.stdout.write((line.replace(">=", "==") if "--lowest" in sys.argv else line) + "\n")
