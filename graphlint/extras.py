"""Packages that a base install does without, and the command that installs them where they are missing."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from graphlint.errors import GraphlintError, UnknownKerasError
from graphlint.knowledge.supported import OLDEST, text

_PACKAGES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch", "openvino": "openvino"}
"""Backends of Keras, and what they are installed by; models run on all of them, and are trained on the first three."""


def require_keras(purpose: str) -> None:
    """Import Keras, which is not part of a base install.

    Raises:
        GraphlintError: Keras or its backend is not installed.
        UnknownKerasError: Keras is too old.
    """
    try:
        keras = import_module("keras")
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        raise GraphlintError(f"{purpose} needs Keras, and {missing} is not installed: {_advice(missing)}") from error
    version = str(getattr(keras, "__version__", "of an unknown version"))
    if _release(version) < OLDEST:
        raise UnknownKerasError(
            f"{purpose} needs Keras {text(OLDEST)} or later, got Keras {version}: "
            f"{install(f'keras>={text(OLDEST)}')}; files are checked without Keras"
        )


def install(*requirements: str) -> str:
    """The command that installs packages into the running environment.

    >>> install("numpy>=2").rpartition("install ")[2]
    "'numpy>=2'"
    """
    packages = " ".join(shlex.quote(one) for one in requirements)
    if not _has_pip() and shutil.which("uv"):
        return f"uv pip install --python {shlex.quote(sys.executable)} {packages}"
    found = shutil.which("python")
    same = found is not None and Path(found).absolute() == Path(sys.executable).absolute()
    return f"{'python' if same else shlex.quote(sys.executable)} -m pip install {packages}"


def _has_pip() -> bool:
    """Whether pip is installed; asking for its module makes older releases of setuptools warn."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return bool(version("pip"))
    except PackageNotFoundError:
        return False


def _advice(missing: str) -> str:
    chosen = _chosen_backend()
    present = [name for name in _PACKAGES if find_spec(name) is not None]
    if missing == "keras":
        backend = chosen or (present[0] if present else "tensorflow")
        wanted = [f"keras>={text(OLDEST)}"] + ([] if backend in present else [_PACKAGES.get(backend, backend)])
        then = "" if chosen or backend == "tensorflow" else f", and set KERAS_BACKEND={backend}"
        return install(*wanted) + then
    others = [name for name in present if name != missing]
    instead = f", or set KERAS_BACKEND={others[0]}" if missing in _PACKAGES and others else ""
    return install(missing) + instead


def _chosen_backend() -> str | None:
    """The backend that Keras will take, where somebody chose one."""
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"]
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        found = json.loads((home / "keras.json").read_text(encoding="utf-8")).get("backend")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
