"""Where a finding is, for programs that know files and lines: its model's path, and the first line of it."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from graphlint.findings.finding import Finding

LINE = 1
"""The line of a binary file: programs that show findings in a file want one, and take no other."""


def relative(path: str) -> str:
    """A path below the current directory as relative to it, any other as it is."""
    given = PurePath(path)
    if not given.is_absolute() or not given.is_relative_to(Path.cwd()):
        return path
    return given.relative_to(Path.cwd()).as_posix()


def uri(path: str) -> str:
    """A path relative to the current directory, as a URI; a file URI for a path elsewhere."""
    inside = relative(path)
    given = PurePath(inside)
    if not given.is_absolute():
        return quote(inside, errors="replace")
    return "file://" + quote(given.as_posix(), errors="replace")


def described(finding: Finding) -> str:
    """A finding's address, message and hint in one line."""
    where = "" if finding.location is None else f"{finding.location.address}: "
    return f"{where}{finding.message}" + (f" ({finding.hint})" if finding.hint else "")


def unique(finding: Finding) -> str:
    """A fingerprint that no finding of another file has."""
    text = f"{relative(finding.model)}\n{finding.fingerprint}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
