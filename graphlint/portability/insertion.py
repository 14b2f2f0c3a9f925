"""Layers put before or after others in the body of a model that was read from a file."""

from __future__ import annotations

from typing import Any

from graphlint.model.definition import Body, CallDefinition, LayerDefinition, TensorRef, TensorSpec, flat, map_leaves


def free_name(body: Body, name: str) -> str:
    """A name that no layer of a body has."""
    names = {one.name for one in body.layers}
    while name in names:
        name += "_"
    return name


def put_around(
    body: Body, layer: LayerDefinition, *, before: LayerDefinition | None = None, after: LayerDefinition | None = None
) -> None:
    """Call other layers on what each call of a layer receives, and on what it returns.

    The layer takes one tensor and returns one. Calls are numbered again, so that each comes after those it depends on.
    """
    position = body.layers.index(layer)
    body.layers[position : position + 1] = [one for one in (before, layer, after) if one is not None]
    place: dict[int, int] = {}
    calls: list[CallDefinition] = []
    own: set[int] = set()
    """Calls whose argument is the call before them already."""
    for old, call in enumerate(body.calls):
        like = _like(body, call) if call.layer is layer else ()
        if call.layer is layer and before is not None:
            calls.append(CallDefinition(before, call.args, outputs=like))
            call.args = (TensorRef(len(calls) - 1, 0),)
            own.add(id(call))
        calls.append(call)
        if call.layer is layer and after is not None:
            calls.append(CallDefinition(after, (TensorRef(len(calls) - 1, 0),), outputs=like))
            own.add(id(calls[-1]))
        place[old] = len(calls) - 1

    def moved(leaf: Any) -> Any:
        return TensorRef(place[leaf.call], leaf.output) if isinstance(leaf, TensorRef) else leaf

    for call in calls:
        if id(call) not in own:
            call.args = map_leaves(call.args, moved)
        call.kwargs = map_leaves(call.kwargs, moved)
    body.calls[:] = calls
    body.inputs, body.outputs = map_leaves(body.inputs, moved), map_leaves(body.outputs, moved)


def _like(body: Body, call: CallDefinition) -> tuple[TensorSpec, ...]:
    """One output of the dtype of what a call receives, whose shape is left to Keras."""
    for leaf in flat(call.args):
        if isinstance(leaf, TensorRef) and leaf.call < len(body.calls):
            outputs = body.calls[leaf.call].outputs or ()
            if leaf.output < len(outputs):
                return (TensorSpec(None, outputs[leaf.output].dtype),)
    return (TensorSpec(None, None),)
