"""Models that are not built: their layers have no variables yet, and their tensors no shapes."""

from __future__ import annotations

from dataclasses import dataclass

from graphlint.model.definition import Format
from graphlint.model.graph import Layer, ModelGraph
from graphlint.questions.missing_weights import shapeless, variable_names

_LIVE_HINT = (
    "Start the model with keras.Input(shape), or call it on one batch before the check; model.build(shape) is enough "
    "for a Sequential."
)
_FILE_HINT = (
    "Save the model after it was trained, or at least called on one batch; a Sequential that starts with "
    "keras.Input(shape) is built at once."
)
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """Why a model counts as not built, and what to do."""

    message: str
    hint: str


def unbuilt(graph: ModelGraph) -> Unbuilt | None:
    """Why a model is not built; None for one that is, or of which a file does not tell."""
    return _in_memory(graph) if graph.live else _in_file(graph)


def _in_memory(graph: ModelGraph) -> Unbuilt | None:
    waiting = graph.definition.unbuilt_layers
    if not waiting and not shapeless(graph):
        return None
    if not waiting or not graph.variables:
        return Unbuilt(
            "the model is not built: its layers have no weights and its tensors no shapes yet, so only what needs "
            "neither was checked",
            _LIVE_HINT,
        )
    shown = ", ".join(waiting[:_SHOWN]) + (", ..." if len(waiting) > _SHOWN else "")
    return Unbuilt(
        f"the model is not built as a whole: {len(waiting)} of its layers ({shown}) have no weights yet and were not "
        "checked",
        _LIVE_HINT,
    )


def _in_file(graph: ModelGraph) -> Unbuilt | None:
    definition = graph.definition
    if graph.variables or not definition.has_graph:
        return None
    if not definition.has_weights:
        message = "the configuration is that of a model that was not built: no shape is known"
    else:
        message = "the model was saved before it was built: the file holds no weights, so no training is in it either"
    if definition.root.body is not None:
        return Unbuilt(message, _FILE_HINT) if shapeless(graph) else None
    if not definition.has_weights:
        return None
    never_called = definition.format == Format.KERAS and definition.root.build_shape is None
    return Unbuilt(message, _FILE_HINT) if never_called or definition.unbuilt_layers else None


def will_have_weights(graph: ModelGraph, layer: Layer) -> bool:
    """Whether the class of a layer makes variables when its model is built, which it is not yet."""
    if graph.variables_of(layer.path) or unbuilt(graph) is None:
        return False
    return bool(layer.is_keras and variable_names(layer))
