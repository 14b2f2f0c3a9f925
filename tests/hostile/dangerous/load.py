"""Loads every case that has a payload with the Keras that is installed, and prints whether its canary changed.

Run by `tests.hostile.dangerous.prove` in an environment of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np

from tests.hostile.dangerous.case import Case
from tests.hostile.dangerous.cases import CASES

_SECONDS = 30
_OPENED: set[str] = set()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str):
        _OPENED.add(arguments[0])


def _load(path: Path, safe_mode: bool) -> None:
    """Load a model, and call it once, as whoever loads it does next."""
    if path.suffix == ".json":
        model = keras.models.model_from_json(path.read_text())
    else:
        model = keras.models.load_model(str(path), **({} if safe_mode else {"safe_mode": False}))
    model(np.zeros([1, *model.inputs[0].shape[1:]], "float32"))


def fires(case: Case, folder: Path, safe_mode: bool) -> tuple[bool, str]:
    """Whether loading a case creates, or reads, its canary; and what loading raised."""
    folder.mkdir()
    canary = folder / "canary"
    path = case.write(folder / "model", canary)
    if case.reads:
        canary.write_text("word\n" * 20)
        os.utime(canary, (1, 1))
    _OPENED.clear()
    signal.alarm(_SECONDS)
    raised = ""
    try:
        _load(path, safe_mode)
    except BaseException as error:
        raised = f"{type(error).__name__}: {' '.join(str(error).split())[-250:]}"
        if os.environ.get("TRACEBACK"):
            traceback.print_exc()
    finally:
        signal.alarm(0)
    if case.reads:
        return str(canary) in _OPENED or canary.stat().st_atime != 1, raised
    return any(folder.glob("canary*")), raised


def main(names: list[str]) -> None:
    """Try the cases; one JSON line for each."""
    sys.addaudithook(_hook)
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError()))
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, case) in enumerate(CASES.items()):
            if not case.payload or (names and name not in names):
                continue
            found, raised = fires(case, Path(folder, f"{number}s"), True)
            how = "by default" if found else ""
            if not found:
                found, _ = fires(case, Path(folder, f"{number}u"), False)
                how = "with safe_mode=False" if found else ""
            print("\n@" + json.dumps({"case": name, "fires": how, "raised": raised}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
