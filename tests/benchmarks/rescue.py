"""What `graphlint fix` makes of model files that Keras refuses: one line for each, and a count for each cause.

    python tests/benchmarks/rescue.py FILE|DIRECTORY ...

A rescued file loads with Keras's safe mode on, has every stored weight bit for bit, and is without K003, K004 and K010.
Exits with 1 where a file that was said to be rescued is not.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np

from graphlint.engine.linter import Linter
from graphlint.errors import GraphlintError, one_line
from graphlint.fixes.files import fix_file
from graphlint.fixes.fixer import Fixer
from graphlint.model.expand import expand
from graphlint.portability.modernizing import modernize
from graphlint.sources import read

SUFFIXES = (".keras", ".h5", ".hdf5", ".json")
CAUSES = (
    ("No model config", "only weights"),
    ("truncated", "truncated"),
    ("Lambda|lambda", "Python code"),
    ("TFOpLambda|SlicingOpLambda|TensorFlowOpLayer", "TensorFlow operation"),
    ("Could not locate class|Unknown (layer|object|class)|was not found|not registered", "missing class"),
    ("Unrecognized keyword|unexpected keyword|not recognized|Unrecognized", "removed argument"),
    ("not a valid|accessible|file not found|zip", "name of another format"),
    ("batch_input_shape|batch_shape|not yet been built|never been called|no defined input", "no input shape"),
    ("too many values|not enough values|unhashable|list index|string indices|has no attribute", "form of the calls"),
)


def main(arguments: list[str]) -> int:
    warnings.simplefilter("ignore")
    rescued: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    broken = 0
    for path in files(arguments):
        error = refusal(path)
        if error is None:
            continue
        cause = next((name for pattern, name in CAUSES if re.search(pattern, error)), " ".join(error.split())[:60])
        try:
            outcome = rescue(path)
            rescued[cause] += 1
        except GraphlintError as why:
            outcome = f"refused: {one_line(why, 150)}"
            refused[cause] += 1
        except AssertionError as why:
            outcome, broken = f"BROKEN: {why}", broken + 1
        print(f"{path.name} | {cause} | {outcome}", flush=True)
        keras.utils.clear_session()
    print()
    for cause in sorted({*rescued, *refused}, key=lambda one: -(rescued[one] + refused[one])):
        print(f"{cause}: {rescued[cause]} rescued, {refused[cause]} refused")
    print(f"all: {rescued.total()} rescued, {refused.total()} refused, {broken} broken")
    return 1 if broken else 0


def files(arguments: list[str]) -> list[Path]:
    found: list[Path] = []
    for argument in map(Path, arguments):
        inside = sorted(argument.rglob("*")) if argument.is_dir() else [argument]
        found += [path for path in inside if path.is_file() and path.suffix in SUFFIXES]
    return found


def refusal(path: Path) -> str | None:
    """What Keras says to a file as it is; None where it loads it."""
    try:
        if path.suffix == ".json":
            keras.models.model_from_json(path.read_text())
        else:
            keras.models.load_model(path, safe_mode=True)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def rescue(path: Path) -> str:
    linter = Linter()
    done = fix_file(path, Fixer(linter))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rescued.keras"
        done.save(target)
        model = keras.models.load_model(target, safe_mode=True)
        codes = {one.code for one in linter.check_file(target).findings}
        assert not codes & {"K003", "K004", "K010"}, f"still {sorted(codes)}"
        definition = read(path, by_content=True)
        modernize(definition)  # What it makes of the numbers of older layers is what has to be there, bit for bit.
        before, after = expand(definition), expand(read(target))
        if not before.has_weights:
            return "rescued, fresh weights"
        changed = {one.finding.code for one in done.report.applied} - {"K003", "K004", "K010"}
        same = before.variables.keys() == after.variables.keys()
        twins = [after.variables[name] for name in before.variables] if same else list(after.variables.values())
        for old, new in zip(before.variables.values(), twins, strict=True) if not changed else ():
            assert old.values is not None and new.values is not None, f"no values for {old.id}"
            one, other = old.values.read(), new.values.read()
            assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), f"{old.id} differs"
        also = f", fixed {', '.join(sorted(changed))}" if changed else ""
        return f"rescued, {model.count_params():,} parameters equal{also}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
