"""What each released Keras has: its classes, the arguments their constructors take, and its packages.

Asked of the tables beside this module, which `graphlint.knowledge.generate` writes from the sources of the released
packages, one patch release of every minor release in `RELEASES`. Nothing in them is guessed; a release newer than the
last one is taken to be like it.
"""

from __future__ import annotations

from functools import lru_cache

from graphlint.knowledge.tables import ANYTHING, BASE, Row, read_columns, read_table, runs

RELEASES = tuple(read_columns())
"""The releases that the tables cover, oldest first."""

_CLASS_KINDS = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
_MODELS = frozenset({"Functional", "Sequential", "Model"})
_OLD_LAYERS = frozenset(
    """
    AtrousConvolution1D AtrousConvolution2D ConvLSTM2DCell ConvRecurrent2D CuDNNGRU CuDNNLSTM Deconvolution2D
    Deconvolution3D Graph Highway MaxoutDense Merge Recurrent SlicingOpLambda TFOpLambda TensorFlowOpLayer
    TimeDistributedDense ClassMethod InstanceMethod InstanceProperty AnchorLayer BatchNormalizationV1
    BatchNormalizationV2 LSTMV2 GRUV2 SyncBatchNormalization CuDNNLSTMCell AddLoss AddMetric
    """.split()
)
"""Layers of Keras 1 and 2 that no release in `RELEASES` exports, but that files name without a module."""


def release_index(version: str) -> int | None:
    """The index in `RELEASES` of a version; the last for a newer one, None for one that the tables do not reach.

    >>> RELEASES[release_index("3.9.2")], release_index("2.3.1"), RELEASES[release_index("4.0")]
    ('3.9', None, '3.15')
    """
    numbers = [int(part) if part.isdecimal() else 0 for part in version.split(".")[:2]]
    major, minor = [*numbers, 0, 0][:2]
    found = None
    for index, release in enumerate(RELEASES):
        known_major, known_minor = map(int, release.split("."))
        if (known_major, known_minor) <= (major, minor):
            found = index
    return found


def is_known_class(name: str, kinds: tuple[str, ...] = _CLASS_KINDS) -> bool:
    """Whether any release has a class of this name, for files that name no module.

    >>> is_known_class("Dense"), is_known_class("MyAttention")
    (True, False)
    """
    if "layers" in kinds and (name in _MODELS or name in _OLD_LAYERS):
        return True
    return any(name in read_table(kind) for kind in kinds)


def class_names(kinds: tuple[str, ...]) -> list[str]:
    """The names of all classes of some kinds, in any release."""
    return [name for kind in kinds for name in read_table(kind)]


@lru_cache(4096)
def has_class(name: str, release: int, kind: str = "layers") -> bool | None:
    """Whether a release has a class; None for a class that no release has."""
    known = read_table(kind).get(name)
    return None if known is None else bool(known.releases >> release & 1)


def releases_with(name: str, kind: str = "layers", argument: str | None = None) -> str:
    """In words, which releases have a class, or take an argument of it.

    >>> releases_with("LocallyConnected1D"), releases_with("Conv2D", argument="lora_rank")
    ('up to 2.15', 'since 3.3')
    """
    words = []
    for first, last in runs(_having(name, kind, argument)):
        newest = last == len(RELEASES) - 1
        if first == 0:
            words.append("all releases" if newest else f"up to {RELEASES[last]}")
        elif newest:
            words.append(f"since {RELEASES[first]}")
        else:
            words.append(RELEASES[first] if first == last else f"{RELEASES[first]} to {RELEASES[last]}")
    return " and ".join(words) or "no release"


@lru_cache(4096)
def takes_argument(name: str, argument: str, release: int, kind: str = "layers") -> bool | None:
    """Whether a class takes an argument, itself or from a configuration; None if the release has no such class.

    >>> [takes_argument("SpatialDropout1D", key, RELEASES.index("3.6")) for key in ("rate", "name", "trainable")]
    [True, True, False]
    """
    if not has_class(name, release, kind):
        return None
    return bool(_having(name, kind, argument) >> release & 1)


def _having(name: str, kind: str, argument: str | None) -> int:
    """The releases that have a class, or in which it takes an argument, as bits."""
    table = read_table(kind)
    row = table.get(name)
    if row is None or argument is None:
        return 0 if row is None else row.releases
    found = row.arguments.get(argument, 0) | row.arguments.get(ANYTHING, 0)
    base = row.arguments.get(BASE, 0)
    return found | (base & table.get("Layer", Row(0, {})).arguments.get(argument, 0) if base else 0)


def operation_key(module: str, name: str) -> str:
    """The name of an operation in the tables.

    >>> operation_key("keras.src.ops.numpy", "Mean")
    'numpy.Mean'
    """
    return f"{module.removeprefix('keras.src.ops.')}.{name}"


def next_release(name: str, release: int, kind: str = "layers", argument: str | None = None) -> str | None:
    """The first release after one that has a class, or takes an argument of it; None if no later one does.

    >>> next_release("Dense", RELEASES.index("3.9"), argument="lora_alpha")
    '3.10'
    """
    later = _having(name, kind, argument) >> (release + 1)
    return RELEASES[release + (later & -later).bit_length()] if later else None
