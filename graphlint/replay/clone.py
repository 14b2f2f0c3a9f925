"""Copy a model with everything that belongs to it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import FunctionType
from typing import Any, Literal

import keras

from graphlint.errors import CannotClone, LostTie, ReplayError, one_line
from graphlint.knowledge import keras_internals
from graphlint.knowledge.origin import is_live_keras_class
from graphlint.knowledge.snapshots import Snapshot
from graphlint.model.address import ROOT
from graphlint.model.graph import Tensor
from graphlint.replay.by_attributes import Attributes, can_be_copied
from graphlint.replay.domains import Symbolic
from graphlint.replay.interpreter import Environment, Interpreter
from graphlint.replay.live_graph import Arguments, LiveGraph
from graphlint.replay.measure import require_alike
from graphlint.replay.plan import Planner
from graphlint.replay.rebuild import (
    build_model,
    declared_inputs,
    declared_outputs,
    fresh_input,
    fresh_input_layer,
    in_structure,
)
from graphlint.replay.transaction import Transaction
from graphlint.sources.keras_2 import no_model_of_keras_3
from graphlint.sources.live import compile_settings

Weights = Literal["copy", "share", "init"]
Sharing = Literal["preserve", "undo"]


def clone(model: keras.Model, weights: Weights = "copy", sharing: Sharing = "preserve") -> keras.Model:
    """Copy a model: layers, sharing, ties, flags, weights and other state, compilation and optimizer.

    Copies are made from configurations, or attribute by attribute where code has none, and compared: every call of the
    model also runs on the copy of its layer.

    Args:
        model: any Keras model. One of code that has no configuration must not hide layers in functions or in objects of
            other libraries; optimizers that it holds itself start without a state.
        weights: ``copy`` gives the copy its own variables with the same values, with random states, vocabularies and
            optimizer; ``share`` builds a new model of the same layers; ``init`` initialises the weights again.
        sharing: ``undo`` gives every call of a layer its own copy of the layer, and unties variables; if the weights
            are shared with the model there is nothing to undo.

    Warns:
        NotMeasured: a layer that is not Keras's own could not be compared with its copy.

    Raises:
        CannotClone: a layer cannot be made again (new weights need a configuration), or its copy does something else.
        LostTie: a tie cannot be kept.

    >>> import keras
    >>> inputs = keras.Input((4,), name="x")
    >>> step = keras.layers.Dense(4, name="step")
    >>> model = keras.Model(inputs, step(step(inputs)))
    >>> copy = clone(model)
    >>> copy.count_params(), copy.get_layer("step") is step
    (20, False)
    >>> [layer.name for layer in clone(model, sharing="undo").layers]
    ['x', 'step', 'step_1']
    """
    for value, choices, name in (
        (weights, ("copy", "share", "init"), "weights"),
        (sharing, ("preserve", "undo"), "sharing"),
    ):
        if value not in choices:
            raise ReplayError(f"expected one of {', '.join(choices)} for {name}=, got {value!r}")
    if not isinstance(model, keras.Model):
        raise ReplayError(no_model_of_keras_3(model))
    keras_internals.self_test()
    return copy_model(model, Cloner(weights, sharing))


def clone_what_can_be(model: keras.Model) -> tuple[keras.Model, list[CannotClone]]:
    """Copy a model with what can be copied. The other layers are in both; returns also why they cannot be.

    Raises:
        CannotClone: the model itself cannot be made from its configuration.
    """
    errors: list[CannotClone] = []
    while True:
        kept = [layer for error in errors for layer in error.layers]
        try:
            return copy_model(model, Cloner("copy", "preserve", keep=kept)), errors
        except CannotClone as error:
            if not error.layers or any(one is model or any(one is other for other in kept) for one in error.layers):
                raise
            errors.append(error)


def copy_model(model: keras.Model, cloner: Cloner) -> keras.Model:
    """The copy of a model by a `Cloner`, compared with the model."""
    layers = keras_internals.all_layers(model)
    with Transaction(layers), _own_classes(layers):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            copy = cloner.clone(model)
        cloner.require_alike(model)
        return copy


def copy_layers(operations: Iterable[Any], names: Mapping[int, str] | None = None) -> Cloner:
    """Copies of some layers, operations or nested models, with the same values; `Cloner.made` holds them.

    What they have in common stays common, and so does a variable of others that is an argument of a call inside.
    ``names`` (by ``id``) are new names.

    Raises:
        CannotClone: one cannot be made from its configuration.
    """
    operations = list(operations)
    layers = [
        one
        for operation in operations
        for one in (keras_internals.all_layers(operation) if isinstance(operation, keras.Layer) else [operation])
    ]
    with Transaction(layers), _own_classes(layers), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cloner = Cloner("copy", "preserve", only=layers)
        for operation in operations:
            _build_by_call(operation, cloner.operation(operation, (names or {}).get(id(operation))))
        cloner.finish()
        return cloner


def _build_by_call(old: Any, new: Any) -> None:
    """Call a new layer on symbols as another one was called, where only that builds what is inside it."""
    nodes = keras_internals.inbound_nodes(old)
    if not nodes or new is old or not isinstance(new, keras.Layer):
        return
    if not any(keras_internals.waits_for_build(layer) for layer in keras_internals.all_layers(new)):
        return

    def fresh(leaf: Any) -> Any:
        if not isinstance(leaf, keras.KerasTensor):
            return leaf
        return keras.KerasTensor(leaf.shape, dtype=leaf.dtype, sparse=leaf.sparse)

    args, kwargs = keras.tree.map_structure(fresh, keras_internals.node_arguments(nodes[-1]))
    with Transaction(keras_internals.all_layers(new), keep=False):
        try:
            new(*args, **kwargs)
        except Exception:
            return  # What is missing is reported when the variables are compared.


@contextmanager
def _own_classes(layers: list[Any]) -> Iterator[None]:
    """Everything that a configuration of a model in memory may name."""
    classes = {type(layer).__name__: type(layer) for layer in layers if not is_live_keras_class(type(layer))}
    with ExitStack() as stack:
        stack.enter_context(keras.saving.custom_object_scope(classes))
        stack.enter_context(keras_internals.trusting_scope())
        yield


class Cloner:
    """One copy in the making: ``made`` maps the ``id`` of an operation to its copy."""

    def __init__(
        self, weights: Weights, sharing: Sharing, *, keep: Iterable[Any] = (), only: Iterable[Any] | None = None
    ) -> None:
        self.weights = weights
        keep = list(keep)
        self.held = {
            id(one)
            for layer in keep
            for one in (keras_internals.all_layers(layer) if isinstance(layer, keras.Layer) else [layer])
        }
        """``id`` of what is not copied, with all that it holds."""
        self.undo = sharing == "undo" and weights != "share"
        self.made: dict[int, Any] = {}
        self.pairs: list[tuple[Any, Any]] = []
        """Every layer with its copy, sublayers included."""
        self.variables: dict[int, Any] = {id(one): one for one in _variables(keep)}
        """``id`` of a variable -> the variable that replaces it."""
        self.own = None if only is None else {id(one) for one in _variables(only)}
        """``id`` of the variables that are copied where they are arguments; None for all."""
        self.handed: set[int] = set()
        """``id`` of every copy of a sublayer that is in its place."""
        self.copies: dict[int, list[Any]] = {}
        """``id`` of what was made from its configuration -> the copies."""
        self.kept: list[Any] = []
        """Keeps alive what is identified by its ``id``."""

    def clone(self, model: keras.Model) -> keras.Model:
        """The copy of a whole model."""
        copy = self.operation(model)
        if self.weights == "share":
            keras_internals.set_own_trainable(copy, model.trainable)
            return copy
        self.finish()
        compile_like(model, copy, self.variables if self.weights == "copy" else None)
        return copy

    def finish(self) -> None:
        """Copy state, ties and flags, once all layers exist."""
        for old, new in self.pairs:
            # Layers that only their first call could build.
            self.hand_sublayers(old, new)
        for old, new in self.pairs:
            self.match(old, new)
        if not self.undo:
            self.tie()
        self.copy_flags()

    def require_alike(self, model: keras.Model) -> None:
        """Compare the copies with the layers of the model that they were made of.

        Raises:
            CannotClone: one does something else.
        """
        if not self.copies:
            return
        if self.weights == "copy":
            require_alike(model, self.copies)
            return
        fresh = {id(new): new for _, layer in self.pairs for new in layer.variables}
        before = Snapshot(fresh.values())
        try:
            for old, new in self.pairs:
                copy_state(old, new)
            require_alike(model, self.copies)
        finally:
            before.restore()

    # -- making -------------------------------------------------------------------------------------------------

    def operation(self, operation: Any, name: str | None = None) -> Any:
        """The copy of a layer, operation or model; the same one each time, unless sharing is undone."""
        if not self.undo and id(operation) in self.made:
            return self.made[id(operation)]
        if keras_internals.graph_model(operation) is not None and follows_its_graph(operation):
            copy = self.container(operation)
            self.pairs.append((operation, copy))
        elif self.weights == "share" or id(operation) in self.held:
            copy = operation
        else:
            copy = self.leaf(operation, name)
        if name is not None:
            copy.name = name
        self.made[id(operation)] = copy
        self.kept.append(operation)
        return copy

    def leaf(self, operation: Any, name: str | None = None) -> Any:
        """A layer or operation from its configuration, with copies of what it holds in the same places."""
        try:
            copy = type(operation).from_config(operation.get_config())
        except Exception as error:
            if self.weights == "init" or not can_be_copied(operation):
                raise CannotClone(
                    f"{type(operation).__name__} {operation.name!r} cannot be created from its configuration "
                    f"({one_line(error)}): give it get_config() and from_config()",
                    [operation],
                ) from error
            copy = self.by_attributes(operation)
        self.copies.setdefault(id(operation), []).append(copy)
        if not isinstance(operation, keras.Layer):
            return copy
        _keep_code(operation, copy)
        # Before it is built, for the paths of its variables; a subclassed model may leave it out of its configuration.
        copy.name = name or operation.name
        self.pairs.append((operation, copy))
        self.hand_sublayers(operation, copy)
        if operation.built and not copy.built:
            self.build(operation, copy)
            self.hand_sublayers(operation, copy)
        return copy

    def by_attributes(self, layer: Any) -> Any:
        """A layer of the user's own code that has no configuration."""
        attributes = Attributes(layer, self.inside)
        if not self.undo:
            self.made[id(layer)] = attributes.new  # A layer inside may hold the one that holds it.
        return attributes.copy()

    def inside(self, layer: Any) -> Any:
        copy = self.operation(layer)
        self.handed.add(id(copy))
        return copy

    def hand_sublayers(self, old: Any, new: Any) -> None:
        """Replace the sublayers that a new layer created with existing copies, so that ties through it are kept."""
        before, after = _direct_sublayers(old), _direct_sublayers(new)
        for path, sublayer in before.items():
            twin = after.get(path)
            if type(twin) is not type(sublayer) or id(twin) in self.handed:
                continue
            known = None if self.undo else self.made.get(id(sublayer))
            if keras_internals.graph_model(sublayer) is not None:
                known = self.operation(sublayer)
            if known is not None:
                keras_internals.replace_member(new, twin, known)
                self.handed.add(id(known))
            else:
                self.made[id(sublayer)] = twin
                self.kept += [sublayer, twin]
                self.handed.add(id(twin))
                self.pairs.append((sublayer, twin))
                _keep_code(sublayer, twin)
                self.hand_sublayers(sublayer, twin)

    @staticmethod
    def build(old: Any, new: Any) -> None:
        """Create the variables of a new layer now if its class says how; otherwise its first call does."""
        config = old.get_build_config()
        if config:
            try:
                new.build_from_config(config)
            except Exception:
                new.built = False

    def container(self, model: Any) -> Any:
        """A Functional or Sequential model, rebuilt from copies of its layers."""
        if isinstance(model, keras.Sequential):
            return self.sequential(model)
        live = LiveGraph(model)
        environment: Environment = {Tensor(unit, 0): self.input(live.operation(unit)) for unit in live.graph.inputs}
        plan = Planner(live, whole=True).plan(live.graph.outputs)
        _Cloning(live, self).run(plan, environment)
        inputs = in_structure(live, ROOT, environment, declared_inputs(live, ROOT))
        outputs = in_structure(live, ROOT, environment, declared_outputs(live, ROOT))
        known = {id(one) for one in self.made.values()}
        copy = build_model(inputs, outputs, model.name, known, len(live.graph.calls), type(model))
        return self.dress(model, copy)

    def input(self, operation: Any) -> Any:
        """The Input of a copy; one for a model and those inside it that were made from the same Input."""
        if self.undo:
            return fresh_input(operation)
        if id(operation) not in self.made:
            self.made[id(operation)] = fresh_input_layer(operation)
            self.kept.append(operation)
        return self.made[id(operation)].output

    def sequential(self, model: Any) -> Any:
        layers = [
            fresh_input_layer(layer) if isinstance(layer, keras.layers.InputLayer) else self.operation(layer)
            for layer in keras_internals.added_layers(model)
        ]
        return self.dress(model, type(model)(layers, name=model.name))

    @staticmethod
    def dress(old: Any, new: Any) -> Any:
        new.dtype_policy = old.dtype_policy
        return new

    # -- state --------------------------------------------------------------------------------------------------

    def match(self, old: Any, new: Any) -> None:
        """Pair the variables of a layer with those of its copy, and copy state."""
        before, after = keras_internals.own_variables(old), keras_internals.own_variables(new)
        if len(before) != len(after):
            raise CannotClone(
                f"{type(old).__name__} {old.name!r} has {len(before)} variables and its copy {len(after)}: let its "
                "configuration and build() make all of them",
                [old],
            )
        for one, other in zip(before, after, strict=True):
            known = self.variables.setdefault(id(one), other)
            if self.weights == "init" and id(one) in self.made:  # It is an argument as well.
                known.assign(keras_internals.numbers(other))
            if old.name == new.name:  # A layer inside code was built on its own.
                keras_internals.take_path(one, other)
        if self.weights == "copy":
            copy_state(old, new)

    def tie(self) -> None:
        """Tie the variables of the copy that are one in the model."""
        for old, new in self.pairs:
            for one, other in zip(keras_internals.own_variables(old), keras_internals.own_variables(new), strict=True):
                first = self.variables[id(one)]
                if first is other:
                    continue
                keras_internals.replace_member(new, other, first)
                if not any(held is first for held in keras_internals.own_variables(new)):
                    raise LostTie(
                        f"{one.name} of {old.name!r} is tied to another variable, and its copy could not be: tie them "
                        "in the constructor or build() of the layer"
                    )

    def copy_flags(self) -> None:
        for old, new in self.pairs:
            keras_internals.set_own_trainable(new, old.trainable)
            for one, other in zip(keras_internals.own_variables(old), keras_internals.own_variables(new), strict=True):
                if one.trainable != other.trainable:
                    other.trainable = one.trainable

    def variable(self, variable: Any) -> Any:
        """What replaces a variable that is an argument of a call."""
        if self.weights == "share" or (self.own is not None and id(variable) not in self.own):
            return variable
        known = self.variables.get(id(variable))
        if known is not None:
            return known
        value = keras_internals.numbers(variable)
        made = keras.Variable(value, dtype=variable.dtype, trainable=variable.trainable, name=variable.name)
        keras_internals.take_path(variable, made)
        # The copy of a layer that holds it as well gets it when variables are tied.
        self.variables[id(variable)] = self.made[id(variable)] = made
        self.kept.append(variable)
        return made


class _Cloning(Interpreter):
    """Runs the calls of a model on copies of its layers."""

    def __init__(self, live: LiveGraph, cloner: Cloner) -> None:
        super().__init__(live, Symbolic(infer=True))
        self.cloner = cloner
        self.names: set[str] = {live.operation(unit).name for unit in live.units[ROOT]}
        self.used: set[int] = set()

    def operation(self, unit: str) -> Any:
        original = self.live.operation(unit)
        name = None
        if self.cloner.undo:
            if id(original) in self.used:
                number = 1
                while f"{original.name}_{number}" in self.names:
                    number += 1
                name = f"{original.name}_{number}"
                self.names.add(name)
            self.used.add(id(original))
        return self.cloner.operation(original, name)

    def fill_in(
        self, unit: str, arguments: Arguments, environment: Environment
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, kwargs = super().fill_in(unit, arguments, environment)

        def copied(leaf: Any) -> Any:
            return self.cloner.variable(leaf) if isinstance(leaf, keras_internals.VARIABLE) else leaf

        args, kwargs = keras.tree.map_structure(copied, (args, kwargs))
        return tuple(args), kwargs


def follows_its_graph(model: Any) -> bool:
    """Whether a model is only its graph: without a custom call, constructor or configuration."""
    if isinstance(model, keras.Sequential):
        return type(model) is keras.Sequential
    cls = type(model)
    return keras_internals.has_functional_constructor(cls)


def _variables(operations: Iterable[Any]) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, keras.Layer):
            yield from operation.variables


def _keep_code(old: Any, new: Any) -> None:
    """Let the copy of a Lambda run its function: stored code is without the names that it reads from its module."""
    if isinstance(old, keras.layers.Lambda):
        new.function, new.mask = old.function, old.mask
        keras_internals.keep_output_shape(old, new)


def _direct_sublayers(layer: Any) -> dict[str, Any]:
    if keras_internals.graph_model(layer) is not None and follows_its_graph(layer):
        return {}
    return dict(keras_internals.sublayers(layer))


def copy_state(old: Any, new: Any) -> None:
    """Copy what one layer itself keeps: variables, random states, assets."""
    store: dict[str, Any] = {}
    variables = keras_internals.own_variables(old)
    if variables:
        old.save_own_variables(store)
        new.load_own_variables({key: keras_internals.numbers(value) for key, value in store.items()})
    for one, other in zip(variables, keras_internals.own_variables(new), strict=False):
        # A layer may save something else than it holds: LoRA merges its matrices into the kernel.
        other.assign(keras_internals.numbers(one))
    states = [[*keras_internals.seed_states(one), *keras_internals.carried_states(one)] for one in (old, new)]
    for one, other in zip(*states, strict=False):
        other.assign(keras_internals.numbers(one))
    if keras_internals.has_assets(old):
        with tempfile.TemporaryDirectory() as folder:
            old.save_assets(folder)
            new.load_assets(folder)
    if hasattr(new, "finalize_state") and variables:
        new.finalize_state()


def compile_like(old: keras.Model, new: keras.Model, variables: Mapping[int, Any] | None) -> None:
    """Compile a copy as the model is; with ``variables`` (by ``id`` of the old one) the optimizer state is copied."""
    if not old.compiled or keras_internals.compile_arguments(old) is None:
        return
    compile_as(old, new)
    before = old.optimizer
    if variables is None or before is None or not before.built:
        return
    trained = [variables.get(id(one)) for one in keras_internals.optimized_variables(before)]
    known = {id(one) for one in trained}
    if any(one is None for one in trained) or any(id(one) not in known for one in new.trainable_variables):
        return
    # Compiling has built it for what is trainable now, which was frozen or unfrozen after the training perhaps.
    after = new.optimizer = type(new.optimizer).from_config(new.optimizer.get_config())
    after.build(trained)
    if len(before.variables) == len(after.variables):
        for one, other in zip(before.variables, after.variables, strict=True):
            if one.shape == other.shape:
                other.assign(keras_internals.numbers(one))


def compile_as(old: keras.Model, new: keras.Model, replaced: Callable[[Any], Any] = lambda loss: loss) -> None:
    """Compile a model as another one is, with objects of its own and the same functions.

    ``replaced`` makes its loss out of the loss of the other, be that as objects or as Keras writes them.
    """
    arguments = keras_internals.compile_arguments(old) or {}
    arguments["loss"] = _loaded(replaced(arguments.get("loss")))
    try:
        settings = compile_settings(old)
        new.compile_from_config({**settings, "loss": replaced(settings["loss"])})
        with_functions = _with_functions(arguments, keras_internals.compile_arguments(new) or {})
        if with_functions:
            new.compile(**with_functions)
    except Exception:
        fresh: dict[str, Any] = {key: arguments[key] for key in ("metrics", "weighted_metrics") if key in arguments}
        fresh = keras.tree.map_structure(_with_own_state, fresh | {"optimizer": old.optimizer})
        new.compile(**{**arguments, **fresh})


def _loaded(loss: Any) -> Any:
    """A loss, or several, as objects where Keras has written them."""
    if isinstance(loss, dict) and "class_name" in loss:
        return keras.saving.deserialize_keras_object(loss)
    if isinstance(loss, dict):
        return {key: _loaded(one) for key, one in loss.items()}
    return [_loaded(one) for one in loss] if isinstance(loss, list) else loss


def _with_own_state(setting: Any) -> Any:
    """A new optimizer or metric like one that a model was compiled with; whatever else it was itself."""
    if not isinstance(setting, (keras.optimizers.Optimizer, keras.metrics.Metric)):
        return setting
    return type(setting).from_config(setting.get_config())


def _with_functions(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a copy was compiled with, and in them the functions of the model; empty if it has none.

    Stored code is without the names that it reads from its module.
    """
    held = {key: before[key] for key in ("loss", "metrics", "weighted_metrics") if key in before}
    if not any(isinstance(one, FunctionType) for one in keras.tree.flatten(held)):
        return {}
    same = {
        key: keras.tree.map_structure(
            lambda one, other: one if isinstance(one, FunctionType) else other, one, after[key]
        )
        for key, one in held.items()
    }
    return {**after, **same}
