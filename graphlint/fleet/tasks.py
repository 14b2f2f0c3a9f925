"""What one worker is asked to do: a few models, and the settings under which they are checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import KW_ONLY, dataclass, field, fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from graphlint.engine.config import Config
from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from graphlint.sources.stored_object import Depth

if TYPE_CHECKING:
    from graphlint.fleet.content import Content
    from graphlint.reports.report import ModelReport

TIMEOUT = 600.0
"""Seconds that the check of one model may take in a worker."""
_MOST_LINTERS = 64


class Keeper(Protocol):
    """What takes of a model what a report needs, while its graph is at hand."""

    def kept(self, model: ModelReport, linter: Linter, place: int) -> ModelReport: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """Enough to make the same linter in another process. ``digest`` is the same for equal settings, in any process."""

    config: Config = field(default_factory=Config)
    selection: Selection = field(default_factory=Selection)
    preview: bool | None = None
    _: KW_ONLY
    options: tuple[tuple[str, Any], ...] = ()
    depth: Depth = Depth.WEIGHTS
    data: bool = False
    """Whether models in memory are run on data."""
    keeper: Keeper | None = None
    digest: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "digest"}
        text = json.dumps(plain(values), sort_keys=True)
        object.__setattr__(self, "digest", hashlib.sha256(text.encode()).hexdigest())

    def linter(self) -> Linter:
        """A linter with these settings.

        Raises:
            GraphlintError: a rule cannot be loaded, or the configuration names an unknown one.
        """
        return Linter(
            self.config,
            self.selection,
            preview=self.preview,
            options=dict(self.options),
            depth=self.depth,
            data=self.data,
        )


@dataclass(frozen=True, slots=True)
class Task:
    """One model: what `graphlint.engine.linter.Linter.check_file` takes, and what the report calls it."""

    place: int
    source: Any
    shown: str
    settings: Settings
    done: ModelReport | None = None
    """The report, of what was checked already."""
    kept: bool = False
    """Whether the report is kept, so that what the model held has to be known."""
    folder: str | None = None
    """Where earlier runs left what is used again of them."""
    seen: Content | None = None
    """What the model held before, where that was looked at."""


class Checked(NamedTuple):
    """A report and what the model held, in the same state before and after the check. ``known``: by an earlier run."""

    report: ModelReport
    held: Content | None = None
    known: bool = False


class Outcome(NamedTuple):
    """What was found of some tasks, in their order, and the seconds that each took on average."""

    checked: list[Checked]
    seconds: float


_linters: dict[str, Linter] = {}
"""Of this process: the linters made so far."""


def linter_of(settings: Settings) -> Linter:
    """The linter with some settings, made once in each process."""
    found = _linters.get(settings.digest)
    if found is None:
        while len(_linters) >= _MOST_LINTERS:
            del _linters[next(iter(_linters))]
        found = _linters[settings.digest] = settings.linter()
    return found


def warm() -> None:
    """Import what checking needs, and let garbage collection leave it alone from now on."""
    import gc

    from graphlint.engine.registry import load_registry
    from graphlint.sources import h5_model, keras_archive  # noqa: F401

    load_registry()
    gc.collect()
    gc.freeze()


def plain(value: Any) -> Any:
    """A value as JSON has it, the same in every process: sets in order, dataclasses as tables."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, PurePath):
        return value.as_posix()
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return repr(value)
