"""What a file holds beside that which a reader of its format looks at, and another program may take for the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphlint.errors import UnreadableError
from graphlint.knowledge.advisories import Danger
from graphlint.model.definition import Format, ModelDefinition, ProblemKind, SourceProblem
from graphlint.sources.hdf5 import Hdf5File
from graphlint.sources.hdf5_structure import SIGNATURE
from graphlint.sources.json_text import parse_config
from graphlint.sources.limits import DEFAULT, Limits
from graphlint.sources.opaque import opaque
from graphlint.sources.pickles import array_pickles, declared_bytes, described, pickled_names
from graphlint.sources.stored_object import Anywhere, View
from graphlint.sources.zip_archive import MemberView, ZipArchive, open_regular

_CONFIGURATIONS = ("model_config", "training_config")
_END_OF_ZIP = b"PK\x05\x06"
_TAIL = (1 << 16) + 22
_MOST_BYTES = 32 << 20


def hidden_hdf5(archive: ZipArchive, path: Anywhere) -> Iterator[str]:
    """What stands at the places of an archive where the HDF5 library looks for the beginning of a file."""
    members = {member.start: member.name for member in archive.members.values()}
    with open_regular(path) as file:
        size = file.seek(0, 2)
        start = 512
        if isinstance(file, View):
            file.prefetch([1 << power for power in range(9, size.bit_length()) if (1 << power) + 8 <= size])
        while start + len(SIGNATURE) <= size:
            file.seek(start)
            if file.read(len(SIGNATURE)) == SIGNATURE and not members.get(start, "").endswith(".h5"):
                yield f"an HDF5 file begins at byte {start:,} of the zip archive, where the HDF5 library looks for one"
            start *= 2


def hidden_zip(path: Anywhere) -> Iterator[str]:
    """What stands at the end of an HDF5 file where a reader of zip archives looks for its directory."""
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        if _END_OF_ZIP in file.read():
            yield "the directory of a zip archive stands at the end of the HDF5 file; another program reads the archive"


def stored_configurations(
    file: Hdf5File, problems: list[SourceProblem], limits: Limits = DEFAULT
) -> list[tuple[str, Any]]:
    """The configurations of a model that a file of weights carries, where Keras writes none; they are problems too."""
    found = []
    for name in _CONFIGURATIONS:
        text = file.root.attributes.get(name)
        if isinstance(text, str):
            problems.append(
                SourceProblem(ProblemKind.HDF5, f"the weights carry a {name}, which makes them a model of their own")
            )
            document = parse_config(text.encode("utf-8", "surrogateescape"), limits, name)
            problems += document.source_problems
            found.append((name, document.value))
    return found


def npz_problems(file: Any, what: str, limits: Limits = DEFAULT) -> list[SourceProblem]:
    """What NumPy would unpickle in a file of arrays, which is an archive, one array or a pickle by its first bytes."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(4)
    if head not in (b"PK\x03\x04", _END_OF_ZIP):
        return [
            SourceProblem(ProblemKind.GADGET, text, danger=Danger.ARRAY_PICKLE)
            for text in array_pickles(file, size, what)
        ]
    view = file if isinstance(file, MemberView) else MemberView(file, 0, size, what, 0)
    archive = ZipArchive(view, limits)
    return [SourceProblem(ProblemKind.ARCHIVE, f"{what}: {text}") for text in archive.problems] + array_problems(
        archive, what
    )


def array_problems(archive: ZipArchive, what: str) -> list[SourceProblem]:
    """What NumPy would unpickle in the members of an archive of arrays."""
    found = []
    for name in archive.members:
        view = archive.view(name)
        if view.read(6) == b"\x93NUMPY":
            texts = array_pickles(view, view.size, f"{name!r} in {what}")
            found += [SourceProblem(ProblemKind.GADGET, text, danger=Danger.ARRAY_PICKLE) for text in texts]
            declared = declared_bytes(view, view.size)
            if declared > view.size:
                text = f"the array {name!r} in {what} declares {declared:,} bytes and stores {view.size:,}"
                found.append(SourceProblem(ProblemKind.ARCHIVE, text, danger=Danger.DECLARED_SIZE))
    return found


def read_pickle(path: Anywhere) -> ModelDefinition:
    """A file that is a Python pickle or a NumPy array from its first byte, where unpickling it imports anything.

    Raises:
        UnreadableError: it imports nothing, and holds no model either.
    """
    shown = repr(str(path))
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        data = file.read(_MOST_BYTES)
        if data.startswith(b"\x93NUMPY"):
            texts = [*array_pickles(file, size, "the file")]
            if not texts:
                raise UnreadableError(f"{shown} is a NumPy array, not a model")
            return opaque(
                Format.PICKLE, [SourceProblem(ProblemKind.GADGET, text, danger=Danger.BARE_PICKLE) for text in texts]
            )
    if not pickled_names(data)[0]:
        raise UnreadableError(
            f"{shown} is a Python pickle: graphlint never loads one; save the model with model.save()"
        )
    text = f"the file is a Python pickle: it {described(data)}"
    return opaque(Format.PICKLE, [SourceProblem(ProblemKind.GADGET, text, danger=Danger.BARE_PICKLE)])
