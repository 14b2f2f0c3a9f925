"""Writes reports to their destinations."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO

import click

from graphlint.errors import OutputError

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport
    from graphlint.reports.writer import Setting


def write(text: str, path: Path | None) -> None:
    """Write one document to a file, as a whole or not at all, or to stdout.

    Raises:
        OutputError: if the file cannot be written.
    """
    with Destination(path) as destination:
        if text:
            destination.write([text])


class Destination:
    """Where lines go: stdout, or a file that is replaced as a whole at the end, if nothing went wrong until then.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._temporary: Path | None = None

    def __enter__(self) -> Destination:
        path = self._path
        if path is None:
            return self
        options: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "newline": "\n"}
        try:
            if path.exists() and not path.is_file():  # A pipe or a device cannot be replaced.
                self._file = path.open("w", **options)
            else:
                handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
                self._temporary = Path(name)
                self._file = os.fdopen(handle, "w", **options)
        except OSError as error:
            raise self._failed(error) from error
        return self

    def write(self, lines: Iterable[str]) -> None:
        """Write lines, with a line end after each, at once."""
        several = list(lines)
        if not several:
            return
        text = "\n".join(several)
        if self._path is None:
            click.echo(text, color=True)
            return
        assert self._file is not None
        try:
            self._file.write(f"{text}\n")
        except OSError as error:
            raise self._failed(error) from error

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is None or self._path is None:
            return
        try:
            self._file.close()
            if self._temporary is not None and kind is None:
                mode = self._path.stat().st_mode if self._path.exists() else 0o666 & ~_umask()
                self._temporary.chmod(mode)
                self._temporary.replace(self._path)
                self._temporary = None
        except OSError as error:
            raise self._failed(error) from error
        finally:
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> OutputError:
        assert self._path is not None
        return OutputError(f"cannot write {self._path.as_posix()!r}: {error.strerror or error}")


class Outputs:
    """The documents of one run, each in its format, written as the run goes: a context, in the order of `Writer`.

    Raises:
        OutputError: one of the files cannot be written.
    """

    def __init__(self, documents: Iterable[tuple[str, Path | None]], setting: Setting) -> None:
        from graphlint.reports import writer_for
        from graphlint.reports.tally import Tally

        plain = replace(setting, color=False, width=None)
        self._open = ExitStack()
        self._documents = [
            (writer_for(format, setting if path is None else plain), Destination(path)) for format, path in documents
        ]
        self.tally = Tally(setting.fail_on)
        """The counts so far."""

    def __enter__(self) -> Outputs:
        with ExitStack() as opening:
            for writer, destination in self._documents:
                opening.enter_context(destination)
                destination.write(writer.begin())
            self._open = opening.pop_all()
        return self

    def general(self, finding: Finding) -> None:
        """Write a finding that belongs to no model."""
        self.tally.general(finding)
        for writer, destination in self._documents:
            destination.write(writer.general(finding))

    def model(self, model: ModelReport) -> None:
        """Write one model."""
        self.tally.model(model)
        for writer, destination in self._documents:
            destination.write(writer.model(model))

    def end(self, notes: Iterable[str] = (), *, interrupted: bool = False) -> None:
        """Write what comes last."""
        from graphlint.reports.writer import Ending

        ending = Ending(self.tally, tuple(notes), interrupted)
        for writer, destination in self._documents:
            destination.write(writer.end(ending))

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)


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
