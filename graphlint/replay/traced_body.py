"""One traced body, called again on symbols: call by call, what the code did when it was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras

from graphlint.knowledge import keras_internals
from graphlint.knowledge.raised import told
from graphlint.model.address import ROOT
from graphlint.model.definition import Body, CallDefinition, Constant, TensorRef, flat, leaves
from graphlint.replay.held import HeldVariable
from graphlint.replay.symbolic import Stuck, StuckError, by_path, node_of, symbolic_call, target_shape
from graphlint.tracing.bodies import GLUE
from graphlint.tracing.functions import Function
from graphlint.tracing.record import Event
from graphlint.tracing.structure import as_it_is, members, plain

if TYPE_CHECKING:
    from graphlint.replay.opened import Opened


class BodyRun:
    """One traced body, called again."""

    def __init__(self, opened: Opened, scope: str, body: Body, layer: Any, anchor: Any) -> None:
        self.opened = opened
        self.scope = scope
        self.body = body
        self.layer = layer
        self.anchor = anchor
        self.address = type(layer).__name__ if scope == ROOT else opened.graph.address(scope)
        self.own = event_of(body)
        self.values: dict[TensorRef, Any] = {}
        self.traced: dict[int, TensorRef] = {}
        """What a tensor of the trace is in the body."""
        self.held: dict[int, Any] = {}

    def run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], captured: Sequence[Any]) -> Any:
        opened, body = self.opened, self.body
        passed = {**dict(leaves(plain(list(args), as_it_is))), **dict(leaves(plain(dict(kwargs), as_it_is)))}
        passed |= {f"captured/{place}": value for place, value in enumerate(captured)}
        inputs: dict[int, str] = {}
        for ref, path in zip(flat(body.inputs), body.arguments, strict=True):
            inputs[ref.call] = path
            self.values[ref] = self.bound(path, passed)
            self.traced[id(body.calls[ref.call].obj)] = ref
            opened.keep(opened.unit(self.scope, body.calls[ref.call]), 0, self.values[ref])
        for position in range(len(body.calls)):
            if position in inputs:
                continue
            call = body.calls[position]
            made = self.call(position, call)
            for index, value in made.items():
                self.values[TensorRef(position, index)] = value
            for index, value in enumerate(made.values()):
                opened.keep(opened.unit(self.scope, call), index, value)
        refs = dict(leaves(body.outputs))

        def output(leaf: Any, path: str) -> Any:
            ref = refs.get(path, leaf)
            if isinstance(ref, TensorRef):
                return self.values.get(ref, Stuck(f"{self.address} returns something that is not called"))
            return Stuck(f"{self.address} returns a constant") if isinstance(ref, Constant) else ref

        return by_path(self.own.outputs if self.own is not None else body.outputs, output)

    def bound(self, path: str, passed: Mapping[str, Any]) -> Any:
        """What an Input of the body stands for."""
        value = passed.get(path.removeprefix("mask:"))
        if path.startswith("mask:"):
            value = keras_internals.mask_of(value) if isinstance(value, keras.KerasTensor) else None
        elif value is None and path.rpartition("_")[2] == "mask":
            # Keras fills it in when a model is recorded.
            owner = passed.get(path.removesuffix("_mask"), passed.get("0"))
            value = keras_internals.mask_of(owner) if isinstance(owner, keras.KerasTensor) else None
        return Stuck(f"{self.address} receives {path}, which is not there") if value is None else value

    # -- calls --------------------------------------------------------------------------------------------------

    def call(self, position: int, call: CallDefinition) -> dict[int, Any]:
        """The tensors that a call returns, by their place."""
        opened = self.opened
        unit = opened.unit(self.scope, call)
        address = opened.graph.address(unit) if unit != ROOT else call.layer.name
        event = call.obj if isinstance(call.obj, Event) else None
        if event is not None:
            self.note(position, call, event)
        elif call.obj is not None:
            self.traced[id(call.obj)] = TensorRef(position, 0)
        count = len(list(flat(call.body.outputs))) if call.body is not None else max(1, len(call.outputs or ()))
        received = [*flat([list(call.args), call.kwargs, list(call.captured)])]
        values = [self.values.get(leaf) for leaf in received if isinstance(leaf, TensorRef)]
        stuck = next((one for one in values if isinstance(one, Stuck)), None)
        if stuck is not None and not self.seeks_inside(unit, call):
            return dict.fromkeys(range(count), stuck)
        try:
            if len(call.modes) == 1:
                raise StuckError(f"{address} is only called in {next(iter(call.modes))}, as the code around it decides")
            if event is None:
                return {0: self.glue(address, call)}
            if self.own is not None and event.place is not self.own.place:
                raise StuckError(f"{address} is called in a loop or condition of the code around it")
            return self.event(unit, address, call, event)
        except StuckError as error:
            return dict.fromkeys(range(count), Stuck(str(error)))

    def seeks_inside(self, unit: str, call: CallDefinition) -> bool:
        """Whether what is wanted lies inside a call, where it may not depend on those arguments that are stuck."""
        return call.body is not None and self.opened.opens_unit(unit) and bool(self.opened.exports_below(unit))

    def note(self, position: int, call: CallDefinition, event: Event) -> None:
        index = 0
        for place, leaf in enumerate(members(event.outputs)):
            if event.trace.is_tensor(leaf):
                self.traced.setdefault(id(leaf), TensorRef(position, place if call.body is not None else index))
                index += 1

    def event(self, unit: str, address: str, call: CallDefinition, event: Event) -> dict[int, Any]:
        opened = self.opened
        if isinstance(event.target, Function):
            result = self.function(address, event.target, event, call)
        else:
            refs = {**dict(leaves(list(call.args))), **dict(leaves(call.kwargs))}

            def leaf(value: Any, path: str) -> Any:
                ref = refs.get(path)
                if isinstance(ref, TensorRef):
                    return self.values[ref]
                try:
                    return self.leaf(address, value, event)
                except StuckError as error:
                    if not self.seeks_inside(unit, call):
                        raise
                    return Stuck(str(error))

            args = tuple(by_path(list(event.args), leaf))
            kwargs = {key: value for key, value in by_path(event.kwargs, leaf).items() if value is not None}
            kwargs = opened.twins.with_mode(address, event, kwargs)
            if call.body is not None and opened.opens_unit(unit):
                captured = [self.values[one] if isinstance(one, TensorRef) else one for one in call.captured]
                result = opened.open(unit, call.body, args, kwargs, captured, event.target)
            else:
                if any(isinstance(one, TensorRef) for one in flat(list(call.captured))):
                    raise StuckError(f"{address} reads tensors that are none of its arguments")
                operation = event.target
                if call.body is not None and opened.leads_on(unit):
                    operation = opened.opened_graph(unit, operation)
                    inside = [one for one in opened.lifted if one.call.startswith(f"{unit}/")]
                    for one in inside:
                        del opened.lifted[one]
                result = symbolic_call(address, operation, args, kwargs, self.anchor)
                node = next((node for one in members(result) if (node := node_of(one)) is not None), None)
                if node is not None:
                    opened.nodes[unit] = node
        expected, made = list(members(event.outputs)), list(members(result))
        if len(expected) != len(made):
            raise StuckError(f"{address} returns {len(made)} tensors on symbols, and {len(expected)} when it runs")
        found: dict[int, Any] = {}
        index = 0
        for place, (symbol, value) in enumerate(zip(expected, made, strict=True)):
            if event.trace.is_tensor(symbol):
                self.require_alike(address, event.trace.spec(symbol).shape, value)
                found[place if call.body is not None else index] = value
                index += 1
        return found

    @staticmethod
    def require_alike(address: str, shape: Any, value: Any) -> None:
        if not isinstance(value, keras.KerasTensor):
            raise StuckError(f"{address} depends on no input, so that calling it again would fix its numbers")
        known = shape is not None and len(shape) == len(value.shape)
        if shape is not None and (
            not known or any(None not in (one, other) and one != other for one, other in zip(shape, value.shape))  # noqa: B905
        ):
            raise StuckError(f"{address} has the shape {tuple(value.shape)} on symbols, and {shape} when it runs")

    def leaf(self, address: str, value: Any, event: Event) -> Any:
        """A leaf of arguments that is no tensor of the body: a variable, a constant, or something plain."""
        if isinstance(value, keras_internals.VARIABLE):
            return self.variable(value)
        if event.trace.is_tensor(value):
            ref = self.resolve(value, event)
            if isinstance(ref, TensorRef):
                found = self.values[ref]
                if isinstance(found, Stuck):
                    raise StuckError(found.reason)
                return found
            if isinstance(ref, keras_internals.VARIABLE):
                return self.variable(ref)
            numbers = keras_internals.static_value(value)
            if numbers is None:
                raise StuckError(f"{address} receives a number that is only known when it runs, such as a size")
            return numbers.item() if numbers.ndim == 0 else numbers
        if isinstance(value, slice):
            return slice(*[self.bound_of(address, one, event) for one in (value.start, value.stop, value.step)])
        return value

    @staticmethod
    def bound_of(address: str, value: Any, event: Event) -> Any:
        if not event.trace.is_tensor(value):
            return value
        number = keras_internals.static_value(value)
        if number is None:
            raise StuckError(f"{address} slices by a size that is only known when it runs")
        return int(number)

    def resolve(self, tensor: Any, event: Event) -> Any:
        """The reference or variable that a tensor of the trace is, perhaps by way of operations that change nothing."""
        if id(tensor) in self.traced:
            return self.traced[id(tensor)]
        found = event.trace.sources(tensor, self.traced, lambda handle: self.opened.variable_of.get(id(handle), handle))
        if len(found.tensors) == 1 and not found.variables and not found.operations:
            return self.traced.get(id(found.tensors[0]))
        if not found.tensors and len(found.variables) == 1 and not found.operations:
            return found.variables[0]
        return None

    def variable(self, variable: keras.Variable) -> Any:
        """A variable that code reads, as what a layer returns that holds it."""
        if id(variable) not in self.held:
            policy = self.layer.dtype_policy
            holder = HeldVariable.of(variable, f"{self.layer.name}_{variable.name}", policy, self.layer.trainable)
            self.held[id(variable)] = holder(self.anchor)
        return self.held[id(variable)]

    # -- functions ----------------------------------------------------------------------------------------------

    def function(self, address: str, function: Function, event: Event, call: CallDefinition) -> Any:
        if function.is_random:
            raise StuckError(f"{address} draws random numbers with {function.name}, for which there is no layer")
        sized = function.name in ("keras.ops.reshape", "keras.ops.broadcast_to")

        def leaf(value: Any, path: str) -> Any:
            if sized and not path.startswith(("0", "x")) and event.trace.is_tensor(value):
                numbers = keras_internals.static_value(value)
                return None if numbers is None else numbers.item() if numbers.ndim == 0 else numbers
            return self.leaf(address, value, event)

        args, kwargs = tuple(by_path(list(event.args), leaf)), by_path(event.kwargs, leaf)
        symbols = [one for one in keras.tree.flatten((args, kwargs)) if isinstance(one, keras.KerasTensor)]
        if not symbols:
            raise StuckError(f"{address} depends on no input, so that calling it again would fix its numbers")
        if sized:
            shape = call.outputs[0].shape if call.outputs else None
            fixed = target_shape(address, function.name, args, kwargs, shape)
            if isinstance(fixed, keras.KerasTensor):
                return fixed
            args, kwargs = (symbols[0], fixed), {}
        try:
            return function.symbolic(*args, **kwargs)
        except Exception as error:
            raise StuckError(f"{address} cannot be called on symbols ({told(error, 100)})") from None

    def glue(self, address: str, call: CallDefinition) -> Any:
        """What functions of the backend compute: only a cast is one of Keras as well."""
        operations = call.layer.config.get("ops", [])
        received = list(flat(list(call.args)))
        assert call.outputs
        if operations == ["Cast"] and len(received) == 1:
            value = self.values[received[0]] if isinstance(received[0], TensorRef) else None
            if value is not None:
                mask = keras_internals.mask_of(value)
                cast = keras.ops.cast(value, call.outputs[0].dtype)
                if mask is not None:
                    keras_internals.set_mask(cast, mask)
                return cast
        if call.layer.class_name == GLUE and operations == ["inference or training"]:
            raise StuckError(f"{address} is another tensor in training than in inference, as code decides")
        named = ", ".join(str(one) for one in operations[:4]) + (", ..." if len(operations) > 4 else "")
        raise StuckError(f"{address} is made by functions of the backend ({named or 'unknown'}), not of Keras")


def event_of(body: Body) -> Event | None:
    """The call that a traced body was recorded of."""
    return next((call.obj.parent for call in body.calls if isinstance(call.obj, Event)), None)
