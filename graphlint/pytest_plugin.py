"""The plugin for pytest: with ``--graphlint`` each model among the files is a test, and `assert_clean` is a fixture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from graphlint.errors import GraphlintError

if TYPE_CHECKING:
    from graphlint.cli.ignored import GitIgnore
    from graphlint.cli.session import Session
    from graphlint.engine.baseline import Baseline
    from graphlint.reports.report import ModelReport, Report


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("graphlint", "Keras models (graphlint)")
    group.addoption("--graphlint", action="store_true", help="Check each Keras model among the files, as a test.")


def pytest_configure(config: pytest.Config) -> None:
    """Make the tests known that models become."""
    config.addinivalue_line("markers", "graphlint: a Keras model that is checked.")
    if config.getoption("graphlint"):
        config.stash[_RUN] = _Run(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A model file is a collector of one test."""
    from graphlint.cli.targets import MODEL_SUFFIXES

    if _RUN not in parent.config.stash or file_path.name.startswith("."):
        return None
    return _File.from_parent(parent, path=file_path) if file_path.name.lower().endswith(MODEL_SUFFIXES) else None


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """So is a folder that is one model."""
    from graphlint.cli.targets import is_model

    return _Folder.from_parent(parent, path=path) if _RUN in parent.config.stash and is_model(path) else None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what a baseline has to say."""
    notes = list(config.stash[_RUN].notes()) if _RUN in config.stash else []
    if notes:
        terminalreporter.section("graphlint")
        for note in notes:
            terminalreporter.line(note)


@pytest.fixture(scope="session")
def assert_clean(pytestconfig: pytest.Config) -> Callable[..., None]:
    """`graphlint.assert_clean` with the configuration of the project, which it does not read by itself."""
    import graphlint

    return partial(graphlint.assert_clean, config=_session().config_of_run())


class _Run:
    """What the tests of one run share: configurations, and the known findings."""

    def __init__(self, config: pytest.Config) -> None:
        self.folder = config.invocation_params.dir
        self.named = {self.absolute(argument.partition("::")[0]) for argument in config.args}
        self.session = _session()
        self._baseline: Baseline | None = None
        self._git: dict[Path, GitIgnore] = {}
        path = self.session.config_of_run().baseline
        if path is not None:
            from graphlint.engine.baseline import Baseline

            self._baseline = Baseline.read(path)

    def shown(self, path: Path) -> str:
        """What a report calls a model: relative to where pytest was called."""
        return Path(os.path.relpath(path, self.folder)).as_posix()

    def check(self, path: Path) -> ModelReport:
        """The report on a model, without what is known."""
        report = self.session.linter_for(path).check_file(path, self.shown(path))
        return report if self._baseline is None else self._baseline.apply(report)

    def report(self, model: ModelReport, path: Path) -> Report:
        """The same as a report of its own."""
        return self.session.linter_for(path).report([model])

    def skipped(self, path: Path) -> str | None:
        """Why a model is not checked that was not named."""
        from graphlint.cli.ignored import GitIgnore

        if self.absolute(path) in self.named:
            return None
        excluded = self.session.excluded(path)
        if excluded is not None:
            return excluded
        if not self.session.config_of_run().respect_gitignore:
            return None
        git = self._git.get(path.parent)
        if git is None:
            git = self._git[path.parent] = GitIgnore(path.parent)
        return "ignored by git" if git.file(path) else None

    def notes(self) -> Iterator[str]:
        """What is said at the end."""
        if self._baseline is not None:
            yield from self._baseline.notes()

    def absolute(self, path: str | Path) -> Path:
        """A path as pytest means it."""
        return Path(os.path.normpath(self.folder / path))


_RUN = pytest.StashKey[_Run]()


def _session() -> Session:
    """The configurations of the project. Its plugins run, as all of its code does under pytest."""
    from graphlint.cli.session import Session

    return Session(verbosity=-1, allow_plugins=True)


class _Findings(Exception):
    """A model is not clean."""


class _Model(pytest.Item):
    """The test of one model: it fails as ``graphlint check`` would."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.add_marker("graphlint")

    def runtest(self) -> None:
        from graphlint.cli.session import DATA
        from graphlint.reports.text import summary_line

        run = self.config.stash[_RUN]
        reason = run.skipped(self.path)
        if reason is not None:
            pytest.skip(reason)
        model = run.check(self.path)
        if model.no_model and run.absolute(self.path) not in run.named:
            pytest.skip(DATA)
        report = run.report(model, self.path)
        codes = sorted({finding.code for finding in model.findings})
        self.user_properties.append(("graphlint", " ".join(codes)))
        if report.exit_code():
            raise _Findings(f"{summary_line(report.tally())}: {' '.join(codes)}\n\n{report}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, (_Findings, GraphlintError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.config.stash[_RUN].shown(self.path)


class _File(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        yield _Model.from_parent(self, name="graphlint")


class _Folder(pytest.Directory):
    def collect(self) -> Iterator[pytest.Item]:
        yield _Model.from_parent(self, name="graphlint")
