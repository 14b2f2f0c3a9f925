"""The configuration, ``[tool.graphlint]`` in ``pyproject.toml`` or ``graphlint.toml``. The closest wins, no cascade."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from graphlint.engine.globs import matches_file
from graphlint.engine.registry import Registry, is_tool_selector
from graphlint.engine.selection import Selection
from graphlint.errors import ConfigError, GraphlintError, UnknownRuleError
from graphlint.findings.finding import Severity
from graphlint.sources.limits import DEFAULT, Limits

PYPROJECT = "pyproject.toml"
OWN_FILE = "graphlint.toml"
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


@dataclass(frozen=True, slots=True)
class Config:
    """An effective configuration. ``source`` is its file, ``root`` the folder its globs are relative to."""

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
    given: frozenset[str] = frozenset()
    """The keys that the source sets."""
    guard: Config | None = None
    """The user's own configuration, which has the say on security rules if this one may have come with the models."""

    def excluded(self, path: Path) -> str | None:
        """Which glob of ``exclude`` excludes a file, as text; None if none does."""
        for glob in self.exclude:
            if matches_file(glob, path, self.root):
                return f"excluded by {glob!r}" + (f" in {self.source.name}" if self.source else "")
        return None

    def ignores_at(self, path: Path) -> list[tuple[int, Ignore]]:
        """The ignores of single objects that concern a file, with their places in the list."""
        return [
            (place, ignore)
            for place, ignore in enumerate(self.ignores)
            if ignore.model is None or matches_file(ignore.model, path, self.root)
        ]

    def ignored_at(self, path: Path) -> list[str]:
        """The selectors of ``per-file-ignores`` that concern a file."""
        return [
            selector
            for glob, selectors in self.per_file_ignores
            if matches_file(glob, path, self.root)
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
                    raise self._error(f"{where}: unknown key{_similar(key, ['severity', *known])}")
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
    return {
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
    }


def find_config(start: Path) -> Config | None:
    """The closest configuration in a folder or above it; None if there is none.

    Raises:
        ConfigError: it cannot be used.
    """
    folder = start.absolute()
    for each in (folder, *folder.parents):
        for name in (OWN_FILE, PYPROJECT):
            found = each / name
            if _exists(found):
                table = _table(found)
                if table is not None:
                    return _config(table, found)
    return None


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # A folder that may not be entered.
        return False


def load_config(path: Path) -> Config:
    """The configuration in a file.

    Raises:
        ConfigError: it cannot be used, or contains none.
    """
    table = _table(path)
    if table is None:
        raise ConfigError(f"{path.as_posix()}: expected a table [tool.graphlint], got none")
    return _config(table, path)


def _table(path: Path) -> dict[str, Any] | None:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path.as_posix()}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.as_posix()}: not valid TOML: {error}") from error
    tool = document.get("tool")
    inside = tool.get("graphlint") if isinstance(tool, dict) else None
    if path.name == PYPROJECT or inside is not None:
        return inside if inside is None or isinstance(inside, dict) else _refuse(path)
    return document


def _refuse(path: Path) -> dict[str, Any]:
    raise ConfigError(f"{path.as_posix()}: expected [tool.graphlint] to be a table")


def _config(table: dict[str, Any], path: Path) -> Config:
    reader = _Reader(path)
    known: dict[str, Callable[[str, Any], Any]] = {
        "select": reader.strings,
        "extend-select": reader.strings,
        "ignore": reader.strings,
        "preview": reader.boolean,
        "fail-on": lambda key, value: reader.one_of(key, value, FAIL_ON),
        "severity": lambda key, value: reader.one_of(key, value, tuple(Severity)),
        "exclude": reader.strings,
        "plugins": reader.strings,
        "per-file-ignores": reader.string_lists,
        "ignores": reader.ignores,
        "rules": reader.rules,
        "limits": reader.limits,
        "open-layers": reader.boolean,
    }
    got = reader.table("", table, known)
    selection = Selection(got.get("select"), got.get("extend-select", ()), got.get("ignore", ()))
    chosen = ("select", "extend-select", "ignore")
    rest = {key.replace("-", "_"): value for key, value in got.items() if key not in chosen}
    return Config(source=path, root=path.absolute().parent, selection=selection, given=frozenset(got), **rest)


class _Reader:
    """Checks the values of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def error(self, key: str, text: str) -> ConfigError:
        return ConfigError(f"{self._path.as_posix()}: {key}: {text}")

    def table(self, where: str, value: Any, known: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error(where, f"expected a table, got {value!r}")
        for key in value:
            if key not in known:
                raise self.error(f"{where}.{key}" if where else key, f"unknown key{_similar(key, known)}")
        return {key: known[key](f"{where}.{key}" if where else key, item) for key, item in value.items()}

    def strings(self, key: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(key, f"expected a list of strings, got {value!r}")
        return tuple(value)

    def string(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"expected a non-empty string, got {value!r}")
        return value

    def boolean(self, key: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.error(key, f"expected true or false, got {value!r}")
        return value

    def one_of(self, key: str, value: Any, allowed: Iterable[str]) -> str:
        if value not in allowed:
            raise self.error(key, f"expected {', '.join(allowed)}, got {value!r}")
        return str(value)

    def string_lists(self, key: str, value: Any) -> tuple[tuple[str, tuple[str, ...]], ...]:
        if not isinstance(value, dict):
            raise self.error(key, f"expected a table of globs, got {value!r}")
        return tuple((glob, self.strings(f"{key}.{glob!r}", item)) for glob, item in value.items())

    def ignores(self, key: str, value: Any) -> tuple[Ignore, ...]:
        if not isinstance(value, list):
            raise self.error(key, f"expected tables [[{key}]], got {value!r}")
        found = []
        for number, item in enumerate(value):
            where = f"{key}[{number}]"
            known = {"rules": self.strings, "reason": self.string, "model": self.string, "layer": self.string}
            got = self.table(where, item, known)
            for needed in ("rules", "reason"):
                if not got.get(needed):
                    raise self.error(where, f"expected a key {needed!r}, to say {_WHY[needed]}")
            found.append(Ignore(**got))
        return tuple(found)

    def rules(self, key: str, value: Any) -> dict[str, RuleSettings]:
        if not isinstance(value, dict):
            raise self.error(key, f"expected a table for each rule, got {value!r}")
        found = {}
        for name, item in value.items():
            if not isinstance(item, dict):
                raise self.error(f"{key}.{name}", f"expected a table, got {item!r}")
            options = {option: setting for option, setting in item.items() if option != "severity"}
            severity = item.get("severity")
            if severity is not None:
                severity = Severity(self.one_of(f"{key}.{name}.severity", severity, list(Severity)))
            found[name] = RuleSettings(severity, options)
        return found

    def limits(self, key: str, value: Any) -> Limits:
        def whole(where: str, item: Any) -> int:
            if not isinstance(item, int) or isinstance(item, bool) or item < 0:
                raise self.error(where, f"expected a whole number, got {item!r}")
            return item

        got = self.table(key, value, {limit.name.replace("_", "-"): whole for limit in fields(Limits)})
        return Limits(**{name.replace("-", "_"): item for name, item in got.items()})


_WHY = {"rules": "which rules to ignore", "reason": "why this is acceptable"}


def _similar(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1)
    return f": did you mean {near[0]}?" if near else f": expected one of {', '.join(sorted(known))}"


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"
