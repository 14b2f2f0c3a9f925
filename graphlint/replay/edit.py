"""Change the graph of a model: insert, replace, remove, share, unshare, tie, untie, freeze, unfreeze."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from graphlint.errors import AddressError, AmbiguousAddress, InvalidEdit, OpaqueBody, UnknownAddress, one_line
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT, escape, parse
from graphlint.model.definition import leaves
from graphlint.model.graph import Tensor
from graphlint.model.resolve import resolve_call, resolve_layer, resolve_tensor
from graphlint.replay.clone import Cloner, compile_like, copy_layers, copy_model
from graphlint.replay.interpreter import Interpreter, Proceed
from graphlint.replay.live_graph import Arguments, LiveGraph
from graphlint.replay.measure import require_alike
from graphlint.replay.members import (
    LayersOfCode,
    MemberEdit,
    build_for,
    chained,
    identity_for,
    put,
    require_only,
    run_of,
    warn_if_lost,
)
from graphlint.replay.plan import Mode, Plan, Planner
from graphlint.replay.rebuild import Rebuild, build_like, declared_inputs, declared_outputs, in_structure, root_inputs
from graphlint.replay.touched import StateEdit, Touched
from graphlint.replay.transaction import Transaction
from graphlint.tracing.record import Event


class TieNotSaved(UserWarning):
    """A tie that exists in memory only: a file of the model has two variables."""


@dataclass(slots=True)
class _Change:
    """The change of one call."""

    before: list[tuple[str, Any]] = field(default_factory=list)
    """Layers to run on an argument first, by the path of the argument."""
    operation: Any = None
    """The layer that runs instead."""
    inputs: tuple[Tensor, ...] = ()
    """What the layer that runs instead receives, if that is not what the call receives."""
    passes: str | None = None
    """Path of the argument that is passed on, if the call is removed."""
    after: list[tuple[int, Any]] = field(default_factory=list)
    """Layers to run on an output, by its index."""
    without: set[str] = field(default_factory=set)
    """Keyword arguments that the call no longer receives."""
    given: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments that the call receives in addition."""

    @property
    def replaced(self) -> bool:
        return self.operation is not None or self.passes is not None

    def layers(self) -> list[Any]:
        """The layers that are added."""
        return [self.operation, *(layer for _, layer in self.before), *(layer for _, layer in self.after)]

    def key(self, scope: str) -> object:
        """Equal for changes that do the same, each in its scope."""
        return (
            tuple((tensor.call.removeprefix(f"{scope}/"), tensor.output) for tensor in self.inputs),
            tuple((argument, id(layer)) for argument, layer in self.before),
            id(self.operation),
            self.passes,
            tuple((output, id(layer)) for output, layer in self.after),
            tuple(sorted(self.without)),
            tuple(sorted((key, repr(value)) for key, value in self.given.items())),
        )

    def __call__(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], proceed: Proceed) -> list[Any]:
        kwargs = {key: value for key, value in kwargs.items() if key not in self.without} | self.given
        for argument, layer in self.before:
            args, kwargs = _at(args, kwargs, argument, layer)
        if self.passes is not None:
            outputs = [args[0]]
        else:
            outputs = proceed(operation if self.operation is None else self.operation, args, kwargs)
        for output, layer in self.after:
            outputs[output] = layer(outputs[output])
        return outputs


class Edit:
    """Edits of one model, made together by `build`. Every method returns the edit itself.

    Addresses are those of the given model. An address without call indices that matches one call of a nested model
    means that call wherever the nested model is called.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._code: LayersOfCode | None = None
        try:
            self._graph: LiveGraph | None = LiveGraph(model)
        except OpaqueBody:
            self._graph = None
        self._members: list[MemberEdit] = []
        self._placed: dict[int, Any] = {}
        """What came in the place of layers that code calls, by the ``id`` of the layer."""
        self._twin_of: Callable[[Any], Any] = lambda layer: layer
        self._run: Event | None = None
        self._structure: list[Callable[[_Builder], None]] = []
        self._state: list[StateEdit] = []
        self._ties: list[str] = []
        self._moved: dict[int, Any] = {}
        """``id`` of a variable -> the one in its place, for what was copied."""
        self.addresses: dict[str, str] = {}
        """After `build`: the address of every call and layer of the model -> its address in the new one."""

    @property
    def _live(self) -> LiveGraph:
        """The graph of the model.

        Raises:
            OpaqueBody: the model is code, and what was asked for would need other code.
        """
        if self._graph is None:
            raise OpaqueBody(
                f"{type(self._model).__name__} {self._model.name!r} is code, and this edit needs other code than the "
                "class's own: replace, remove, wrap, freeze or quantize layers that it calls, or make it Functional "
                "with as_functional()"
            )
        return self._graph

    def _inside(self, address: str, make: Callable[[Any], Any]) -> bool:
        """Note an edit of a layer that code calls; False if the address is that of a call of the graph.

        Raises:
            AddressError: it is unknown.
            InvalidEdit: what the address names is no layer.
        """
        if self._graph is not None:
            try:
                sites(self._graph, address)
                return False
            except (OpaqueBody, AddressError) as error:
                problem: Exception = error
        if self._code is None:
            self._code = LayersOfCode(self._model)
        layer = self._code.layer(address)
        graph = self._graph
        if graph is not None and (layer is None or any(graph.operation(unit) is layer for unit in graph.position)):
            raise problem
        if layer is None:
            self._code.require(address)
        self._members.append(MemberEdit(address, layer, make))
        return True

    # -- structure ----------------------------------------------------------------------------------------------

    def insert_before(self, address: str, layer: Any, *, argument: str | None = None) -> Edit:
        """Run a layer on what a call receives; ``argument`` says which tensor, if it receives several."""
        _check_layer(layer)
        if argument is None and self._inside(address, lambda copy: chained(layer, copy, copy.name)):
            return self
        units = sites(self._live, address)
        path = _argument(self._live, units[0], argument, address)

        def apply(builder: _Builder) -> None:
            for unit in units:
                builder.change(unit).before.append((path, layer))

        return self._add(apply)

    def insert_after(self, address: str, layer: Any) -> Edit:
        """Run a layer on a tensor, for all its consumers."""
        _check_layer(layer)
        if self._inside(address, lambda copy: chained(copy, layer, copy.name)):
            return self
        units = sites(self._live, address)
        output = _output(self._live, units[0], address)
        if not any(_is_read(self._live, unit, output) for unit in units):
            raise InvalidEdit(
                f"expected a tensor that is used, got {address}, which no call and no model output receives"
            )

        def apply(builder: _Builder) -> None:
            for unit in units:
                builder.change(unit).after.append((output, layer))

        return self._add(apply)

    def replace(self, address: str, layer: Any, *, inputs: str | Sequence[str] | None = None) -> Edit:
        """Run another layer instead of a call, with the same arguments.

        With ``inputs`` the layer replaces the whole block from those tensors to the result of the call, and receives
        those tensors. A layer that code calls is replaced for all of its calls.
        """
        _check_layer(layer)
        if inputs is None and self._inside(address, lambda copy: layer):
            return self
        units = sites(self._live, address)
        chosen = [] if inputs is None else [inputs] if isinstance(inputs, str) else list(inputs)
        received = {unit: tuple(_block_input(self._live, unit, one, units) for one in chosen) for unit in units}

        def apply(builder: _Builder) -> None:
            for unit in units:
                change = builder.exclusive(unit, address)
                change.operation, change.inputs = layer, received[unit]

        return self._add(apply)

    def remove(self, address: str, *, argument: str | None = None) -> Edit:
        """Drop a call: what it received is passed on; ``argument`` says which tensor, if it receives several."""
        if argument is None and self._inside(address, identity_for):
            return self
        units = sites(self._live, address)
        if self._live.is_input(units[0]):
            raise InvalidEdit(
                f"expected a call to remove, got the Input {address}: extract() a model with other inputs"
            )
        if len(self._live.outputs(units[0])) != 1:
            raise InvalidEdit(
                f"expected a call with one output to remove, got {address} with {len(self._live.outputs(units[0]))}: "
                "replace it"
            )
        path = _argument(self._live, units[0], argument, address)

        def apply(builder: _Builder) -> None:
            for unit in units:
                builder.exclusive(unit, address).passes = path

        return self._add(apply)

    def drop_argument(self, address: str, argument: str) -> Edit:
        """Remove a keyword argument from a call, so that it has its default: ``training``, ``mask``."""
        units = sites(self._live, address)
        if argument not in self._live.arguments(units[0]).kwargs:
            raise InvalidEdit(f"expected a keyword argument of {address}, got {argument!r}: it is not passed there")

        def apply(builder: _Builder) -> None:
            for unit in units:
                builder.change(unit).without.add(argument)

        return self._add(apply)

    def set_argument(self, address: str, argument: str, value: Any) -> Edit:
        """Pass a keyword argument to a call: ``reverse=True``. The value is not a tensor."""
        units = sites(self._live, address)

        def apply(builder: _Builder) -> None:
            for unit in units:
                builder.change(unit).given[argument] = value

        return self._add(apply)

    def share(self, first: str, second: str) -> Edit:
        """Make two layers one: the calls of the second run the first."""
        kept, dropped = (self._live.graph.layers[resolve_layer(self._live.graph, one)] for one in (first, second))
        if kept.parent != dropped.parent:
            raise InvalidEdit(
                f"{first} and {second} are in different models, and Keras cannot load a file that shares a layer "
                "between two: "
                "move one of them, or tie() their variables"
            )
        shapes = [[tuple(v.shape) for v in keras_internals.own_variables(one.obj)] for one in (kept, dropped)]
        if type(kept.obj) is not type(dropped.obj) or shapes[0] != shapes[1]:
            raise InvalidEdit(
                f"expected two layers of one class and shape to share, got {kept.class_name} {shapes[0]} and "
                f"{dropped.class_name} {shapes[1]}"
            )
        units = [unit for unit in self._live.position if self._live.layer_path(unit) == dropped.path]
        if not units:
            raise InvalidEdit(
                f"expected a layer that the graph calls, got {second}, which code inside {dropped.parent} calls: tie() "
                "the variables"
            )

        def apply(builder: _Builder) -> None:
            layer = builder.live.graph.layers[kept.path].obj
            for unit in units:
                builder.exclusive(unit, second).operation = layer

        return self._add(apply)

    def unshare(self, address: str, *, name: str | None = None) -> Edit:
        """Give one call of a layer its own copy of the layer, with the same values."""
        units = sites(self._live, address)
        scope = self._live.parent[units[0]]
        taken = {self._live.operation(unit).name for unit in self._live.units[scope]}
        operation = self._live.operation(units[0])
        if name is not None and name in taken:
            raise InvalidEdit(f"expected a new name for the copy, got {name!r}, which another layer of that model has")
        number = 1
        while name is None or name in taken:
            name, number = f"{operation.name}_{number}", number + 1

        def apply(builder: _Builder) -> None:
            original = builder.live.operation(units[0])
            copies = copy_layers([original], {id(original): name})
            require_alike(builder.live.model, copies.copies)
            for unit in units:
                builder.exclusive(unit, address).operation = copies.made[id(original)]

        return self._add(apply)

    # -- variables and flags ------------------------------------------------------------------------------------

    def tie(self, first: str, second: str) -> Edit:
        """Let two variables of one shape become one: a copy of the second layer holds the first variable.

        The tie is one of the model in memory. Keras saves the variable with each of its layers, and loading gives two
        variables again, of which `build` warns: for a tie that a file keeps, use `share`, which makes one layer of two.
        """
        kept, dropped = (_slot(self._live, one) for one in (first, second))
        if kept[1].shape != dropped[1].shape or kept[1].dtype != dropped[1].dtype:
            raise InvalidEdit(
                f"expected variables of one shape and dtype to tie, got {first} "
                f"{kept[1].dtype}{list(kept[1].shape)} and {second} {dropped[1].dtype}{list(dropped[1].shape)}"
            )

        def apply(found: Touched) -> None:
            tied = found.variable(*kept)
            keras_internals.replace_member(found.layer(dropped[0]), found.variable(*dropped), tied)

        self._ties.append(f"{first} and {second}")
        return self._change(StateEdit((dropped[0],), apply))

    def untie(self, address: str) -> Edit:
        """Give a copy of a layer a variable of its own in place of one that it has in common with others."""
        owner, variable = _slot(self._live, address)
        holders = [
            layer
            for layer in keras_internals.all_layers(self._live.model)
            if any(held is variable for held in keras_internals.own_variables(layer))
        ]
        if len(holders) < 2:
            raise InvalidEdit(f"expected a tied variable, got {address}, which only one layer holds")

        def apply(found: Touched) -> None:
            tied = found.variable(owner, variable)
            value = keras_internals.numbers(tied)
            own = keras.Variable(value, dtype=tied.dtype, trainable=tied.trainable, name=tied.name)
            keras_internals.replace_member(found.layer(owner), tied, own)

        return self._change(StateEdit((owner,), apply))

    def freeze(self, address: str) -> Edit:
        """Make a copy of a layer, with everything inside it, not trainable."""
        return self._set_trainable(address, False)

    def unfreeze(self, address: str) -> Edit:
        """Make a copy of a layer, with everything inside it, trainable, also where the layer's own flag is set."""
        return self._set_trainable(address, True)

    def _set_trainable(self, address: str, trainable: bool) -> Edit:
        def set_flags(copy: Any) -> Any:
            for one in keras_internals.all_layers(copy):
                keras_internals.set_own_trainable(one, trainable)
                for variable in keras_internals.optimizable_variables(one):
                    variable.trainable = trainable
            return copy

        if self._graph is None:
            self._inside(address, set_flags)
            return self
        layer = self._live.graph.layers[resolve_layer(self._live.graph, address)].obj

        def apply(found: Touched) -> None:
            set_flags(found.layer(layer))

        return self._change(StateEdit((layer,), apply, flags=True))

    def quantize(self, address: str, mode: str = "int8") -> Edit:
        """Quantize the weights of a copy of a layer, with everything inside it, as its ``quantize`` does.

        The outputs change by what the lower precision costs.
        """

        def quantized(copy: Any) -> Any:
            done = False
            for one in keras_internals.all_layers(copy):
                if isinstance(one, keras.Model) and type(one).quantize is keras.Model.quantize:
                    continue  # It would quantize the layers inside it, which come by themselves.
                try:
                    one.quantize(mode)
                    done = True
                except NotImplementedError:
                    continue
                except Exception as error:
                    raise InvalidEdit(f"{address} cannot be quantized to {mode!r} ({one_line(error, 120)})") from error
            if not done:
                raise InvalidEdit(f"expected a layer that Keras can quantize, got {address}, a {type(copy).__name__}")
            return copy

        if self._graph is None:
            self._inside(address, quantized)
            return self
        layer = self._live.graph.layers[resolve_layer(self._live.graph, address)].obj

        def apply(found: Touched) -> None:
            quantized(found.layer(layer))

        return self._change(StateEdit((layer,), apply))

    # -- building -----------------------------------------------------------------------------------------------

    def _add(self, apply: Callable[[_Builder], None]) -> Edit:
        self._structure.append(apply)
        return self

    def _change(self, edit: StateEdit) -> Edit:
        self._state.append(edit)
        return self

    def build(self) -> keras.Model:
        """Make the edited model.

        It shares the layers of the model with their weights, but for those that are frozen, unfrozen, tied or untied,
        of which it has copies: the model stays as it is, also if this raises. A compiled model is compiled alike again.

        Raises:
            CannotClone: a layer that has to be copied cannot be, or its copy does something else.
            ShapeMismatch: a call does not accept what it would receive.
            InvalidEdit: two edits of one call contradict each other.
            NameCollision: a new layer has the name of another one in the same model.
        """
        if self._graph is None:
            return self._built_in_code()
        builder = _Builder(self._live)
        for apply in self._structure:
            apply(builder)
        with Transaction(self._live.operations()):
            model, self.addresses = builder.build()
            for member in self._members:
                self._state.append(StateEdit((member.layer,), self._putting(member)))
            if self._state:
                model = self._with_state(model)
            if self._members:
                self._check_members(model)
        if model is not self._live.model:
            kept = {id(variable): variable for variable in model.variables}
            compile_like(self._live.model, model, kept | self._moved)
        for tied in self._ties:
            warnings.warn(
                f"{tied} are one variable in memory only: Keras saves both, and loading gives two again; share one "
                "layer for a tie that a file keeps",
                TieNotSaved,
                stacklevel=2,
            )
        return model

    def _putting(self, edit: MemberEdit) -> Callable[[Touched], None]:
        def apply(found: Touched) -> None:
            new = put(edit, found.layer(edit.layer), [one for _, one in found.pairs])
            self._placed[id(edit.layer)] = new
            self._twin_of = found.layer
            build_for(edit, new, self._before())

        return apply

    def _before(self) -> Event:
        if self._run is None:
            self._run = run_of(self._model)
        return self._run

    def _built_in_code(self) -> keras.Model:
        """The edited model, where the model itself is code: a copy in which some layers are others."""
        if not self._members:
            return self._model
        cloner = Cloner("copy", "preserve")
        copy = copy_model(self._model, cloner)
        before = self._before()
        for edit in self._members:
            twin = cloner.made.get(id(edit.layer))
            if twin is None:
                raise InvalidEdit(f"{edit.address} is not made by the configuration of the model, so no copy has it")
            new = put(edit, twin, keras_internals.all_layers(copy))
            self._placed[id(edit.layer)] = new
            build_for(edit, new, before)
        self._twin_of = lambda layer: copy if layer is self._model else cloner.made.get(id(layer), layer)
        self._check_members(copy)
        compile_like(self._model, copy, None)
        return copy

    def _check_members(self, model: keras.Model) -> None:
        """Compare what runs before and after edits of what code calls."""
        edits = {id(edit.layer): edit.address for edit in self._members}

        def twin(layer: Any) -> Any:
            return self._placed.get(id(layer)) or self._twin_of(layer)

        try:
            after = run_of(model)
        except OpaqueBody as error:
            changed = ", ".join(edits.values())
            raise InvalidEdit(f"the code around {changed} does not run after this edit: {error}") from error
        require_only(edits, twin, self._before(), after)
        placed = [
            self._placed[id(edit.layer)]
            for edit in self._members
            if self._placed[id(edit.layer)] is not self._twin_of(edit.layer)
        ]
        if placed:
            warn_if_lost(model, placed)

    def _with_state(self, model: keras.Model) -> keras.Model:
        """The model with edits of variables and flags, made on copies of what they touch."""
        live = LiveGraph(model)
        found = Touched(self._live, live, self.addresses, self._state)
        changed = found.clone
        if changed is None:
            builder = _Builder(live, found.copies)
            for unit, copy in found.replacements().items():
                builder.change(unit).operation = copy
            changed, moved = builder.build()
            self.addresses = {before: moved[now] for before, now in self.addresses.items() if now in moved}
        self._moved = found.variables
        for edit in self._state:
            edit.apply(found)
        return changed


class _EditedGraph(LiveGraph):
    """A live graph in which some calls receive something else."""

    def __init__(self, live: LiveGraph, changed: dict[str, Arguments]) -> None:
        self.__dict__.update(live.__dict__)
        self._arguments = {**live._arguments, **changed}


class _Builder:
    """One run of `Edit.build`."""

    def __init__(self, live: LiveGraph, copies: Mapping[int, Any] | None = None) -> None:
        self.live = live
        self.copies = copies or {}
        """Copies that come in the place of layers, by the ``id`` of the layer."""
        self.changes: dict[str, _Change] = {}

    def change(self, unit: str) -> _Change:
        return self.changes.setdefault(unit, _Change())

    def exclusive(self, unit: str, address: str) -> _Change:
        """The change of a unit, which no other edit may replace."""
        change = self.change(unit)
        if change.replaced:
            raise InvalidEdit(f"{address} is replaced, removed, shared or unshared twice: build() in between")
        return change

    def build(self) -> tuple[keras.Model, dict[str, str]]:
        if not self.changes:
            # State alone: the copy is the result.
            graph = self.live.graph
            same = {graph.address(one): graph.address(one) for one in (*graph.calls, *graph.scopes) if one != ROOT}
            return self.live.model, {**{path: path for path in graph.layers if path != ROOT}, **same}
        with Transaction(self.live.operations()):
            return self.rebuild()

    def rebuild(self) -> tuple[keras.Model, dict[str, str]]:
        live = _EditedGraph(self.live, {unit: self.arguments(unit) for unit in self.changes if self.rewires(unit)})
        domain = Rebuild(live, keep_classes=True)
        domain.known.update(id(layer) for change in self.changes.values() for layer in change.layers())
        touched = {unit: change.key(self.live.parent[unit]) for unit, change in self.changes.items()}
        plan = Planner(live, touched=touched, keep_outputs=True).plan(live.graph.outputs)
        self.require_calls(plan)
        environment = root_inputs(live)
        inputs = in_structure(live, ROOT, environment, declared_inputs(live, ROOT))
        Interpreter(live, domain, hooks=self.changes).run(plan, environment)
        outputs = in_structure(live, ROOT, environment, declared_outputs(live, ROOT))
        model = build_like(live.model, inputs, outputs, domain.known, len(live.graph.calls))
        removed = {unit for unit, change in self.changes.items() if change.passes is not None}
        return model, moved(self.live, domain, plan, model, removed, self.copies)

    def require_calls(self, plan: Plan) -> None:
        """Refuse changes of a call that is not made: nested models whose calls differ inside are dissolved."""
        dissolved = {one.scope for one in plan.plans() if one.mode is Mode.INLINE}
        for unit in self.changes:
            if unit in dissolved:
                address = self.live.graph.address(unit)
                raise InvalidEdit(
                    f"{address} is edited as one call, and the calls of that model are edited in different ways "
                    f"inside, so that none is left: edit {address} first, and build() in between"
                )

    def rewires(self, unit: str) -> bool:
        change = self.changes[unit]
        return bool(change.inputs) or change.passes is not None

    def arguments(self, unit: str) -> Arguments:
        """What a replaced block or removed call receives."""
        live, change = self.live, self.changes[unit]
        if change.inputs:
            symbols = [live.symbol(tensor) for tensor in change.inputs]
            received = symbols if len(symbols) > 1 else symbols[0]
            return Arguments((received,), {}, [("0", tensor) for tensor in change.inputs])
        old = live.arguments(unit)
        symbol = dict(_tensor_leaves(old))[str(change.passes)]
        change.before = [("0", layer) for path, layer in change.before if path == change.passes]
        return Arguments((symbol,), {}, [("0", live.symbols[live.parent[unit]][id(symbol)])])


def edit(model: keras.Model) -> Edit:
    """Start to change a model; nothing happens before ``build()``.

    >>> import keras
    >>> inputs = keras.Input((4,), name="x")
    >>> x = keras.layers.Dropout(0.5, name="drop")(keras.layers.Dense(3, name="hidden")(inputs))
    >>> model = keras.Model(inputs, keras.layers.Dense(2, name="out")(x))
    >>> changed = edit(model).remove("drop").insert_after("hidden", keras.layers.ReLU(name="relu")).build()
    >>> [layer.name for layer in changed.layers]
    ['x', 'hidden', 'relu', 'out']
    """
    return Edit(model)


# -- addresses --------------------------------------------------------------------------------------------------


def sites(live: LiveGraph, address: str) -> list[str]:
    """The calls that an address means: one, or one inside a nested model at every call of that model.

    Raises:
        AddressError: no call matches, or several different ones.
        OpaqueBody: it leads into an opaque layer.
    """
    parsed = parse(address)
    try:
        units = [resolve_call(live.graph, address)]
    except AddressError:
        units = _everywhere(live, address)
        if not units:
            raise
    if units[0] not in live.parent:
        raise InvalidEdit(f"expected a call inside the model, got {address}, the model itself")
    if len(parsed.parts) > units[0].count("/") + 1:
        raise OpaqueBody(f"{address} lies in {live.graph.address(units[0])}, whose inside is code: edit that call")
    return units


def _everywhere(live: LiveGraph, address: str) -> list[str]:
    parts = parse(address).parts
    found = []
    for unit in live.position:
        pieces = unit.split("/")
        if len(pieces) == len(parts) and all(
            piece.rpartition("#")[0] == escape(part.name)
            and (part.call is None or piece.rpartition("#")[2] == str(part.call))
            for piece, part in zip(pieces, parts, strict=True)
        ):
            found.append(unit)
    return found if len({id(live.node(unit)) for unit in found}) == 1 else []


def _output(live: LiveGraph, unit: str, address: str) -> int:
    output = parse(address).output
    count = len(live.outputs(unit))
    if output is None and count != 1:
        raise AmbiguousAddress(
            f"{address!r} has {count} outputs: write one of {', '.join(f'{address}:{index}' for index in range(count))}"
        )
    if output is not None and output >= count:
        raise UnknownAddress(f"no output {output} in {address!r}: it has {count}")
    return output or 0


def _is_read(live: LiveGraph, unit: str, output: int) -> bool:
    """Whether anything outside a call, or outside a nested model at one call, receives one of its outputs."""
    graph = live.graph
    tensor = Tensor(unit, output) if unit in graph.calls else graph.scopes[unit].outputs[output]
    within = f"{unit}/"
    if any(not edge.target.startswith(within) for edge in graph.consumers(tensor)):
        return True
    return any(
        tensor in scope.outputs for name, scope in graph.scopes.items() if name != unit and not name.startswith(within)
    )


def _tensor_leaves(arguments: Arguments) -> list[tuple[str, Any]]:
    found = [*leaves(arguments.args), *leaves(arguments.kwargs)]
    return [(path, leaf) for path, leaf in found if isinstance(leaf, keras.KerasTensor)]


def _argument(live: LiveGraph, unit: str, argument: str | None, address: str) -> str:
    paths = [path for path, _ in _tensor_leaves(live.arguments(unit))]
    if argument is None and len(paths) == 1:
        return paths[0]
    if argument is not None and str(argument) in paths:
        return str(argument)
    received = "no argument" if argument is None else f"argument={argument!r}"
    raise InvalidEdit(
        f"expected one of the tensors that {address} receives, {', '.join(paths) or 'none'}, got {received}: "
        f"pass argument={paths[0] if paths else '0'!r}"
    )


def _block_input(live: LiveGraph, unit: str, address: str, units: list[str]) -> Tensor:
    if len(units) > 1:
        beside = [one for one in sites(live, address) if live.parent[one] == live.parent[unit]]
        if len(beside) != 1:
            raise InvalidEdit(
                f"{address} matches {len(beside)} calls besides {unit}: write the call index of the last part"
            )
        output = parse(address).output
        tensor = resolve_tensor(live.graph, beside[0] if output is None else f"{beside[0]}:{output}")
    else:
        tensor = resolve_tensor(live.graph, address)
    scope = live.parent[unit]
    if tensor not in live.symbols[scope].values():
        raise InvalidEdit(f"expected a tensor of the model that holds {live.graph.address(unit)}, got {address}")
    return tensor


def _slot(live: LiveGraph, address: str) -> tuple[Any, Any]:
    """The layer that an address with a slot names, and the variable it holds there."""
    parsed = parse(address)
    if parsed.slot is None:
        raise AddressError(f"expected a variable such as 'encoder/dense@kernel', got {address!r}: append @slot")
    layer = live.graph.layers[resolve_layer(live.graph, address.partition("@")[0])].obj
    held = keras_internals.own_variables(layer)
    for index, variable in enumerate(held):
        if parsed.slot in (variable.name, str(index)):
            return layer, variable
    raise UnknownAddress(
        f"no variable {address!r}: {layer.name!r} has {', '.join(one.name for one in held) or 'no variables'}"
    )


def _check_layer(layer: Any) -> None:
    if not isinstance(layer, keras.Operation):
        raise InvalidEdit(
            f"expected a layer, got {type(layer).__name__} {layer!r}: pass a keras layer, model or operation"
        )


def _at(args: Any, kwargs: Any, path: str, layer: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    def walk(value: Any, steps: list[str]) -> Any:
        if not steps:
            return layer(value)
        step, rest = steps[0], steps[1:]
        if isinstance(value, dict):
            return {key: walk(item, rest) if str(key) == step else item for key, item in value.items()}
        items = [walk(item, rest) if str(index) == step else item for index, item in enumerate(value)]
        return tuple(items) if isinstance(value, tuple) else items

    steps = path.split("/")
    if steps[0].isdecimal():
        return walk(args, steps), kwargs
    return args, walk(kwargs, steps)


# -- where things went ------------------------------------------------------------------------------------------


def moved(
    old: LiveGraph,
    domain: Rebuild,
    plan: Plan,
    model: keras.Model,
    removed: Collection[str],
    copies: Mapping[int, Any],
) -> dict[str, str]:
    """The addresses of the calls and layers of a model -> their addresses in the edited one."""
    new = LiveGraph(model)
    inlined = {one.scope for one in plan.plans() if one.mode is Mode.INLINE}
    units = {(new.parent[unit], id(new.node(unit))): unit for unit in new.position}
    for place, inside in new.units.items():
        if isinstance(new.operation(place), keras.Sequential):
            # A Sequential model has called its layers again.
            units |= {(place, id(new.operation(unit))): unit for unit in inside}
    found: dict[str, str] = {ROOT: ROOT}
    ordered = sorted(old.position, key=lambda unit: unit.count("/"))
    for unit in ordered:
        scope = found.get(old.parent[unit])
        if scope is None or unit in removed:
            continue
        if unit in inlined:
            found[unit] = scope
            continue
        node = domain.trace.get(unit)
        after = None
        if node is not None:
            operation = keras_internals.node_operation(node)
            after = units.get((scope, id(node))) or units.get((scope, id(operation)))
        if after is None and node is None:
            same = unit if scope == old.parent[unit] else f"{scope}/{unit.rpartition('/')[2]}"
            after = same if same in new.position and new.operation(same) is old.operation(unit) else None
            if after is None and old.is_input(unit) and same in new.position:
                after = same
        if after is not None:
            found[unit] = after
    names = {old.graph.address(one): new.graph.address(two) for one, two in found.items() if one != ROOT}
    paths = {id(layer.obj): path for path, layer in new.graph.layers.items()}
    for path, layer in old.graph.layers.items():
        here = id(copies.get(id(layer.obj), layer.obj))
        if path != ROOT and here in paths:
            names[path] = paths[here]
    for before, now in found.items():
        if before != ROOT and ((old.is_scope(before) and new.is_scope(now)) or old.is_input(before)):
            names.setdefault(old.layer_path(before), new.layer_path(now))  # It was rebuilt.
    return names
