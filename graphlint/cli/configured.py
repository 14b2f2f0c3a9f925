"""The option ``--config``: a file, and settings over it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SETTING = re.compile(r"""\s*[A-Za-z][\w.*"'/-]*\s*=""")


class Configured(NamedTuple):
    """What ``--config`` says: the file to use, and settings as a table of a configuration."""

    path: Path | None
    settings: Mapping[str, Any]


def config_option(command: _Command) -> _Command:
    """Gives a command the option, and its parameter ``config`` a `Configured`."""
    return click.option(
        "--config",
        multiple=True,
        callback=_read,
        metavar="FILE|KEY=VALUE",
        help="Use this configuration file; or set a key of every configuration, as in fail-on=error.",
    )(command)


def _read(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> Configured:
    settings: dict[str, Any] = {}
    files = []
    for text in value:
        if _SETTING.match(text) and not Path(text).is_file():
            _merge(settings, _setting(text))
        elif Path(text).is_dir():
            raise click.BadParameter(f"{text!r} is a directory: expected a file, or KEY=VALUE")
        else:
            files.append(Path(text))
    if len(files) > 1:
        raise click.BadParameter(f"expected one file, got {', '.join(map(repr, map(str, files)))}")
    return Configured(files[0] if files else None, settings)


def _setting(text: str) -> dict[str, Any]:
    """A line of TOML; what is no value of TOML is a string, so that shells need no quotes in quotes."""
    key, _, value = text.partition("=")
    for line in (text, f"{key} = {json.dumps(value.strip())}"):
        try:
            return tomllib.loads(line)
        except tomllib.TOMLDecodeError as error:
            problem = error
    raise click.BadParameter(f"expected KEY=VALUE as in a configuration, got {text!r}: {problem}")


def _merge(into: dict[str, Any], table: Mapping[str, Any]) -> None:
    for key, value in table.items():
        known = into.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        else:
            into[key] = value
