"""How masks propagate, for files and live models: the rules by which Keras 3 attaches masks at run time.

A layer that supports masking passes on the mask of its first argument; most layers and every plain operation drop it.
If a layer has a mask argument that was not given, Keras fills it from the tensors, but only if it can tell which:
``lstm(x, initial_state=[h, c])`` gets no mask.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from graphlint.knowledge.layers import Family, LayerTraits
from graphlint.model.address import ROOT
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    LayerDefinition,
    Shape,
    TensorRef,
    TensorSpec,
    flat,
    leaves,
)
from graphlint.model.dimensions import ShapeError, broadcast
from graphlint.model.graph import MASK, Call, Edge, Layer, ModelGraph, Scope, Tensor

MASK_ARGUMENTS = frozenset({"mask", "query_mask", "value_mask", "key_mask"})
"""Call arguments that Keras itself fills with the mask of another argument."""


@dataclass(frozen=True, slots=True)
class _Mask:
    maker: str
    """Id of the call that made it."""
    shape: Shape | None


@dataclass(eq=False, slots=True)
class _Carrier:
    """One array at run time. Calls that return their input share it, so that a mask taken off is gone for all."""

    mask: _Mask | None


@dataclass(eq=False, slots=True)
class _Travel:
    """The masks of a whole graph: what each tensor carried when it was made, and who received what."""

    carried: dict[Tensor, _Mask] = field(default_factory=dict)
    received: list[tuple[Tensor, str, str, Shape | None]] = field(default_factory=list)
    """Masked tensor, receiving call, argument, shape of the mask."""


def add_mask_edges(graph: ModelGraph) -> None:
    """Add a mask edge for every hop that Keras derives at run time: to calls that get the mask of a tensor filled in
    or pass it on. Mask arguments that the model records are edges already."""
    for tensor, call, argument, shape in _travel(graph).received:
        position = len(graph.in_edges(call)) + len(graph.in_edges(call, MASK))
        spec = TensorSpec(shape, "bool")
        graph.add_edge(Edge(tensor.call, tensor.output, call, argument, MASK, spec, position))


def masked(graph: ModelGraph) -> dict[Tensor, str]:
    """Every tensor that carries a mask when it is made, with the id of the call that made the mask."""
    return {tensor: mask.maker for tensor, mask in _travel(graph).carried.items()}


def still_masked(graph: ModelGraph, without: Collection[str]) -> set[Tensor]:
    """The tensors that carry a mask when all calls but those have run."""
    run = _Run(graph, without)
    run.run()
    return {tensor for tensor, carrier in run.carriers.items() if carrier.mask is not None}


def _travel(graph: ModelGraph) -> _Travel:
    if (
        any(map(_can_make, graph.layers.values()))
        or any(_records_mask(call.kwargs) for call in graph.calls.values())
        or any(_records_mask(scope.kwargs) for scope in graph.scopes.values())
    ):
        return _Run(graph).run()
    return _Travel()


def _can_make(layer: Layer) -> bool:
    definition = layer.definition
    if definition.is_keras:
        return _makes(definition) or (definition.traits.name == "Lambda" and definition.config.get("mask") is not None)
    return bool(getattr(layer.obj, "supports_masking", False)) and (layer.traced or not layer.container)


def _makes(definition: LayerDefinition) -> bool:
    """Whether a layer of Keras attaches a mask that it computes from its input."""
    traits = definition.traits
    return traits.makes_mask and (traits.family is Family.MASKING or definition.config.get("mask_zero") is True)


def _records_mask(kwargs: dict[str, Any]) -> bool:
    return any(isinstance(leaf, Tensor) for name in MASK_ARGUMENTS & kwargs.keys() for leaf in flat(kwargs[name]))


class _Run:
    """One run of the model, mask by mask."""

    def __init__(self, graph: ModelGraph, without: Collection[str] = ()) -> None:
        self.graph = graph
        self.without = without
        self.carriers: dict[Tensor, _Carrier] = {}
        self.travel = _Travel()
        self.places: dict[str, dict[str, int]] = {}

    def run(self) -> _Travel:
        for call in _run_order(self.graph):
            if isinstance(call, Scope):
                self.leave(call)
                continue
            layer = self.graph.layers[call.layer]
            if call.id in self.without:
                continue
            if layer.is_operation:
                self.operation(call, layer)
            elif layer.is_input:
                self.input(call)
            elif layer.definition.is_keras:
                self.layer(call, layer.definition)
            elif layer.obj is not None:
                self.live_layer(call, layer.obj)
        return self.travel

    def mask(self, value: Any) -> _Mask | None:
        carrier = self.carriers.get(value) if isinstance(value, Tensor) else None
        return carrier.mask if carrier is not None else None

    def attach(self, tensor: Tensor, mask: _Mask | None) -> None:
        if mask is not None:
            self.carriers[tensor] = _Carrier(mask)
            self.travel.carried[tensor] = mask

    def same(self, tensor: Tensor, source: Any) -> None:
        """``tensor`` is the array that ``source`` is, unless a cast comes between."""
        carrier = self.carriers.get(source) if isinstance(source, Tensor) else None
        if carrier is None or carrier.mask is None:
            return
        self.travel.carried[tensor] = carrier.mask
        equal = self.graph.spec(tensor).dtype == self.graph.spec(source).dtype
        self.carriers[tensor] = carrier if equal else _Carrier(carrier.mask)

    def place(self, scope: Scope, call: str) -> int:
        """Which input of its scope a call is; their number for none."""
        if scope.id not in self.places:
            self.places[scope.id] = {one: index for index, one in enumerate(scope.inputs)}
        return self.places[scope.id].get(call, len(scope.inputs))

    def receive(self, call: Call, argument: str, value: Any) -> None:
        mask = self.mask(value)
        if mask is not None:
            self.travel.received.append((value, call.id, argument, mask.shape))

    def given(self, structure: Any) -> _Mask | None:
        """The first mask of a mask argument that the model records."""
        for leaf in flat(structure):
            if isinstance(leaf, Tensor):
                return _Mask(leaf.call, self.graph.spec(leaf).shape)
        return None

    # -- what is called -----------------------------------------------------------------------------------------

    def leave(self, scope: Scope) -> None:
        """The end of a call of traced code: its layer may have put masks on what it returns."""
        if scope.definition is not None:
            for tensor, shape in zip(scope.outputs, scope.definition.masks, strict=False):
                if shape is not None and self.mask(tensor) is None:
                    self.attach(tensor, _Mask(tensor.call, shape))

    def operation(self, call: Call, layer: Layer) -> None:
        """Operations know no masks, but a cast to the same dtype returns the array itself."""
        if layer.operation.name == "Cast" and call.args and isinstance(call.args[0], Tensor):
            tensor = Tensor(call.id, 0)
            if self.graph.spec(tensor).dtype == self.graph.spec(call.args[0]).dtype:
                self.same(tensor, call.args[0])

    def input(self, call: Call) -> None:
        """An Input of a nested model: the tensor that the call site passes."""
        if not call.args or not isinstance(call.args[0], Tensor):
            return
        source, tensor = call.args[0], Tensor(call.id, 0)
        scope = self.graph.scopes[call.scope]
        explicit = [] if scope.body.traced else list(flat(scope.kwargs.get("mask")))
        index = self.place(scope, call.id)
        if index < len(explicit) and isinstance(explicit[index], Tensor):
            mask = explicit[index]
            shape = self.graph.spec(mask).shape
            self.travel.received.append((mask, call.id, "mask", shape))
            self.attach(tensor, _Mask(mask.call, shape))
            return
        self.receive(call, "mask", source)
        self.same(tensor, source)

    def layer(self, call: Call, definition: LayerDefinition) -> None:
        """A layer of Keras."""
        traits = definition.traits
        output = Tensor(call.id, 0)
        if _makes(definition):
            if call.kwargs.get("reverse") is not True and True not in call.args[1:2]:
                shape = call.outputs[0].shape
                self.attach(output, _Mask(call.id, None if shape is None else shape[:-1]))
        elif traits.query_mask:
            self.heads(call, traits)
        elif traits.family is Family.MERGE:
            if traits.hands_mask_on:
                self.merge(call, traits)
        elif traits.name == "Lambda":
            if definition.config.get("mask") is not None:
                self.attach(output, _Mask(call.id, None))
        elif traits.name == "SpectralNormalization" and "layer" in definition.children:
            # It supports no masking, but returns what the layer inside returns, mask and all, if no cast is needed.
            source = _first_argument(call)
            if isinstance(source, Tensor) and self.graph.spec(source).dtype == call.outputs[0].dtype:
                self.layer(call, definition.children["layer"])
        elif traits.hands_mask_on or traits.mask:
            self.keep(call, definition)

    def keep(self, call: Call, definition: LayerDefinition) -> None:
        """One mask in, filled into the ``mask`` argument where there is one; the same mask out, or none."""
        traits = definition.traits
        inputs = list(leaves(_first_argument(call)))
        explicit = self.given(call.kwargs.get("mask"))
        masks = [explicit] if explicit is not None else [self.mask(leaf) for _, leaf in inputs]
        if explicit is None and (not traits.mask or _tensor_arguments(call) == 1):
            self.receive_all(call, inputs)
        outputs = [Tensor(call.id, index) for index in range(len(call.outputs))]
        if traits.recurrent:
            for tensor in outputs[: _sequence_outputs(definition)]:
                self.attach(tensor, masks[0])
        elif traits.family is Family.ATTENTION:
            self.attach(outputs[0], masks[0])
        elif traits.hands_mask_on:
            unchanged = traits.same_tensor or definition.config.get("activation") == "linear"
            for tensor, mask, (_, leaf) in zip(outputs, masks, inputs, strict=False):
                if unchanged and explicit is None:
                    self.same(tensor, leaf)
                else:
                    self.attach(tensor, mask)

    def heads(self, call: Call, traits: LayerTraits) -> None:
        """Attention with a query, a value and a key: the output has the query's mask."""
        values = {
            argument: call.args[position] if position < len(call.args) else call.kwargs.get(argument)
            for position, argument in enumerate(("query", "value", "key"))
        }
        tensors = {argument: value for argument, value in values.items() if isinstance(value, Tensor)}
        masks = {argument: self.mask(tensor) for argument, tensor in tensors.items()}
        for argument, tensor in tensors.items():
            if call.kwargs.get(f"{argument}_mask") is None:
                self.receive(call, f"{argument}_mask", tensor)
        if traits.strips_masks:
            # It removes the masks from the arrays it receives, for all later readers; a cast has made copies.
            for tensor in tensors.values():
                carrier = self.carriers.get(tensor)
                if carrier is not None and self.graph.spec(tensor).dtype == call.outputs[0].dtype:
                    carrier.mask = None
        self.attach(Tensor(call.id, 0), masks.get("query"))
        if len(call.outputs) > 1 and any(masks.values()):
            # The softmax inside passes the joint mask on to the scores.
            self.attach(Tensor(call.id, 1), _Mask(call.id, call.outputs[1].shape))

    def merge(self, call: Call, traits: LayerTraits) -> None:
        """Add and similar layers keep a mask if every input has one, Concatenate if any has."""
        inputs = list(leaves(_first_argument(call)))
        found = [self.mask(leaf) for _, leaf in inputs]
        masks = [mask for mask in found if mask is not None]
        some = traits.name == "Concatenate"
        kept = bool(masks) and (some or len(masks) == len(found))
        if kept or traits.uses_mask:
            self.receive_all(call, inputs)
        if kept:
            shape = call.outputs[0].shape
            if not traits.uses_mask and not some:
                shape = _joined([mask.shape for mask in masks])
            elif shape is not None:
                shape = shape[:-1]
            self.attach(Tensor(call.id, 0), _Mask(masks[0].maker, shape))

    def receive_all(self, call: Call, inputs: list[tuple[str, Any]]) -> None:
        for path, leaf in inputs:
            self.receive(call, f"mask/{path}" if path else "mask", leaf)

    def live_layer(self, call: Call, layer: Any) -> None:
        """A custom class: the object says whether it accepts and supports masks."""
        inputs = list(leaves(_first_argument(call)))
        explicit = self.given(call.kwargs.get("mask"))
        masks = [explicit] if explicit is not None else [self.mask(leaf) for _, leaf in inputs]
        supports = bool(getattr(layer, "supports_masking", False))
        if explicit is None and any(masks):
            takes = _tensor_arguments(call) == 1 and "mask" in inspect.signature(layer.call).parameters
            if takes or supports:
                self.receive_all(call, inputs)
        if not supports:
            return
        outputs = [Tensor(call.id, index) for index in range(len(call.outputs))]
        if _has_own_rule(layer):
            masks = list(_symbolic_masks(call))
        for tensor, mask in zip(outputs, masks, strict=False):
            self.attach(tensor, mask)


def _has_own_rule(layer: Any) -> bool:
    import keras

    return type(layer).compute_mask is not keras.Layer.compute_mask


def _symbolic_masks(call: Call) -> Iterator[_Mask | None]:
    """The mask of each output that a layer computed when the model was built."""
    from graphlint.knowledge import keras_internals

    if call.definition is None or call.definition.obj is None:
        return
    for tensor in keras_internals.node_outputs(call.definition.obj):
        mask = keras_internals.mask_of(tensor)
        yield None if mask is None else _Mask(call.id, tuple(mask.shape))


# -- arguments --------------------------------------------------------------------------------------------------


def _first_argument(call: Call) -> Any:
    if call.args:
        return call.args[0]
    for name in ("inputs", "sequences", "query", "x"):
        if name in call.kwargs:
            return call.kwargs[name]
    return next((value for value in call.kwargs.values() if _is_tensor_argument(value)), None)


def _tensor_arguments(call: Call) -> int:
    """How many arguments hold only tensors: Keras fills ``mask`` only if it is one."""
    return sum(map(_is_tensor_argument, (*call.args, *call.kwargs.values())))


def _is_tensor_argument(value: Any) -> bool:
    found = list(flat(value))
    tensors = [
        isinstance(leaf, Tensor)
        or (
            isinstance(leaf, Constant) and leaf.kind in (ConstantKind.TENSOR, ConstantKind.NUMPY, ConstantKind.VARIABLE)
        )
        for leaf in found
    ]
    if isinstance(value, (list, dict)):
        return bool(found) and all(is_one or leaf is None for is_one, leaf in zip(tensors, found, strict=True))
    return bool(tensors and tensors[0])


def _sequence_outputs(definition: LayerDefinition) -> int:
    """How many outputs of a recurrent layer keep the time axis, and with it the mask."""
    if definition.traits.name != "Bidirectional":
        return int(definition.config.get("return_sequences") is True)
    forward = definition.children.get("forward_layer")
    if forward is None or forward.config.get("return_sequences") is not True:
        return 0
    return 2 if definition.config.get("merge_mode", "concat") is None else 1


def _joined(shapes: list[Shape | None]) -> Shape | None:
    found = shapes[0]
    for shape in shapes[1:]:
        if found is None or shape is None:
            return None
        try:
            found = broadcast(found, shape)
        except ShapeError:
            return None
    return found


# -- the order of a run -----------------------------------------------------------------------------------------


def _run_order(graph: ModelGraph) -> Iterator[Call | Scope]:
    """The calls in an order in which they can run; in Keras's order if it makes a difference.

    A call of traced code is followed by its scope.
    """
    as_keras = any(layer.traits.strips_masks for layer in graph.layers.values())
    if ROOT not in graph.scopes or not (as_keras or any(layer.traced for layer in graph.layers.values())):
        yield from graph.calls.values()
        return
    calls: dict[tuple[str, int], Call] = {(call.scope, id(call.definition)): call for call in graph.calls.values()}
    scopes = {(scope.parent, id(scope.definition)): scope for scope in graph.scopes.values()}
    orders: dict[int, list[int]] = {}

    def steps(scope: Scope) -> Iterator[CallDefinition]:
        body = scope.body
        if id(body) not in orders:
            orders[id(body)] = list(range(len(body.calls))) if body.traced else _body_order(body)
        return iter([body.calls[position] for position in orders[id(body)]])

    stack = [(graph.scopes[ROOT], steps(graph.scopes[ROOT]))]
    while stack:
        scope, remaining = stack[-1]
        definition = next(remaining, None)
        if definition is None:
            stack.pop()
            if scope.body.traced:
                yield scope
            continue
        call = calls.get((scope.id, id(definition)))
        if call is not None:
            yield call
        else:
            inner = scopes[scope.id, id(definition)]
            stack.append((inner, steps(inner)))


def _body_order(body: Body) -> list[int]:
    """The order in which Keras runs the calls of a body: by distance from the outputs, the farthest first.

    Calls of one layer that are nearer to the outputs than another call of it count as far away as that one.
    """
    ordered = _post_order(body)
    distances: dict[int, int] = {}
    of_layer: dict[int, int] = {}
    for position in reversed(ordered):
        call = body.calls[position]
        distance = max(distances.setdefault(position, 0), of_layer.get(id(call.layer), 0))
        of_layer[id(call.layer)] = distances[position] = distance
        for needed in _needed(call):
            distances[needed] = max(distance + 1, distances.get(needed, 0))
    order = sorted(distances, key=lambda position: -distances[position])
    return [*order, *(position for position in range(len(body.calls)) if position not in distances)]


def _post_order(body: Body) -> list[int]:
    found: list[int] = []
    seen: set[int] = set()
    for ref in flat(body.outputs):
        stack = [(ref.call, False)] if isinstance(ref, TensorRef) else []
        while stack:
            position, done = stack.pop()
            if done:
                found.append(position)
            elif position not in seen:
                seen.add(position)
                stack.append((position, True))
                stack.extend((one, False) for one in reversed(_needed(body.calls[position])))
    return found


def _needed(call: CallDefinition) -> list[int]:
    return [leaf.call for leaf in flat([call.args, call.kwargs]) if isinstance(leaf, TensorRef)]
