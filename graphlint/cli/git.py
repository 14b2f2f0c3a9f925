"""Git shows and compares models with graphlint: attributes, a text conversion and a difftool, set and unset."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from graphlint.cli.targets import MODEL_SUFFIXES
from graphlint.errors import GraphlintError

_DRIVER = "graphlint"
_LINES = tuple(f"*{suffix} diff={_DRIVER}" for suffix in MODEL_SUFFIXES)
_HEAD = "# models are shown as text, by graphlint diff --config-git"


def configure(*, everywhere: bool, undo: bool) -> str:
    """Set or unset it in this repository, or in all of this user; returns what was done, in one line.

    In a repository it writes ``.git/config`` and ``.git/info/attributes``, which are of this clone alone.

    Raises:
        GraphlintError: this is no repository, there is no git, or a file cannot be written.
    """
    scope = "--global" if everywhere else "--local"
    attributes = _attributes_file(everywhere)
    for key, value in _settings().items():
        if undo:
            _git("config", scope, "--unset-all", key, allowed=(0, 5))
        else:
            _git("config", scope, "--replace-all", key, value)
    if undo:
        for section in (f"diff.{_DRIVER}", f"difftool.{_DRIVER}"):
            _git("config", scope, "--remove-section", section, allowed=(0, 128))
    changed = _write(attributes, undo=undo)
    where = "all repositories" if everywhere else "this repository"
    done = "shows models as before" if undo else "shows models with graphlint"
    rest = f"; attributes: {attributes.as_posix()}" if changed else ""
    return f"git {done} in {where}{rest}"


def _settings() -> dict[str, str]:
    run = f"{shlex.quote(Path(sys.executable).as_posix())} -m graphlint"
    return {
        f"diff.{_DRIVER}.textconv": f"{run} show --for-git",
        f"diff.{_DRIVER}.cachetextconv": "true",
        f"diff.{_DRIVER}.binary": "true",
        f"difftool.{_DRIVER}.cmd": f'{run} diff "$LOCAL" "$REMOTE"',
    }


def _attributes_file(everywhere: bool) -> Path:
    if not everywhere:
        _git("rev-parse", "--is-inside-work-tree")
        return Path(_git("rev-parse", "--git-path", "info/attributes").strip())
    known = _git("config", "--global", "--type=path", "core.attributesFile", allowed=(0, 1)).strip()
    if known:
        return Path(known)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "git" / "attributes"


def _write(path: Path, *, undo: bool) -> bool:
    """Add the lines to the attributes, or take them out; whether the file changed."""
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        kept = [line for line in before.splitlines() if line not in (*_LINES, _HEAD)]
        lines = kept if undo else [*kept, _HEAD, *_LINES]
        after = "".join(f"{line}\n" for line in lines)
        if after == before:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(after, encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise GraphlintError(
            f"cannot write {path.as_posix()!r}: {getattr(error, 'strerror', None) or error}"
        ) from error
    return True


def _git(*arguments: str, allowed: tuple[int, ...] = (0,)) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise GraphlintError(f"cannot run git ({error.strerror}): install it, or add it to PATH") from error
    if done.returncode not in allowed:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]
        raise GraphlintError(f"git {' '.join(arguments[:2])} failed: {said}")
    return done.stdout
