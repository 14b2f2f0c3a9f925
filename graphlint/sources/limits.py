"""How much of a file is read before it is refused."""

from __future__ import annotations

from dataclasses import dataclass, fields

from graphlint.errors import LimitError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model file may ask for. A file that asks for more is refused as a whole (E003).

    Each can be raised in the configuration, ``[tool.graphlint.limits]``, under its name with dashes: ``json-bytes =
    67108864``.
    """

    zip_members: int = 10_000
    """Members of a zip archive (a SavedModel directory: files)."""
    zip_name_bytes: int = 1024
    """Bytes in the name of one zip member."""
    zip_ratio: int = 100
    """Unpacked bytes of a deflated member per stored byte; bytes that all HDF5 datasets declare per byte of the file.
    Checked only for members and datasets above ``zip_ratio_from_bytes``."""
    zip_ratio_from_bytes: int = 1 << 20
    """Unpacked bytes from which ``zip_ratio`` is checked."""
    zip_member_bytes: int = 1 << 34
    """Unpacked bytes of one deflated member (stored members are read in place and need no limit)."""
    saved_model_bytes: int = 1 << 30
    """Bytes of the graph of a SavedModel, ``saved_model.pb``."""
    json_bytes: int = 128 << 20
    """Bytes of one JSON text."""
    json_depth: int = 200
    """Nesting of lists and objects in a JSON text."""
    json_nodes: int = 10_000_000
    """Values in a JSON text. An object counts as four."""
    json_string_bytes: int = 4 << 20
    """Bytes of one string in a JSON text."""
    json_integer_digits: int = 19
    """Digits of one integer in a JSON text. Integers also have to be below 2**63."""
    graph_calls: int = 200_000
    """Calls after nested models are expanded, those of nested models included; layers, shared ones counted once per
    place."""
    graph_tensors: int = 1_000_000
    """Arguments and outputs of all these calls."""
    graph_characters: int = 1 << 26
    """Characters in the paths of all layers and calls, which repeat the names of their parents."""
    findings: int = 10_000
    """Findings on one model. A hundred layers that a finding names beside its own count as one more."""
    finding_characters: int = 16 << 20
    """Characters in the messages, hints and addresses of all findings on one model."""
    vocabulary_bytes: int = 64 << 20
    """Bytes of stored vocabularies, unpacked, that are read to count their words."""
    hdf5_objects: int = 200_000
    """Groups and datasets in an HDF5 file."""
    hdf5_depth: int = 64
    """Nesting of groups in an HDF5 file."""
    hdf5_attribute_bytes: int = 64 << 20
    """Bytes of all attributes read from an HDF5 file."""
    hdf5_metadata_bytes: int = 128 << 20
    """Bytes read from an HDF5 file for its structure: headers, indexes, heaps. One read counts as at least 64."""
    hdf5_rank: int = 32
    """Dimensions of one dataset."""
    hdf5_chunk_bytes: int = 64 << 20
    """Bytes of one row of chunks in a chunked dataset, which have to be unpacked together."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                key = each.name.replace("_", "-")
                raise ValueError(f"expected a whole number for the limit {key}, got {value!r}")

    def check(self, name: str, received: int, what: str) -> None:
        """Refuse what exceeds the limit called ``name``.

        Raises:
            LimitError: ``received`` is above the limit.

        >>> Limits().check("json_bytes", 5, "config.json")
        """
        if received > getattr(self, name):
            raise self.exceeded(name, f"{what}: {received:,}")

    def exceeded(self, name: str, received: str) -> LimitError:
        """The error for something that exceeds the limit called ``name``."""
        key = name.replace("_", "-")
        return LimitError(
            f"{received} exceeds the limit {key} = {getattr(self, name):,}: "
            f"if you trust this file, raise {key} in [tool.graphlint.limits]"
        )


DEFAULT = Limits()
