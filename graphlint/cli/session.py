"""One run of ``graphlint check``: which configuration applies to which model, and the models one after another."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphlint.cli.pictures import Pictures
from graphlint.cli.targets import Kind, Target, is_folder
from graphlint.engine.config import Config
from graphlint.engine.configuring import find_config, load_config, with_settings
from graphlint.engine.linter import Linter, model_name, refused, skipped, without_graph
from graphlint.engine.options import TARGET_KERAS
from graphlint.engine.selection import Selection
from graphlint.engine.trust import guarded, is_the_users, require_consent
from graphlint.errors import GraphlintError, UnreadableError
from graphlint.fleet.in_order import InOrder
from graphlint.fleet.tasks import Settings, Task, linter_of
from graphlint.reports.report import ModelReport, together
from graphlint.reports.safe import in_line
from graphlint.sources.importing import unique
from graphlint.sources.stored_object import Depth

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from graphlint.fleet.stores import Store

_MANY = 5
"""From this many models on a progress bar is shown."""

DATA = "HDF5 without a Keras model, such as a data set"
"""Why a search passes over a file that it found."""
OF_RUNS = ("output-format", "baseline", "respect-gitignore")
"""Keys of a configuration that are not about one model."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line overrides in a configuration."""

    selection: Selection = field(default_factory=Selection)
    preview: bool | None = None
    exclude: tuple[str, ...] = ()
    _: KW_ONLY
    target_keras: str | None = None
    pictures: Pictures | None = None
    """What a page needs of each model; None for the formats without pictures."""

    @property
    def options(self) -> dict[str, str]:
        """The options it sets for every rule that has an option of that name."""
        return {} if self.target_keras is None else {TARGET_KERAS: self.target_keras}


@dataclass
class Session:
    """The configurations of one run. ``config`` names the one to use; ``isolated`` means none."""

    overrides: Overrides = field(default_factory=Overrides)
    config: Path | None = None
    isolated: bool = False
    _: KW_ONLY
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the command line sets over every configuration."""
    verbosity: int = 0
    call_args: str | None = None
    input_shapes: tuple[str, ...] = ()
    trace: bool = True
    imported: tuple[str, ...] = ()
    """Modules that register classes: with them, files are loaded and checked as models in memory."""
    allow_plugins: bool = False
    depth: Depth = Depth.WEIGHTS
    """How much is read of a file."""
    data: str | None = None
    """MODULE:ATTRIBUTE of the data that models in memory are run on."""
    together: bool = False
    """Whether the models are checked as one graph, too."""
    _configs: dict[Path, Config] = field(default_factory=dict)
    _settings: dict[Path | None, Settings] = field(default_factory=dict)
    _checks: InOrder | None = None

    @property
    def remembered(self) -> tuple[int, int]:
        """For how many models a report of an earlier run was taken, and of how many it was looked for."""
        return (0, 0) if self._checks is None else (self._checks.known, self._checks.models)

    def note(self, text: str, level: int = 1) -> None:
        """Print a note to stderr, if the user asked for this verbosity."""
        if self.verbosity >= level:
            click.echo(in_line(text), err=True)

    # -- configuration ------------------------------------------------------------------------------------------

    def config_for(self, path: Path | None) -> Config:
        """The closest configuration: from the model's folder upwards, then from the current directory upwards.

        Raises:
            ConfigError: it cannot be used, or names plugins that nobody agreed to.
        """
        folder = Path.cwd() if path is None else (path if is_folder(path) else path.parent).absolute()
        found = self._configs.get(folder)
        if found is None:
            found = self._configs[folder] = self._find(folder)
        return found

    def _find(self, folder: Path) -> Config:
        if self.isolated:
            return with_settings(Config(), self.settings)
        named = self.config is not None
        found = load_config(self.config) if self.config is not None else find_config(folder)
        own = found if named else find_config(Path.cwd())
        found, own = (with_settings(one, self.settings) for one in (found or own or Config(), own or Config()))
        for one in dict.fromkeys((found.source, own.source)):
            require_consent(found if one == found.source else own, allowed=self.allow_plugins, named=named)
        return found if named or is_the_users(found) else guarded(found, own)

    def config_of_run(self) -> Config:
        """The configuration that counts for what is about a whole run.

        Raises:
            ConfigError: it cannot be used.
        """
        return self.config_for(None)

    def unheeded(self) -> Iterator[str]:
        """Notes on configurations of models that set what is about a whole run."""
        run = self.config_of_run()
        for config in {one.source: one for one in self._configs.values()}.values():
            keys = [key for key in OF_RUNS if key in config.given and config.origins[key] != run.origins.get(key)]
            if keys and config.source is not None:
                yield (
                    f"{config.source.as_posix()}: {', '.join(keys)} counts only in the configuration of the current "
                    "directory, or one that --config names"
                )

    def linter_for(self, path: Path | None) -> Linter:
        """The linter for a model.

        Raises:
            GraphlintError: the configuration, or a rule, cannot be used.
        """
        return linter_of(self._settings_at(path))

    def _settings_at(self, path: Path | None) -> Settings:
        config = self.config_for(path)
        found = self._settings.get(config.source)
        if found is None:
            self.note(f"config: {config.source.as_posix() if config.source else 'none'}")
            overrides = self.overrides
            found = Settings(
                config,
                overrides.selection,
                overrides.preview,
                options=tuple(overrides.options.items()),
                depth=self.depth,
                data=self.data is not None,
                keeper=overrides.pictures,
            )
            linter_of(found)  # Raises if they cannot be used.
            self._settings[config.source] = found
        return found

    def excluded(self, path: Path) -> str | None:
        """Why a file is skipped; None if it is not."""
        asked = self.overrides.exclude
        on_command_line = Config(exclude=asked).excluded(path) if asked else None
        config = self.config_for(path)
        return on_command_line or (config.guard or config).excluded(path)

    # -- models -------------------------------------------------------------------------------------------------

    def settings_for(self, target: Target) -> Settings:
        """Under what a model is checked.

        Raises:
            GraphlintError: the configuration, or a rule, cannot be used.
        """
        return self._settings_at(target.path if target.kind is Kind.FILE else None)

    def reports(
        self,
        targets: Sequence[Target],
        executor: Executor | None = None,
        cache: Store | None = None,
        settings: Sequence[Settings] | None = None,
        *,
        quiet: bool = False,
    ) -> Iterator[tuple[Linter, ModelReport]]:
        """Check every target, in order, as the reports are asked for. ``quiet`` shows no progress.

        ``executor`` None is this process; ``settings`` are those of the targets, where they are known.

        Raises:
            GraphlintError: a configuration, or a rule, cannot be used.
        """
        if self.together:
            yield from self._as_one(targets)
            return
        chosen = [self.settings_for(target) for target in targets] if settings is None else settings
        with _progress(len(targets), -1 if quiet else self.verbosity) as advance:
            self._checks = _checks(executor, cache)
            files = self._checks.reports(
                Task(place, target.url or str(target.path), target.text, chosen[place])
                for place, target in enumerate(targets)
                if self._is_read(target)
            )
            for place, target in enumerate(targets):
                start = time.perf_counter()
                linter = linter_of(chosen[place])
                if self._is_read(target):
                    found = [_passed_over(next(files), target)]
                else:
                    found = [_kept(one, linter, self.overrides, place) for one in self._check(linter, target)]
                self.note(f"{target.text}: {time.perf_counter() - start:.2f} s", 2)
                yield from ((linter, one) for one in found)
                advance(target.text)

    def _is_read(self, target: Target) -> bool:
        """Whether only a file is read, which any process can do."""
        return target.kind is Kind.URL or (target.kind is Kind.FILE and not self.imported)

    def _as_one(self, targets: Sequence[Target]) -> Iterator[tuple[Linter, ModelReport]]:
        """The reports on models that are checked together, under the configuration of the current directory."""
        linter = self.linter_for(None)
        models: list[ModelReport] = []
        for target in targets:
            found = self._check(linter_of(self.settings_for(target)), target)
            models += [_passed_over(model, target) for model in found]
        named = unique((model_name(one.path), one) for one in models if one.together is None)
        for place, model in enumerate(linter.check_several(named)):
            yield linter, _kept(model, linter, self.overrides, place)

    def _check(self, linter: Linter, target: Target) -> list[ModelReport]:
        if target.kind is Kind.IMPORT:
            return self._import(linter, target.text)
        return [self._check_one(linter, target)]

    def _check_one(self, linter: Linter, target: Target) -> ModelReport:
        if target.kind is Kind.EXCLUDED:
            return skipped(target.text, target.reason)
        if target.kind is Kind.DOUBTED:
            return refused(target.text, UnreadableError(target.reason))
        if target.kind is Kind.FILE:
            found = linter.check_file(target.path, target.text)
            return found if not self.imported else self._loaded(linter, target, found)
        if target.kind is Kind.URL:
            return linter.check_file(target.url, target.text)
        if target.kind is Kind.STDIN:
            from graphlint.sources import read_text

            limits = linter.config.limits
            data = sys.stdin.buffer.read(limits.json_bytes + 1)
            return linter.check_source(lambda: read_text(data, limits=limits), target.text)
        raise AssertionError(target.kind)

    def _loaded(self, linter: Linter, target: Target, found: ModelReport) -> ModelReport:
        """The report on a file with what the model shows that Keras loads from it; why it was not loaded otherwise."""
        from graphlint.extras import require_keras

        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            require_keras("--import")
            from graphlint.replay.load import load

            model = load(target.path, self.imported)
            live = self._live(linter, model, target.text)
        except GraphlintError as error:
            return replace(found, loaded=f"not loaded: {error}")
        return together(found, live, f"loaded in safe mode with the classes of {', '.join(self.imported)}")

    def _live(self, linter: Linter, model: Any, text: str) -> ModelReport:
        from graphlint.sources.importing import load_data

        data = None if self.data is None else load_data(self.data)
        opened = None if self.trace else False
        return linter.check_model(model, text, inputs=self._inputs(), open_layers=opened, data=data)

    def _inputs(self) -> Any:
        """What a subclassed model is called with, as the command line says."""
        import keras

        tensors = [keras.KerasTensor(shape, dtype=dtype) for shape, dtype in parse_shapes(self.input_shapes)]
        return None if not tensors else tensors[0] if len(tensors) == 1 else tensors

    def _import(self, linter: Linter, text: str) -> list[ModelReport]:
        from graphlint.cli.quiet import quiet
        from graphlint.extras import require_keras
        from graphlint.sources.importing import load_models

        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            with quiet():
                require_keras(text)
            made = load_models(text, self.call_args)
            if not isinstance(made, dict):
                return [self._live(linter, made, text)]
            checked = {name: self._live(linter, model, f"{text} {name}") for name, model in made.items()}
            return linter.check_several(checked) if len(checked) > 1 else [*checked.values()]
        except GraphlintError as error:
            return [refused(text, error)]
        except SystemExit as error:
            return [refused(text, GraphlintError(f"importing {text} exits with {error.code!r}: guard the exit"))]


def parse_shapes(texts: Iterable[str]) -> list[tuple[tuple[int | None, ...], str]]:
    """Shapes as the command line gives them, ``?,28,28`` or ``?,128:int32``, with their dtypes.

    Raises:
        GraphlintError: a text has another form.

    >>> parse_shapes(["?,28,28", "?,128:int32"])
    [((None, 28, 28), 'float32'), ((None, 128), 'int32')]
    """
    found = []
    for text in texts:
        sizes, _, dtype = text.partition(":")
        parts = [part.strip() for part in sizes.strip("()").split(",") if part.strip()]
        if not parts or not all(part in ("?", "None") or part.isdecimal() for part in parts):
            raise GraphlintError(
                f"expected --input-shape as sizes with a comma between them, got {text!r}: write for example "
                "?,28,28 or ?,128:int32, with ? for a size that is free"
            )
        found.append((tuple(None if part in ("?", "None") else int(part) for part in parts), dtype or "float32"))
    return found


def _checks(executor: Executor | None, cache: Store | None) -> InOrder:
    if executor is None:
        return InOrder(cache=cache)
    from graphlint.fleet.dispatch import Dispatch

    return Dispatch(executor=executor, cache=cache)


def _passed_over(model: ModelReport, target: Target) -> ModelReport:
    """A model, or that a search found something else."""
    return skipped(target.text, DATA) if model.no_model and target.searched else model


def _kept(model: ModelReport, linter: Linter, overrides: Overrides, place: int) -> ModelReport:
    pictures = overrides.pictures
    return without_graph(model) if pictures is None else pictures.kept(model, linter, place)


@contextmanager
def _progress(total: int, verbosity: int) -> Iterator[Callable[[str], None]]:
    """A progress bar on stderr for many models on a terminal; yields the function to call after each model."""
    if total < _MANY or verbosity < 0 or not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.table import Column

    name = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    done = MofNCompleteColumn(table_column=Column(no_wrap=True))
    with Progress(done, BarColumn(20), name, console=Console(stderr=True), transient=True, expand=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda text: bar.update(task, advance=1, description=escape(in_line(text)))
