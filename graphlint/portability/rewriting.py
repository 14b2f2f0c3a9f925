"""What a file needs before it can be rewritten in today's dialect, and what makes that impossible."""

from __future__ import annotations

from graphlint.knowledge.origin import is_keras_class
from graphlint.model.definition import Format, LayerDefinition, ModelDefinition
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.portability.drift import drifts
from graphlint.portability.implied_shapes import implied_shape, shape_given
from graphlint.portability.layers_of_files import inside, of_keras_3
from graphlint.portability.modernizing import in_todays_words
from graphlint.portability.removed_arguments import missed_argument
from graphlint.portability.target import target_release
from graphlint.portability.tensorflow_operations import OPERATION_LAYERS


def hindrance(definition: ModelDefinition) -> str | None:
    """Why a file cannot be rewritten, whatever is imported for it; None if nothing is known against it."""
    if definition.format == Format.SAVED_MODEL:
        return "the weights of a SavedModel directory are in TensorFlow's own format: load it with tf_keras and save it"
    if not definition.has_graph:
        return (
            "the file contains only weights: pass --architecture MODEL.json with what to_json() returned, or build the "
            "model in code and load the weights into it"
        )
    if definition.problems:
        return f"{definition.problems[0].message}: save the model again"
    if definition.asset_names:
        return f"the file keeps {definition.asset_names[0]!r}, which belongs to a layer that has to be adapted again"
    if definition.root.body is None:
        return f"{definition.root.class_name} is a subclassed model: register its class and load with that code"
    if of_keras_3(definition):
        return None
    missed = _missed(definition.root)
    if missed is not None:
        return missed
    return next((one.refused for one in drifts(expand(definition)) if one.refused is not None), None)


def _missed(root: LayerDefinition) -> str | None:
    """What a file of Keras 1 or 2 has that Keras 3 does not have."""
    release = target_release("")
    for layer in inside(root):
        if layer.body is not None:
            for one in layer.body.layers:
                if one.is_input and not shape_given(one) and implied_shape(layer.body) is None:
                    return (
                        f"the shape of input {one.name!r} is not in the file: build the model in code, load its weights"
                    )
            continue
        if not layer.is_keras or layer.is_operation:
            continue
        missed = missed_argument(in_todays_words(layer), release)
        if missed is not None and layer.class_name not in OPERATION_LAYERS:
            return missed
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
