"""What was read of models before, by their content: under other rules or settings nothing is parsed again.

An entry has the definition of a model without its numbers, and what rules asked of the numbers. Where a rule asks for
more, the file is read as if there were no entry.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlint.errors import UnreadableError
from graphlint.fleet.code import files, versions
from graphlint.fleet.definitions import NotPlain, decode, encode
from graphlint.fleet.entries import Entries
from graphlint.questions.statistics import Asked, Statistics, asked

if TYPE_CHECKING:
    import numpy as np

    from graphlint.engine.linter import Linter
    from graphlint.fleet.content import Digest, State
    from graphlint.model.definition import ModelDefinition, Values
    from graphlint.model.graph import ModelGraph
    from graphlint.sources.limits import Limits
    from graphlint.sources.stored_object import Depth

_NAME = "structures-1.sqlite"
_LONGEST = 16 << 20
"""Bytes of an entry above which none is kept."""


class Structures:
    """The structures of models that were read in earlier runs.

    Raises:
        CacheUnusable: the folder cannot be made, or somebody else may write to it.
    """

    def __init__(self, folder: Path) -> None:
        self.entries = Entries(folder, _NAME)

    def of(self, linter: Linter, name: str, state: State, digest: Digest, unchanged: Callable[[], bool]) -> Structure:
        """That of a model in some state, as a linter reads it under a name.

        ``digest`` is what is waited for only where it is worth it; ``unchanged`` tells whether the state is the same.
        """
        read = json.dumps([_reading(linter.config.limits, linter.depth), Path(name).name])
        return Structure(self.entries, read.encode(), state, digest, unchanged)


@cache
def _reading(limits: Limits, depth: Depth) -> str:
    """A hash of all that the structure of a model depends on beside its content and its name."""
    text = json.dumps([files(frozenset({"graphlint"})), versions(), sys.version, asdict(limits), str(depth)])
    return hashlib.sha256(text.encode()).hexdigest()


class Structure:
    """The structure of one model, read from the store where it is there and from the model where it is not."""

    def __init__(
        self,
        entries: Entries,
        context: bytes,
        state: State,
        digest: Digest,
        unchanged: Callable[[], bool],
    ) -> None:
        self._entries, self._context, self._digest, self._unchanged = entries, context, digest, unchanged
        self._hint = state.size.to_bytes(16, "little")
        self._text: bytes | None = None
        self._values: list[Values] = []
        self._asked: Asked | None = None
        self._again: _Again | None = None

    def _key(self) -> bytes | None:
        digest = self._digest.result()
        return None if digest is None else hashlib.sha256(self._context + digest).digest()

    def _found(self) -> bytes | None:
        if not self._digest.is_there and not self._entries.knows(self._hint):
            return None
        key = self._key()
        return None if key is None else self._entries.get(key)

    def definition(self, read: Callable[[], ModelDefinition]) -> ModelDefinition:
        """What ``read`` returns, or returned for the same content.

        Raises:
            UnreadableError, LimitError: as raised by ``read``.
        """
        found = self._found()
        if found is not None:
            self._again = _Again(read, self._unchanged)
            try:
                text, _, answers = found.partition(b"\n")
                definition, self._values = decode(text, self._again.numbers)
                self._asked = _answers(json.loads(answers), self._values)
            except (ValueError, TypeError, KeyError, IndexError, AttributeError):
                self._again = None
            else:
                self._text = text
                definition.unverified = self._again
                return definition
        definition = read()
        try:
            text, self._values = encode(definition)
        except NotPlain:
            return definition
        self._text = text if len(text) <= _LONGEST else None  # Escaped as it is, it has no line feed in it.
        return definition

    def recall(self, graph: ModelGraph) -> None:
        """Give a graph the answers that rules had before."""
        if self._asked is not None:
            asked(graph).update(self._asked)

    def keep(self, graph: ModelGraph) -> None:
        """Keep what is known now."""
        key = None if self._text is None else self._key()
        if key is None:
            return
        answers = _plain(asked(graph), self._values)
        if self._again is not None and self._asked is not None and answers == _plain(self._asked, self._values):
            return
        assert self._text is not None
        self._entries.put(key, self._hint, self._text + b"\n" + json.dumps(answers, separators=(",", ":")).encode())


class _Again:
    """A model that is read again, if a rule asks for numbers of which it asked nothing before."""

    def __init__(self, read: Callable[[], ModelDefinition], unchanged: Callable[[], bool]) -> None:
        self._read, self._unchanged = read, unchanged
        self._definition: ModelDefinition | None = None
        self._values: list[Values] = []

    def numbers(self, place: int, position: int, nbytes: int) -> _Later:
        return _Later(self, place, position, nbytes)

    def values(self, place: int) -> Values:
        """The numbers as they are in the file.

        Raises:
            UnreadableError: the file is another one by now.
        """
        if self._definition is None:
            self._definition = self._read()
            try:
                self._values = encode(self._definition)[1]
            except NotPlain:
                self._values = []
        if place >= len(self._values):
            raise UnreadableError("the file changed while it was checked: check it again")
        return self._values[place]

    def finish(self) -> None:
        """Compare checksums, where anything was read, and look whether it is what was read before.

        Raises:
            UnreadableError: it is not, or it is damaged.
        """
        if self._definition is None:
            return
        if self._definition.unverified is not None:
            self._definition.unverified.finish()
        if not self._unchanged():
            raise UnreadableError("the file changed while it was checked: check it again")


class _Later:
    """The numbers of one variable of a model that was not opened."""

    __slots__ = ("_again", "_place", "nbytes", "position")

    def __init__(self, again: _Again, place: int, position: int, nbytes: int) -> None:
        self._again, self._place, self.position, self.nbytes = again, place, position, nbytes

    def read(self) -> np.ndarray:
        return self._again.values(self._place).read()

    def chunks(self) -> Iterator[np.ndarray]:
        return self._again.values(self._place).chunks()


def _plain(known: Asked, values: list[Values]) -> list[list[Any]]:
    """The answers, with numbers counted in their order."""
    places = {id(one): place for place, one in enumerate(values)}
    return [
        [
            [name, one.count, one.nan, one.infinite, one.first_nonfinite, one.minimum, one.maximum]
            for name, one in known.statistics.items()
        ],
        [[places[one], number, answer] for (one, number), answer in known.only.items() if one in places],
        [[places[one], number] for one, number in known.scalars.items() if one in places],
    ]


def _answers(data: list[list[Any]], values: list[Values]) -> Asked:
    statistics, only, scalars = data
    return Asked(
        {name: Statistics(*one) for name, *one in statistics},
        {(id(values[place]), number): answer for place, number, answer in only},
        {id(values[place]): number for place, number in scalars},
    )
