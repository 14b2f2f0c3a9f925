"""What fixes are made of: one class for each kind of edit, which says what it touches.

A rule offers edits as data. What makes them is registered by class: for a model in memory in ``graphlint.fixes.live``,
for a stored file in ``graphlint.fixes.stored``. Layers, calls and inputs are named by the ids of the graph that the
rule has checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

COMPILATION = "#"
"""What an edit of the compilation touches, in place of a layer."""

_INDEX = re.compile(r"[#:][0-9]+")


def _layers(*ids: str) -> frozenset[str]:
    """The paths of layers in addresses of calls and variables."""
    return frozenset(_INDEX.sub("", one).partition("@")[0] for one in ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One change of a model. Two fixes whose edits touch layers inside each other are not made at once."""

    def touches(self) -> frozenset[str]:
        """The paths of the layers that it is made on, or `COMPILATION`."""
        return frozenset()

    def joined(self, other: Edit) -> Edit | None:
        """One edit that does what both do, where they can be made at once."""
        return None


class ModelEdit(Edit):
    """An edit of a model in memory."""

    __slots__ = ()


class FileEdit(Edit):
    """An edit of a stored file, for findings that keep Keras from loading it, or that memory does not show."""

    __slots__ = ()
    lost_on_save = False
    """Whether Keras undoes it when it saves the model, so that it is made again on what Keras has written."""


class TrainingEdit(Edit):
    """An edit of how a model is compiled, made after all others."""

    __slots__ = ()

    def touches(self) -> frozenset[str]:
        return frozenset({COMPILATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite(Edit):
    """Write the whole model again as today's Keras writes it."""


# -- calls ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(ModelEdit):
    """Drop ``calls``: each passes on what it receives."""

    calls: tuple[str, ...]

    def touches(self) -> frozenset[str]:
        return _layers(*self.calls)

    def joined(self, other: Edit) -> Remove | None:
        return replace(self, calls=self.calls + other.calls) if isinstance(other, Remove) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCalls(ModelEdit):
    """Let the consumers of the calls in ``drop`` receive the output of ``keep``, which is the same."""

    keep: str
    drop: tuple[str, ...]

    def touches(self) -> frozenset[str]:
        return _layers(self.keep, *self.drop)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropArgument(ModelEdit):
    """Call ``calls`` without the keyword ``argument``."""

    calls: tuple[str, ...]
    argument: str

    def touches(self) -> frozenset[str]:
        return _layers(*self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertAfter(ModelEdit):
    """Run a new layer of ``class_name`` with ``config`` on the output of ``call``."""

    call: str
    class_name: str
    config: Mapping[str, Any] = field(default_factory=dict)

    def touches(self) -> frozenset[str]:
        return _layers(self.call)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertBefore(ModelEdit):
    """Run a new layer of ``class_name`` with ``config`` on what ``call`` receives.

    With ``fresh`` the layer called there starts with new weights, because what it receives has another shape.
    """

    call: str
    class_name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False

    def touches(self) -> frozenset[str]:
        return _layers(self.call)


# -- layers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure(ModelEdit):
    """Replace ``layer`` by one with other settings (``config``), with the weights that both have.

    With ``fresh`` it starts with new ones.
    """

    layer: str
    config: Mapping[str, Any]
    fresh: bool = False

    def touches(self) -> frozenset[str]:
        return _layers(self.layer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace(ModelEdit):
    """Replace ``layer`` by a new one of ``class_name`` with ``config``, with the weights that both have.

    With ``inputs`` (tensors) it is called on those alone; otherwise as the old one was.
    """

    layer: str
    class_name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()

    def touches(self) -> frozenset[str]:
        return _layers(self.layer, *self.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(ModelEdit):
    """Let the calls of the layer ``drop`` run the layer ``keep``."""

    keep: str
    drop: str

    def touches(self) -> frozenset[str]:
        return _layers(self.keep, self.drop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unshare(ModelEdit):
    """Give the ``calls`` of a layer copies of their own."""

    calls: tuple[str, ...]

    def touches(self) -> frozenset[str]:
        return _layers(*self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class TieReversed(ModelEdit):
    """Let the Dense ``dense`` be the Embedding ``embedding`` called in reverse: one table, also after saving."""

    embedding: str
    dense: str

    def touches(self) -> frozenset[str]:
        return _layers(self.embedding, self.dense)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldBias(ModelEdit):
    """Drop the bias of layers; the mean of the BatchNormalization that follows takes it up.

    ``layers`` maps the path of each layer to that of its BatchNormalization.
    """

    layers: Mapping[str, str]

    def touches(self) -> frozenset[str]:
        return _layers(*self.layers, *self.layers.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeLinear(ModelEdit):
    """Replace two Dense layers in a row by one, with the product of their kernels."""

    first: str
    second: str

    def touches(self) -> frozenset[str]:
        return _layers(self.first, self.second)


# -- flags ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze(ModelEdit):
    """Freeze ``layers`` with everything inside."""

    layers: tuple[str, ...]

    def touches(self) -> frozenset[str]:
        return _layers(*self.layers)

    def joined(self, other: Edit) -> Freeze | None:
        return replace(self, layers=self.layers + other.layers) if isinstance(other, Freeze) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfreeze(ModelEdit):
    """Make ``layers`` trainable with everything inside; of ``containers`` only the flag is set."""

    layers: tuple[str, ...]
    containers: tuple[str, ...] = ()

    def touches(self) -> frozenset[str]:
        return _layers(*self.layers, *self.containers)


# -- parts of a model -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class DropInputs(ModelEdit):
    """Take ``inputs`` (names), on which no output depends, out of the signature, and of models inside."""

    inputs: tuple[str, ...]

    def touches(self) -> frozenset[str]:
        return _layers(*self.inputs)

    def joined(self, other: Edit) -> DropInputs | None:
        return replace(self, inputs=self.inputs + other.inputs) if isinstance(other, DropInputs) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune(ModelEdit):
    """Rebuild the models at ``layers`` with what their used outputs need, and nothing else that they hold."""

    layers: tuple[str, ...]

    def touches(self) -> frozenset[str]:
        return _layers(*self.layers)

    def joined(self, other: Edit) -> Prune | None:
        return replace(self, layers=self.layers + other.layers) if isinstance(other, Prune) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveAgain(ModelEdit):
    """Nothing more: a copy has what the graph needs and no other layer."""


# -- training ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile(TrainingEdit):
    """Compile with other ``losses``: by key where they are a dictionary, by index in a list, None for a single one."""

    losses: Mapping[str | int | None, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOptimizer(TrainingEdit):
    """Let the optimizer start with fresh state."""


# -- stored files -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareIdentity(FileEdit):
    """Mark ``layer`` as the object that ``copy`` already says it is: loading makes one layer of the two again."""

    layer: str
    copy: str
    lost_on_save = True

    def touches(self) -> frozenset[str]:
        return _layers(self.layer, self.copy)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyWeights(FileEdit):
    """Give ``copy`` weights of its own, with the values of ``layer``: loading works, and they are shared no longer."""

    layer: str
    copy: str

    def touches(self) -> frozenset[str]:
        return _layers(self.layer, self.copy)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropVariables(FileEdit):
    """Remove the variables that ``layers`` themselves hold, not those inside."""

    layers: tuple[str, ...]

    def touches(self) -> frozenset[str]:
        return _layers(*self.layers)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRecordedArgument(FileEdit):
    """Take the keyword ``argument`` with ``value`` out of the recorded calls of ``layers``."""

    layers: tuple[str, ...]
    argument: str
    value: Any
    lost_on_save = True

    def touches(self) -> frozenset[str]:
        return _layers(*self.layers)
