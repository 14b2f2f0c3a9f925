"""How the files of an unpacked model lie in their directory."""

from __future__ import annotations

from graphlint.sources.stored_object import Anywhere

CONFIG = "config.json"
WEIGHTS, ARRAYS, SHARDS = "model.weights.h5", "model.weights.npz", "model.weights.json"
OTHER_GRAPHS = ("saved_model.pbtxt", "saved_model.cpb")
"""The graph of a SavedModel as text, or in chunks."""


def is_model_directory(path: Anywhere) -> bool:
    """Whether a directory is an unpacked model of Keras: its configuration beside weights under their fixed name."""
    return (path / CONFIG).is_file() and any((path / name).is_file() for name in (WEIGHTS, ARRAYS, SHARDS))
