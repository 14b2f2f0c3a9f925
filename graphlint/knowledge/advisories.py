"""What a model file can do to whoever loads it: the releases that it endangers, and the published advisories.

The releases are those whose loader does it, read from their sources and tried where they can be installed; where an
advisory names fewer, the sources count.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Danger(StrEnum):
    """A way in which a file does more than describe a model."""

    LAMBDA = "lambda"
    LAMBDA_H5 = "lambda-h5"
    FOREIGN_NAME = "foreign-name"
    KERAS_NAME = "keras-name"
    TRUSTED_NAME = "trusted-name"
    TORCH_PICKLE = "torch-pickle"
    SAVED_MODEL_LAYER = "saved-model-layer"
    HUB_LAYER = "hub-layer"
    FILE_PATH = "file-path"
    OPERATION = "operation"
    GRAPH_OPERATION = "graph-operation"
    ARRAY_PICKLE = "array-pickle"
    BARE_PICKLE = "bare-pickle"
    EXTERNAL_DATA = "external-data"
    DECLARED_SIZE = "declared-size"
    PATH_NAME = "path-name"
    ARCHIVE = "archive"


ENDANGERED = {
    Danger.LAMBDA: "every Keras with safe_mode=False, and Keras before 2.13 always",
    Danger.LAMBDA_H5: "Keras up to 3.11.2 always, later ones with safe_mode=False",
    Danger.FOREIGN_NAME: "Keras up to 3.8",
    Danger.KERAS_NAME: "Keras up to 3.10",
    Danger.TRUSTED_NAME: "Keras up to 3.8",
    Danger.TORCH_PICKLE: "Keras 3.0 to 3.11.2 always, later ones with safe_mode=False",
    Danger.SAVED_MODEL_LAYER: "Keras 3.0 to 3.13.1 always, later ones with safe_mode=False",
    Danger.HUB_LAYER: "Keras 2 with tensorflow_hub",
    Danger.FILE_PATH: "Keras up to 3.11.3 always, later ones with safe_mode=False",
    Danger.OPERATION: "Keras up to 2.15 and tf_keras",
    Danger.GRAPH_OPERATION: "every TensorFlow",
    Danger.ARRAY_PICKLE: "Keras 2.12 to 3.8",
    Danger.BARE_PICKLE: "whoever unpickles it",
    Danger.EXTERNAL_DATA: "Keras up to 3.13.1",
    Danger.DECLARED_SIZE: "Keras up to 3.13.0",
    Danger.PATH_NAME: "Keras 3.0 to 3.14",
    Danger.ARCHIVE: "whoever unpacks it",
}
"""In words, what runs the danger when it loads the file."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """A published advisory: its id, the first release that it names and the first fixed one, and what it is about."""

    id: str
    first: str
    fixed: str | None
    dangers: tuple[Danger, ...]
    subject: str


ADVISORIES = (
    Advisory("CVE-2024-3660", "1.0", "2.13", (Danger.LAMBDA, Danger.LAMBDA_H5), "code in Lambda layers"),
    Advisory("CVE-2025-1550", "3.0", "3.9", (Danger.FOREIGN_NAME, Danger.TRUSTED_NAME), "any module can be named"),
    Advisory("CVE-2025-8747", "3.0", "3.11", (Danger.KERAS_NAME,), "functions of Keras itself, such as get_file"),
    Advisory("CVE-2025-9906", "3.0", "3.11", (Danger.KERAS_NAME,), "safe mode is switched off by the file"),
    Advisory("CVE-2025-9905", "3.0", "3.11.3", (Danger.LAMBDA_H5,), "safe mode does not apply to HDF5 files"),
    Advisory("CVE-2025-49655", "3.11.0", "3.11.3", (Danger.TORCH_PICKLE,), "TorchModuleWrapper unpickles"),
    Advisory("CVE-2025-12058", "3.0", "3.12", (Danger.FILE_PATH,), "vocabularies are read from any path or address"),
    Advisory("CVE-2025-12060", "3.0", "3.12", (Danger.ARCHIVE,), "archives are unpacked outside their folder"),
    Advisory("CVE-2025-12638", "3.0", "3.12", (Danger.ARCHIVE,), "archives are unpacked outside their folder"),
    Advisory("CVE-2026-0897", "3.0", "3.13.1", (Danger.DECLARED_SIZE,), "arrays declare more than they store"),
    Advisory("CVE-2026-1462", "3.0", "3.13.2", (Danger.SAVED_MODEL_LAYER,), "TFSMLayer loads any SavedModel"),
    Advisory("CVE-2026-1669", "3.0", "3.13.2", (Danger.EXTERNAL_DATA,), "arrays are read from other files"),
    Advisory("CVE-2026-12479", "3.14.0", "3.15", (Danger.PATH_NAME,), "layer names that are paths"),
    Advisory("CVE-2026-12480", "3.14.0", "3.15", (Danger.EXTERNAL_DATA,), "virtual datasets read other files"),
    Advisory("CVE-2026-12481", "3.14.0", "3.15", (Danger.LAMBDA,), "Lambda layers deserialized outside of load_model"),
)


def endangers(danger: Danger) -> str:
    """Whom a danger concerns, with the advisories on it.

    >>> endangers(Danger.FOREIGN_NAME)
    'Keras up to 3.8 (CVE-2025-1550)'
    """
    ids = ", ".join(advisory.id for advisory in ADVISORIES if danger in advisory.dangers)
    return f"{ENDANGERED[danger]} ({ids})" if ids else ENDANGERED[danger]
