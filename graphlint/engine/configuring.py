"""Reads configurations: ``[tool.graphlint]`` in ``pyproject.toml``, or ``graphlint.toml``. The closest one wins.

It may extend another file: what it sets itself counts, ``rules`` and ``limits`` setting by setting, any other key as a
whole. Globs and paths stay relative to the file that they are in.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from graphlint.engine.config import FAIL_ON, Config, Ignore, Origin, RuleSettings, similar
from graphlint.errors import ConfigError, GraphlintError
from graphlint.findings.finding import Severity
from graphlint.reports import FORMATS
from graphlint.sources.limits import Limits

PYPROJECT = "pyproject.toml"
OWN_FILE = "graphlint.toml"
COMMAND_LINE = "--config"
"""What messages call a configuration of settings on the command line."""
_LARGEST = 1 << 20
"""Bytes of a configuration, which may have come with the models."""
_DEEPEST = 20
"""Files that extend one another."""


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
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path.as_posix()}: expected a file, got a folder or a device")
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigError(f"{path.as_posix()}: expected a configuration, got more than {_LARGEST:,} bytes")
        document = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path.as_posix()}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path.as_posix()}: not valid TOML: {error}") from error
    tool = document.get("tool")
    inside = tool.get("graphlint") if isinstance(tool, dict) else None
    if path.name == PYPROJECT or inside is not None:
        return inside if inside is None or isinstance(inside, dict) else _refuse(path)
    return document


def _refuse(path: Path) -> dict[str, Any]:
    raise ConfigError(f"{path.as_posix()}: expected [tool.graphlint] to be a table")


def with_settings(config: Config, settings: Mapping[str, Any]) -> Config:
    """A configuration with settings of the command line over it, whose globs and paths are relative to where it runs.

    Raises:
        ConfigError: a setting cannot be used.
    """
    return _over(config, settings, COMMAND_LINE, Path.cwd(), ()) if settings else config


def _config(table: dict[str, Any], path: Path) -> Config:
    return replace(_extended(table, path, ()), source=path, root=path.absolute().parent)


def _extended(table: Mapping[str, Any], path: Path, below: tuple[Path, ...]) -> Config:
    """What a file says, over what it extends; ``below`` are the files that lead to it."""
    return _over(Config(), table, path.as_posix(), path.absolute().parent, (*below, path.resolve()))


def _over(config: Config, table: Mapping[str, Any], source: str, root: Path, below: tuple[Path, ...]) -> Config:
    reader = _Reader(source, root)
    if "required-version" in table:  # First: another version may have other keys.
        reader.version("required-version", table["required-version"])
    got = reader.table("", table, reader.keys())
    if "extend" in got:
        config = _base(reader, got.pop("extend"), below)
    chosen = {"select": "select", "extend-select": "extend_select", "ignore": "ignore"}
    selection = replace(config.selection, **{name: got[key] for key, name in chosen.items() if key in got})
    name = source if source == COMMAND_LINE else Path(source).name
    origins = {**config.origins, **{key: Origin(name, root) for key in got}}
    given = config.given | set(got)
    rest = {key.replace("-", "_"): value for key, value in got.items() if key not in chosen}
    if "rules" in rest:
        rest["rules"] = _merged(config.rules, rest["rules"])
    if "limits" in rest:
        rest["limits"] = replace(config.limits, **rest["limits"])
    return replace(config, selection=selection, given=frozenset(given), origins=origins, **rest)


def _base(reader: _Reader, path: Path, below: tuple[Path, ...]) -> Config:
    real = path.resolve()
    if real in below or len(below) >= _DEEPEST:
        chain = " -> ".join(one.as_posix() for one in (*below, real))
        raise reader.error("extend", f"a file extends itself, or too many extend each other: {chain}")
    table = _table(path)
    if table is None:
        raise reader.error("extend", f"expected a table [tool.graphlint] in {path.as_posix()}, got none")
    return _extended(table, path, below)


def _merged(base: Mapping[str, RuleSettings], own: Mapping[str, RuleSettings]) -> dict[str, RuleSettings]:
    found = {name: settings for name, settings in base.items() if name not in own}
    for name, settings in own.items():
        before = base.get(name, RuleSettings())
        found[name] = RuleSettings(settings.severity or before.severity, {**before.options, **settings.options})
    return found


class _Reader:
    """Checks the values of one file, or of the command line."""

    def __init__(self, source: str, root: Path) -> None:
        self._source = source
        self._root = root

    def keys(self) -> dict[str, Callable[[str, Any], Any]]:
        """What reads the value of each key."""
        return {
            "select": self.strings,
            "extend-select": self.strings,
            "ignore": self.strings,
            "preview": self.boolean,
            "fail-on": lambda key, value: self.one_of(key, value, FAIL_ON),
            "severity": lambda key, value: self.one_of(key, value, tuple(Severity)),
            "exclude": self.strings,
            "plugins": self.strings,
            "per-file-ignores": self.string_lists,
            "ignores": self.ignores,
            "rules": self.rules,
            "limits": self.limits,
            "open-layers": self.boolean,
            "target-keras": self.release,
            "output-format": lambda key, value: self.one_of(key, value, FORMATS),
            "baseline": self.optional_path,
            "respect-gitignore": self.boolean,
            "required-version": self.string,
            "extend": self.path,
        }

    def error(self, key: str, text: str) -> ConfigError:
        return ConfigError(f"{self._source}: {key}: {text}")

    def path(self, key: str, value: Any) -> Path:
        return Path(os.path.normpath(self._root / Path(self.string(key, value)).expanduser()))

    def optional_path(self, key: str, value: Any) -> Path | None:
        return None if value == "" else self.path(key, value)

    def release(self, key: str, value: Any) -> str:
        from graphlint.portability.target import named_release

        if isinstance(value, float):  # 3.10 would be 3.1.
            raise self.error(key, f'expected a release in quotes, such as "3.9", got the number {value!r}')
        release = self.string(key, value)
        try:
            named_release(release)
        except GraphlintError as error:
            raise ConfigError(f"{self._source}: {error}") from error
        return release

    def version(self, key: str, value: Any) -> None:
        """Refuse what is for other versions of graphlint."""
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        from graphlint import __version__

        text = self.string(key, value)
        try:
            wanted = SpecifierSet(text if text.strip()[:1] in "<>=!~" else f"=={text}")
        except InvalidSpecifier as error:
            raise self.error(key, f"expected a version or conditions on it, such as >=0.2,<1, got {value!r}") from error
        if not wanted.contains(__version__, prereleases=True):
            raise self.error(key, f"expected graphlint {text}, and this is {__version__}: install another version")

    def table(self, where: str, value: Any, known: Mapping[str, Callable[[str, Any], Any]]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error(where, f"expected a table, got {value!r}")
        for key in value:
            if key not in known:
                raise self.error(f"{where}.{key}" if where else key, f"unknown key{similar(key, known)}")
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

    def limits(self, key: str, value: Any) -> dict[str, int]:
        def whole(where: str, item: Any) -> int:
            if not isinstance(item, int) or isinstance(item, bool) or item < 0:
                raise self.error(where, f"expected a whole number, got {item!r}")
            return item

        got = self.table(key, value, {limit.name.replace("_", "-"): whole for limit in fields(Limits)})
        return {name.replace("-", "_"): item for name, item in got.items()}


_WHY = {"rules": "which rules to ignore", "reason": "why this is acceptable"}
