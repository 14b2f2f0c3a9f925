"""Findings that were there when graphlint was adopted: a file of them, so that a run reports only what is new.

An entry is a line with the path of a model, relative to the folder of the file, a code and a fingerprint; lines are
sorted, and the same entry may be there more than once. So two branches that add findings of different models do not
conflict, and `sort` mends what a merge leaves.

A model that has no entries may be one that was moved, or saved under another name: it takes over the entries of a model
that is gone and has the same findings.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from enum import StrEnum
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from graphlint.errors import BaselineError, listed
from graphlint.findings.tool_findings import NOTHING_TO_CHECK, TOOL_FINDINGS
from graphlint.reports.report import Status, Suppressed
from graphlint.sources.importing import is_target

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding
    from graphlint.reports.report import ModelReport

_HEAD = "# graphlint baseline 1: known findings, one a line and sorted: path, code, fingerprint"
_VERSION = re.compile(r"# graphlint baseline (\d+)\b")
_ENTRY = re.compile(r"(.+) ([A-Z]+\d{3}) ([0-9a-f]{32})", re.DOTALL)
_ESCAPED = re.compile("[\x00-\x1f\x7f%\x85\u2028\u2029\ud800-\udfff]+|^[ #]+")
_KEPT = 1000
"""Known findings of one model that a report may say more of than their number."""
_NAMED = 5
_CANDIDATES = 256
"""Models that are gone, among which the one is sought that a new model was."""
_REASON = "in the baseline"


class Entry(NamedTuple):
    """One known finding."""

    path: str
    code: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{_escape(self.path)} {self.code} {self.fingerprint}"


class Mode(StrEnum):
    """What becomes of the file."""

    READ = "read"
    UPDATE = "update"
    """Entries that match nothing are taken out, and those of a moved model get its path."""
    WRITE = "write"
    """The same, and everything that was found is put in."""


class Baseline:
    """The known findings of a run, used up as models are reported.

    ``expected`` are the models that will be reported, where they are known: what one of them was called before is then
    left to it, whichever comes first.
    """

    expected: Sequence[str] = ()

    def __init__(self, path: Path, entries: Iterable[Entry] = (), mode: Mode = Mode.READ) -> None:
        self.path = path
        self.mode = mode
        self._root = Path.cwd() / path.parent
        self._known: dict[str, Counter[tuple[str, str]]] = {}
        for entry in entries:
            self._known.setdefault(entry.path, Counter())[entry[1:]] += 1
        self._done: Counter[Entry] = Counter()
        """Entries of models that were reported, as they are to be kept."""
        self._gone: _Gone | None = None
        self._stale: list[Entry] = []
        self._moved: list[str] = []
        self._unchecked: list[str] = []

    @property
    def is_changed(self) -> bool:
        """Whether the file is written at the end of the run."""
        return self.mode is not Mode.READ

    @classmethod
    def read(cls, path: Path, mode: Mode = Mode.READ) -> Baseline:
        """The baseline in a file. One that is to be written need not be there.

        Raises:
            BaselineError: it cannot be read, or is something else.
        """
        shown = path.as_posix()
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError as error:
            if mode is Mode.WRITE:
                return cls(path, (), mode)
            raise BaselineError(f"{shown}: no such baseline: write it with --write-baseline {shown}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise BaselineError(f"{shown}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
        return cls(path, _entries(text, shown), mode)

    def apply(self, model: ModelReport) -> ModelReport:
        """The report on a model without the findings that are known, which it counts."""
        if model.status is Status.SKIPPED:
            return model
        path = self._key(model.path)
        known = self._known.pop(path, None)
        if known is None:
            known = self._taken_over(path, model)
        new: list[Finding] = []
        old: list[Finding] = []
        for finding in model.findings:
            key = (finding.code, finding.fingerprint)
            if known[key] > 0:
                known[key] -= 1
                old.append(finding)
            elif self.mode is Mode.WRITE:
                old.append(finding)
            else:
                new.append(finding)
        self._done.update(Entry(path, one.code, one.fingerprint) for one in old)
        for (code, fingerprint), count in known.items():
            left = Entry(path, code, fingerprint)
            if code in model.ran or (code in TOOL_FINDINGS and model.status is Status.CHECKED):
                self._stale += [left] * count
            else:
                self._done[left] += count
        if any(one.code in TOOL_FINDINGS for one in old):
            self._unchecked.append(model.path)
        suppressions = [Suppressed(one, _REASON) for one in old[:_KEPT]]
        return replace(
            model,
            findings=tuple(new),
            in_baseline=len(old),
            suppressions=(*model.suppressions, *suppressions),
        )

    def knows(self, finding: Finding) -> bool:
        """Whether a finding that belongs to no model is known. That nothing was checked at all never is."""
        if finding.code == NOTHING_TO_CHECK:
            return False
        path, key = self._key(finding.model), (finding.code, finding.fingerprint)
        known = self._known.get(path, Counter())
        if known[key] <= 0 and self.mode is not Mode.WRITE:
            return False
        known[key] -= 1
        self._done[Entry(path, *key)] += 1
        self._unchecked.append(finding.model)
        return True

    def notes(self) -> Iterator[str]:
        """What the report says of it, after the last model."""
        if self._unchecked:
            yield (
                f"{self.path.name}: what could not be checked is known, and no failure: "
                f"{listed(self._unchecked, _NAMED)}"
            )
        if self._moved:
            yield f"{self.path.name}: taken for models that are gone: {listed(self._moved, _NAMED)}"
        stale = [f"{entry.path} {entry.code}" for entry in [*self._stale, *self._of_gone_models()]]
        if stale:
            entries = "entry matches" if len(stale) == 1 else "entries match"
            done = "taken out" if self.is_changed else "--update-baseline takes them out"
            yield f"{self.path.name}: {len(stale):,} {entries} nothing any more ({listed(stale, _NAMED)}): {done}"

    def text(self) -> str:
        """The file as it is to be written, after the last model: what was not looked at in this run stays."""
        gone = set(self._of_gone_models())
        kept = [entry for entry in self._left() if entry not in gone]
        lines = sorted([str(entry) for entry in self._done.elements()] + [str(entry) for entry in kept])
        return "\n".join([_HEAD, *lines])

    def _left(self) -> Iterator[Entry]:
        for path, known in self._known.items():
            yield from (Entry(path, *key) for key, count in known.items() for _ in range(count))

    def _of_gone_models(self) -> Iterator[Entry]:
        return (entry for entry in self._left() if self._is_gone(entry.path))

    def _is_gone(self, path: str) -> bool:
        return not _is_named(path) and not os.path.lexists(self._root / path)

    def _key(self, shown: str) -> str:
        """How the file calls a model: relative to its own folder, whatever the current directory is."""
        if _is_named(shown) and not os.path.lexists(shown):
            return shown
        try:
            relative = os.path.relpath(shown, self._root)
            if relative.startswith(".."):  # Perhaps only because one of the two was named through a symbolic link.
                inside = os.path.relpath(os.path.realpath(shown), os.path.realpath(self._root))
                relative = relative if inside.startswith("..") else inside
        except ValueError:  # On another drive.
            relative = str(Path(shown).absolute())
        return Path(relative).as_posix()

    def _taken_over(self, path: str, model: ModelReport) -> Counter[tuple[str, str]]:
        """The entries of the model that is gone and was most probably this one."""
        found = Counter((one.code, one.fingerprint) for one in model.findings)
        if not found or _is_named(path):
            return Counter()
        if self._gone is None:
            gone = [one for one in self._known if self._is_gone(one)]
            known = {one: self._known[one] for one in gone}
            new = (self._key(shown) for shown in self.expected) if gone else ()
            self._gone = _Gone(known, {_kept_names(one)[0] for one in new if one not in self._known})
        before = self._gone.likely(path, found)
        if before is None:
            return Counter()
        self._gone.forget(before)
        self._moved.append(f"{model.path} for {before}")
        return self._known.pop(before)


class _Gone:
    """Models with entries that are no longer there, by what of their path a moved or renamed model may keep."""

    def __init__(self, known: dict[str, Counter[tuple[str, str]]], kept: AbstractSet[str] = frozenset()) -> None:
        self._known, self._kept = known, kept
        self._places: dict[object, dict[str, None]] = {}
        for path, entries in known.items():
            for place in [*_kept_names(path), *entries]:
                self._places.setdefault(place, {})[path] = None

    def likely(self, path: str, found: Counter[tuple[str, str]]) -> str | None:
        """The model that one at ``path`` with these findings was; None if it is more likely a new one.

        One finding in common is enough for a model that kept its name; under another name, more than half of what
        either has must be the same. Models of one repository are often alike: one that kept its folder and its name is
        the one that was called so, whatever else looks more like it.
        """
        names = _kept_names(path)
        candidates: dict[str, int] = {}
        for distance, place in enumerate([*names, *found]):
            for one in self._places.get(place, ()):
                candidates.setdefault(one, min(distance, len(names)))
                if len(candidates) >= _CANDIDATES:
                    break
        best, score = None, (0, 0.0, 0.0)
        for one, distance in candidates.items():
            if distance and _kept_names(one)[0] in self._kept:
                continue  # There is one that kept its folder and its name.
            known = self._known[one]
            same = (known & found).total() / (known | found).total()
            named = distance < len(names)
            rank = _common_end(one, path) if distance == 0 else 0, same, -distance
            if same > (0 if named else 0.5) and rank > score:
                best, score = one, rank
        return best

    def forget(self, path: str) -> None:
        """Leave a model out from now on."""
        for place in [*_kept_names(path), *self._known.pop(path)]:
            self._places[place].pop(path, None)


def _kept_names(path: str) -> list[str]:
    """What a model keeps that is moved with its folder, moved alone, or saved in another format."""
    parts = PurePosixPath(path)
    return [f"folder {'/'.join(parts.parts[-2:])}", f"name {parts.name}", f"stem {parts.stem}"]


def _common_end(one: str, other: str) -> int:
    """How many parts at the end of two paths are the same."""
    mine, its = PurePosixPath(one).parts[::-1], PurePosixPath(other).parts[::-1]
    return sum(1 for _ in takewhile(lambda parts: parts[0] == parts[1], zip(mine, its, strict=False)))


def _is_named(path: str) -> bool:
    """Whether a model is no file: an address on a network, MODULE:ATTRIBUTE, standard input."""
    return path.startswith("<") or "://" in path or is_target(path)


def _entries(text: str, shown: str) -> Iterator[Entry]:
    lines = text.split("\n")
    version = _VERSION.match(lines[0])
    if version is None or version[1] != "1":
        got = repr(lines[0][:60]) if text else "an empty file"
        raise BaselineError(f"{shown}: expected a baseline of graphlint, version 1, got {got}")
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = _ENTRY.fullmatch(line.removesuffix("\r"))
        if entry is None:
            raise BaselineError(
                f"{shown}: line {number}: expected a path, a code and a fingerprint, got {line[:60]!r}: write it again "
                "with --write-baseline, or mend what a merge left"
            )
        yield Entry(unquote(entry[1], errors="surrogatepass"), entry[2], entry[3])


def _escape(path: str) -> str:
    return _ESCAPED.sub(lambda match: quote(match[0], safe="", errors="surrogatepass"), path)
