"""`ModelGraph`: a model as one typed graph of influence.

Every node can influence an output, and every edge points the way influence flows:

    variable --(held by)--> layer --(runs as)--> call --(tensor, mask)--> call --> ... --> output

In a body that code makes, a variable can also be read by a call itself.

Nested models are expanded once per call, as at run time. Containment is kept separate from influence: a container is a
layer node without calls, and each of its calls is a `Scope`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from graphlint.knowledge.layers import LayerTraits
from graphlint.knowledge.operations import OperationTraits
from graphlint.model.address import MODEL_END, ROOT, inside
from graphlint.model.definition import (
    Body,
    CallDefinition,
    FrontEnd,
    LayerDefinition,
    ModelDefinition,
    OptimizerDefinition,
    TensorSpec,
    Values,
    leaves,
)
from graphlint.model.vocabulary import vocabulary_size

if TYPE_CHECKING:
    import networkx as nx

    from graphlint.model.observations import Observations
    from graphlint.model.parameters import Parameters


class NodeKind(StrEnum):
    """What a node of the graph is."""

    LAYER = "layer"
    VARIABLE = "variable"
    CALL = "call"


class EdgeKind(StrEnum):
    """What an edge of the graph says of its two nodes."""

    HELD_BY = "held by"
    RUNS_AS = "runs as"
    READ_BY = "read by"
    TENSOR = "tensor"
    MASK = "mask"


HELD_BY, RUNS_AS, READ_BY, TENSOR, MASK = EdgeKind


class Tensor(NamedTuple):
    """Output ``output`` of the call node ``call``. Stands for a tensor in `Call.args` and `Call.kwargs`."""

    call: str
    output: int


@dataclass(eq=False, slots=True)
class Variable:
    """A variable node. ``id`` is ``layer path@slot``; ``layer`` is the path of the layer that holds it."""

    id: str
    layer: str
    slot: str
    _: KW_ONLY
    index: int
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    values: Values | None = field(default=None, repr=False)
    obj: Any = field(default=None, repr=False)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(eq=False, slots=True)
class Layer:
    """A layer node, container or leaf. ``path`` is its identity, ``parent`` the path of what contains it."""

    path: str
    parent: str | None
    definition: LayerDefinition = field(repr=False)
    aliases: tuple[str, ...] = ()
    hidden: bool = False
    """Whether it lies in a body that cannot be seen."""
    is_keras: bool = field(init=False, repr=False)
    """Whether the class is built in, by what the configuration says about it."""
    traits: LayerTraits = field(init=False, repr=False)
    """What is known of a built-in layer class; nothing of other classes and of operations."""
    operation: OperationTraits = field(init=False, repr=False)
    """What is known of an operation of Keras; nothing of layers."""
    class_name: str | None = field(init=False, repr=False)
    """The class as written in the configuration; None for a layer known only from its stored weights."""
    config: dict[str, Any] = field(init=False, repr=False)
    is_operation: bool = field(init=False, repr=False)
    """Whether this is a plain operation (``x + y``, ``keras.ops.*``) and not a ``keras.Layer``."""
    is_input: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.class_name = self.definition.class_name
        self.config = self.definition.config
        self.is_operation = self.definition.is_operation
        self.is_input = self.definition.is_input
        self.is_keras = self.definition.is_keras
        self.traits = self.definition.traits
        self.operation = self.definition.operation

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def guessed_class(self) -> str | None:
        """The class that a layer without one probably has, by what is stored of it. No rule may count on it."""
        return self.definition.guessed_class

    @property
    def module(self) -> str | None:
        return self.definition.module

    @property
    def registered_name(self) -> str | None:
        return self.definition.registered_name

    @property
    def trainable(self) -> bool:
        """The layer's own flag."""
        return self.definition.trainable

    @property
    def dtype_policy(self) -> str | None:
        return self.definition.dtype_policy

    @property
    def build_shape(self) -> Any:
        return self.definition.build_shape

    @property
    def vocabulary_size(self) -> int | None:
        """How many indices a lookup layer gives."""
        return vocabulary_size(self.definition)

    @property
    def container(self) -> bool:
        """Whether this is a Functional or Sequential model, expanded wherever it is called inside another body."""
        return self.definition.body is not None

    @property
    def traced(self) -> bool:
        """Whether code makes the body of this container, so that no file holds it."""
        return self.definition.body is not None and self.definition.body.traced

    @property
    def opaque(self) -> bool:
        """Whether a body exists that cannot be seen: a subclassed model, or any layer that is not one of Keras's own.

        What lies inside such a body is no finding of its own, unless it is known to have sublayers.
        """
        definition = self.definition
        if definition.opaque:
            return True
        if self.hidden or definition.body is not None or definition.is_operation or self.class_name is None:
            return False
        return not self.is_keras

    @property
    def is_model(self) -> bool:
        return self.definition.is_model

    @property
    def penalised(self) -> bool:
        """Whether a regularizer of the layer adds to the loss."""
        return any(value is not None for key, value in self.config.items() if key.endswith("_regularizer"))

    @property
    def obj(self) -> Any:
        """The live ``keras.Layer`` or operation; None for a graph read from a file."""
        return self.definition.obj


@dataclass(eq=False, slots=True)
class Call:
    """A call node. ``id`` is the layer path with every call index, ``scope`` the id of the enclosing `Scope`.

    ``args`` and ``kwargs`` have a `Tensor` for every tensor that the call receives. ``outputs`` has one spec per
    output. ``definition`` is shared by the expansions of one call in a body.
    """

    id: str
    layer: str
    scope: str
    _: KW_ONLY
    index: int
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[TensorSpec, ...]
    definition: CallDefinition | None = field(default=None, repr=False)


@dataclass(eq=False, slots=True)
class Scope:
    """One call of a container. ``inputs`` are its inner Input calls, ``outputs`` the tensors it returns.

    ``parent`` is the id of the enclosing scope (None for the root), ``args`` and ``kwargs`` what the container
    received, with `Tensor` leaves of the enclosing scope.
    """

    id: str
    layer: str
    parent: str | None
    _: KW_ONLY
    index: int
    inputs: tuple[str, ...]
    outputs: tuple[Tensor, ...]
    body: Body = field(repr=False)
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    definition: CallDefinition | None = field(default=None, repr=False)


@dataclass(eq=False, slots=True)
class ModelNode:
    """One of the models that a graph is of: what users call it, its scope, and the path of the layer that it is.

    A graph of one model has one, whose scope and path are the root's. In a graph of several, the id of the scope
    begins the addresses of whatever runs in the model (``gan:``). A model without a body that can be seen has no scope
    of this id, only a call. Two models of one graph may be one object: then they have one path.
    """

    name: str
    scope: str
    layer: str
    definition: ModelDefinition = field(repr=False)

    @property
    def compiled(self) -> bool:
        return bool(self.definition.compile_config)


class SideEffect(NamedTuple):
    """What the code of one scope does besides returning something.

    ``kind`` is ``loss``, ``update`` or ``metric``; ``tensors`` is what the value is made from, ``variable`` the id of
    the variable that is written.
    """

    kind: str
    scope: str
    tensors: tuple[Tensor, ...]
    variable: str | None


class Edge(NamedTuple):
    """A tensor or mask that flows from output ``output`` of ``source`` into ``argument`` of ``target``.

    ``argument`` is the path inside the arguments: ``0`` (first positional), ``0/1`` (second element of it), ``value``.
    """

    source: str
    output: int
    target: str
    argument: str
    kind: EdgeKind
    spec: TensorSpec
    position: int
    """Its place among all tensors and masks that the target receives."""


class ModelGraph:
    """One model as a graph of typed nodes, with named queries.

    ``nx`` is the same as a ``networkx.MultiDiGraph``, made when it is first asked for: its node attributes are ``kind``
    (``variable``, ``layer``, ``call``) and ``data`` (the `Variable`, `Layer` or `Call`); its edge attributes are
    ``kind`` (``held by``, ``read by``, ``runs as``, ``tensor``, ``mask``) and, on tensors and masks, ``output``,
    ``argument``, ``shape``, ``dtype`` and ``position`` (the order of the arguments of the target). Node ids of the
    three kinds never collide: a variable has ``@``, a call ``#``, a layer neither.

    Built by `graphlint.model.expand.expand`; read-only afterwards.
    """

    def __init__(self, definition: ModelDefinition) -> None:
        self.definition = definition
        self.layers: dict[str, Layer] = {}
        self.variables: dict[str, Variable] = {}
        self.calls: dict[str, Call] = {}
        """Call nodes in graph order: every call comes after the calls it depends on."""
        self.scopes: dict[str, Scope] = {}
        """Container calls by id; the root model's own scope is ``"."`` (absent for an opaque root)."""
        self.aliases: dict[str, str] = {}
        """Every other path of a layer -> its canonical path."""
        self.variable_aliases: dict[str, str] = {}
        """Every other ``path@slot`` of a variable -> its id."""
        self.inputs: list[str] = []
        """Ids of the root's Input calls, in declared order."""
        self.outputs: list[Tensor] = []
        """The root's output tensors, flattened in Keras's order."""
        self.children: dict[str, list[str]] = {}
        """Containment: layer path -> paths of the layers directly inside, in order."""
        self.effects: list[SideEffect] = []
        """What code does besides returning something: losses added, variables and metrics updated."""
        self.members: list[ModelNode] = []
        """The models that the graph is of, in the order in which they were given."""
        self.layer_of: dict[int, str] = {}
        """``id(layer definition)`` -> path."""
        self.variable_of: dict[int, str] = {}
        """Identity of a variable (`graphlint.model.definition.identity`) -> its id."""
        self.calls_of: dict[str, list[str]] = {}
        """Leaf layer -> its calls, in graph order. Its sublayers run as the same calls."""
        self.runs_inside: dict[str, tuple[str, ...]] = {}
        """Layer that runs as calls -> the leaf layers whose calls these are, itself included. Not in it are leaf layers
        whose calls are all their own."""
        self.running: dict[str, tuple[str, ...]] = {}
        """Leaf layer with sublayers -> itself and these, all of which run as its calls."""
        self.with_constants: list[str] = []
        """Calls that have an argument which is no tensor of the graph and no plain value."""
        self.held_by: dict[str, list[str]] = {}
        """Variable -> the layers that hold it."""
        self.read_by: dict[str, list[str]] = {}
        """Variable -> the calls that receive it."""
        self.observations: Observations | None = None
        """What one batch of data showed, if one was run."""
        self._incoming: dict[EdgeKind, dict[str, list[Edge]]] = {TENSOR: {}, MASK: {}}
        self._outgoing: dict[EdgeKind, dict[str, list[Edge]]] = {TENSOR: {}, MASK: {}}

    def add_edge(self, edge: Edge) -> None:
        """Add a tensor or mask that flows; the edges of a call are added in the order of its arguments."""
        self._incoming[edge.kind].setdefault(edge.target, []).append(edge)
        self._outgoing[edge.kind].setdefault(edge.source, []).append(edge)

    @cached_property
    def nx(self) -> nx.MultiDiGraph:
        """The graph for networkx."""
        import networkx as nx

        made = nx.MultiDiGraph()
        every: list[dict[str, Any]] = [dict(self.layers), dict(self.variables), dict(self.calls)]
        for sort, nodes in zip(NodeKind, every, strict=True):
            made.add_nodes_from((node, {"kind": sort, "data": data}) for node, data in nodes.items())
        for kind, targets in ((HELD_BY, self.held_by), (READ_BY, self.read_by)):
            made.add_edges_from((one, other, {"kind": kind}) for one, found in targets.items() for other in found)
        for layer in self.layers:
            made.add_edges_from((layer, call, {"kind": RUNS_AS}) for call in self.call_sites(layer))
        for call in self.calls:
            for edge in (*self.in_edges(call), *self.in_edges(call, MASK)):
                made.add_edge(
                    edge.source,
                    call,
                    kind=edge.kind,
                    output=edge.output,
                    argument=edge.argument,
                    shape=edge.spec.shape,
                    dtype=edge.spec.dtype,
                    position=edge.position,
                )
        return made

    # -- the model ----------------------------------------------------------------------------------------------

    @property
    def live(self) -> bool:
        return self.definition.front_end is FrontEnd.LIVE

    @property
    def root(self) -> Layer:
        return self.layers[ROOT]

    @property
    def has_weights(self) -> bool:
        return self.definition.has_weights

    @property
    def compile_config(self) -> dict[str, Any] | None:
        return self.definition.compile_config

    @property
    def optimizer(self) -> OptimizerDefinition | None:
        return self.definition.optimizer

    @property
    def opaque_layers(self) -> list[Layer]:
        """Layers whose bodies are code, inside which nothing can be checked."""
        return [layer for layer in self.layers.values() if layer.opaque]

    @property
    def opened_layers(self) -> list[Layer]:
        """Layers whose bodies are code, and were seen as it ran."""
        return [layer for layer in self.layers.values() if layer.traced]

    @cached_property
    def parameters(self) -> Parameters:
        from graphlint.model.parameters import audit

        return audit(self)

    # -- neighbours ---------------------------------------------------------------------------------------------

    @property
    def several(self) -> bool:
        """Whether the graph is of several models."""
        return bool(self.definition.members)

    def member_of(self, node: str) -> ModelNode:
        """The model in which a call or scope runs."""
        return self._members_by_scope[node.partition(MODEL_END)[0]] if self.several else self.members[0]

    @cached_property
    def _members_by_scope(self) -> dict[str, ModelNode]:
        return {member.scope.removesuffix(MODEL_END): member for member in self.members}

    def members_with(self, node: str) -> list[ModelNode]:
        """The models that contain a layer, or hold a variable."""
        if not self.several:
            return self.members
        if node in self.variables:
            found = {id(one): one for layer in self.held_by[node] for one in self.members_with(layer)}
            return [one for one in self.members if id(one) in found]
        return self._members_by_layer.get(node, [])

    @cached_property
    def _members_by_layer(self) -> dict[str, list[ModelNode]]:
        found: dict[str, list[ModelNode]] = {}
        for member in self.members:
            for layer in self.layers_below(member.layer):
                found.setdefault(layer.path, []).append(member)
        return found

    def layer(self, call: str) -> Layer:
        """The layer that runs as ``call``."""
        return self.layers[self.calls[call].layer]

    def calls_of_classes(self, fits: Callable[[Layer], object]) -> list[Call]:
        """The calls of layers of some classes, in graph order.

        ``fits`` is asked about one layer of each class, and may look at what the class tells alone: its name, module
        and traits.
        """
        found = [calls for layer, calls in self._calls_by_class if fits(layer)]
        if len(found) == 1:
            return found[0]
        return sorted((call for calls in found for call in calls), key=lambda call: self.position[call.id])

    @cached_property
    def _calls_by_class(self) -> list[tuple[Layer, list[Call]]]:
        """One layer of each class, with all calls."""
        found: dict[tuple[Any, ...], tuple[Layer, list[Call]]] = {}
        for call in self.calls.values():
            layer = self.layers[call.layer]
            key = (layer.class_name, layer.module, layer.registered_name, layer.is_operation)
            known = found.get(key)
            if known is None:
                found[key] = layer, [call]
            else:
                known[1].append(call)
        return list(found.values())

    def call_sites(self, layer: str) -> list[str]:
        """Ids of the calls a layer runs as, in graph order. A sublayer of a leaf runs as the calls of that leaf."""
        leaves = self.runs_inside.get(layer)
        if leaves is None:
            return self.calls_of.get(layer, [])
        if len(leaves) == 1:
            return self.calls_of[leaves[0]]
        calls = dict.fromkeys(call for leaf in leaves for call in self.calls_of[leaf])
        return sorted(calls, key=self.position.__getitem__)

    @cached_property
    def position(self) -> dict[str, int]:
        """The place of each call in graph order."""
        return {call: index for index, call in enumerate(self.calls)}

    def called_directly(self, layer: str, *, once: bool = False) -> bool:
        """Whether the graph calls a layer itself, not only one that wraps it; with ``once``, in one place."""
        sites = self.call_sites(layer)
        if not sites or any(self.calls[site].layer != layer for site in sites):
            return False
        return not once or len({id(self.calls[site].definition) for site in sites}) == 1

    def called_once(self, layer: str) -> bool:
        """Whether one place in one model calls a layer, or its wrapper; that model may run several times."""
        return self._places.get(layer) == 1

    @cached_property
    def _places(self) -> dict[str, int]:
        found: dict[str, set[int]] = {}
        for call in self.calls.values():
            found.setdefault(call.layer, set()).add(id(call.definition))
        return {layer: len(places) for layer, places in found.items()}

    @cached_property
    def shared_layers(self) -> list[str]:
        """Paths of the layers and nested models that are called more than once per call of their container.

        A layer inside a nested model that is called twice is not shared by that alone; a layer of two models or
        wrappers is.
        """
        found = []
        for path, layer in self.layers.items():
            if layer.is_operation or layer.is_input:
                continue
            scopes = self.container_calls(path)
            if scopes:
                holders = [(self.scopes[scope].parent, path) for scope in scopes]
            else:
                holders = [(self.calls[call].scope, self.calls[call].layer) for call in self.call_sites(path)]
                if layer.parent is not None and not self.layers[layer.parent].container and not layer.aliases:
                    continue
            models = {
                (self.scopes[scope].layer if scope in self.scopes else scope, runner) for scope, runner in holders
            }
            if len(models) > 1 or len(set(holders)) < len(holders):
                found.append(path)
        return found

    def container_calls(self, layer: str) -> list[str]:
        """Ids of the scopes a container runs as, in graph order."""
        return self._scopes_by_layer.get(layer, [])

    @cached_property
    def _scopes_by_layer(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for scope in self.scopes.values():
            found.setdefault(scope.layer, []).append(scope.id)
        return found

    def holders(self, variable: str) -> list[str]:
        """Paths of the layers that hold a variable."""
        return self.held_by[variable]

    def variables_of(self, layer: str) -> list[Variable]:
        """The variables that a layer itself holds, in saved order."""
        return self._variables_by_layer.get(layer, [])

    @cached_property
    def _variables_by_layer(self) -> dict[str, list[Variable]]:
        found: dict[str, list[Variable]] = {}
        for variable, holders in self.held_by.items():
            for holder in holders:
                found.setdefault(holder, []).append(self.variables[variable])
        for variables in found.values():
            variables.sort(key=lambda variable: variable.index)
        return found

    def layers_below(self, layer: str) -> Iterator[Layer]:
        """The layer and everything it contains, depth first."""
        stack, seen = [layer], set()
        while stack:
            path = stack.pop()
            if path not in seen:
                seen.add(path)
                yield self.layers[path]
                stack.extend(reversed(self.children.get(path, [])))

    def variables_below(self, layer: str) -> list[Variable]:
        """The distinct variables of a layer and of everything it contains."""
        if not self.variables:
            return []
        found: dict[str, Variable] = {}
        for inner in self.layers_below(layer):
            for variable in self.variables_of(inner.path):
                found[variable.id] = variable
        return list(found.values())

    def enclosing(self, layer: str) -> Iterator[Layer]:
        """The containers and wrappers of a layer, innermost first, the root last."""
        parent = self.layers[layer].parent
        while parent is not None:
            yield self.layers[parent]
            parent = self.layers[parent].parent

    def seen(self, layer: str) -> bool:
        """Whether no container of a layer is opaque: all are models with a graph or built-in wrappers."""
        return all(outer.container or outer.is_keras for outer in self.enclosing(layer))

    def written(self, layer: str, *, wrapped: bool = True) -> bool:
        """Whether a file has the configuration of a layer, not only arguments of the class that creates it.

        Without ``wrapped``, only if a model itself writes it.
        """
        around = list(self.enclosing(layer))
        if any(outer.definition.rebuilt or outer.traced for outer in around):
            return False
        return self.seen(layer) if wrapped else all(outer.container for outer in around)

    @cached_property
    def has_code(self) -> bool:
        """Whether code makes the body of any call, as it was seen when it ran."""
        return any(scope.body.traced for scope in self.scopes.values())

    def called_by_code(self, node: str) -> bool:
        """Whether code makes a call itself, or calls the container that a scope is of."""
        scope = self.calls[node].scope if node in self.calls else self.scopes[node].parent
        return scope in self.scopes and self.scopes[scope].body.traced

    def in_code(self, node: str) -> bool:
        """Whether a call or scope lies in a body that code makes, at any depth: no file holds it."""
        if not self.has_code:
            return False
        scope = self.calls[node].scope if node in self.calls else self.scopes[node].parent
        while scope in self.scopes:
            if self.scopes[scope].body.traced:
                return True
            scope = self.scopes[scope].parent
        return False

    def in_edges(self, call: str, kind: EdgeKind = TENSOR) -> Sequence[Edge]:
        """Tensors (or masks) that a call receives, in argument order."""
        return self._incoming[kind].get(call, ())

    def out_edges(self, call: str, kind: EdgeKind = TENSOR) -> Sequence[Edge]:
        """Tensors (or masks) of a call that other calls receive."""
        return self._outgoing[kind].get(call, ())

    def consumers(self, tensor: Tensor) -> list[Edge]:
        """The edges that carry one tensor."""
        return [edge for edge in self.out_edges(tensor.call) if edge.output == tensor.output]

    def producers(self, call: str) -> list[Tensor]:
        """The tensors a call receives, in argument order."""
        return [Tensor(edge.source, edge.output) for edge in self.in_edges(call)]

    def spec(self, tensor: Tensor) -> TensorSpec:
        """Shape and dtype of a tensor."""
        return self.calls[tensor.call].outputs[tensor.output]

    def is_output(self, tensor: Tensor) -> bool:
        return tensor in self._output_set

    @cached_property
    def _output_set(self) -> frozenset[Tensor]:
        return frozenset(self.outputs)

    @cached_property
    def returned(self) -> frozenset[Tensor]:
        """The tensors that some model returns, the root or one inside."""
        return frozenset(tensor for scope in self.scopes.values() for tensor in scope.outputs)

    # -- reach --------------------------------------------------------------------------------------------------

    def ancestors(self, nodes: Iterable[str], *, known: Collection[str] = ()) -> set[str]:
        """The nodes and everything that influences them: calls, layers and variables.

        Whatever is ``known`` already is left out, and so is what influences only that.
        """
        seen = set(nodes)
        stack = list(seen)
        leaves: set[str] = set()
        while stack:
            new = [near for near in self._predecessors(stack.pop(), leaves) if near not in seen and near not in known]
            seen.update(new)
            stack += new
        return seen

    def descendants(self, nodes: Iterable[str]) -> set[str]:
        """The nodes and everything they influence."""
        seen = set(nodes)
        stack = list(seen)
        while stack:
            for near in self._successors(stack.pop()):
                if near not in seen:
                    seen.add(near)
                    stack.append(near)
        return seen

    def receivers(self, call: str) -> Iterator[str]:
        """The calls that receive a tensor or mask of a call."""
        for kind in (TENSOR, MASK):
            for edge in self._outgoing[kind].get(call, ()):
                yield edge.target

    def _successors(self, node: str) -> Iterable[str]:
        if node in self.calls:
            return self.receivers(node)
        if node in self.layers:
            return self.call_sites(node)
        return (*self.held_by[node], *self.read_by.get(node, ()))

    def _predecessors(self, node: str, leaves: set[str]) -> list[str]:
        """What has an edge to a node. Leaf layers in ``leaves``, with their sublayers, are left out; others added."""
        call = self.calls.get(node)
        if call is None:
            return [variable.id for variable in self.variables_of(node)]
        found = [edge.source for edges in self._incoming.values() for edge in edges.get(node, ())]
        leaf = call.layer
        if leaf not in leaves:
            leaves.add(leaf)
            found += self.running.get(leaf, (leaf,))
        return found + self._read_in.get(node, []) if self.read_by else found

    @cached_property
    def _read_in(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for variable, calls in self.read_by.items():
            for call in calls:
                found.setdefault(call, []).append(variable)
        return found

    @cached_property
    def live_nodes(self) -> set[str]:
        """Every node that influences an output of the root model, or a loss or update that its code adds."""
        ends = {tensor.call for tensor in self.outputs}
        for effect in self.effects:
            ends.update(tensor.call for tensor in effect.tensors)
            if effect.variable is not None:
                ends.add(effect.variable)
        return self.ancestors(ends)

    @cached_property
    def fed_calls(self) -> set[str]:
        """Every call that an Input of the root model influences."""
        return self.descendants(self.inputs)

    def components(self, calls: Iterable[str]) -> list[list[str]]:
        """Split calls into connected components (by tensors or masks), each in graph order."""
        position = self.position
        waiting = set(calls)
        found = []
        for start in sorted(waiting, key=position.__getitem__):
            if start not in waiting:
                continue
            waiting.remove(start)
            members = [start]
            for call in members:
                for kind in (TENSOR, MASK):
                    around = [edge.source for edge in self._incoming[kind].get(call, ())]
                    around += [edge.target for edge in self._outgoing[kind].get(call, ())]
                    for near in around:
                        if near in waiting:
                            waiting.remove(near)
                            members.append(near)
            found.append(sorted(members, key=position.__getitem__))
        return found

    # -- text ---------------------------------------------------------------------------------------------------

    def address(self, node: str | Tensor) -> str:
        """The shortest address of a node: container indices and output indices only if there are several."""
        if isinstance(node, Tensor):
            text = self.address(node.call)
            return f"{text}:{node.output}" if len(self.calls[node.call].outputs) > 1 else text
        if node in self.calls:
            scope = self.calls[node].scope
            return self._scope_prefix(scope) + _inside(node, scope)
        if node in self.scopes:
            parent = self.scopes[node].parent
            return self._scope_prefix(parent) + _inside(node, parent)
        return node

    def _scope_prefix(self, scope: str | None) -> str:
        parts = []
        while scope is not None and scope != ROOT:
            parent = self.scopes[scope].parent
            part = _inside(scope, parent)
            name = part.rpartition("#")[0] or part
            parts.append(part if self._calls_by_name[parent, name] > 1 else name)
            scope = parent
        return "".join(inside(part) for part in reversed(parts))

    @cached_property
    def _calls_by_name(self) -> Counter[tuple[str | None, str]]:
        return Counter(
            (scope.parent, _inside(scope.id, scope.parent).rpartition("#")[0]) for scope in self.scopes.values()
        )

    def leaves(self, call: str) -> Iterator[tuple[str, Any]]:
        """``(argument path, leaf)`` of every argument of a call: `Tensor`, `Constant` or plain value."""
        node = self.calls[call]
        yield from leaves(node.args)
        yield from leaves(node.kwargs)

    notebook_view: ClassVar[Callable[[ModelGraph], str] | None] = None
    """How notebooks draw a graph. The reports, which know how, put it here."""

    def _repr_html_(self) -> str | None:
        return None if ModelGraph.notebook_view is None else ModelGraph.notebook_view(self)

    def __repr__(self) -> str:
        return (
            f"<ModelGraph {self.root.name!r}: {len(self.calls)} calls, {len(self.layers)} layers, "
            f"{len(self.variables)} variables>"
        )


def _inside(node: str, scope: str | None) -> str:
    """The id of a call or scope without that of the scope around it."""
    return node if scope is None else node.removeprefix(inside(scope))
