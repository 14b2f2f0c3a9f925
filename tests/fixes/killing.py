"""Kills ``graphlint fix`` at random moments: ``python -m tests.fixes.killing [TIMES] [SEED]``.

Half of the runs replace the file, half write a new one. One process imports Keras, which writes nothing; each run is a
fork of it that runs the whole command, and is killed at a moment between its start and a little after its usual end.
Whatever the moment, the model is the old or the new one, whole, and the next run leaves nothing beside it.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

from click.testing import CliRunner

from graphlint.cli import main
from graphlint.engine.linter import Linter

MODEL = Path(__file__).parents[1] / "data" / "bad.keras"
OLD = MODEL.read_bytes()
WAYS = {"in place": ["--in-place"], "to a new file": ["-o", "OUT"]}
_SECONDS = 120


def start(folder: Path, way: str) -> int:
    """Start the command in a process of its own; returns its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        arguments = [str(folder / "out.keras") if word == "OUT" else word for word in WAYS[way]]
        code = (
            CliRunner()
            .invoke(main, ["fix", "--isolated", "--unsafe", str(folder / "model.keras"), *arguments])
            .exit_code
        )
    finally:
        os._exit(code)


def wait(child: int, seconds: float) -> int | None:
    """The exit status of a process, or None if it still runs after some seconds."""
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done or time.monotonic() > end:
            return status if done else None
        time.sleep(0.002)


def is_fixed(path: Path) -> bool:
    """Whether a file is a whole model in which nothing of what is fixed is left."""
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:
            return False
    return not {one.code for one in Linter().check_file(path).findings if one.severity != "info"}


def outcome(folder: Path, way: str) -> str:
    """What a killed run left: ``old`` or ``new``, and anything else is a failure."""
    model, out, backup = folder / "model.keras", folder / "out.keras", folder / "model.keras.bak"
    content = model.read_bytes()
    if way == "in place":
        assert not out.exists()
        assert not backup.exists() or backup.read_bytes() == OLD
        if content == OLD:
            return "old"
        assert backup.exists() and is_fixed(model)
        return "new"
    assert content == OLD and not backup.exists()
    assert not out.exists() or is_fixed(out)
    return "new" if out.exists() else "old"


def private(folder: Path) -> list[Path]:
    """The private folders that are there."""
    return sorted(folder.glob(".graphlint-*"))


def kill(times: int, seed: int = 0) -> Counter[str]:
    """Kill the command at random moments, and count what came of it."""
    import keras  # noqa: F401

    chance, seen = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        usual = {}
        for way in WAYS:
            folder = _folder(Path(scratch, way))
            begun = time.monotonic()
            assert wait(start(folder, way), _SECONDS) == 0
            usual[way] = time.monotonic() - begun
            assert outcome(folder, way) == "new" and private(folder) == []
        for number in range(times):
            way = list(WAYS)[number % 2]
            folder = _folder(Path(scratch, str(number)))
            child = start(folder, way)
            ended = wait(child, chance.uniform(0, 1.1 * usual[way]))
            assert ended in (None, 0), f"the command failed: {ended}"
            if ended is None:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            seen[f"{way}: {'ended' if ended is not None else 'killed'}: {outcome(folder, way)}"] += 1
            if private(folder):
                seen[f"{way}: left a folder"] += 1
                if outcome(folder, way) == "old":
                    assert wait(start(folder, way), _SECONDS) == 0
                    assert private(folder) == [] and outcome(folder, way) == "new"
                    seen[f"{way}: the next run removed it"] += 1
            shutil.rmtree(folder)
    return seen


def _folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / "model.keras").write_bytes(OLD)
    return folder


if __name__ == "__main__":
    for what, count in sorted(kill(int(sys.argv[1]) if sys.argv[1:] else 200, int((*sys.argv, 0, 0)[2])).items()):
        print(f"{count:5} {what}")
