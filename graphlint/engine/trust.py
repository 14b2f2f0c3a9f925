"""Whose configuration is heeded, and how far.

A configuration in the current directory or above it, or one that is named, is the user's. One that lies beside the
models may have come with them: it has its say, but not on what protects the user, which are the security rules and the
limits. Plugins are Python code, and run only if the user agrees.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from graphlint.engine.config import Config
from graphlint.errors import ConfigError

OWN_KEY = "trusted-plugins"


def own_file() -> Path:
    """The user's own configuration: the folders whose plugins may run."""
    return Path(click.get_app_dir("graphlint")) / "graphlint.toml"


def is_the_users(config: Config) -> bool:
    """Whether a configuration lies in the current directory or above it."""
    here, root = Path(os.path.realpath(Path.cwd())), Path(os.path.realpath(config.root))
    return root == here or root in here.parents


def require_consent(config: Config, *, allowed: bool, named: bool) -> None:
    """Refuse plugins that nobody agreed to.

    ``allowed`` is the user's word for this run, and counts for configurations that are the user's, or ``named``. The
    list in the user's own configuration counts for every run.

    Raises:
        ConfigError: there are some, or the user's own configuration cannot be used.
    """
    if not config.plugins or _is_listed(config.root_of("plugins")):
        return
    source = "" if config.source is None else f"{config.source.as_posix()}: "
    if not named and not is_the_users(config):
        raise ConfigError(
            f"{source}plugins: the modules it names are imported only from a configuration in the current directory "
            "or above it: pass this one with --config if you trust it, and --allow-plugins"
        )
    if not allowed:
        raise ConfigError(
            f"{source}plugins: {', '.join(map(repr, config.plugins))} would run as Python code: pass --allow-plugins "
            f"if you trust it, or put its folder in {OWN_KEY} in {own_file().as_posix()}"
        )


def _is_listed(root: Path) -> bool:
    real = os.path.realpath(root)
    return any(os.path.realpath(folder) == real for folder in _listed(own_file()))


def _listed(path: Path) -> Sequence[Path]:
    """The folders whose plugins the user trusts."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.as_posix()}: cannot be used: {error}") from error
    folders = document.pop(OWN_KEY, [])
    if document or not isinstance(folders, list) or not all(isinstance(one, str) for one in folders):
        raise ConfigError(f"{path.as_posix()}: expected nothing but {OWN_KEY} = a list of folders")
    expanded = [Path(folder).expanduser() for folder in folders]
    for folder in expanded:
        if not folder.is_absolute():
            raise ConfigError(f"{path.as_posix()}: {OWN_KEY}: expected whole paths, got {str(folder)!r}")
    return expanded


def guarded(config: Config, own: Config) -> Config:
    """A configuration that may have come with a model, with the user's limits and the user's word on security."""
    return replace(config, limits=own.limits, guard=own)
