"""Writes a report to its destination."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from shutil import get_terminal_size

import click

from graphlint.errors import OutputError


def write(text: str, path: Path | None) -> None:
    """Write one document to a file, as a whole or not at all, or to stdout.

    Raises:
        OutputError: if the file cannot be written.
    """
    if path is None:
        if text:
            click.echo(text, color=True)
        return
    try:
        if path.exists() and not path.is_file():  # A pipe or a device cannot be replaced.
            path.write_text(f"{text}\n", encoding="utf-8", errors="backslashreplace")
            return
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(f"{text}\n" if text else "")
            mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"cannot write {path.as_posix()!r}: {error.strerror or error}") from error


def wants_color() -> bool:
    """Whether stdout supports colours: a terminal, unless NO_COLOR is set; FORCE_COLOR asks for them anyway."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def terminal_width() -> int | None:
    """The columns of the terminal that stdout is, at least 50; None if it is none."""
    return max(50, get_terminal_size().columns) if sys.stdout.isatty() else None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
