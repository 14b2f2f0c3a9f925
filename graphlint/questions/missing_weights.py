"""Layers whose weights a file should have and does not."""

from __future__ import annotations

from graphlint.model.definition import ProblemKind
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.sharing import shared_across_scopes
from graphlint.shapes.slots import slots

_RECURRENT = ("kernel", "recurrent_kernel", "bias")
_PROJECTIONS = ("query", "key", "value", "output")
_IN_SUBLAYERS = {
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), _RECURRENT),
    **dict.fromkeys(("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention"), _PROJECTIONS),
}
"""Layers that keep their weights in sublayers, which a file knows from the stored weights alone."""


def miscounted_weights(graph: ModelGraph) -> list[tuple[Layer, list[str], int]]:
    """Layers of Keras with some weights stored, but not as many as they have: their names, and how many are stored.

    Saving merges the two factors of LoRA into the kernel.
    """
    if graph.live or any(one.kind == ProblemKind.HDF5 for one in graph.definition.problems):
        return []
    found = []
    called = {call.layer for call in graph.calls.values()}
    for layer in graph.layers.values():
        stored = graph.variables_of(layer.path)
        if not stored or layer.traits.adapts:
            continue
        if layer.path not in called and not (layer.class_name or "").endswith("Cell"):
            continue
        names = [slot.name for slot in slots(layer.definition) or ()]
        merged = [name for name in names if not name.startswith("lora_")]
        if names and len(stored) not in (len(names), len(merged)):
            found.append((layer, merged, len(stored)))
    return found


def shapeless(graph: ModelGraph) -> bool:
    """Whether the root is a chain of layers that no input is known of."""
    return bool(graph.inputs) and graph.calls[graph.inputs[0]].outputs[0].shape is None


def variable_names(layer: Layer) -> list[str]:
    """What a layer of Keras holds by its class and arguments, in itself or in the sublayers that it makes."""
    return list(_IN_SUBLAYERS.get(layer.class_name or "") or [slot.name for slot in slots(layer.definition) or ()])


def layers_without_weights(graph: ModelGraph) -> list[tuple[Layer, list[str]]]:
    """Layers of Keras that are called, have variables by their class, and have none stored, with the names of those.

    Of an attention layer, the projections that have none.

    Empty for a live model, for a file without any weights, for one of a model that was not built, and for one whose
    weights hold tricks (X004). The second of two layers that were one when the model was saved is not listed: the first
    has the weights of both. Nor is what a custom wrapper holds, which may keep them itself, as quantization does.
    """
    definition = graph.definition
    if graph.live or not definition.has_weights or any(one.kind == ProblemKind.HDF5 for one in definition.problems):
        return []
    if not graph.variables and shapeless(graph):
        return []
    found = []
    for layer in graph.layers.values():
        if graph.variables_of(layer.path) or layer.traits.adapts or not graph.call_sites(layer.path):
            continue
        if not all(outer.container or outer.is_keras for outer in graph.enclosing(layer.path)):
            continue
        names = variable_names(layer)
        if graph.variables_below(layer.path):
            parts = _PROJECTIONS if layer.traits.name == "MultiHeadAttention" else ()
            names = [name for name in parts if not graph.variables_of(f"{layer.path}/{name}_dense")]
        if names:
            found.append((layer, names))
    if not found:
        return []
    copies = {one.copy for one in shared_across_scopes(graph)}
    return [
        (layer, names)
        for layer, names in found
        if layer.path not in copies and not any(outer.path in copies for outer in graph.enclosing(layer.path))
    ]
