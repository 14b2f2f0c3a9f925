"""What lies beside a model in its archive or folder: assets, and whatever else somebody put there.

Keras hands assets to the layers that saved them, and reads nothing else. A pickle, another model or an archive of them
is there for some other program, which this one must not take for harmless.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import IO, Any

from graphlint.errors import LimitError, UnreadableError
from graphlint.knowledge.advisories import Danger
from graphlint.model.definition import ProblemKind, SourceProblem
from graphlint.sources.hdf5 import Hdf5File
from graphlint.sources.hdf5_structure import SIGNATURE
from graphlint.sources.json_text import parse_config
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.pickles import array_pickles, described, runs_code
from graphlint.sources.zip_archive import MemberView, ZipArchive

_HEAD = 8
_ARRAY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"
_MOST_BYTES = 32 << 20
_MOST_UNPACKED = 256 << 20
_DEEPEST = 4
_PICKLES = (".pkl", ".pickle", ".p", ".joblib")
_PROGRAMS = (b"\x7fELF", b"MZ\x90", b"\xcf\xfa\xed\xfe", b"#!")
_PROGRAM_NAMES = (".bat", ".dll", ".dylib", ".exe", ".ps1", ".pth", ".py", ".pyc", ".pyd", ".sh", ".so")
_TEXTS = ("model_config", "training_config")
_FAILURES = (UnreadableError, LimitError, OSError)


def _tells(name: str, head: bytes) -> bool:
    """Whether a file may hold a configuration, a pickle or an archive of them."""
    if head.startswith((_ARRAY, _ZIP, SIGNATURE)) or name.lower().endswith((".json", *_PICKLES)):
        return True
    return head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")


@dataclass(slots=True)
class Beside:
    """What was found: problems, and the configurations that are in other models, each with its place."""

    limits: Limits = DEFAULT
    problems: list[SourceProblem] = field(default_factory=list)
    documents: list[tuple[str, Any]] = field(default_factory=list)
    unpacked: int = 0

    def members(self, archive: ZipArchive, names: Iterable[str], where: str = "", depth: int = 1) -> None:
        """Look at members of an archive; they are unpacked only where their first bytes or names tell something."""
        for name in names:
            member = archive.members[name]
            shown = f"{where}{name}"
            try:
                head = next(archive.blocks(name), b"")
                if head.startswith(_PROGRAMS) or name.lower().endswith(_PROGRAM_NAMES):
                    self._add(ProblemKind.ARCHIVE, f"the member {shown!r} is a program, which no model needs")
                if not _tells(name, head):
                    continue
                self.unpacked += member.size
                if depth >= _DEEPEST or self.unpacked > _MOST_UNPACKED:
                    text = f"{shown!r} was not looked at: too much lies in archives inside the archive"
                    self._add(ProblemKind.ARCHIVE, text)
                    return
                self._look(shown, archive.view(name), depth)
            except _FAILURES as error:
                self._failed(shown, error)

    def file(self, name: str, file: IO[bytes] | io.RawIOBase) -> None:
        """Look at a file in a folder."""
        try:
            head = file.read(_HEAD) or b""
            if _tells(name, head):
                self._look(name, file, 1)
        except _FAILURES as error:
            self._failed(name, error)

    def _look(self, name: str, file: Any, depth: int) -> None:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(_HEAD)
        file.seek(0)
        if head.startswith(_ARRAY):
            for text in array_pickles(file, size, repr(name)):
                self._add(ProblemKind.GADGET, text)
        elif head.startswith(_ZIP):
            archive = ZipArchive(MemberView(file, 0, size, name, 0), self.limits)
            self.members(archive, archive.members, f"{name}/", depth + 1)
        elif head.startswith(SIGNATURE):
            attributes = Hdf5File(file, self.limits, root_only=True).root.attributes
            for each in _TEXTS:
                held = attributes.get(each)
                if isinstance(held, str):
                    self._document(f"{name}/{each}", held.encode("utf-8", "surrogateescape"))
        elif name.lower().endswith(".json"):
            self._document(name, file.read(self.limits.json_bytes + 1))
        else:
            data = file.read(_MOST_BYTES)
            if runs_code(data):
                self._add(ProblemKind.GADGET, f"{name!r} is a Python pickle: it {described(data)}")

    def _failed(self, name: str, error: Exception) -> None:
        self._add(ProblemKind.ARCHIVE, f"{name!r}, which lies beside the model, cannot be read: {error}")

    def _document(self, name: str, data: bytes) -> None:
        try:
            self.documents.append((name, parse_config(data, self.limits, name).value))
        except UnreadableError:
            return  # Then no program takes it for a configuration.

    def _add(self, kind: ProblemKind, text: str) -> None:
        danger = Danger.BARE_PICKLE if kind is ProblemKind.GADGET else None
        self.problems.append(SourceProblem(kind, text, danger=danger))
