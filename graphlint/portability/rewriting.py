"""What a file needs before it can be rewritten in today's dialect, and what makes that impossible."""

from __future__ import annotations

from graphlint.knowledge.origin import is_keras_class
from graphlint.model.definition import Format, LayerDefinition, ModelDefinition
from graphlint.model.graph import ModelGraph


def hindrance(definition: ModelDefinition) -> str | None:
    """Why a file cannot be rewritten, whatever is imported for it; None if nothing is known against it."""
    if definition.format == Format.SAVED_MODEL:
        return "the weights of a SavedModel directory are in TensorFlow's own format: load it with tf_keras and save it"
    if not definition.has_graph:
        return "the file contains only weights: build the model in code and load the weights into it"
    if definition.problems:
        return f"{definition.problems[0].message}: save the model again"
    if definition.asset_names:
        return f"the file keeps {definition.asset_names[0]!r}, which belongs to a layer that has to be adapted again"
    if definition.root.body is None:
        return f"{definition.root.class_name} is a subclassed model: register its class and load with that code"
    if not (definition.keras_version or "2").startswith("3"):
        for layer in _layers(definition.root):
            if layer.class_name == "RandomCrop":
                return (
                    f"RandomCrop {layer.name!r} crops in Keras 2 also outside of training, in Keras 3 not: "
                    "use Resizing or CenterCrop, build the model in code, load the weights"
                )
    return None


def needs(graph: ModelGraph) -> str:
    """What `graphlint fix` has to be given to load a file: the modules of its classes; empty if nothing."""
    modules: dict[str, None] = {}
    unnamed: dict[str, None] = {}
    for layer in graph.layers.values():
        definition = layer.definition
        if layer.is_operation or layer.class_name is None or _is_of_keras(definition):
            continue
        module = module_named(definition)
        if module is not None:
            modules[module] = None
        else:
            unnamed[layer.class_name] = None
    parts = [f"--import {module}" for module in modules]
    if unnamed:
        parts.append(f"--import of the module that registers {', '.join(map(repr, unnamed))}")
    return " ".join(parts)


def module_named(layer: LayerDefinition) -> str | None:
    """The module that a file names for a class of somebody's own; None if it names none that can be imported."""
    module = layer.module
    if module and module not in ("__main__", "builtins") and not module.startswith("keras"):
        return module
    package = (layer.registered_name or "").partition(">")[0]
    return package if ">" in (layer.registered_name or "") and package not in ("Custom", "") else None


def _is_of_keras(layer: LayerDefinition) -> bool:
    return is_keras_class(layer.class_name, layer.module, layer.registered_name)


def _layers(root: LayerDefinition) -> list[LayerDefinition]:
    found, seen = [root], {id(root)}
    for layer in found:
        inside = layer.body.layers if layer.body is not None else list(layer.children.values())
        for one in inside:
            if id(one) not in seen:
                seen.add(id(one))
                found.append(one)
    return found
