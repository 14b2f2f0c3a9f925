"""Recurrent layers, their cells and wrappers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphlint.model.definition import LayerDefinition, Shape, TensorSpec
from graphlint.model.dimensions import Dim, ShapeError, shape_text
from graphlint.shapes.convolution import convolved
from graphlint.shapes.inference import (
    Insufficient,
    LayerCall,
    Outcome,
    check_build,
    definition_of,
    infer,
    integer,
    is_serialized,
    layer,
)


def _sequence(call: LayerCall) -> Shape:
    """The shape of the sequences, which Keras 2 may pass together with the initial state in one list."""
    value = call.args[0] if call.args else call.kwargs.get("sequences", call.kwargs.get("inputs"))
    if isinstance(value, (list, tuple)) and not isinstance(value, TensorSpec) and value:
        value = value[0]
    if not isinstance(value, TensorSpec) or value.shape is None:
        raise Insufficient
    return value.shape


def _outputs(call: LayerCall, shape: Shape, size: Shape, states: Sequence[Shape]) -> Outcome:
    batch = shape[0]
    first = (batch, shape[1], *size) if call.config.get("return_sequences") is True else (batch, *size)
    if call.config.get("return_state") is not True:
        return call.returns(first)
    return call.returns(first, *((batch, *state) for state in states))


def _check(call: LayerCall, shape: Shape, rank: int) -> None:
    if len(shape) != rank:
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank {rank}")


@layer("LSTM", "CuDNNLSTM", "GRU", "CuDNNGRU", "SimpleRNN")
def recurrent(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_shape``."""
    shape = _sequence(call)
    _check(call, shape, 3)
    check_build(call, shape, -1, "features")
    units = call.integer("units")
    return _outputs(call, shape, (units,), [(units,)] * (call.layer.traits.states or 1))


@layer("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
def conv_lstm(call: LayerCall) -> Outcome:
    """Mirrors ``compute_output_shape``."""
    shape = _sequence(call)
    rank = call.layer.traits.rank or 2
    _check(call, shape, rank + 3)
    # A cell sees one step: the build shape of the layer has one axis more than the step.
    cell = LayerDefinition("", f"Conv{rank}D", config=call.config)
    step = (shape[0], *shape[2:])
    size = convolved(LayerCall(cell, (), {}, dtype=call.dtype), step, call.integer("filters"))[1:]
    return _outputs(call, shape, size, [size, size])


@layer("RNN")
def rnn(call: LayerCall) -> Outcome:
    """Mirrors ``RNN.compute_output_shape``."""
    shape = _sequence(call)
    states, output = cell_sizes(call.child("cell"))
    return _outputs(call, shape, (output,), [(size,) for size in states])


def cell_sizes(cell: LayerDefinition) -> tuple[list[int], int]:
    """State sizes (flattened) and output size of a recurrent cell."""
    if not cell.is_keras:
        raise Insufficient
    if cell.class_name == "StackedRNNCells":
        sizes = [cell_sizes(inner) for inner in stacked_cells(cell)]
        if not sizes:
            raise Insufficient
        return [state for states, _ in sizes for state in states], sizes[-1][1]
    count = {"LSTMCell": 2, "GRUCell": 1, "SimpleRNNCell": 1}.get(cell.class_name or "")
    if count is None:
        raise Insufficient
    units = integer(cell.config.get("units"))
    return [units] * count, units


def stacked_cells(cell: LayerDefinition) -> list[LayerDefinition]:
    """The cells of a StackedRNNCells."""
    inner = [child for path, child in cell.children.items() if path.startswith("cells/")]
    serialized = cell.config.get("cells")
    if isinstance(serialized, list) and len(inner) != len(serialized):
        inner = [definition_of(one) for one in serialized if is_serialized(one)]
    return inner


@layer("LSTMCell", "GRUCell", "SimpleRNNCell")
def recurrent_cell(call: LayerCall) -> Outcome:
    """Mirrors ``call``."""
    shape = call.shape()
    if not shape:
        raise Insufficient
    batch = shape[0]
    states, output = cell_sizes(call.layer)
    return call.returns((batch, output), *((batch, size) for size in states))


@layer("StackedRNNCells")
def stacked_rnn_cells(call: LayerCall) -> Outcome:
    """Mirrors ``StackedRNNCells.call``."""
    return recurrent_cell(call)


@layer("Bidirectional")
def bidirectional(call: LayerCall) -> Outcome:
    """Mirrors ``Bidirectional.compute_output_shape``."""
    shape = _sequence(call)
    forward = call.child("forward_layer", "layer")
    if forward.build_shape is None and isinstance(call.layer.build_shape, (list, tuple)):
        check_build(call, shape, -1, "features")
    found = infer(forward, (TensorSpec(shape, call.dtype),), {})
    if found is None or found[0].shape is None:
        raise Insufficient
    output, states = found[0].shape, found[1:]
    mode = call.config.get("merge_mode", "concat")
    outputs: list[Shape] = [output, output] if mode is None else [output]
    if mode == "concat":
        last = output[-1]
        outputs = [(*output[:-1], None if last is None else 2 * last)]
    shapes: list[Any] = [*outputs, *(state.shape for state in states), *(state.shape for state in states)]
    return call.returns(*shapes)


@layer("TimeDistributed")
def time_distributed(call: LayerCall) -> Outcome:
    """Mirrors ``TimeDistributed.compute_output_shape``."""
    spec = call.tensor()
    shape = call.shape()
    if len(shape) < 3:
        raise ShapeError(f"got an input of shape {shape_text(shape)}, expected rank 3 or more")
    found = infer(call.child("layer"), (TensorSpec((shape[0], *shape[2:]), spec.dtype),), {})
    if found is None:
        raise Insufficient
    return call.returns(*(_with_time(shape, inner.shape) for inner in found))


def _with_time(shape: Shape, inner: Shape | None) -> tuple[Dim, ...]:
    if inner is None:
        raise Insufficient
    return (shape[0], shape[1], *inner[1:])
