"""Bodies that code makes, as models with a graph: what tracing recorded is called again on symbolic tensors.

A traced body becomes a Functional model that shares the layers which the code calls. What the code does outside of
layers and of functions of Keras (*glue*) cannot be called again: what depends on it is `Stuck`, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from graphlint.errors import NotBuilt, OpaqueBody, ReplayError, one_line
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT, escape
from graphlint.model.definition import Body, CallDefinition, Constant, TensorRef, TensorSpec, flat, leaves
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.replay.held import HeldConstant, HeldVariable
from graphlint.replay.interpreter import Interpreter, Proceed
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Planner
from graphlint.replay.rebuild import (
    Rebuild,
    build_model,
    declared_inputs,
    declared_outputs,
    in_structure,
    root_inputs,
    unique,
)
from graphlint.sources.live import read_live
from graphlint.tracing.bodies import GLUE
from graphlint.tracing.functions import Function
from graphlint.tracing.inputs import known_arguments
from graphlint.tracing.record import Event, TraceError, record
from graphlint.tracing.structure import as_it_is, members, plain


@dataclass(frozen=True, slots=True)
class Stuck:
    """In the place of a tensor: why it cannot be made again."""

    reason: str


class Opened:
    """A model whose traced bodies can be called again.

    ``opens`` are the paths of layers whose bodies become models in the place of their calls, ``exports`` tensors that
    the result returns after its own outputs. With ``strict`` nothing may be stuck, and no effect may be lost.

    Raises:
        OpaqueBody: the body of the model itself was needed and cannot be opened.
    """

    def __init__(self, model: keras.Model, inputs: Any = None) -> None:
        if not isinstance(model, keras.Model):
            raise ReplayError(
                f"expected a keras.Model, got {type(model).__name__}: pass the model itself, built, not its output"
            )
        if isinstance(model, keras.Sequential) and keras_internals.graph_model(model) is None:
            raise NotBuilt(
                f"expected a built model, got Sequential {model.name!r} without a graph: give it a keras.Input or "
                "call model.build(input_shape) first"
            )
        self.model = model
        self.inputs = inputs
        self.graph: ModelGraph = expand(read_live(model, structure_only=True, open_layers=True, inputs=inputs))
        root = self.graph.root.definition
        if root.body is None:
            because = root.opaque_because or "it has no call that could be run"
            raise OpaqueBody(
                f"{type(model).__name__} {model.name!r} is code that cannot be opened ({because}): cut the Functional "
                "models inside it"
            )
        add_attributes(self.graph)
        self.opens: set[str] = set()
        self.exports: tuple[Tensor, ...] = ()
        self.strict: Callable[[str], bool] = lambda path: False
        self.symbols: dict[Tensor, Any] = {}
        """What each tensor of an opened body became."""
        self.nodes: dict[str, Any] = {}
        """The node of each unit that was called again."""
        self.lifted: dict[Tensor, Any] = {}
        """What an exported tensor is in the scope that was opened around the one it lies in."""
        self.incomplete: str | None = None
        self.stuck: dict[str, str] = {}
        """The layers that are called whole because a tensor that they return is stuck, with the reason."""
        self._units: dict[str, dict[int, str]] = {scope: {} for scope in self.graph.scopes}
        self._by_node: dict[str, dict[int, str]] = {scope: {} for scope in self.graph.scopes}
        for scope in self.graph.scopes.values():
            if scope.parent is not None:
                self._note(scope.parent, scope.id, scope.definition)
        for call in self.graph.calls.values():
            self._note(call.scope, call.id, call.definition)
        self._made: dict[Any, _Made] = {}
        self.twins = _Twins(model, inputs, self.graph)
        self.variable_of = {
            id(keras_internals.variable_handle(variable)): variable
            for layer in keras_internals.all_layers(model)
            for variable in keras_internals.own_variables(layer)
        }
        self.known = {id(layer.obj) for layer in self.graph.layers.values() if layer.obj is not None}

    def _note(self, scope: str, unit: str, definition: CallDefinition | None) -> None:
        self._units[scope][id(definition)] = unit
        if definition is not None and definition.obj is not None:
            self._by_node[scope][id(definition.obj)] = unit

    # -- what to open -------------------------------------------------------------------------------------------

    def reach(self, tensors: Iterable[Tensor]) -> None:
        """Open every traced body that some tensors lie in."""
        for tensor in tensors:
            for scope in self.around(tensor):
                if scope != ROOT and self.is_traced(scope):
                    self.opens.add(self.graph.scopes[scope].layer)

    def around(self, tensor: Tensor) -> Iterator[str]:
        """The scopes around a tensor, innermost first, the root last."""
        calls, scopes = self.graph.calls, self.graph.scopes
        scope: str | None = calls[tensor.call].scope if tensor.call in calls else scopes[tensor.call].parent
        while scope is not None:
            yield scope
            scope = self.graph.scopes[scope].parent

    def is_traced(self, scope: str) -> bool:
        body = self.graph.scopes[scope].body
        return body is not None and body.traced

    def _opens(self, unit: str) -> bool:
        return unit in self.graph.scopes and self.graph.scopes[unit].layer in self.opens

    # -- the whole model ----------------------------------------------------------------------------------------

    def build(self) -> tuple[keras.Model | None, list[Any]]:
        """The model as a Functional one, and what the exported tensors are there: symbols, or `Stuck`.

        Its outputs are those of the model, where none of them is stuck, and then the exported ones. `incomplete` says
        why those of the model are missing. There is no model if everything is stuck.
        """
        if self.is_traced(ROOT):
            inputs, outputs = self._root()
        else:
            inputs, outputs = self._graph(ROOT, self.model, inline=bool(self.exports))
        exported = [self._at(ROOT, one) for one in self.exports]
        found = [one for one in exported if isinstance(one, keras.KerasTensor)]
        flat_outputs = keras.tree.flatten(outputs)
        for one in flat_outputs:
            if not isinstance(one, keras.KerasTensor) and self.incomplete is None:
                self.incomplete = one.reason if isinstance(one, Stuck) else f"it returns {one!r}, which is no tensor"
        if self.incomplete is not None:
            if not found:
                return None, exported
            outputs = found
        elif found:
            outputs = [*flat_outputs, *found]
        model = build_model(inputs, outputs, self.model.name, self.known, len(self.graph.calls))
        model.dtype_policy = self.model.dtype_policy
        keras_internals.set_own_trainable(model, self.model.trainable)
        return model, exported

    def _root(self) -> tuple[Any, Any]:
        body = self.graph.scopes[ROOT].body
        assert body is not None
        args, kwargs, inputs = self.declared(body)
        anchor = keras.tree.flatten(inputs)[0]
        outputs = self._body(ROOT, body, args, kwargs, (), anchor)
        return inputs, outputs

    def declared(self, body: Body | None = None) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
        """New Inputs in the place of the tensors that the model was traced with: as arguments, and as one structure."""
        body = body or self.graph.scopes[ROOT].body
        assert body is not None
        specs = {
            path: body.calls[ref.call]
            for ref, path in zip(flat(body.inputs), body.arguments, strict=True)
            if not path.startswith(("mask:", "captured/"))
        }
        event = _event_of(body)
        names: set[str] = set()
        made: dict[str, Any] = {}
        for path, call in specs.items():
            spec = call.outputs[0] if call.outputs else TensorSpec(None, None)
            if spec.shape is None:
                raise OpaqueBody(f"the input {call.layer.name} of {self.model.name!r} has no known rank: pass inputs=")
            last = path.rpartition("/")[2]
            name = unique(call.layer.name if last.isdecimal() else last, names)
            made[path] = keras.Input(batch_shape=spec.shape, dtype=spec.dtype, name=name)

        def new(leaf: Any, path: str) -> Any:
            return made.get(path, leaf)

        if event is None:
            args: tuple[Any, ...] = tuple(made[path] for path in made if path.isdecimal())
            kwargs: dict[str, Any] = {}
        else:
            args = tuple(by_path(list(event.args), new))
            kwargs = {key: value for key, value in by_path(event.kwargs, new).items() if key != "training"}
        given = {key: value for key, value in kwargs.items() if _has_symbols(value)}
        positional = [value for value in args if _has_symbols(value)]
        if len(positional) + len(given) == 1:
            inputs: Any = positional[0] if positional else next(iter(given.values()))
        else:
            inputs = {specs[str(index)].layer.name if str(index) in specs else f"input_{index}": value
                      for index, value in enumerate(args) if _has_symbols(value)} | given  # fmt: skip
        if not keras.tree.flatten(inputs):
            raise OpaqueBody(f"{self.model.name!r} receives no tensor: a Functional model has to")
        if any(not isinstance(one, keras.KerasTensor) for one in keras.tree.flatten(inputs)):
            raise OpaqueBody(f"{self.model.name!r} receives a structure with something in it that is no tensor")
        return args, kwargs, inputs

    # -- bodies -------------------------------------------------------------------------------------------------

    def _body(
        self,
        scope: str,
        body: Body,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        captured: Sequence[Any],
        anchor: Any,
    ) -> Any:
        """Call what a traced body calls, and return what it returns, in the structure of its code."""
        layer = self.graph.layers[self.graph.scopes[scope].layer].obj
        run = _Run(self, scope, body, layer, anchor)
        outputs = run.run(args, kwargs, captured)
        if self.strict(self.graph.scopes[scope].layer):
            lost = _lost(body, layer)
            if lost is not None:
                outputs = keras.tree.map_structure(lambda _: Stuck(f"{run.address} {lost}"), outputs)
        if scope == ROOT:
            return outputs
        first = args[0] if args else next(iter(kwargs.values()), None)
        try:
            return keras_internals.with_masks_of(layer, first, kwargs.get("mask"), outputs)
        except Exception as error:
            reason = f"{run.address} computes its mask in a way that cannot be repeated ({one_line(error, 80)})"
            return keras.tree.map_structure(lambda _: Stuck(reason), outputs)

    def unit(self, scope: str, call: CallDefinition) -> str:
        return self._units[scope].get(id(call), scope)

    def keep(self, unit: str, index: int, value: Any) -> None:
        """Note what a tensor of an opened body became."""
        self.symbols[Tensor(unit, index)] = value
        node = _node(value)
        if node is not None and not self._opens(unit):
            self.nodes[unit] = node

    # -- models in the place of calls ---------------------------------------------------------------------------

    def open(
        self, unit: str, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any], captured: Sequence[Any], layer: Any
    ) -> Any:
        """Call a model in the place of a layer: it calls what the layer's code calls, and returns what it returns."""
        outer = [one for one in keras.tree.flatten((args, kwargs, captured)) if isinstance(one, keras.KerasTensor)]
        outer = list({id(one): one for one in outer}.values())
        masks = {id(m): m for one in outer if isinstance(m := keras_internals.mask_of(one), keras.KerasTensor)}
        received = [*outer, *masks.values()]
        key = (
            self.graph.scopes[unit].layer,
            id(body),
            tuple((tuple(one.shape), one.dtype, keras_internals.mask_of(one) is None) for one in received),
            repr(keras.tree.map_structure(lambda leaf: _place(leaf, received), (args, kwargs, list(captured)))),
        )
        if key not in self._made:
            self._made[key] = self._model(unit, body, (args, kwargs, list(captured)), received, layer)
        else:
            self._repeat(self._made[key].source, unit)
        made = self._made[key]
        if made.reason is not None:
            if self.strict(self.graph.scopes[unit].layer):
                raise StuckError(made.reason)
            self.stuck.setdefault(self.graph.scopes[unit].layer, made.reason)
        results: list[Any] = []
        if made.model is not None:
            results = keras.tree.flatten(made.model(received if len(received) > 1 else received[0]))
            node = _node(results[0])
            if node is not None:
                self.nodes[unit] = node
        for (below, output), place in made.exported.items():
            self.lifted[Tensor(unit + below, output)] = results[place]
        if made.reason is not None:
            return symbolic_call(self.graph.address(unit), layer, args, kwargs, received[0])
        outputs = keras.tree.map_structure(
            lambda place: results[place] if isinstance(place, int) else place.value, made.outputs
        )
        for place, mask in made.masks.items():
            keras_internals.set_mask(results[place], results[mask])
        return outputs

    def _model(self, unit: str, body: Body, given: Any, received: list[Any], layer: Any) -> _Made:
        path = self.graph.scopes[unit].layer
        names: set[str] = set()
        inner: dict[int, Any] = {}
        for one in received:
            kind = {"sparse": True} if one.sparse else {}
            name = unique(str(one.name).rpartition("/")[2].replace("keras_tensor", "x"), names)
            inner[id(one)] = keras.Input(batch_shape=one.shape, dtype=one.dtype, name=name, **kind)
        for one in received:
            mask = keras_internals.mask_of(one)
            if mask is not None and id(mask) in inner:
                keras_internals.set_mask(inner[id(one)], inner[id(mask)])
        args, kwargs, captured = keras.tree.map_structure(lambda leaf: inner.get(id(leaf), leaf), given)
        outputs = self._body(unit, body, tuple(args), kwargs, captured, next(iter(inner.values())))
        reason = next((one.reason for one in keras.tree.flatten(outputs) if isinstance(one, Stuck)), None)
        tensors: list[Any] = []

        def place(value: Any) -> int:
            if any(value is one for one in inner.values()):
                mask = keras_internals.mask_of(value)
                value = keras.layers.Identity(name=f"{value.name}_identity", dtype=value.dtype)(value)
                if mask is not None:
                    keras_internals.set_mask(value, mask)
            tensors.append(value)
            return len(tensors) - 1

        structure: Any = None
        masks: dict[int, int] = {}
        if reason is None:
            structure = keras.tree.map_structure(
                lambda leaf: place(leaf) if isinstance(leaf, keras.KerasTensor) else _Plain(leaf), outputs
            )
            for index in range(len(tensors)):
                mask = keras_internals.mask_of(tensors[index])
                if isinstance(mask, keras.KerasTensor):
                    masks[index] = place(mask)
        exported = {}
        for below, output in self._exports_below(unit):
            value = self._at(unit, Tensor(unit + below, output))
            if isinstance(value, keras.KerasTensor):
                exported[below, output] = place(value)
        model = None
        if tensors:
            made_before = sum(self.graph.scopes[one.source].layer == path for one in self._made.values())
            name = f"{layer.name}_{made_before}" if made_before else layer.name
            name = name if reason is None else f"{name}_inside"
            model = build_model(list(inner.values()), tensors, name, self.known, len(self.graph.calls))
            model.dtype_policy = layer.dtype_policy
            keras_internals.set_own_trainable(model, layer.trainable)
        return _Made(model, unit, structure, masks, exported, reason)

    def _exports_below(self, unit: str) -> list[tuple[str, int]]:
        """The exported tensors inside any call of a layer, each by its place below the call."""
        layer = self.graph.scopes[unit].layer
        units = [one for one, scope in self.graph.scopes.items() if scope.layer == layer and one != ROOT]
        found = [
            (tensor.call[len(one) :], tensor.output)
            for tensor in self.exports
            for one in units
            if tensor.call.startswith(f"{one}/")
        ]
        return list(dict.fromkeys(found))

    def _at(self, scope: str, tensor: Tensor) -> Any:
        """What an exported tensor is inside a scope; None where it is only inside a Functional model there."""
        value = self.symbols.get(tensor)
        inside = next(self.around(tensor), scope) if self._exists(tensor) else scope
        return value if inside == scope or isinstance(value, Stuck) else self.lifted.get(tensor)

    def _exists(self, tensor: Tensor) -> bool:
        return tensor.call in self.graph.calls or tensor.call in self.graph.scopes

    def _repeat(self, source: str, unit: str) -> None:
        """Note for a further call what was noted for the one that a model was made for."""
        for tensor, value in list(self.symbols.items()):
            if tensor.call.startswith(f"{source}/"):
                self.symbols[Tensor(unit + tensor.call[len(source) :], tensor.output)] = value
        for one, node in list(self.nodes.items()):
            if one.startswith(f"{source}/"):
                self.nodes[unit + one[len(source) :]] = node

    # -- Functional models around what is opened ----------------------------------------------------------------

    def opened_graph(self, scope: str, model: Any) -> Any:
        """A Functional model, rebuilt with what is opened inside it."""
        inputs, outputs = self._graph(scope, model)
        made = build_model(inputs, outputs, model.name, self.known, len(self.graph.calls))
        made.dtype_policy = model.dtype_policy
        keras_internals.set_own_trainable(made, model.trainable)
        return made

    def _graph(self, scope: str, model: Any, *, inline: bool = False) -> tuple[Any, Any]:
        live = LiveGraph(model)
        ours: dict[str, str] = {ROOT: scope}
        for unit in sorted(live.position, key=lambda one: one.count("/")):
            around = ours.get(live.parent[unit])
            found = self._by_node.get(around, {}).get(id(live.node(unit))) if around is not None else None
            if found is not None:
                ours[unit] = found
        hooks = {unit: self._hook(ours[unit]) for unit in live.position if self._opens(ours.get(unit, ROOT))}
        deep = inline and any(live.parent[unit] != ROOT for unit in hooks)
        planner = Planner(live, touched=dict.fromkeys(hooks, "opened"), keep_outputs=True, inline_all=deep)
        domain = Rebuild(live, thread_masks=True)
        environment = root_inputs(live)
        inputs = in_structure(live, ROOT, environment, declared_inputs(live, ROOT))
        Interpreter(live, domain, hooks=hooks).run(planner.plan(live.graph.outputs), environment)
        outputs = in_structure(live, ROOT, environment, declared_outputs(live, ROOT))
        for unit, mine in ours.items():
            if unit != ROOT and mine not in self.nodes:
                node = domain.trace.get(unit)
                if node is not None:
                    self.nodes[mine] = node
        for tensor, value in environment.items():
            if tensor.call in ours:
                self.symbols.setdefault(Tensor(ours[tensor.call], tensor.output), value)
        return inputs, outputs

    def _hook(self, unit: str) -> Any:
        scope = self.graph.scopes[unit]
        assert scope.body is not None and scope.definition is not None
        body, definition = scope.body, scope.definition

        def hook(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], proceed: Proceed) -> list[Any]:
            kwargs = {key: value for key, value in kwargs.items() if key != "training" and value is not None}
            if any(isinstance(leaf, TensorRef) for leaf in flat(list(definition.captured))):
                raise OpaqueBody(f"{self.graph.address(unit)} reads tensors that are none of its arguments")
            try:
                outputs = list(keras.tree.flatten(self.open(unit, body, args, kwargs, (), operation)))
                for index, value in enumerate(outputs):
                    self.keep(unit, index, value)
                return outputs
            except StuckError as error:
                raise OpaqueBody(str(error)) from None

        return hook

    def leads_on(self, unit: str) -> bool:
        """Whether something below the call of a Functional model is opened."""
        return any(self._opens(scope) for scope in self.graph.scopes if scope.startswith(f"{unit}/"))

    def opens_unit(self, unit: str) -> bool:
        return self._opens(unit)

    # -- where things went --------------------------------------------------------------------------------------

    def tensor_in(self, live: LiveGraph, tensor: Tensor) -> Tensor | None:
        """What a tensor of the model is in the graph of the model that was built; None if it is not in it."""
        lifted = self._at(ROOT, tensor)
        if lifted is not None and id(lifted) in live.symbols[ROOT]:
            return live.symbols[ROOT][id(lifted)]
        scopes = [*self.around(tensor)][::-1][1:]
        here = ROOT
        for unit in (*scopes, tensor.call):
            node = self.nodes.get(unit)
            if node is None:
                definition = (
                    self.graph.scopes[unit].definition
                    if unit in self.graph.scopes
                    else self.graph.calls[unit].definition
                )
                node = definition.obj if definition is not None else None
            if unit == tensor.call:
                symbol = self.symbols.get(tensor)
                found = live.symbols.get(here, {}).get(id(symbol)) if symbol is not None else None
                if found is not None:
                    return found
            after = next((one for one in live.units.get(here, ()) if live.node(one) is node), None)
            if after is None:
                return None
            here = after
        return Tensor(here, tensor.output)


def add_attributes(graph: ModelGraph) -> None:
    """Let layers inside code be addressed by the attributes that hold them, where files have other names for them."""
    paths = {id(layer.obj): path for path, layer in graph.layers.items() if layer.obj is not None}
    for path, layer in list(graph.layers.items()):
        if not isinstance(layer.obj, keras.Layer) or (layer.is_keras and not layer.container):
            continue
        held_by_name = [(escape(one.name), one) for one in getattr(layer.obj, "layers", ())] if layer.container else []
        by_attribute = [
            ("/".join(map(escape, attribute.split("/"))), held)
            for attribute, held in keras_internals.attributes(layer.obj)
        ]
        for attribute, held in [*by_attribute, *held_by_name]:
            alias = attribute if path == ROOT else f"{path}/{attribute}"
            if alias not in graph.layers and id(held) in paths and paths[id(held)] != ROOT:
                graph.aliases.setdefault(alias, paths[id(held)])


def canonical(graph: ModelGraph, address: str) -> str:
    """An address with every part as the graph spells it, where it is written with attributes."""
    body, separator, output = address.partition(":")
    written = body.split("/")
    spelled: list[str] = []
    start = 0
    while start < len(written):
        for end in range(start + 1, len(written) + 1):
            names = [piece.partition("#")[0] for piece in written[start:end]]
            path = "/".join([*(piece.partition("#")[0] for piece in spelled), *names])
            if path in graph.aliases or path in graph.layers:
                known = graph.aliases.get(path, path)
                pieces = known.split("/")
                kept = spelled if known.startswith("/".join(piece.partition("#")[0] for piece in spelled)) else []
                new = pieces[len(kept) :]
                number = written[end - 1].partition("#")[1:]
                spelled = [*kept, *new[:-1], new[-1] + "".join(number)] if new else kept
                start = end
                break
        else:
            return address
    return "/".join(spelled) + separator + output


@dataclass(frozen=True, slots=True)
class _Plain:
    """A leaf of a structure that is no tensor."""

    value: Any


@dataclass(frozen=True, slots=True)
class _Made:
    """A model in the place of a layer.

    ``outputs`` has the place of each tensor among what it returns, ``masks`` for the place of a tensor that of its
    mask, ``exported`` the places of tensors from inside. With a ``reason`` it does not return what the layer does.
    """

    model: Any
    source: str
    outputs: Any
    masks: dict[int, int]
    exported: dict[tuple[str, int], int]
    reason: str | None


class StuckError(Exception):
    """A call cannot be made again."""


class _Run:
    """One traced body, called again."""

    def __init__(self, opened: Opened, scope: str, body: Body, layer: Any, anchor: Any) -> None:
        self.opened = opened
        self.scope = scope
        self.body = body
        self.layer = layer
        self.anchor = anchor
        self.address = type(layer).__name__ if scope == ROOT else opened.graph.address(scope)
        self.own = _event_of(body)
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
        if stuck is not None:
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
                return self.values[ref] if isinstance(ref, TensorRef) else self.leaf(address, value, event)

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
                node = next((node for one in members(result) if (node := _node(one)) is not None), None)
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
        if isinstance(value, keras.Variable):
            return self.variable(value)
        if event.trace.is_tensor(value):
            ref = self.resolve(value, event)
            if isinstance(ref, TensorRef):
                found = self.values[ref]
                if isinstance(found, Stuck):
                    raise StuckError(found.reason)
                return found
            if isinstance(ref, keras.Variable):
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
            fixed = _target_shape(address, function.name, args, kwargs, shape)
            if isinstance(fixed, keras.KerasTensor):
                return fixed
            args, kwargs = (symbols[0], fixed), {}
        try:
            return function.symbolic(*args, **kwargs)
        except Exception as error:
            raise StuckError(f"{address} cannot be called on symbols ({one_line(error, 100)})") from None

    def glue(self, address: str, call: CallDefinition) -> Any:
        """What functions of the backend compute: only a cast is one of Keras as well."""
        operations = call.layer.config.get("ops", [])
        received = list(flat(list(call.args)))
        spec = (call.outputs or ())[0] if call.outputs else None
        if operations == ["Cast"] and len(received) == 1 and spec is not None:
            value = self.values[received[0]] if isinstance(received[0], TensorRef) else None
            if value is not None:
                mask = keras_internals.mask_of(value)
                cast = keras.ops.cast(value, spec.dtype)
                if mask is not None:
                    keras_internals.set_mask(cast, mask)
                return cast
        if call.layer.class_name == GLUE and operations == ["inference or training"]:
            raise StuckError(f"{address} is another tensor in training than in inference, as code decides")
        named = ", ".join(str(one) for one in operations[:4]) + (", ..." if len(operations) > 4 else "")
        raise StuckError(f"{address} is made by functions of the backend ({named or 'unknown'}), not of Keras")


class _Twins:
    """What each call of a layer receives as ``training`` in both modes."""

    def __init__(self, model: keras.Model, inputs: Any, graph: ModelGraph) -> None:
        self.model = model
        self.inputs = inputs
        self.graph = graph
        self.twins: dict[int, Any] | None = None

    def with_mode(self, address: str, event: Event, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call without ``training``, which a model hands to all that it calls.

        Raises:
            StuckError: the call is always made in one mode, which a Functional model would override.
        """
        if not isinstance(kwargs.get("training"), (bool, int)):
            return {key: value for key, value in kwargs.items() if key != "training"}
        if self.twins is None:
            self.twins = self._read(event)
        value = bool(kwargs["training"])
        twin = self.twins.get(id(event))
        if value or (twin is not None and not twin):
            raise StuckError(
                f"{address} is called with training={value} in inference and in training, which a Functional model "
                "overrides"
            )
        return {key: value for key, value in kwargs.items() if key != "training"}

    def _read(self, event: Event) -> dict[int, Any]:
        while event.parent is not None:
            event = event.parent
        arguments = known_arguments(self.model, self.inputs)
        found: dict[int, Any] = {}
        if arguments is None:
            return found
        for specs in (arguments, _like(event)):
            try:
                other = record(self.model, *specs, training=True).root
            except (TraceError, NotImplementedError):
                continue
            if other is not None:
                _pair(event, other, found)
                break
        return found


def _like(event: Event) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Symbolic arguments like those of a call."""

    def spec(leaf: Any) -> Any:
        if not event.trace.is_tensor(leaf):
            return leaf
        found = event.trace.spec(leaf)
        return keras.KerasTensor(found.shape or (), dtype=found.dtype or "float32")

    args, kwargs = keras.tree.map_structure(spec, (event.args, event.kwargs))
    return tuple(args), kwargs


def _pair(one: Event, other: Event, found: dict[int, Any]) -> None:
    stack = [(one, other)]
    while stack:
        first, second = stack.pop()
        by_target: dict[int, list[Event]] = {}
        for child in second.children:
            by_target.setdefault(id(child.target), []).append(child)
        for child in first.children:
            twins = by_target.get(id(child.target))
            if twins and child.layer is not None:
                twin = twins.pop(0)
                found[id(child)] = twin.kwargs.get("training")
                stack.append((child, twin))


def symbolic_call(address: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], anchor: Any) -> Any:
    """Call a layer on symbols; arrays become what a layer returns, so that the call is part of the graph.

    Raises:
        StuckError: Keras cannot, or the layer receives no tensor.
    """
    found = keras.tree.flatten((args, kwargs))
    if not any(isinstance(one, keras.KerasTensor) for one in found):
        if not any(isinstance(one, np.ndarray) for one in found):
            raise StuckError(f"{address} is called on no tensor")

        def lifted(leaf: Any) -> Any:
            if not isinstance(leaf, np.ndarray):
                return leaf
            return HeldConstant(leaf, leaf.dtype.name, name=f"{operation.name}_constant")(anchor)

        args, kwargs = keras.tree.map_structure(lifted, (args, kwargs))
    try:
        return operation(*args, **kwargs)
    except Exception as error:
        raise StuckError(f"{address} cannot be called on symbols ({one_line(error, 100)})") from None


def by_path(structure: Any, function: Callable[[Any, str], Any], path: str = "") -> Any:
    """A structure with ``function`` applied to each leaf and its path.

    >>> by_path({"a": [1, 2]}, lambda leaf, path: (leaf, path))
    {'a': [(1, 'a/0'), (2, 'a/1')]}
    """
    prefix = f"{path}/" if path else ""
    if isinstance(structure, dict):
        return {key: by_path(value, function, f"{prefix}{key}") for key, value in structure.items()}
    if isinstance(structure, tuple) and hasattr(structure, "_fields"):
        return type(structure)(*[by_path(value, function, f"{prefix}{n}") for n, value in enumerate(structure)])
    if isinstance(structure, (list, tuple)):
        items = [by_path(value, function, f"{prefix}{n}") for n, value in enumerate(structure)]
        return tuple(items) if isinstance(structure, tuple) else items
    return function(structure, path)


def _target_shape(address: str, name: str, args: Any, kwargs: Any, shape: Any) -> Any:
    """What to reshape to, where some sizes are only known at run time: at most one can be left to Keras."""
    target = args[1] if len(args) > 1 else kwargs.get("newshape", kwargs.get("shape"))
    sizes: list[Any] = [target] if isinstance(target, (int, type(None))) else list(target)
    x = args[0] if args else kwargs.get("x")
    if all(isinstance(size, (int, np.integer)) for size in sizes):
        return tuple(int(size) for size in sizes)
    if shape is None:
        raise StuckError(f"{address} has a shape that is only known when it runs")
    known = [-1 if size is None else size for size in shape]
    free = [place for place, size in enumerate(known) if size == -1]
    if name.endswith("broadcast_to"):
        raise StuckError(f"{address} broadcasts to a size that is only known when it runs")
    if len(free) <= 1:
        return tuple(known)
    keeps_batch = sizes[0] is None and free[0] == 0 and x.shape and x.shape[0] is None
    if keeps_batch and len(free) == 2 and isinstance(x, keras.KerasTensor) and len(x.shape) > 1:
        return keras.layers.Reshape(tuple(known[1:]), dtype=x.dtype)(x)
    raise StuckError(f"{address} reshapes to {len(free)} sizes that are only known when it runs")


def _event_of(body: Body) -> Event | None:
    """The call that a traced body was recorded of."""
    return next((call.obj.parent for call in body.calls if isinstance(call.obj, Event)), None)


def _lost(body: Body, layer: Any) -> str | None:
    """What a model in the place of a layer would not do."""
    for effect in body.effects:
        what = {"loss": "adds a loss", "update": "assigns to a variable", "metric": "updates a metric"}
        return f"{what.get(effect.kind, effect.kind)} beside returning something, which no Functional model does"
    return "adds a loss for its activity" if getattr(layer, "activity_regularizer", None) is not None else None


def _node(value: Any) -> Any:
    made = keras_internals.producer(value) if isinstance(value, keras.KerasTensor) else None
    return made[0] if made is not None else None


def _place(leaf: Any, received: list[Any]) -> Any:
    return next((f"<{index}>" for index, one in enumerate(received) if one is leaf), leaf)


def _has_symbols(value: Any) -> bool:
    return any(isinstance(one, keras.KerasTensor) for one in keras.tree.flatten(value))
