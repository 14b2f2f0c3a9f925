"""A configuration: what it says of files, models and rules. `graphlint.engine.configuring` reads it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from graphlint.engine.globs import matches_file
from graphlint.engine.registry import Registry, is_tool_selector
from graphlint.engine.selection import Selection
from graphlint.errors import ConfigError, GraphlintError, UnknownRuleError
from graphlint.findings.finding import Severity
from graphlint.sources.limits import DEFAULT, Limits

FAIL_ON = (*Severity, "never")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One object on which some rules are ignored. ``model`` and ``layer`` are globs; None means any."""

    rules: tuple[str, ...]
    reason: str
    model: str | None = None
    _: KW_ONLY
    layer: str | None = None

    def __str__(self) -> str:
        where = [f"{key} = {value!r}" for key, value in (("model", self.model), ("layer", self.layer)) if value]
        return ", ".join([f"rules = {list(self.rules)}", *where])


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """What a configuration sets for one rule."""

    severity: Severity | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


class Origin(NamedTuple):
    """Where a key is set: what a message calls it, and the folder its globs and paths are relative to."""

    name: str
    root: Path


@dataclass(frozen=True, slots=True)
class Config:
    """An effective configuration. ``source`` is its file, ``root`` the folder of that.

    ``output_format``, ``baseline`` and ``respect_gitignore`` are about a whole run.
    """

    source: Path | None = None
    root: Path = field(default_factory=Path.cwd)
    selection: Selection = field(default_factory=Selection)
    preview: bool = False
    fail_on: str = "warning"
    severity: str = "warning"
    exclude: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ignores: tuple[Ignore, ...] = ()
    rules: Mapping[str, RuleSettings] = field(default_factory=dict)
    """Settings by the rule's name or code, as written."""
    limits: Limits = DEFAULT
    open_layers: bool = True
    """Whether a model in memory is run once, abstractly, to see what is inside custom layers and subclassed models."""
    target_keras: str | None = None
    output_format: str | None = None
    baseline: Path | None = None
    respect_gitignore: bool = True
    required_version: str | None = None
    given: frozenset[str] = frozenset()
    """The keys that the source sets, or what it extends."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Where each of these is set."""
    guard: Config | None = None
    """The user's own configuration, which has the say on security rules if this one may have come with the models."""

    def root_of(self, key: str) -> Path:
        """The folder that the globs and paths of a key are relative to."""
        return self.origins[key].root if key in self.origins else self.root

    def excluded(self, path: Path) -> str | None:
        """Which glob of ``exclude`` excludes a file, as text; None if none does."""
        for glob in self.exclude:
            if matches_file(glob, path, self.root_of("exclude")):
                where = self.origins["exclude"].name if "exclude" in self.origins else ""
                return f"excluded by {glob!r}" + (f" in {where}" if where else "")
        return None

    def ignores_at(self, path: Path) -> list[tuple[int, Ignore]]:
        """The ignores of single objects that concern a file, with their places in the list."""
        return [
            (place, ignore)
            for place, ignore in enumerate(self.ignores)
            if ignore.model is None or matches_file(ignore.model, path, self.root_of("ignores"))
        ]

    def ignored_at(self, path: Path) -> list[str]:
        """The selectors of ``per-file-ignores`` that concern a file."""
        return [
            selector
            for glob, selectors in self.per_file_ignores
            if matches_file(glob, path, self.root_of("per-file-ignores"))
            for selector in selectors
        ]

    def check_rules(self, registry: Registry) -> None:
        """Check what the configuration says about rules against the installed rules.

        Raises:
            ConfigError: a code, name or option is unknown, or an option does not accept its value.
        """
        chosen = {"select": self.selection.select or (), "extend-select": self.selection.extend_select}
        for key, selectors in chosen.items():
            self._check_selectors(registry, key, selectors)
        ignored = [("ignore", self.selection.ignore)]
        ignored += [(f"per-file-ignores {glob!r}", selectors) for glob, selectors in self.per_file_ignores]
        ignored += [(f"ignores[{number}].rules", ignore.rules) for number, ignore in enumerate(self.ignores)]
        for key, selectors in ignored:
            for selector in selectors:
                if is_tool_selector(selector):
                    raise self._error(f"{key}: {selector!r} cannot be ignored: it reports what was not checked")
            self._check_selectors(registry, key, selectors)
        for name, settings in self.rules.items():
            try:
                rule = registry.get(name)
            except UnknownRuleError as error:
                raise self._error(f"rules.{name}: {error}") from error
            known = {key.replace("_", "-"): option for key, option in rule.options.items()}
            for key, value in settings.options.items():
                where = f"rules.{name}.{key}"
                if key not in known:
                    raise self._error(f"{where}: unknown key{similar(key, ['severity', *known])}")
                option = known[key]
                allowed = (int, float) if isinstance(option.default, float) else type(option.default)
                if not isinstance(value, allowed) or isinstance(value, bool) != isinstance(option.default, bool):
                    kind = "number" if isinstance(option.default, float) else type(option.default).__name__
                    raise self._error(f"{where}: expected {kind} ({option.unit}), got {value!r}")
                low, high = option.minimum, option.maximum
                if not isinstance(value, str) and (
                    (low is not None and value < low) or (high is not None and value > high)
                ):
                    raise self._error(f"{where}: expected {_range(low, high)} ({option.unit}), got {value!r}")
                try:
                    if option.accepts is not None:
                        option.accepts(value)
                except GraphlintError as error:
                    raise self._error(f"rules.{name}.{error}") from error

    def _check_selectors(self, registry: Registry, key: str, selectors: Iterable[str]) -> None:
        for selector in selectors:
            try:
                registry.check_selector(selector)
            except UnknownRuleError as error:
                raise self._error(f"{key}: {error}") from error

    def _error(self, text: str) -> ConfigError:
        return ConfigError(f"{self.source.as_posix()}: {text}" if self.source else text)


def effective(config: Config) -> dict[str, Any]:
    """A configuration as plain data under the keys of the file."""
    ignores = [{key: value for key, value in asdict(ignore).items() if value is not None} for ignore in config.ignores]
    rules = {
        name: ({"severity": settings.severity.value} if settings.severity else {}) | dict(settings.options)
        for name, settings in config.rules.items()
    }
    limits = {name.replace("_", "-"): value for name, value in asdict(config.limits).items()}
    values = {
        "select": list(config.selection.select or ["ALL"]),
        "extend-select": list(config.selection.extend_select),
        "ignore": list(config.selection.ignore),
        "preview": config.preview,
        "fail-on": config.fail_on,
        "severity": config.severity,
        "exclude": list(config.exclude),
        "plugins": list(config.plugins),
        "per-file-ignores": {glob: list(selectors) for glob, selectors in config.per_file_ignores},
        "ignores": ignores,
        "rules": rules,
        "limits": limits,
        "open-layers": config.open_layers,
        "target-keras": config.target_keras,
        "output-format": config.output_format,
        "baseline": None if config.baseline is None else config.baseline.as_posix(),
        "respect-gitignore": config.respect_gitignore,
        "required-version": config.required_version,
    }
    return {key: value for key, value in values.items() if value is not None}


def similar(key: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown key: the known one that is meant, or all of them."""
    near = difflib.get_close_matches(key, list(known), n=1)
    return f": did you mean {near[0]}?" if near else f": expected one of {', '.join(sorted(known))}"


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"
