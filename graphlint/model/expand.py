"""From a `ModelDefinition` to a `ModelGraph`: nested models are expanded once per call."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, NamedTuple

from graphlint.errors import LimitError
from graphlint.model.address import MODEL_END, ROOT, escape, inside, join
from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    LayerDefinition,
    ModelDefinition,
    TensorRef,
    TensorSpec,
    flat,
    identity,
    leaves,
    map_leaves,
    refs,
)
from graphlint.model.graph import (
    MASK,
    TENSOR,
    Call,
    Edge,
    Layer,
    ModelGraph,
    ModelNode,
    Scope,
    SideEffect,
    Tensor,
    Variable,
)
from graphlint.model.masks import MASK_ARGUMENTS as MASK_ARGUMENTS
from graphlint.model.masks import add_mask_edges
from graphlint.model.stored_names import stored_names

MAX_CALLS = 200_000
"""Calls after expansion; nested doublings grow exponentially."""
MAX_TENSORS = 1_000_000
"""Arguments and outputs of all calls after expansion."""
MAX_CHARACTERS = 1 << 26
"""Characters in the paths of all layers and calls."""

_UNKNOWN = TensorSpec(None, None)


class TooManyCalls(LimitError):
    """The model expands to more calls than allowed."""


_Waiting = tuple[LayerDefinition, str, str | None, bool, bool, bool]
"""A layer to register: its path, its parent's, whether it lies inside a leaf, is hidden, and has a stored name."""


@dataclass(slots=True)
class _Plan:
    """The calls of one body in graph order, each with its name part (``dense#0``) and call index."""

    order: list[int]
    parts: dict[int, str]
    indices: dict[int, int]
    _: KW_ONLY
    names: dict[int, str]
    """``id(layer definition)`` -> its path below the layer that the body belongs to, unique there."""


@dataclass(slots=True)
class _Frame:
    scope: Scope
    path: str
    body: Body
    _: KW_ONLY
    plan: _Plan
    tensors: dict[TensorRef, Tensor]
    bindings: dict[int, tuple[str, Any]]
    """Index of an inner Input call -> (argument path, what the call site passes for it)."""
    position: int = 0
    caller: int = -1


def expand(
    definition: ModelDefinition,
    max_calls: int = MAX_CALLS,
    max_characters: int = MAX_CHARACTERS,
    max_tensors: int = MAX_TENSORS,
) -> ModelGraph:
    """Build the graph of a model, in time linear in the number of calls after expansion.

    Raises:
        TooManyCalls: the nested models expand to more than ``max_calls`` calls, to calls with more than
            ``max_tensors`` arguments and outputs, or to paths of more than ``max_characters``.
    """
    graph = ModelGraph(definition)
    size = _expanded_size(definition)
    if size.calls > max_calls:
        raise TooManyCalls(_over(f"the model expands to {_count(size.calls)} calls", "graph-calls", max_calls))
    if size.layers > max_calls:
        text = f"the model contains {_count(size.layers)} layers, shared ones counted once per place"
        raise TooManyCalls(_over(text, "graph-calls", max_calls))
    if size.tensors > max_tensors:
        text = f"the calls of the model have {_count(size.tensors)} arguments and outputs after expansion"
        raise TooManyCalls(_over(text, "graph-tensors", max_tensors))
    _Expansion(graph, max_characters).run(definition.root)
    add_mask_edges(graph)
    return graph


def _over(received: str, limit: str, most: int) -> str:
    return f"{received}, more than the limit {limit} = {most:,}: if you trust the model, raise {limit}"


def _count(number: int) -> str:
    return f"{number:,}" if number < _COUNTABLE else f"over {_COUNTABLE:,}"


_COUNTABLE = 10**12


class _Size(NamedTuple):
    """Of a model: its calls after expansion, their arguments and outputs, and the layers inside, one per place."""

    calls: int
    tensors: int
    layers: int


def _expanded_size(definition: ModelDefinition) -> _Size:
    """The size of a model after expansion, before anything is expanded; numbers beyond any limit are cut off.

    A body counts as at least one call: bodies without calls can also be nested and doubled.
    """
    root = definition.root
    bodies: dict[int, tuple[int, int]] = {}
    layers: dict[int, int] = {}
    stack: list[tuple[LayerDefinition | Body, bool]] = [(root, False)]
    while stack:
        one, ready = stack.pop()
        key = id(one)
        if isinstance(one, Body):
            if ready:
                calls = tensors = 1
                for call in one.calls:
                    tensors += len(flat(call.args)) + len(call.outputs or ())
                    if call.kwargs or call.captured:
                        tensors += len(flat(call.kwargs)) + len(flat(call.captured))
                    inside = bodies.get(id(call.body))
                    calls += 1 if inside is None else inside[0]
                    tensors += 0 if inside is None else inside[1]
                bodies[key] = min(calls, _COUNTABLE + 1), min(tensors, _COUNTABLE + 1)
            elif key not in bodies:
                bodies[key] = 1, 1
                stack.append((one, True))
                stack.extend((inner, False) for inner in one.layers)
                stack.extend((call.layer, False) for call in one.calls)
                stack.extend((call.form, False) for call in one.calls if call.form is not None)
            continue
        if ready:
            held = [*one.children.values(), *(one.body.layers if one.body is not None else ())]
            layers[key] = min(1 + sum(layers.get(id(inner), 1) for inner in held), _COUNTABLE + 1)
        elif key not in layers and (one.body is not None or one.children):
            layers[key] = 1
            stack.append((one, True))
            stack.extend((inner, False) for inner in one.children.values())
            if one.body is not None:
                stack.append((one.body, False))
    calls, tensors = bodies.get(id(root.body), (1, 1))
    return _Size(calls - 1, tensors, layers.get(id(root), 1) - 1)


class _Expansion:
    def __init__(self, graph: ModelGraph, max_characters: int) -> None:
        self.graph = graph
        self.max_characters = max_characters
        self.characters = 0
        self.plans: dict[int, _Plan] = {}
        self.contained: set[tuple[str, str]] = set()
        self.variable_ids = graph.variable_of
        self.roots: set[str] = set()
        """Paths of the models that are expanded by themselves, wherever else they are."""
        self.paths: dict[int, str] = {}
        """Path of each layer, by its identity."""
        self.reads: list[tuple[int, str]] = []
        """Which call reads a variable itself, by the id of the ``keras.Variable``."""
        self.stored: set[str] = set()
        """Paths of the layers inside opaque and opened layers: they have the names under which they are stored."""

    def run(self, root: LayerDefinition) -> None:
        graph = self.graph
        self.register(root, ROOT, None)
        members = graph.definition.members
        if members:
            assert root.body is not None
            graph.scopes[ROOT] = Scope(ROOT, ROOT, None, index=0, inputs=(), outputs=(), body=root.body)
            scopes = [f"{escape(member.name)}{MODEL_END}" for member in members]
            roots = [member.definition.root for member in members]
            self.roots = set(scopes)
            self.register_all(list(zip(roots, scopes, strict=True)), ROOT)
            for member, layer, scope in zip(members, roots, scopes, strict=True):
                self.model(layer, scope, ROOT)
                graph.members.append(ModelNode(member.name, scope, self.path(layer), member.definition))
            self.complete_running()
            graph.scopes[ROOT].inputs = tuple(graph.inputs)
            graph.scopes[ROOT].outputs = tuple(graph.outputs)
        else:
            self.model(root, ROOT, None)
            graph.members.append(ModelNode(root.name, ROOT, ROOT, graph.definition))
        self.add_reads()

    def model(self, root: LayerDefinition, scope: str, around: str | None) -> None:
        """Expand a model from its inputs to its outputs."""
        graph = self.graph
        if root.body is None:
            call = CallDefinition(root, outputs=(_UNKNOWN,))
            self.add_call(f"{scope}#0", call, ROOT, 0, (), {}, (_UNKNOWN,))
            graph.outputs.append(Tensor(f"{scope}#0", 0))
            return
        frames = [self.enter(root, root.body, scope, around, 0, (), {}, None, {})]
        while frames:
            frame = frames[-1]
            if frame.position < len(frame.plan.order):
                inner = self.step(frame)
                if inner is not None:
                    frames.append(inner)
                continue
            frames.pop()
            outputs = {
                index: frame.tensors[ref]
                for index, ref in enumerate(flat(frame.body.outputs))
                if isinstance(ref, TensorRef) and ref in frame.tensors
            }
            frame.scope.outputs = tuple(outputs.values())
            self.register_body(frame)
            self.add_effects(frame)
            if frames:
                for index, tensor in outputs.items():
                    frames[-1].tensors[TensorRef(frame.caller, index)] = tensor
            else:
                graph.inputs += frame.scope.inputs
                graph.outputs += outputs.values()

    # -- bodies -------------------------------------------------------------------------------------------------

    def enter(
        self,
        layer: LayerDefinition,
        body: Body,
        scope_id: str,
        parent: str | None,
        index: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        definition: CallDefinition | None,
        bindings: dict[int, tuple[str, Any]],
    ) -> _Frame:
        plan = self.plan(layer, body)
        path = self.path(layer)
        inputs = tuple(
            inside(scope_id) + plan.parts[ref.call]
            for ref in flat(body.inputs)
            if isinstance(ref, TensorRef) and ref.call in plan.parts and body.calls[ref.call].layer.body is None
        )
        self.count(scope_id)
        scope = Scope(
            scope_id,
            path,
            parent,
            index=index,
            inputs=inputs,
            outputs=(),
            args=args,
            kwargs=kwargs,
            definition=definition,
            body=body,
        )
        self.graph.scopes[scope_id] = scope
        return _Frame(scope, path, body, plan=plan, tensors={}, bindings=bindings)

    def plan(self, owner: LayerDefinition, body: Body) -> _Plan:
        plan = self.plans.get(id(body))
        if plan is None:
            names = self.names(owner, body)
            order = graph_order(body)
            counts: dict[int, int] = {}
            parts, indices = {}, {}
            for position in order:
                layer = body.calls[position].layer
                indices[position] = counts.get(id(layer), 0)
                counts[id(layer)] = indices[position] + 1
                parts[position] = f"{names[id(layer)]}#{indices[position]}"
            plan = self.plans[id(body)] = _Plan(order, parts, indices, names=names)
        return plan

    def names(self, owner: LayerDefinition, body: Body) -> dict[int, str]:
        """``id(layer)`` -> its escaped path below the owner of a body, for every layer in the body or called there."""
        layers = body.layers + [call.layer for call in body.calls]
        if not body.traced:
            names = {key: escape(name) for key, name in unique_names(layers).items()}
            if self.path(owner) in self.stored:
                names |= {key: _below("", f"layers/{name}") for key, name in stored_names(owner).items()}
            return names
        path = self.path(owner)
        prefix = inside(path)
        held = {id(child): _below("", attribute) for attribute, child in owner.children.items()}
        names = {}
        for layer in layers:
            known = self.paths.get(identity(layer))
            if known is not None and known != path and known.startswith(prefix):
                names[id(layer)] = known.removeprefix(prefix)
            elif id(layer) in held:
                names[id(layer)] = held[id(layer)]
        taken = {*names.values(), *held.values(), *(self.below(path))}
        for layer in layers:
            if id(layer) not in names:
                name = base = escape(layer.name)
                number = 1
                while name in taken:
                    name, number = f"{base}~{number}", number + 1
                taken.add(name)
                names[id(layer)] = name
        return names

    def below(self, path: str) -> set[str]:
        """The names that are taken below a layer."""
        prefix = inside(path)
        return {child.removeprefix(prefix) for child in self.graph.children.get(path, ())}

    def step(self, frame: _Frame) -> _Frame | None:
        """Add the next call of a frame; returns the frame of a container to expand first, if that is what it is."""
        position = frame.plan.order[frame.position]
        frame.position += 1
        call = frame.body.calls[position]
        call_id = inside(frame.scope.id) + frame.plan.parts[position]
        self.register_inside(frame, call.layer)

        def bind(leaf: Any) -> Any:
            if isinstance(leaf, TensorRef):
                return frame.tensors.get(leaf, Constant(ConstantKind.MISSING))
            return leaf

        if len(call.args) == 1 and call.args[0].__class__ is TensorRef:
            args: tuple[Any, ...] = (bind(call.args[0]),)
        else:
            args = map_leaves(call.args, bind)
        kwargs = map_leaves(call.kwargs, bind) if call.kwargs else call.kwargs
        captured = map_leaves(call.captured, bind) if call.captured else ()
        index = frame.plan.indices[position]
        if call.body is not None:
            bindings = bind_inputs(call.body, args, kwargs, captured)
            inner = self.enter(call.layer, call.body, call_id, frame.scope.id, index, args, kwargs, call, bindings)
            inner.caller = position
            return inner
        outputs = call.outputs if call.outputs is not None else (_UNKNOWN,)
        if position in frame.bindings:
            argument, value = frame.bindings[position]
            if argument.startswith("mask:"):
                kwargs = {"mask": value}
            else:
                args = (value,)
        self.add_call(call_id, call, frame.scope.id, index, args, kwargs, outputs, captured)
        read = [*flat(args), *flat(kwargs), *flat(list(captured))]
        self.reads += [(id(leaf.obj), call_id) for leaf in read if _is_variable(leaf)]
        for output in range(len(outputs)):
            frame.tensors[TensorRef(position, output)] = Tensor(call_id, output)
        return None

    def register_inside(self, frame: _Frame, layer: LayerDefinition) -> None:
        """Register a layer that a body calls, below the layer that the body belongs to."""
        stored = frame.body.traced or frame.path in self.stored
        if stored and identity(layer) in self.paths:
            self.graph.layer_of[id(layer)] = self.paths[identity(layer)]
            return
        path = inside(frame.path) + frame.plan.names[id(layer)]
        known = self.paths.get(identity(layer))
        if known is None and not layer.children:
            around = self.graph.layers[frame.path]
            self.add(layer, path, frame.path, around.hidden or around.definition.opaque, stored)
        elif known != path or id(layer) not in self.graph.layer_of:
            self.register(layer, path, frame.path, stored=stored)

    def add(self, layer: LayerDefinition, path: str, parent: str | None, hidden: bool, stored: bool) -> None:
        """Add a layer that is not known yet."""
        graph = self.graph
        self.count(path)
        graph.layer_of[id(layer)] = self.paths[identity(layer)] = path
        graph.layers[path] = Layer(path, parent, layer, hidden=hidden)
        if parent is not None:
            graph.children.setdefault(parent, []).append(path)
        if layer.variables:
            self.add_variables(layer, path)
        if stored:
            self.stored.add(path)

    def add_effects(self, frame: _Frame) -> None:
        """Note what a call of traced code does beside returning something."""
        for effect in frame.body.effects:
            tensors = tuple(
                frame.tensors[ref] for ref in effect.tensors if isinstance(ref, TensorRef) and ref in frame.tensors
            )
            variable = self.variable_ids.get(id(effect.variable))
            self.graph.effects.append(SideEffect(effect.kind, frame.scope.id, tensors, variable))

    def add_reads(self) -> None:
        """Add an edge from each variable to the calls that receive it, now that all variables are known."""
        for key, call in self.reads:
            variable = self.variable_ids.get(key)
            if variable is not None:
                readers = self.graph.read_by.setdefault(variable, [])
                if call not in readers[-1:]:
                    readers.append(call)

    def add_call(
        self,
        call_id: str,
        definition: CallDefinition,
        scope: str,
        index: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outputs: tuple[TensorSpec, ...],
        captured: tuple[Any, ...] = (),
    ) -> None:
        graph = self.graph
        layer = self.path(definition.layer)
        self.count(call_id)
        call = Call(
            call_id, layer, scope, index=index, args=args, kwargs=kwargs, outputs=outputs, definition=definition
        )
        graph.calls[call_id] = call
        self.runs(layer, call_id)
        position, constant = 0, False
        found = [("0", args[0])] if len(args) == 1 and args[0].__class__ is Tensor else leaves(args)
        if kwargs or captured:
            found += leaves(kwargs) + leaves(captured, "captured")
        for argument, leaf in found:
            if leaf.__class__ is Tensor:
                kind = MASK if argument.partition("/")[0] in MASK_ARGUMENTS else TENSOR
                spec = graph.calls[leaf.call].outputs[leaf.output]
                graph.add_edge(Edge(leaf.call, leaf.output, call_id, argument, kind, spec, position))
                position += 1
            elif leaf.__class__ is Constant:
                constant = True
        if constant:
            graph.with_constants.append(call_id)

    def count(self, path: str) -> None:
        """Count a path that is kept. Each repeats the names of its parents, of any length.

        Raises:
            TooManyCalls: all paths together are too long.
        """
        self.characters += len(path)
        if self.characters > self.max_characters:
            raise TooManyCalls(
                _over("the paths of its layers and calls take more characters", "graph-characters", self.max_characters)
            )

    def runs(self, leaf: str, call: str) -> None:
        """Note a call of a leaf layer, as which its sublayers run too."""
        graph = self.graph
        known = graph.calls_of.get(leaf)
        if known is not None:
            known.append(call)
            return
        if leaf in graph.children or leaf in graph.runs_inside:
            graph.running[leaf] = tuple(one.path for one in graph.layers_below(leaf))
            self.run_inside(leaf, graph.running[leaf])
        graph.calls_of[leaf] = [call]

    def run_inside(self, leaf: str, layers: Iterable[str]) -> None:
        """Note that layers run as the calls of a leaf layer, also if they have calls of their own."""
        graph = self.graph
        for path in layers:
            known = graph.runs_inside.get(path, (path,) if path in graph.calls_of else ())
            graph.runs_inside[path] = (*known, leaf)

    def complete_running(self) -> None:
        """Note what else runs as the calls of leaf layers: a model inside them that is one of several itself is
        expanded after their first call."""
        graph = self.graph
        for leaf in graph.calls_of:
            if leaf not in graph.children:
                continue
            before = graph.running.get(leaf, (leaf,))
            known = set(before)
            added = tuple(one.path for one in graph.layers_below(leaf) if one.path not in known)
            graph.running[leaf] = before + added
            self.run_inside(leaf, added)

    # -- layers -------------------------------------------------------------------------------------------------

    def path(self, layer: LayerDefinition) -> str:
        """The path of a layer that was registered, in whichever model that was."""
        return self.paths[identity(layer)]

    def register_body(self, frame: _Frame) -> None:
        """Register the layers of a body that are never called."""
        for layer in frame.body.layers:
            self.register_inside(frame, layer)

    def register(self, layer: LayerDefinition, path: str, parent: str | None, *, stored: bool = False) -> None:
        """Add a layer with its variables, and everything inside it that is not expanded call by call.

        Inside an opaque or opened layer, the layers of a model have the names under which they are stored: a file has
        no other, and automatic names change whenever the layer is built again.
        """
        self.register_all([(layer, path)], parent, stored=stored)

    def register_all(
        self, layers: list[tuple[LayerDefinition, str]], parent: str | None, *, stored: bool = False
    ) -> None:
        """Add several layers, each with its path, before anything inside them."""
        graph = self.graph
        around = graph.layers[parent] if parent is not None else None
        hidden = around is not None and (around.hidden or around.definition.opaque)
        first: deque[_Waiting] = deque((layer, path, parent, False, hidden, stored) for layer, path in layers)
        stack: list[_Waiting] = []
        while first or stack:
            at_top = bool(first)
            layer, path, parent, inside_leaf, hidden, stored = first.popleft() if first else stack.pop()
            known = self.paths.get(identity(layer))
            if known is not None:
                if id(layer) not in graph.layer_of:
                    graph.layer_of[id(layer)] = known
                    whole = inside_leaf and known not in self.roots
                    stack += reversed(self.inside(layer, known, hidden, stored, whole=whole))
                if known != path and path not in graph.aliases:
                    self.count(path)
                    graph.aliases[path] = known
                    graph.layers[known].aliases += (path,)
                    elsewhere = graph.layers[known].parent != parent
                    if parent is not None and elsewhere and (parent, known) not in self.contained:
                        self.contained.add((parent, known))
                        graph.children.setdefault(parent, []).append(known)
                continue
            self.add(layer, path, parent, hidden, stored)
            below = list(reversed(self.inside(layer, path, hidden, stored, whole=inside_leaf)))
            if at_top:
                stack[:0] = below
            else:
                stack += below

    def inside(
        self, layer: LayerDefinition, path: str, hidden: bool, stored: bool, *, whole: bool = False
    ) -> list[_Waiting]:
        """What lies inside a layer and is not expanded call by call; with ``whole``, a model in it is not either."""
        traced = layer.body is not None and layer.body.traced
        hidden = hidden or layer.opaque
        stored = stored or layer.opaque or traced
        found: list[_Waiting] = [
            (child, _below(path, name), path, True, hidden, stored) for name, child in layer.children.items()
        ]
        if layer.body is not None and whole and not traced:
            groups = stored_names(layer) if stored else {}
            names = unique_names(layer.body.layers)
            for child in layer.body.layers:
                where = groups.get(id(child))
                below = _below(path, f"layers/{where}") if where is not None else join(path, names[id(child)])
                found.append((child, below, path, True, hidden, stored))
        return found

    def add_variables(self, layer: LayerDefinition, path: str) -> None:
        graph = self.graph
        for variable in layer.variables:
            key = identity(variable)
            known = self.variable_ids.get(key)
            if known is None:
                known = self.variable_ids[key] = f"{path}@{escape(variable.slot)}"
                node = Variable(
                    known,
                    path,
                    variable.slot,
                    index=variable.index,
                    shape=variable.shape,
                    dtype=variable.dtype,
                    trainable=variable.trainable,
                    values=variable.values,
                    obj=variable.obj,
                )
                graph.variables[known] = node
            else:
                graph.variable_aliases[f"{path}@{escape(variable.slot)}"] = known
            holders = graph.held_by.setdefault(known, [])
            if path not in holders[-1:]:
                holders.append(path)


def _below(path: str, attribute_path: str) -> str:
    for name in attribute_path.split("/"):
        path = join(path, name)
    return path


def _is_variable(leaf: Any) -> bool:
    return isinstance(leaf, Constant) and leaf.kind == ConstantKind.VARIABLE


def unique_names(layers: Iterable[LayerDefinition]) -> dict[int, str]:
    """``id(layer)`` -> its name, made unique if a broken file gives two layers one name."""
    taken: dict[str, int] = {}
    names: dict[int, str] = {}
    for layer in layers:
        if id(layer) in names:
            continue
        name = layer.name
        while name in taken:
            number = taken[layer.name]
            taken[layer.name] = number + 1
            name = f"{layer.name}~{number}"
        taken[name] = 1
        names[id(layer)] = name
    return names


def graph_order(body: Body, needed: Sequence[list[TensorRef]] | None = None) -> list[int]:
    """The calls of a body so that each follows what it depends on, by the structure of the graph alone.

    Inputs in declared order, then depth first from the outputs in declared order through the arguments in order, then
    calls that reach no output in stored order. A reference that closes a cycle is not followed. ``needed`` are the
    tensors that each call receives, if they are known.
    """
    order: list[int] = []
    seen: set[int] = set()
    for root in [*(ref.call for ref in refs(body.inputs) + refs(body.outputs)), *range(len(body.calls))]:
        if root in seen:
            continue
        stack = [root]
        while stack:
            position = stack.pop()
            if position < 0:
                order.append(~position)
            elif position not in seen:
                seen.add(position)
                received = _received(body.calls[position]) if needed is None else needed[position]
                waiting = [ref.call for ref in reversed(received) if ref.call not in seen]
                if waiting:
                    stack.append(~position)
                    stack += waiting
                else:
                    order.append(position)
    return order


def _received(call: CallDefinition) -> list[TensorRef]:
    found = refs(call.args)
    if call.kwargs or call.captured:
        found += refs(call.kwargs) + refs(call.captured)
    return found


def bind_inputs(
    body: Body, args: tuple[Any, ...], kwargs: dict[str, Any], captured: tuple[Any, ...] = ()
) -> dict[int, tuple[str, Any]]:
    """Match what a call site passes to the Inputs of a body: index of the inner Input call -> (path, value)."""
    refs = [ref for ref in flat(body.inputs) if isinstance(ref, TensorRef)]
    if body.traced:
        passed_by_path: dict[str, Any] = {**dict(leaves(list(args))), **dict(leaves(kwargs))}
        passed_by_path |= {f"captured/{place}": value for place, value in enumerate(captured)}
        return {
            ref.call: (argument, passed_by_path.get(argument.removeprefix("mask:"), Constant(ConstantKind.MISSING)))
            for ref, argument in zip(refs, body.arguments, strict=True)
        }
    passed = args[0] if args else kwargs.get("inputs")
    if isinstance(passed, dict) and not isinstance(body.inputs, dict):
        names = [body.calls[ref.call].layer.name for ref in refs]
        if all(name in passed for name in names):
            return {ref.call: (f"0/{name}", passed[name]) for ref, name in zip(refs, names, strict=True)}
    items = list(leaves(passed, "0"))
    return {ref.call: item for ref, item in zip(refs, items, strict=False)}
