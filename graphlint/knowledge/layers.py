"""What is known of every layer class of Keras: one row for each, of Keras 1 and 2 as well.

The rows are in ``rows/layers.txt``. Most of what they say is measured on the installed Keras by the tests; the family
and the rows of old classes are judgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from graphlint.knowledge import rows
from graphlint.knowledge.origin import is_keras_class


class Family(StrEnum):
    """What a layer is for."""

    ACTIVATION = "activation"
    ATTENTION = "attention"
    AUGMENTATION = "augmentation"
    BASE = "base"
    """Abstract: ``Layer`` itself."""
    CELL = "cell"
    """One step of a recurrent layer."""
    CODE = "code"
    """Runs code that is not Keras's: ``Lambda``, the wrappers of other frameworks."""
    CONVOLUTION = "convolution"
    CROPPING = "cropping"
    DENSE = "dense"
    DROPOUT = "dropout"
    EINSUM = "einsum"
    """A dense layer over axes that its equation names."""
    EMBEDDING = "embedding"
    ENCODING = "encoding"
    """Numbers or text to categories, without a vocabulary."""
    GLOBAL_POOLING = "global_pooling"
    IDENTITY = "identity"
    INPUT = "input"
    LOCALLY_CONNECTED = "locally_connected"
    LOOKUP = "lookup"
    """Looks words up in a vocabulary: given, and then in the configuration, or adapted."""
    MASKING = "masking"
    MERGE = "merge"
    MODEL = "model"
    NOISE = "noise"
    NORMALIZATION = "normalization"
    OPERATION = "operation"
    """One TensorFlow operation, as the releases before 3.0 write it."""
    PADDING = "padding"
    PIPELINE = "pipeline"
    POOLING = "pooling"
    RECURRENT = "recurrent"
    REGULARIZATION = "regularization"
    RESHAPING = "reshaping"
    RESIZING = "resizing"
    SCALING = "scaling"
    SPECTROGRAM = "spectrogram"
    UPSAMPLING = "upsampling"
    WRAPPER = "wrapper"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerTraits:
    """What a layer of one class does, whatever its settings; of a class that is not Keras's, nothing is said.

    Traits of numbers hold outside training.
    """

    name: str = ""
    """The class name, second names resolved; empty for a class that is not Keras's own or that no release has."""
    family: Family | None = None
    rank: int | None = None
    """How many axes it works over, besides batch and channels (and time): the 2 of ``Conv2D``."""

    # variables
    weightless: bool = False
    """It never builds a variable, but for those of the layers that its configuration holds."""
    weightless_without: tuple[str, ...] = ()
    """It builds none if all these arguments are false (``name:value``: if the argument is another)."""
    weightless_with: tuple[str, ...] = ()
    """It builds none if one of these arguments is given."""
    adapts: bool = False
    """It has ``adapt``: its state may come from the configuration or lie outside its weights."""
    batch_statistics: bool = False
    """It normalises by the statistics of the batch, and keeps moving averages of them for prediction."""

    # numbers
    elementwise: bool = False
    """Each number depends on the one at the same place of the one input alone."""
    per_step: bool = False
    """What comes out at a step (axis 1) depends on what came in at that step alone."""
    linear: bool = False
    """It is linear in its one input, but for an offset and an ``activation``."""
    same_numbers: bool = False
    """It returns the numbers that it receives, in whatever order and shape."""
    unchanged: bool = False
    """It returns what it receives."""
    same_tensor: bool = False
    """It returns the very tensor that it receives."""
    transposed: bool = False
    depthwise: bool = False
    separable: bool = False
    applies: str | None = None
    """The activation that the layer is."""

    # training
    random: bool = False
    """Two calls in training differ."""
    counts_calls: bool = False
    """A call in training leaves something behind: a moved average, a loss."""
    adds_loss: bool = False

    # time and masks
    recurrent: bool = False
    """It carries a state from step to step."""
    states: int | None = None
    """How many states it, or a cell, carries."""
    cell: str | None = None
    """The class of its cell, where it is always the same."""
    hands_mask_on: bool = False
    """What it returns has the mask of what it receives (or of all, or one, of what it merges)."""
    makes_mask: bool = False
    """What it returns may have a mask of its own."""
    uses_mask: bool = False
    """Its result depends on a mask."""
    strips_masks: bool = False
    """It takes the masks off the tensors that it receives."""

    # arguments
    mask: bool = False
    """Its call takes ``mask``."""
    query_mask: bool = False
    """Its call takes a mask for each of query, value and key."""
    training: str | None = None
    """Its call takes ``training``; the default as text (``None``, ``True``, ``False``)."""
    activation: bool = False
    """It takes ``activation``, and applies it last."""
    data_format: bool = False
    stateful: bool = False

    @property
    def noisy(self) -> bool:
        """Whether it changes numbers at random in training and none otherwise: dropout and noise."""
        return self.family in (Family.DROPOUT, Family.NOISE)


UNKNOWN = LayerTraits()
"""The traits of a class that is not Keras's own."""


@lru_cache(1024)
def layer_row(name: str) -> LayerTraits | None:
    """The row of a layer class of Keras by one of its names; None if no release has such a class.

    >>> layer_row("Convolution2D").name, layer_row("Dropout").random, layer_row("MyLayer")
    ('Conv2D', True, None)
    """
    words = rows.read("layers").get(name)
    if words is None:
        return None
    family, *others = words.split()
    found = rows.arguments(LayerTraits, others)
    if found.get("training") is True:
        found["training"] = "None"
    if "unchanged" in found:
        found |= {"elementwise": True, "same_numbers": True, "linear": True}
    if "elementwise" in found:
        found["per_step"] = True
    return LayerTraits(name=rows.aliases("layers").get(name, name), family=Family(family), **found)


@lru_cache(4096)
@lru_cache(4096)
def layer_traits(class_name: str | None, module: str | None, registered_name: str | None) -> LayerTraits:
    """The traits of a layer by what its configuration says of its class.

    >>> layer_traits("Dense", None, None).family, layer_traits("Dense", "my.code", "Dense").family
    (<Family.DENSE: 'dense'>, None)
    """
    if class_name is None or not is_keras_class(class_name, module, registered_name):
        return UNKNOWN
    return layer_row(class_name) or UNKNOWN


def builds_variables(traits: LayerTraits, config: Mapping[str, Any]) -> bool:
    """Whether a layer of Keras with this configuration builds variables of its own, those of layers it holds apart.

    >>> builds_variables(layer_row("Attention"), {"use_scale": False}), builds_variables(layer_row("Dense"), {})
    (False, True)
    """
    if traits.weightless or any(config.get(name) is not None for name in traits.weightless_with):
        return False
    if not traits.weightless_without:
        return True
    for setting in traits.weightless_without:
        name, _, value = setting.partition(":")
        given = config.get(name, True)
        if given == value if value else given:
            return True
    return False


def layer_names() -> list[str]:
    """Every name of a layer class that has a row."""
    return list(rows.read("layers"))
