"""From a recording to bodies: what the calls inside a layer were, and which tensor goes where.

A tensor that no recorded call returned comes from functions of the backend. What lies between it and the tensors that
are known becomes one call of a *glue* operation: exact for what influences what, silent on values and shapes.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from graphlint.knowledge import keras_internals
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    Effect,
    LayerDefinition,
    TensorRef,
    TensorSpec,
    flat,
    leaves,
)
from graphlint.tracing.functions import Function, configuration, named
from graphlint.tracing.record import Event, Recording
from graphlint.tracing.structure import as_it_is, members, plain

GLUE = "Glue"
"""Class of the operation that stands for functions of the backend, in the module `GLUE_MODULE`."""
GLUE_MODULE = "graphlint.glue"

Define = Callable[[Any], LayerDefinition]


@dataclass(eq=False, slots=True)
class Form:
    """A body, with what reaches it besides the arguments of its call: tensors and variables found elsewhere."""

    body: Body
    captured: list[Any] = field(default_factory=list)
    """Tensors of the trace that the body's inputs ``captured/...`` stand for."""


class Builder:
    """Makes the bodies of one recording. ``define`` gives the definition of a layer, the same for the same layer."""

    def __init__(self, recording: Recording, define: Define, other: Builder | None = None) -> None:
        """``other`` is the builder of another run of the same model, whose bodies must stay as they are."""
        self.recording = recording
        self.trace = recording.trace
        self.define = define
        self.is_first = other is None
        self.forms: dict[int, Form] = {}
        self.same: dict[Any, Body] = {}
        self.settled: set[int] = set()
        """Bodies of Functional models whose calls have been opened once."""
        self.copies: dict[Any, Body] = {}
        self.inner: dict[int, dict[tuple[str, str], LayerDefinition]] = other.inner if other is not None else {}
        """For each opened layer the definitions of the operations in its bodies, which its forms share."""

    def form(self, event: Event) -> Form:
        """The body of one call of an opened layer; calls that do the same share one."""
        found = self.forms.get(id(event))
        if found is None:
            found = _BodyBuilder(self, event).build()
            found.body = self.same.setdefault(_key(event, found.body), found.body)
            self.forms[id(event)] = found
            definition = self.define(event.target)
            if definition.body is None or not definition.body.traced:
                definition.body = found.body
        return found

    def inside(self, event: Event) -> Body | None:
        """The body that a call runs, where it is not the first one of its layer. Opens everything inside the call."""
        definition = self.define(event.target)
        if event.is_open:
            body = self.form(event).body
        elif definition.body is not None and not definition.body.traced:
            body = self.graph(event, definition.body)
        else:
            for child in event.children:
                if child.layer is not None:
                    self.inside(child)
            return None
        return None if body is definition.body else body

    def graph(self, event: Event, body: Body) -> Body:
        """The body of a call of a Functional or Sequential model: its own, with what is inside its calls opened."""
        positions = _positions(event, body)
        known = dict(
            zip(map(id, self.tensors([list(event.args), event.kwargs])), _references(body.inputs), strict=False)
        )
        forms: dict[int, Body | None] = {}
        captured: dict[int, tuple[Any, ...]] = {}
        for child in event.children:
            position = positions.get(id(child))
            forms_of = self.inside(child) if child.layer is not None else None
            if position is None:
                continue
            forms[position] = forms_of
            if child.is_open:
                captured[position] = tuple(self.found(tensor, known) for tensor in self.form(child).captured)
            elif self.leaks(child):
                captured[position] = self.found_inside(child, known)
            expanded = self.define(child.target).body is not None
            number = 0
            for place, leaf in enumerate(members(child.outputs)):
                if self.trace.is_tensor(leaf):
                    known.setdefault(id(leaf), TensorRef(position, place if expanded else number))
                    number += 1
        masks = {positions[id(child)]: self.masks(child) for child in event.children if id(child) in positions}
        if id(body) not in self.settled and self.is_first:
            self.settled.add(id(body))
            for position, form in forms.items():
                call = body.calls[position]
                call.form, call.captured, call.masks = form, captured.get(position, ()), masks[position]
            return body
        key = (id(body), tuple(sorted((position, id(form)) for position, form in forms.items())))
        if all(body.calls[position].form is form for position, form in forms.items()):
            return body
        if key not in self.copies:
            calls = [
                replace(call, form=forms.get(position), captured=captured.get(position, ()))
                for position, call in enumerate(body.calls)
            ]
            self.copies[key] = replace(body, calls=calls)
        return self.copies[key]

    def found(self, tensor: Any, known: dict[int, TensorRef]) -> Any:
        """What a tensor found by code is in the body of a Functional model."""
        sources = self.trace.sources(tensor, known, self.recording.variable)
        found = [known[id(one)] for one in sources.tensors if id(one) in known]
        found += [_constant(variable) for variable in sources.variables]
        return found[0] if len(found) == 1 else found

    def found_inside(self, child: Event, known: dict[int, TensorRef]) -> tuple[Any, ...]:
        """What code inside a layer of Keras's own reads that is neither its argument nor its own."""
        own = set(map(id, child.layer.variables)) if child.layer is not None else set()
        given = {id(tensor) for tensor in self.tensors([list(child.args), child.kwargs])}
        found: dict[Any, Any] = {}
        for output in self.tensors(child.outputs):
            sources = self.trace.sources(output, known.keys() | given, self.recording.variable)
            found |= {known[id(one)]: known[id(one)] for one in sources.tensors if id(one) in known.keys() - given}
            found |= {id(one): _constant(one) for one in sources.variables if id(one) not in own}
        return tuple(found.values())

    def leaks(self, event: Event) -> bool:
        """Whether a layer of Keras's own may run code that reads what is none of its own: a Lambda, a layer around a
        function that calls other layers."""
        layer = event.layer
        if layer is None or event.is_open or keras_internals.graph_model(layer) is not None:
            return False
        if isinstance(layer, keras.layers.Lambda):
            return True
        if not event.children:
            return False
        own = set(map(id, keras_internals.all_layers(layer)))
        stack = list(event.children)
        while stack:
            one = stack.pop()
            if one.layer is not None and id(one.layer) not in own:
                return True
            stack += one.children
        return False

    def tensors(self, structure: Any) -> list[Any]:
        return [leaf for leaf in members(structure) if self.trace.is_tensor(leaf)]

    def masks(self, event: Event) -> tuple[Any, ...]:
        """The shapes of the masks on what an opened layer returned."""
        found = []
        for tensor in self.tensors(event.outputs) if event.is_open else ():
            mask = event.masks.get(id(tensor))
            found.append(None if mask is None else self.trace.spec(mask).shape)
        return tuple(found) if any(shape is not None for shape in found) else ()

    def operation(self, owner: keras.Layer, name: str, class_name: str, module: str, config: dict[str, Any]) -> Any:
        """The definition of an operation inside a layer, under a name that no other has there."""
        known = self.inner.setdefault(id(owner), {})
        text = json.dumps([class_name, module, config], sort_keys=True, default=str)
        found = known.get((name, text))
        if found is None:
            found = known[name, text] = LayerDefinition(name, class_name, module, config=config, is_operation=True)
        return found


def _key(event: Event, body: Body) -> Any:
    calls = [
        (id(call.layer), _frozen([list(call.args), call.kwargs, list(call.captured)]), call.outputs, id(call.form))
        for call in body.calls
    ]
    effects = [(effect.kind, id(effect.variable), _frozen(list(effect.tensors))) for effect in body.effects]
    frozen = (_frozen(body.inputs), _frozen(body.outputs))
    return (id(event.target), tuple(calls), *frozen, body.arguments, tuple(effects))


def _frozen(structure: Any) -> Any:
    """A structure as a key. Variables and other objects count by identity."""
    if isinstance(structure, list):
        return tuple(map(_frozen, structure))
    if isinstance(structure, dict):
        return tuple((key, _frozen(value)) for key, value in sorted(structure.items()))
    if isinstance(structure, Constant):
        if structure.kind in (ConstantKind.VARIABLE, ConstantKind.OBJECT):
            return structure.kind, id(structure.obj)
        return structure.kind, repr(structure.value), structure.shape, structure.dtype
    return structure


class _BodyBuilder:
    """Makes the body of one call of a layer."""

    def __init__(self, builder: Builder, event: Event) -> None:
        self.builder = builder
        self.trace = builder.trace
        self.event = event
        self.refs: dict[int, TensorRef] = {}
        """What is known, by the id of the tensor."""
        self.outer: dict[int, str] = {}
        """Tensors from outside the call that its body uses, by the argument they stand for."""
        self.calls: list[CallDefinition] = []
        self.layers: dict[int, LayerDefinition] = {}
        self.inputs: list[TensorRef] = []
        self.arguments: list[str] = []
        self.captured: list[Any] = []
        self.constants: dict[int, Any] = {}
        self.counts: dict[str, int] = {}
        self.masks = {
            id(mask): path
            for path, tensor in self.given()
            if (mask := event.masks.get(id(tensor))) is not None and self.trace.is_tensor(mask)
        }

    def build(self) -> Form:
        names = _argument_names(self.event)
        for path, tensor in self.given():
            if id(tensor) not in self.refs:
                first = path.partition("/")[0]
                self.input(path, names.get(first, first), tensor)
        for child in self.event.children:
            self.child(child)
        outputs = plain(self.event.outputs, self.leaf)
        effects = tuple(self.effects())
        body = Body(
            list(self.layers.values()),
            self.calls,
            self.inputs,
            outputs=outputs,
            traced=True,
            arguments=tuple(self.arguments),
            effects=effects,
        )
        return Form(body, self.captured)

    def given(self) -> Iterator[tuple[str, Any]]:
        """The tensors among the arguments, by path."""
        for structure in (list(self.event.args), self.event.kwargs):
            for path, leaf in leaves(plain(structure, as_it_is)):
                if self.trace.is_tensor(leaf):
                    yield path, leaf

    def input(self, path: str, name: str, tensor: Any) -> TensorRef:
        spec = self.trace.spec(tensor)
        definition = self.operation(self.name(name), "InputLayer", "keras.layers", {"dtype": spec.dtype})
        definition.is_operation = False
        definition.dtype_policy = spec.dtype
        ref = self.add(CallDefinition(definition, outputs=(spec,), obj=tensor))
        self.refs[id(tensor)] = ref
        self.inputs.append(ref)
        self.arguments.append(path)
        return ref

    def add(self, call: CallDefinition) -> TensorRef:
        self.calls.append(call)
        return TensorRef(len(self.calls) - 1, 0)

    def operation(self, name: str, class_name: str, module: str, config: dict[str, Any]) -> LayerDefinition:
        layer = self.event.layer
        assert layer is not None
        found: LayerDefinition = self.builder.operation(layer, name, class_name, module, config)
        self.layers[id(found)] = found
        return found

    def name(self, name: str) -> str:
        """A name as the body's operations have it: numbered from the second on."""
        number = self.counts[name] = self.counts.get(name, -1) + 1
        return f"{name}_{number}" if number else name

    # -- tensors ------------------------------------------------------------------------------------------------

    def leaf(self, value: Any) -> Any:
        """A leaf of arguments or outputs as definitions have it."""
        if self.trace.is_tensor(value):
            return self.tensor(value)
        if self.trace.is_size(value):
            return Constant(ConstantKind.TENSOR, None, (), dtype="int32", obj=value)
        return _constant(value)

    def tensor(self, tensor: Any) -> Any:
        """A tensor as a reference into the body, or as a constant where no input and no variable influences it."""
        ref = self.refs.get(id(tensor))
        if ref is not None:
            return ref
        if id(tensor) in self.constants:
            return self.constants[id(tensor)]
        sources = self.trace.sources(tensor, _Known(self), self.builder.recording.variable)
        found = [self.refs.get(id(one)) or self.from_outside(one) for one in sources.tensors]
        crossed = [name for name in sources.operations if name != "Cast"]
        if not found and not sources.variables and not sources.is_random:
            value = self.trace.value(tensor)
            spec = self.trace.spec(tensor)
            constant = Constant(
                ConstantKind.TENSOR,
                None if value is None else value.tolist(),
                spec.shape or (),
                dtype=spec.dtype,
                obj=tensor,
            )
            self.constants[id(tensor)] = constant
            return constant
        if len(found) == 1 and not sources.variables and not sources.operations:
            self.refs[id(tensor)] = found[0]
            return found[0]
        if not found and len(sources.variables) == 1 and not crossed and not sources.is_random:
            constant = _constant(sources.variables[0])
            self.constants[id(tensor)] = constant
            return constant
        variables = [_constant(variable) for variable in sources.variables]
        last = _snake(sources.operations[0]) if sources.operations else "identity"
        name = self.name("cast" if last == "cast" and len(found) == 1 and not variables else f"glue_{last}")
        config = {"ops": sources.operations[::-1]}
        definition = self.operation(name, GLUE, GLUE_MODULE, config)
        call = CallDefinition(definition, ([*found, *variables],), {}, outputs=(self.trace.spec(tensor),), obj=tensor)
        ref = self.refs[id(tensor)] = self.add(call)
        return ref

    def from_outside(self, tensor: Any) -> TensorRef:
        """A tensor that reaches the body besides its arguments: a mask that one of them carries, or something that the
        code finds elsewhere."""
        path = self.masks.get(id(tensor))
        if path is not None:
            names = _argument_names(self.event)
            name = names.get(path.partition("/")[0], path.partition("/")[0])
            return self.input(f"mask:{path}", f"{name}_mask", tensor)
        self.captured.append(tensor)
        return self.input(f"captured/{len(self.captured) - 1}", "captured", tensor)

    # -- calls --------------------------------------------------------------------------------------------------

    def child(self, child: Event) -> None:
        if isinstance(child.target, Function):
            self.function(child, child.target)
            return
        definition = self.builder.define(child.target)
        args = [plain(value, self.leaf) for value in child.args]
        kwargs = {key: plain(value, self.leaf) for key, value in child.kwargs.items()}
        inside = self.builder.inside(child)
        captured: tuple[Any, ...] = ()
        if child.is_open:
            captured = tuple(self.leaf(one) for one in self.builder.form(child).captured)
        elif self.builder.leaks(child):
            captured = tuple(self.read_inside(child))
        call = CallDefinition(
            definition,
            tuple(args),
            self.told(kwargs),
            obj=child,
            form=inside,
            captured=captured,
            masks=self.builder.masks(child),
        )
        if call.body is None:
            call.outputs = self.specs(child)
        if id(child.target) not in self.builder.recording.tracked:
            self.layers[id(definition)] = definition
        self.register(call, child)

    def specs(self, child: Event) -> tuple[TensorSpec, ...]:
        """Shapes and dtypes of what a call returned; one unknown where that is no tensor, since every call has one."""
        found = tuple(self.trace.spec(one) for one in self.builder.tensors(child.outputs))
        return found or (TensorSpec(None, None),)

    def read_inside(self, child: Event) -> Iterator[Any]:
        """What the code inside a layer of Keras's own reads that is neither its argument nor its own."""
        own = set(map(id, child.layer.variables)) if child.layer is not None else set()
        given = {id(tensor) for tensor in self.builder.tensors([list(child.args), child.kwargs])}
        for output in self.builder.tensors(child.outputs):
            sources = self.trace.sources(output, _Known(self), self.builder.recording.variable)
            for tensor in sources.tensors:
                if id(tensor) not in given:
                    yield self.refs.get(id(tensor)) or self.from_outside(tensor)
            for variable in sources.variables:
                if id(variable) not in own:
                    yield _constant(variable)

    def register(self, call: CallDefinition, child: Event) -> None:
        position = self.add(call).call
        index = 0
        for place, leaf in enumerate(members(child.outputs)):
            if self.trace.is_tensor(leaf):
                self.refs.setdefault(id(leaf), TensorRef(position, place if call.body is not None else index))
                index += 1

    def told(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments that have an effect: not those that only pass on the default."""
        return {
            key: value
            for key, value in kwargs.items()
            if value is not None and not (key == "training" and value is self.builder.recording.training)
        }

    def function(self, child: Event, function: Function) -> None:
        args, kwargs = child.args, child.kwargs
        tensors = [leaf for leaf in members([list(args), kwargs]) if self.is_value(leaf)]
        given = {id(tensor): self.leaf(tensor) for tensor in tensors}
        fixed = all(isinstance(leaf, Constant) and leaf.kind != ConstantKind.VARIABLE for leaf in given.values())
        if fixed and not function.is_random:
            return
        back: dict[int, Any] = {}

        def stand_in(leaf: Any) -> Any:
            if self.trace.is_size(leaf):
                return None
            if id(leaf) not in given:
                return leaf
            value = given[id(leaf)]
            spec = self.trace.spec(leaf) if self.trace.is_tensor(leaf) else TensorSpec(leaf.shape, str(leaf.dtype))
            if isinstance(value, Constant) and value.kind == ConstantKind.TENSOR and spec.shape == ():
                return None if value.value is None else value.value
            tensor = keras.KerasTensor(spec.shape or (), dtype=_dtype(spec.dtype))
            back[id(tensor)] = (tensor, value)
            return tensor

        found = None if function.is_random else named(function, args, kwargs, child.outputs, stand_in)
        config = configuration(found.operation) if found is not None else None
        specs = self.specs(child)
        if found is not None and config is not None:

            def leaf(value: Any) -> Any:
                return back[id(value)][1] if id(value) in back else _constant(value)

            class_name, module, _ = keras_internals.class_identity(type(found.operation))
            config.pop("name", None)
            name = self.name(_snake(class_name))
            definition = self.operation(name, class_name, module or "keras", config)
            definition.obj = found.operation
            call = CallDefinition(
                definition,
                tuple(plain(value, leaf) for value in found.args),
                {key: plain(value, leaf) for key, value in found.kwargs.items()},
                outputs=specs,
                obj=child,
            )
        else:
            short = function.name.rpartition(".")[2].strip("_")
            values = [
                value for value in given.values() if isinstance(value, TensorRef) or value.kind == ConstantKind.VARIABLE
            ]
            if function.is_random:
                definition = self.operation(self.name(short), short, "keras.random", {})
            else:
                definition = self.operation(self.name(f"glue_{short}"), GLUE, GLUE_MODULE, {"ops": [function.name]})
            call = CallDefinition(definition, (values,), {}, outputs=specs, obj=child)
        self.register(call, child)

    def is_value(self, leaf: Any) -> bool:
        return self.trace.is_tensor(leaf) or isinstance(leaf, keras_internals.VARIABLE)

    def effects(self) -> Iterator[Effect]:
        seeds = self.builder.recording.seeds
        for kind, variable, value in self.event.effects:
            if variable is not None and id(variable) in seeds:
                continue
            tensors = [self.leaf(leaf) for leaf in members(value) if self.trace.is_tensor(leaf)]
            if variable is not None and id(variable) in self.builder.recording.metric_variables:
                kind = "metric"
            yield Effect(kind, tuple(tensors), variable)


class _Known:
    """The ids at which going back ends: what the body knows, and what was there before its call began."""

    def __init__(self, builder: _BodyBuilder) -> None:
        self.refs = builder.refs
        self.masks = builder.masks
        self.made = builder.builder.recording.made
        self.begin, self.end = builder.event.begin, builder.event.end

    def __contains__(self, tensor: object) -> bool:
        if tensor in self.refs or tensor in self.masks:
            return True
        event = self.made.get(tensor)  # type: ignore[call-overload]
        return event is not None and not self.begin <= event.begin <= self.end


def _positions(event: Event, body: Body) -> dict[int, int]:
    """Which call of a Functional or Sequential model each event inside a run of it is, by the id of the event.

    A layer that did not run as often as the model calls it has none.
    """
    places = {id(call.obj): place for place, call in enumerate(body.calls)}
    graph = keras_internals.graph_model(event.target)
    ran: dict[int, list[Event]] = {}
    for child in event.children:
        ran.setdefault(id(child.target), []).append(child)
    expected: dict[int, list[int]] = {}
    for node in keras_internals.run_order(graph) if graph is not None else ():
        if id(node) in places:
            expected.setdefault(id(keras_internals.node_operation(node)), []).append(places[id(node)])
    return {
        id(child): place
        for layer, children in ran.items()
        if len(children) == len(expected.get(layer, ()))
        for child, place in zip(children, expected[layer], strict=True)
    }


def _references(structure: Any) -> list[TensorRef]:
    return [ref for ref in flat(structure) if isinstance(ref, TensorRef)]


def _argument_names(event: Event) -> dict[str, str]:
    """What the parameters are called, by the place of a positional argument."""
    assert event.layer is not None
    try:
        parameters = list(inspect.signature(event.layer.call).parameters.values())
    except (TypeError, ValueError):
        return {}
    names: dict[str, str] = {}
    for place in range(len(event.args)):
        if place < len(parameters) and parameters[place].kind is not inspect.Parameter.VAR_POSITIONAL:
            names[str(place)] = parameters[place].name
        else:
            names[str(place)] = f"input_{place}"
    return names


def _constant(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, keras_internals.VARIABLE):
        return Constant(ConstantKind.VARIABLE, None, tuple(value.shape), dtype=str(value.dtype), obj=value)
    if isinstance(value, slice):
        parts = [one if one is None or isinstance(one, int) else None for one in (value.start, value.stop, value.step)]
        return Constant(ConstantKind.SLICE, parts, obj=value)
    if value is Ellipsis:
        return Constant(ConstantKind.ELLIPSIS, obj=value)
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        dtype = str(keras.backend.standardize_dtype(value.dtype))
        return Constant(ConstantKind.NUMPY, None, tuple(value.shape), dtype=dtype, obj=value)
    return Constant(ConstantKind.OBJECT, {"class_name": type(value).__name__, "config": None}, obj=value)


def _dtype(dtype: str | None) -> str:
    return dtype or "float32"


def _snake(name: str) -> str:
    name = re.sub(r"\W+", "_", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
