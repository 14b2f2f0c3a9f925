"""What the rewriting of files asks of a definition: who wrote it, and which layers and bodies it has."""

from __future__ import annotations

from collections.abc import Iterator

from graphlint.model.definition import Body, LayerDefinition, ModelDefinition


def of_keras_3(definition: ModelDefinition) -> bool:
    """Whether Keras 3 wrote a file. Its ``to_json`` names no version, but modules."""
    if definition.keras_version is not None:
        return definition.keras_version.startswith("3")
    raw = definition.raw
    module = raw.get("module") if isinstance(raw, dict) else None
    return isinstance(module, str) and not module.startswith(("keras.src.engine.", "keras.engine.", "tf_keras."))


def inside(root: LayerDefinition) -> Iterator[LayerDefinition]:
    """A layer and all layers below it that a configuration can name, each once, containers first."""
    stack, seen = [root], set[int]()
    while stack:
        layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        yield layer
        stack += reversed([*(layer.body.layers if layer.body is not None else ()), *_configured(layer)])


def _configured(layer: LayerDefinition) -> list[LayerDefinition]:
    """The layers in the configuration of a wrapper; not those that Keras makes itself: cells, projections."""
    if layer.traits.cell is not None:
        return []
    held = ("layer", "forward_layer", "backward_layer", "cell")
    return [child for name, child in layer.children.items() if name in held or name.startswith("cells/")]


def bodies(root: LayerDefinition) -> list[Body]:
    """The bodies of a model and of the models inside it."""
    return [layer.body for layer in inside(root) if layer.body is not None]
