"""Bodies that code makes, as models with a graph: what tracing recorded is called again on symbolic tensors.

A traced body becomes a Functional model that shares the layers which the code calls. What the code does outside of
layers and of functions of Keras (*glue*) cannot be called again: what depends on it is `Stuck`, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras

from graphlint.errors import NotBuilt, OpaqueBody, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.knowledge.raised import told
from graphlint.model.address import ROOT
from graphlint.model.definition import Body, CallDefinition, TensorRef, flat
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph, Tensor
from graphlint.replay.interpreter import Interpreter, Proceed
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.modes import Modes
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
from graphlint.replay.spelling import add_attributes
from graphlint.replay.symbolic import Stuck, StuckError, by_path, node_of, symbolic_call
from graphlint.replay.traced_body import BodyRun, event_of
from graphlint.sources.keras_2 import no_model_of_keras_3
from graphlint.sources.live import read_live
from graphlint.tracing.inputs import known_arguments


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


class Opened:
    """A model whose traced bodies can be called again.

    ``opens`` are the paths of layers whose bodies become models in the place of their calls, ``exports`` tensors that
    the result returns after its own outputs. With ``strict`` nothing may be stuck, and no effect may be lost.

    Raises:
        OpaqueBody: the body of the model itself was needed and cannot be opened.
    """

    def __init__(self, model: keras.Model, inputs: Any = None) -> None:
        if not isinstance(model, keras.Model):
            raise ReplayError(no_model_of_keras_3(model))
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
        self.twins = Modes(model, inputs)
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

    def opens_unit(self, unit: str) -> bool:
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
        args, kwargs, inputs = self.declared()
        anchor = keras.tree.flatten(inputs)[0]
        outputs = self._body(ROOT, body, args, kwargs, (), anchor)
        return inputs, outputs

    def declared(self) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
        """New Inputs in the place of the tensors that the model was traced with: as arguments, and as one structure."""
        body = self.graph.scopes[ROOT].body
        assert body is not None
        specs = {
            path: body.calls[ref.call]
            for ref, path in zip(flat(body.inputs), body.arguments, strict=True)
            if not path.startswith(("mask:", "captured/"))
        }
        event = event_of(body)
        names: set[str] = set()
        made: dict[str, Any] = {}
        for path, call in specs.items():
            assert call.outputs
            spec = call.outputs[0]
            if spec.shape is None:
                raise OpaqueBody(f"the input {call.layer.name} of {self.model.name!r} has no known rank: pass inputs=")
            last = path.rpartition("/")[2]
            name = unique(call.layer.name if last.isdecimal() else last, names)
            made[path] = keras.Input(batch_shape=spec.shape, dtype=spec.dtype, name=name)

        def new(leaf: Any, path: str) -> Any:
            return made.get(path, leaf)

        received: Any = known_arguments(self.model, self.inputs) if event is None else (event.args, event.kwargs)
        assert received is not None
        args = tuple(by_path(list(received[0]), new))
        kwargs = {key: value for key, value in by_path(received[1], new).items() if key != "training"}
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
        run = BodyRun(self, scope, body, layer, anchor)
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
            reason = f"{run.address} computes its mask in a way that cannot be repeated ({told(error, 80)})"
            return keras.tree.map_structure(lambda _: Stuck(reason), outputs)

    def unit(self, scope: str, call: CallDefinition) -> str:
        return self._units[scope].get(id(call), scope)

    def keep(self, unit: str, index: int, value: Any) -> None:
        """Note what a tensor of an opened body became."""
        self.symbols[Tensor(unit, index)] = value
        node = node_of(value)
        if node is not None and not self.opens_unit(unit):
            self.nodes[unit] = node

    # -- models in the place of calls ---------------------------------------------------------------------------

    def open(
        self,
        unit: str,
        body: Body,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        captured: Sequence[Any],
        layer: Any,
        mode: Mapping[str, Any] = MappingProxyType({}),
    ) -> Any:
        """Call a model in the place of a layer: it calls what the layer's code calls, and returns what it returns.

        ``mode`` has ``training`` where the call says it.
        """
        given = keras.tree.flatten((args, kwargs, captured))
        lacking = next((one for one in given if isinstance(one, Stuck)), None)
        outer = list({id(one): one for one in given if isinstance(one, keras.KerasTensor)}.values())
        if not outer:
            raise StuckError(lacking.reason if lacking else f"{self.graph.address(unit)} is called on no tensor")
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
            results = keras.tree.flatten(made.model(received if len(received) > 1 else received[0], **mode))
            node = node_of(results[0])
            if node is not None:
                self.nodes[unit] = node
        for (below, output), place in made.exported.items():
            self.lifted[Tensor(unit + below, output)] = results[place]
        if made.reason is not None:
            if lacking is not None:
                raise StuckError(lacking.reason)
            return symbolic_call(self.graph.address(unit), layer, args, {**kwargs, **mode}, received[0])
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
            kind = {"sparse": True} if keras_internals.is_sparse(one) else {}
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
        for below, output in self.exports_below(unit):
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

    def exports_below(self, unit: str) -> list[tuple[str, int]]:
        """The exported tensors inside any call of a layer, each by its place below the call."""
        if not self.exports:
            return []
        layer = self.graph.scopes[unit].layer
        units = [one for one, scope in self.graph.scopes.items() if scope.layer == layer]
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
        around = list(self.around(tensor)) if self._exists(tensor) else [scope]
        if around[0] == scope or isinstance(value, Stuck):
            return value
        if tensor in self.lifted:
            return self.lifted[tensor]
        outer = (self.symbols.get(Tensor(one, 0)) for one in around)
        return next((one for one in outer if isinstance(one, Stuck)), None)

    def _exists(self, tensor: Tensor) -> bool:
        return tensor.call in self.graph.calls or tensor.call in self.graph.scopes

    def _repeat(self, source: str, unit: str) -> None:
        """Note for a further call what was noted for the one that a model was made for."""
        for tensor, value in list(self.symbols.items()):
            if tensor.call == source or tensor.call.startswith(f"{source}/"):
                self.symbols[Tensor(unit + tensor.call[len(source) :], tensor.output)] = value
        for one, node in list(self.nodes.items()):
            if one == source or one.startswith(f"{source}/"):
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
        hooks = {unit: self._hook(ours[unit]) for unit in live.position if self.opens_unit(ours.get(unit, ROOT))}
        deep = inline and any(live.parent[unit] != ROOT for unit in hooks)
        planner = Planner(live, touched=dict.fromkeys(hooks, "opened"), keep_outputs=True, inline_all=deep)
        domain = Rebuild(live, thread_masks=True)
        environment = root_inputs(live)
        inputs = in_structure(live, ROOT, environment, declared_inputs(live, ROOT))
        Interpreter(live, domain, hooks=hooks).run(planner.plan(live.graph.outputs), environment)
        outputs = in_structure(live, ROOT, environment, declared_outputs(live, ROOT))
        for unit, mine in ours.items():
            if mine not in self.nodes:
                node = domain.trace.get(unit)
                if node is not None:
                    self.nodes[mine] = node
        for unit in hooks:
            if ours[unit] not in self.nodes:  # It is inside a further call of a model, which was rebuilt once for all.
                twins = (ours[one] for one in hooks if live.node(one) is live.node(unit) and ours[one] in self.nodes)
                if (twin := next(twins, None)) is not None:
                    self._repeat(twin, ours[unit])
        values = {**environment, **(_returned(live, environment) if deep else {})}
        for tensor, value in values.items():
            if tensor.call in ours:
                own = Tensor(ours[tensor.call], tensor.output)
                self.symbols.setdefault(own, value)
                if deep:  # Then all calls are in one graph.
                    self.lifted.setdefault(own, value)
        return inputs, outputs

    def _hook(self, unit: str) -> Any:
        scope = self.graph.scopes[unit]
        assert scope.body is not None and scope.definition is not None
        body, definition = scope.body, scope.definition

        def hook(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], proceed: Proceed) -> list[Any]:
            kwargs = {key: value for key, value in kwargs.items() if value is not None}
            mode = {"training": kwargs.pop("training")} if "training" in kwargs else {}
            if any(isinstance(leaf, TensorRef) for leaf in flat(list(definition.captured))):
                raise OpaqueBody(f"{self.graph.address(unit)} reads tensors that are none of its arguments")
            try:
                outputs = list(keras.tree.flatten(self.open(unit, body, args, kwargs, (), operation, mode)))
                for index, value in enumerate(outputs):
                    self.keep(unit, index, value)
                return outputs
            except StuckError as error:
                raise OpaqueBody(str(error)) from None

        return hook

    def leads_on(self, unit: str) -> bool:
        """Whether something below the call of a Functional model is opened."""
        return any(self.opens_unit(scope) for scope in self.graph.scopes if scope.startswith(f"{unit}/"))

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
        scope = live.graph.scopes.get(here)
        return Tensor(here, tensor.output) if scope is None else scope.outputs[tensor.output]


def _returned(live: LiveGraph, environment: Mapping[Tensor, Any]) -> dict[Tensor, Any]:
    """What the containers of a graph return that were inlined."""
    return {
        Tensor(unit, index): environment[tensor]
        for unit, scope in live.graph.scopes.items()
        for index, tensor in enumerate(scope.outputs)
        if unit != ROOT and tensor in environment
    }


def _lost(body: Body, layer: Any) -> str | None:
    """What a model in the place of a layer would not do."""
    for effect in body.effects:
        what = {"loss": "adds a loss", "update": "assigns to a variable", "metric": "updates a metric"}
        return f"{what.get(effect.kind, effect.kind)} beside returning something, which no Functional model does"
    return "adds a loss for its activity" if getattr(layer, "activity_regularizer", None) is not None else None


def _place(leaf: Any, received: list[Any]) -> Any:
    return next((f"<{index}>" for index, one in enumerate(received) if one is leaf), leaf)


def _has_symbols(value: Any) -> bool:
    return any(isinstance(one, keras.KerasTensor) for one in keras.tree.flatten(value))
