"""What a file is, by its content; its name only tells what it claims to be."""

from __future__ import annotations

import re
from enum import StrEnum

from graphlint.errors import UnreadableError, quoted
from graphlint.sources.hdf5_structure import SIGNATURE
from graphlint.sources.layout import OTHER_GRAPHS, is_model_directory
from graphlint.sources.pickles import is_pickle
from graphlint.sources.stored_object import Anywhere
from graphlint.sources.zip_archive import open_regular

_HEAD = 4096

_ENDING = {
    ".keras": "a .keras archive (zip)",
    ".h5": "an HDF5 file",
    ".hdf5": "an HDF5 file",
    ".json": "a configuration in JSON",
}
_MOST_LINES = 1 << 26
_ENOUGH_LINES = 8
_LINES_WITHOUT_PAIRS = 4000
"""So many line feeds without one carriage return before them are no chance: one in 256 has it."""
_WHERE = "pass a .keras, .h5, .weights.h5 or .json file, or a SavedModel directory"


class Content(StrEnum):
    """What a path holds."""

    ZIP = "zip"
    HDF5 = "hdf5"
    JSON = "json"
    SAVED_MODEL = "saved_model"
    DIRECTORY = "directory"
    PICKLE = "pickle"
    ARRAYS = "arrays"


def detect(path: Anywhere) -> Content:
    """What kind of model container a path holds, by its first bytes.

    Raises:
        UnreadableError: the path is not a container of a Keras model; the message says what it is instead.
    """
    shown = repr(str(path))
    if path.is_dir():
        if (path / "saved_model.pb").is_file() or (path / "keras_metadata.pb").is_file():
            return Content.SAVED_MODEL
        if is_model_directory(path):
            return Content.DIRECTORY
        if any((path / name).is_file() for name in OTHER_GRAPHS):
            raise UnreadableError(
                f"{shown} holds a SavedModel as text or in chunks, which graphlint does not read: save the model again"
            )
        raise UnreadableError(f"{shown} is a directory without saved_model.pb: {_WHERE}")
    with open_regular(path) as file:
        head = file.read(_HEAD)
        if not head:
            raise UnreadableError(f"{shown} is empty (0 bytes): saving failed or was interrupted; save the model again")
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return Content.ZIP
        if head.startswith(SIGNATURE):
            return Content.HDF5
        if head.startswith((b"\x89HDF\r\r\n", b"\x89HDF\n")):
            raise UnreadableError(str(changed_line_ends(path)))
        tail_start = max(0, file.seek(0, 2) - (1 << 16) - 22)
        file.seek(tail_start)
        if b"PK\x05\x06" in file.read():
            return Content.ZIP
        start = 512
        size = file.seek(0, 2)
        while start + len(SIGNATURE) <= size:
            file.seek(start)
            if file.read(len(SIGNATURE)) == SIGNATURE:
                return Content.HDF5
            start *= 2
    if head.startswith(b"\x93NUMPY"):
        return Content.ARRAYS
    if is_pickle(head):
        return Content.PICKLE
    if path.name in ("saved_model.pb", "keras_metadata.pb") or b'\x1a\x04root"' in head[:32]:
        raise UnreadableError(f"{shown} is one file of a SavedModel: pass its directory, {str(path.parent)!r}")
    other = _recognise(head)
    if other is not None:
        expected = _ENDING.get(path.suffix.lower(), "a Keras model")
        raise UnreadableError(f"{shown} is {other}, expected {expected}")
    if _looks_like_json(head):
        return Content.JSON
    ending = _ENDING.get(path.suffix.lower())
    if ending is not None:
        raise UnreadableError(f"{shown} is not {ending}: it begins with {_shown(head)}; save or download it again")
    raise UnreadableError(f"{shown} is not a Keras model: it begins with {_shown(head)}; {_WHERE}")


def changed_line_ends(path: Anywhere) -> str | None:
    """What to tell somebody whose binary file went through a conversion of line ends; None if it did not.

    In a binary file of some size, line feeds stand with and without a carriage return before them.
    """
    if path.is_dir():
        return None
    with open_regular(path) as file:
        head = file.read(len(SIGNATURE) + 2)
        file.seek(0)
        data = file.read(_MOST_LINES)
    feeds, pairs = data.count(b"\n"), data.count(b"\r\n")
    added = feeds >= _ENOUGH_LINES and pairs == feeds
    removed = feeds >= _LINES_WITHOUT_PAIRS and pairs == 0
    if head.startswith((b"\x89HDF\r\r\n", b"\x89HDF\n")) or (data.startswith(b"PK") and (added or removed)):
        return (
            f"{quoted(str(path))} is damaged by a conversion of line ends (text mode of FTP, or git without "
            f"`*{path.suffix} binary` in .gitattributes): transfer it again as a binary file"
        )
    return None


def misnamed(path: Anywhere, content: Content) -> str | None:
    """The message for a file whose name claims another format than its content; None if they agree.

    >>> from pathlib import Path
    >>> misnamed(Path("model.keras"), Content.HDF5)
    "this is an HDF5 file named .keras: Keras would expect a zip archive; rename it to 'model.h5'"
    """
    ending = path.suffix.lower()
    expected = {".keras": Content.ZIP, ".h5": Content.HDF5, ".hdf5": Content.HDF5, ".json": Content.JSON}.get(ending)
    if expected is None or expected is content or content in (Content.PICKLE, Content.ARRAYS):
        return None
    name = {
        Content.ZIP: "a zip archive",
        Content.HDF5: "an HDF5 file",
        Content.JSON: "a JSON text",
        Content.SAVED_MODEL: "a SavedModel directory",
        Content.DIRECTORY: "a directory",
    }
    right = {Content.ZIP: ".keras", Content.HDF5: ".h5", Content.JSON: ".json"}.get(content, "")
    return (
        f"this is {name[content]} named {ending}: Keras would expect {name[expected]}; "
        f"rename it to {path.with_suffix(right).name!r}"
    )


def _recognise(head: bytes) -> str | None:
    """The name of a kind of file that is often passed instead of a model, with what to do; None for an unknown kind."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"version https://git-lfs"):
        size = re.search(rb"\nsize (\d+)", head)
        held = f" of a {int(size.group(1)):,}-byte file" if size and len(size.group(1)) < 19 else ""
        return f"a git-lfs pointer{held}: run `git lfs pull`"
    if text[:15].lower().startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "an HTML page: the download returned a web page instead of the file; download the raw file"
    if text.startswith((b"<?xml", b"<Error>")):
        return "an XML document: the download returned an error instead of the file; download it again"
    if b"!!python/" in head:
        return (
            "a YAML document that creates Python objects, which Keras before 2.6 runs when it reads YAML "
            "(CVE-2021-37678): do not load it"
        )
    if re.search(rb"^(<<<<<<< |>>>>>>> )", head, re.MULTILINE):
        return "a text file with git merge conflict markers: resolve the conflict and save the model again"
    for signature, name in (
        (b"\x1f\x8b", "a gzip archive: unpack it first"),
        (b"BZh", "a bzip2 archive: unpack it first"),
        (b"\xfd7zXZ\0", "an xz archive: unpack it first"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
        (b"Rar!\x1a\x07", "a RAR archive: unpack it first"),
        (b"GGUF", "a GGUF model, which is not a Keras model"),
        (b"\x7fELF", "a program"),
        (b"%PDF", "a PDF document"),
    ):
        if head.startswith(signature):
            return name
    if head[4:8] == b"TFL3":
        return "a TensorFlow Lite model, which has no Keras configuration: check the model it was converted from"
    if head[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    return None


def _looks_like_json(head: bytes) -> bool:
    text = head[:64].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return text[:1] in (b"{", b"[", b'"') or text.startswith((b"null", b"true", b"false"))


def _shown(head: bytes) -> str:
    return repr(head[:12])[1:]
