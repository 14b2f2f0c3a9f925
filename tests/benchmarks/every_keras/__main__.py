"""Try thirteen kinds of models with everything that graphlint does to a model in memory, under the Keras at hand.

    python -m tests.benchmarks.every_keras                     the installed release and the backend of KERAS_BACKEND
    python -m tests.benchmarks.every_keras masked --only split

Prints a row for each kind of model and a column for each operation: ok, where the result is what Keras itself
computes; refused, where an error of graphlint says so and names what it is; ALARM, where something is reported in a
sound model; CRASH for any other error, and for a result that is wrong. Exits with 1 if there is one of the last two,
or a refusal that names nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
import traceback
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras

from graphlint.errors import GraphlintError, one_line
from tests.benchmarks.every_keras.kinds import KINDS, Kind
from tests.benchmarks.every_keras.operations import OPERATIONS, FalseAlarm, Operation

BAD = ("CRASH", "ALARM", "UNNAMED")


def outcome(kind: Kind, operation: Operation) -> tuple[str, str]:
    """How it went, and what was said."""
    try:
        operation(kind)
    except FalseAlarm as error:
        return "ALARM", one_line(error)
    except GraphlintError as error:
        names = {layer.name for layer in kind.made()._flatten_layers()} | {keras.backend.backend()}
        named = any(re.search(rf"\b{re.escape(name)}\b", str(error)) for name in names)
        return "refused" if named else "UNNAMED", one_line(error)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "CRASH", f"{type(error).__name__}: {one_line(error)} ({where.filename}:{where.lineno})"
    return "ok", ""


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; all by default")
    parser.add_argument("--only", nargs="+", choices=list(OPERATIONS), default=list(OPERATIONS), metavar="OPERATION")
    parser.add_argument("--part", default="1/1", metavar="K/N", help="every Nth kind from the Kth on")
    parser.add_argument("--trace", action="store_true", help="print where errors come from")
    chosen = parser.parse_args()
    if unknown := set(chosen.kinds) - set(KINDS):
        parser.error(f"expected kinds of {', '.join(KINDS)}, got {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")
    started = time.monotonic()
    part, parts = map(int, chosen.part.split("/"))
    kinds = [KINDS[name] for name in chosen.kinds or KINDS][part - 1 :: parts]
    width = max(len(one.name) for one in kinds)
    columns = [max(len(name), 7) for name in chosen.only]
    print(f"Keras {keras.__version__}, {keras.backend.backend()}, Python {sys.version.split()[0]}")
    print(" " * width, *(name.ljust(size) for name, size in zip(chosen.only, columns, strict=True)))
    said: list[str] = []
    counts: dict[str, int] = {}
    for one in kinds:
        print(one.name.ljust(width), end="", flush=True)
        for name, size in zip(chosen.only, columns, strict=True):
            found, message = outcome(one, OPERATIONS[name])
            counts[found] = counts.get(found, 0) + 1
            print("", found.ljust(size), end="", flush=True)
            if message:
                said.append(f"{found}: {one.name}, {name}: {message}")
        print()
    print(*said, sep="\n")
    print(", ".join(f"{number} {found}" for found, number in counts.items()), f"({time.monotonic() - started:.0f} s)")
    return int(any(found in BAD for found in counts))


if __name__ == "__main__":
    sys.exit(main())
