#!/usr/bin/env bash
# Wheels that a machine with a GPU lacks to train, score and explain here, where pip reaches no registry: it has
# Python 3.12 on x86-64 and brings torch, peft, pandas, pyarrow, SciPy, scikit-learn and statsmodels itself.
#   .ci/gpu_wheels.sh           # here, from the repository's root: fills .whl/
#   python3 -m pip install --no-index --no-deps --target site .whl/*.whl && export PYTHONPATH=site    # there
# SimpleITK (50 MB) is left out: tests/gpu/stand_in says what stands for it.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf .whl && mkdir .whl
platforms=()
for tag in _2_28 _2_27 _2_24 _2_17 2014 _2_12 _2_5 1; do
    platforms+=(--platform "manylinux${tag}_x86_64")
done
for name in annotated-types donfig et-xmlfile filelock ftfy google-crc32c isal msgspec numcodecs open-clip-torch openpyxl \
    plotly pydantic pydantic-core scikit-posthocs typing-inspection wcwidth zarr; do
    pinned=$(grep -iE "^${name//-/[-_]}==" constraints.txt | grep -v "python_full_version < '3.12'" | head -n 1 | sed 's/ *;.*//')
    [ -n "$pinned" ] || { echo "constraints.txt has no version of $name" >&2; exit 1; }
    python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
        "${platforms[@]}" --dest .whl "$pinned"
done
du -sh .whl
