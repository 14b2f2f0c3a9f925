"""What an output format is: a writer that receives one model after another, so that a run of any length is written as
it goes, in memory that does not grow with it.

A driver makes one of each format it writes, and calls `Writer.begin`, then `Writer.general` and `Writer.model` in the
order of the run, then `Writer.end`, also if the run was interrupted. Each gives lines, which the driver writes with a
line end after each; one that gives none writes nothing.
"""

from __future__ import annotations

import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding, Severity
    from graphlint.reports.report import ModelReport
    from graphlint.reports.tally import Tally

_IN_MEMORY = 1_000_000
"""Characters of a spool that are not yet worth a file."""


class RulePage(NamedTuple):
    """What a report may say of a rule: its default severity, what its family is about, its summary and its page."""

    severity: Severity
    family: str
    summary: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What a writer is told before the first model.

    ``explanations`` says of each code why it is bad, in one sentence, and ``pages`` has the page of each rule; both may
    grow during the run, but have the codes of a model before it is written. ``color``, ``statistics`` (counts of each
    code) and ``width`` (columns, where lines are broken) are for the formats that are read by people; ``fail_on``
    overrides that of each model. ``suppressions`` are written by the formats that can say that a finding is suppressed.
    """

    explanations: Mapping[str, str] = field(default_factory=dict)
    pages: Mapping[str, RulePage] = field(default_factory=dict)
    _: KW_ONLY
    color: bool = False
    statistics: bool = False
    width: int | None = None
    fail_on: str | None = None
    suppressions: bool = True


class Ending(NamedTuple):
    """What a writer is told after the last model. ``interrupted`` says that others should have followed."""

    tally: Tally
    notes: tuple[str, ...] = ()
    interrupted: bool = False


class Writer(ABC):
    """One document in one format; the class of that name in the module of the format."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def begin(self) -> Iterable[str]:
        """What stands before everything else."""
        return ()

    @abstractmethod
    def general(self, finding: Finding) -> Iterable[str]:
        """A finding that belongs to no model."""

    @abstractmethod
    def model(self, model: ModelReport) -> Iterable[str]:
        """One model."""

    def end(self, ending: Ending) -> Iterable[str]:
        """What stands after everything else."""
        return ()


class Collecting(Writer):
    """A writer of a document that needs all of the run at once: its memory grows with the run."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._general: list[Finding] = []
        self._models: list[ModelReport] = []

    def general(self, finding: Finding) -> Iterable[str]:
        self._general.append(finding)
        return ()

    def model(self, model: ModelReport) -> Iterable[str]:
        self._models.append(model)
        return ()

    def end(self, ending: Ending) -> Iterable[str]:
        yield self.document(tuple(self._models), tuple(self._general), ending.notes)

    @abstractmethod
    def document(self, models: tuple[ModelReport, ...], general: tuple[Finding, ...], notes: tuple[str, ...]) -> str:
        """All of it."""


class Spool:
    """Lines to be written later than others, in a temporary file once they are many.

    >>> spool = Spool()
    >>> spool.add("first"), spool.add("second"), list(spool)
    (None, None, ['first', 'second'])
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._file: TextIO | None = None

    def add(self, line: str) -> None:
        """Keep a line."""
        self._lines.append(line)
        self._size += len(line)
        if self._size > _IN_MEMORY:
            self._store()

    def _store(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 - closed when it was read, or with the spool
                "w+", encoding="utf-8", errors="surrogatepass", newline="\n"
            )
            weakref.finalize(self, self._file.close)
        self._file.writelines(line.replace("\n", "\0") + "\n" for line in self._lines)
        self._lines, self._size = [], 0

    def __iter__(self) -> Iterator[str]:
        """The lines so far, after which none can be added."""
        if self._file is not None:
            with self._file as file:
                file.seek(0)
                for line in file:
                    yield line.removesuffix("\n").replace("\0", "\n")
        yield from self._lines


class Elements:
    """The elements of a list in JSON, with commas between them, of which the last is only known when it is over."""

    def __init__(self, start: str, indent: int = 2) -> None:
        self._start, self._indent = start, " " * indent
        self._last: str | None = None

    def add(self, text: str) -> Iterator[str]:
        """Another element; gives the one before it."""
        yield f"{self._indent}{self._start}[" if self._last is None else f"{self._last},"
        self._last = "\n".join(f"{self._indent}  {line}" for line in text.split("\n"))

    def close(self, after: str = "") -> Iterator[str]:
        """The last element and the end of the list, with what follows it in that line."""
        if self._last is None:
            yield f"{self._indent}{self._start}[]{after}"
        else:
            yield from (self._last, f"{self._indent}]{after}")
