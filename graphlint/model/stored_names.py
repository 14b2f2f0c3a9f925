"""How Keras names layers in a weights file: by class and order, because automatic layer names change on reload."""

from __future__ import annotations

from graphlint.knowledge.naming import snake_case
from graphlint.model.definition import LayerDefinition


def group_name(layer: LayerDefinition, counts: dict[str, int]) -> str:
    """The name under which Keras stores one layer of a list: its class in snake case, numbered in order.

    ``counts`` carries the numbering from one layer of the list to the next.
    """
    name = snake_case(layer.class_name or "")
    counts[name] = counts.get(name, -1) + 1
    return f"{name}_{counts[name]}" if counts[name] else name


def stored_names(model: LayerDefinition) -> dict[int, str]:
    """``id(layer)`` -> the name under which a Functional or Sequential model stores one of its layers.

    Operations store nothing, and a Sequential does not count its Input.
    """
    assert model.body is not None
    counts: dict[str, int] = {}
    skip_inputs = is_sequential(model)
    return {
        id(layer): group_name(layer, counts)
        for layer in model.body.layers
        if not layer.is_operation and not (skip_inputs and layer.is_input)
    }


def is_sequential(model: LayerDefinition) -> bool:
    """Whether a model with a body is a Sequential, or of a class derived from it."""
    return model.traits.name == "Sequential" or "build_input_shape" in model.config
