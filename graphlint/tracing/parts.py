"""Models that only hold models, such as a GAN: their parts are run by a training step, and each has a graph."""

from __future__ import annotations

from typing import Any

from graphlint.model.definition import (
    Body,
    CallDefinition,
    LayerDefinition,
    TensorRef,
    TensorSpec,
    flat,
    map_leaves,
)


def body_of_parts(holder: LayerDefinition) -> Body | None:
    """A body that calls each model with a graph that a model holds, on inputs of its own; None where it holds none."""
    calls: list[CallDefinition] = []
    layers: list[LayerDefinition] = []
    inputs: list[TensorRef] = []
    outputs: list[TensorRef] = []
    arguments: list[str] = []
    for path, part in holder.children.items():
        body = part.body
        if body is None or not part.is_model:
            continue

        def given(ref: Any, path: str = path, body: Body = body) -> Any:
            if not isinstance(ref, TensorRef):
                return ref
            specs = body.calls[ref.call].outputs
            spec = specs[ref.output] if specs else TensorSpec(None, None)
            name = f"{path.replace('/', '_')}_{body.calls[ref.call].layer.name}"
            layer = LayerDefinition(name, "InputLayer", "keras.layers", config={"dtype": spec.dtype})
            layers.append(layer)
            calls.append(CallDefinition(layer, outputs=(spec,)))
            inputs.append(TensorRef(len(calls) - 1, 0))
            arguments.append(name)
            return inputs[-1]

        structure = map_leaves(body.inputs, given)
        if isinstance(structure, list) and len(structure) == 1:
            structure = structure[0]
        calls.append(CallDefinition(part, (structure,)))
        outputs += [TensorRef(len(calls) - 1, place) for place, ref in enumerate(flat(body.outputs)) if ref is not None]
    if not calls:
        return None
    return Body(layers, calls, inputs, outputs=outputs, traced=True, arguments=tuple(arguments))
