"""The gate before Keras: what it loads from a file was looked at by every security rule, byte for byte.

Neither a configuration nor an option changes what is asked here, and Keras receives a private copy of the bytes that
were checked: what anybody writes to the file meanwhile is not loaded.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphlint.engine.config import Config
from graphlint.engine.linter import Linter
from graphlint.engine.offers import untrustworthy
from graphlint.engine.registry import load_registry
from graphlint.engine.selection import Selection
from graphlint.errors import Untrusted
from graphlint.findings.finding import is_security
from graphlint.findings.tool_findings import NOT_BUILT


@contextmanager
def admitted(path: Path) -> Iterator[Path]:
    """A private copy of a model file, or of an unpacked model, in which no security rule finds anything.

    Raises:
        Untrusted: one does, or the model cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="graphlint-") as folder:
        copy = Path(folder) / path.name
        try:
            _copy(path, copy)
        except OSError as error:
            raise Untrusted(f"cannot read {path}: {error.strerror or error}") from error
        _require_trust(copy, path)
        yield copy


def _require_trust(copy: Path, path: Path) -> None:
    codes = tuple(rule.code for rule in load_registry() if is_security(rule.code))
    report = Linter(Config(), Selection(select=codes)).check_file(copy, path.as_posix())
    bad = [one for one in untrustworthy(report.findings) if one.code != NOT_BUILT]
    if bad:
        what = "; ".join(f"{one.code} {one.name}: {one.message}" for one in bad[:3])
        raise Untrusted(f"refused, nothing was loaded or changed: {what}")


def _copy(source: Path, copy: Path) -> None:
    if source.is_dir():
        copy.mkdir()
        for child in sorted(source.iterdir()):
            if child.is_symlink():
                raise Untrusted(f"{child} is a symbolic link: expected the files of an unpacked model")
            _copy(child, copy / child.name)
        return
    # Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
    descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Untrusted(f"{source} is not a regular file: expected a model file")
        with copy.open("xb") as target:
            shutil.copyfileobj(file, target, 1 << 20)
