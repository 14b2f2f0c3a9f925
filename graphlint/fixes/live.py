"""The makers of edits of models in memory: each is a few calls of the replay engine."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from functools import singledispatch
from typing import Any

import keras
import numpy as np

from graphlint.errors import CannotClone, FixError
from graphlint.findings import edits
from graphlint.fixes.training import carry_training
from graphlint.knowledge import keras_internals
from graphlint.knowledge.naming import snake_case
from graphlint.model.address import ROOT, overlap
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.replay.clone import clone_what_can_be
from graphlint.replay.edit import edit
from graphlint.replay.interpreter import Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Planner
from graphlint.replay.rebuild import Rebuild, build_like, declared_inputs, declared_outputs, in_structure, root_inputs
from graphlint.replay.transaction import Transaction
from graphlint.sources.live import read_live


def apply_edits(model: keras.Model, changes: Iterable[edits.Edit]) -> tuple[keras.Model, list[str]]:
    """Apply edits to a model, which itself does not change. Returns the edited model, and notes.

    Raises:
        FixError: an edit is for files only, or does not apply to this model.
    """
    changes = _joined(changes)
    current = model
    for change in changes:
        if isinstance(change, edits.Prune) and any(
            keras_internals.own_variables(_layer(model, path)) for path in change.layers
        ):
            # Before cloning: a copy of the graph does not contain the variables to be removed.
            current = make(change, current)
    current, kept = clone_what_can_be(current)
    notes = _require_untouched(current, kept, changes)
    losses: dict[str | int | None, Any] = {}
    keep_state, afresh = True, False
    for change in changes:
        if isinstance(change, edits.Compile):
            losses.update(change.losses)
        elif isinstance(change, edits.DropOptimizer):
            keep_state = False
        else:
            if getattr(change, "fresh", False):
                # Training steps without a layer look like a layer that no gradient reaches.
                keep_state, afresh = False, _was_trained(model)
            current = make(change, current)
    notes += carry_training(model, current, losses, keep_state=keep_state)
    return current, [*notes, "the optimizer state is reset"] if afresh else notes


def _require_untouched(model: keras.Model, kept: list[CannotClone], changes: Iterable[edits.Edit]) -> list[str]:
    """Notes on layers that stay those of the original, because they cannot be copied.

    Raises:
        FixError: one of them would be changed, and with it the original.
    """
    notes = []
    touched = frozenset().union(*(change.touches() for change in changes))
    layers = _graph(model).layers.items()
    for error in kept:
        held = [path for path, layer in layers if any(layer.obj is one for one in error.layers)]
        if any(overlap(one, other) for one in held for other in touched):
            raise FixError(str(error))
        notes.append(f"not copied, and so the same layers in both models: {', '.join(held)} ({error})")
    return notes


def _was_trained(model: keras.Model) -> bool:
    return model.compiled and model.optimizer is not None and int(model.optimizer.iterations) > 0


def _joined(changes: Iterable[edits.Edit]) -> list[edits.Edit]:
    """The edits, with those joined that can be made together; the order of the others is kept."""
    joined: list[edits.Edit] = []
    for change in changes:
        for place, other in enumerate(joined):
            both = other.joined(change)
            if both is not None:
                joined[place] = both
                break
        else:
            joined.append(change)
    return joined


@singledispatch
def make(change: edits.Edit, model: keras.Model) -> keras.Model:
    """Make one edit; an implementation is registered for each class of edits of models in memory.

    Raises:
        FixError: there is none.
    """
    raise FixError(f"the edit {type(change).__name__} is made on files: run `graphlint fix` on the file")


@make.register
def _remove(change: edits.Remove, model: keras.Model) -> keras.Model:
    builder = edit(model)
    for address in _everywhere(change.calls):
        builder.remove(address)
    return builder.build()


@make.register
def _merge_calls(change: edits.MergeCalls, model: keras.Model) -> keras.Model:
    (keep,) = _everywhere([change.keep])
    builder = edit(model)
    names = []
    for number, address in enumerate(_everywhere(change.drop)):
        names.append(f"graphlint_merged_{number}")
        builder.replace(address, keras.layers.Identity(name=names[-1]), inputs=keep)
    merged = builder.build()
    builder = edit(merged)
    for layer in _paths(merged, names):
        builder.remove(layer)
    return builder.build()


@make.register
def _freeze(change: edits.Freeze, model: keras.Model) -> keras.Model:
    return _set_trainable(model, change.layers, False)


@make.register
def _unfreeze(change: edits.Unfreeze, model: keras.Model) -> keras.Model:
    for path in change.containers:
        keras_internals.set_own_trainable(_layer(model, path), True)
    return _set_trainable(model, change.layers, True)


def _set_trainable(model: keras.Model, paths: Iterable[str], trainable: bool) -> keras.Model:
    for path in paths:
        for layer in keras_internals.all_layers(_layer(model, path)):
            keras_internals.set_own_trainable(layer, trainable)
            for variable in keras_internals.optimizable_variables(layer):
                variable.trainable = trainable
    return model


@make.register
def _share(change: edits.Share, model: keras.Model) -> keras.Model:
    return edit(model).share(change.keep, change.drop).build()


@make.register
def _unshare(change: edits.Unshare, model: keras.Model) -> keras.Model:
    for address in reversed(_everywhere(change.calls)):  # The calls before keep their indices.
        model = edit(model).unshare(address).build()
    return model


@make.register
def _tie_reversed(change: edits.TieReversed, model: keras.Model) -> keras.Model:
    table, dense = _layer(model, change.embedding), _layer(model, change.dense)
    layer = keras.layers.ReversibleEmbedding.from_config({**table.get_config(), "tie_weights": True})
    activation = keras.layers.Activation(dense.activation, dtype=dense.dtype_policy, name=dense.name)
    graph = _graph(model)
    builder = edit(model)
    for address in _addresses(graph, change.embedding):
        builder.replace(address, layer)
    for address in _addresses(graph, change.dense):
        builder.replace(address, layer).set_argument(address, "reverse", True).insert_after(address, activation)
    changed = builder.build()
    _take_over(layer, table)
    return changed


@make.register
def _drop_argument(change: edits.DropArgument, model: keras.Model) -> keras.Model:
    builder = edit(model)
    for address in _everywhere(change.calls):
        builder.drop_argument(address, change.argument)
    return builder.build()


@make.register
def _configure(change: edits.Configure, model: keras.Model) -> keras.Model:
    old = _layer(model, change.layer)
    layer = type(old).from_config({**old.get_config(), **change.config})
    return _replace_layers(model, {change.layer: layer}, fresh=change.fresh)


@make.register
def _replace(change: edits.Replace, model: keras.Model) -> keras.Model:
    return _replace_layers(model, {change.layer: _new_layer(model, change, replacing=True)}, inputs=change.inputs)


@make.register
def _insert_after(change: edits.InsertAfter, model: keras.Model) -> keras.Model:
    (address,) = _everywhere([change.call])
    return edit(model).insert_after(address, _new_layer(model, change)).build()


@make.register
def _insert_before(change: edits.InsertBefore, model: keras.Model) -> keras.Model:
    (address,) = _everywhere([change.call])
    builder = edit(model)
    if change.fresh:
        graph = _graph(model)
        old = graph.layer(change.call)
        if len(_addresses(graph, old.path)) > 1:
            raise FixError(f"expected a layer with one call, got {old.path}")
        builder.replace(address, type(old.obj).from_config(old.obj.get_config()))
    return builder.insert_before(address, _new_layer(model, change)).build()


def _new_layer(
    model: keras.Model, change: edits.Replace | edits.InsertAfter | edits.InsertBefore, *, replacing: bool = False
) -> keras.Layer:
    """A new layer, under a name that no other layer has."""
    found = getattr(keras.layers, change.class_name)
    config = dict(change.config)
    if not replacing:
        taken = {layer.name for layer in _graph(model).layers.values()}
        name = first = config.get("name", snake_case(change.class_name))
        for number in itertools.count(1):
            if name not in taken:
                break
            name = f"{first}_{number}"
        config["name"] = name
    layer: keras.Layer = found.from_config(config)
    return layer


@make.register
def _drop_inputs(change: edits.DropInputs, model: keras.Model) -> keras.Model:
    gone = set(change.inputs)
    graph = _graph(model)
    fed = graph.descendants([call for call in graph.inputs if graph.layer(call).name in gone])
    around = {graph.scopes[graph.calls[call].scope].layer for call in fed if call in graph.calls}
    return _without_idle(model, around, gone)


@make.register
def _prune(change: edits.Prune, model: keras.Model) -> keras.Model:
    return _without_idle(model, change.layers, frozenset())


def _without_idle(model: keras.Model, layers: Iterable[str], inputs: Collection[str]) -> keras.Model:
    """The model without ``inputs``, and with the models at ``layers`` rebuilt for their used outputs."""
    live = LiveGraph(model)
    with Transaction(live.operations()):
        domain = Rebuild(live, keep_classes=True)
        plan = Planner(live, opened=set(layers) - {ROOT}, prune=True).plan(live.graph.outputs)
        environment = root_inputs(live)
        declared = in_structure(live, ROOT, environment, _kept(declared_inputs(live, ROOT), inputs))
        Interpreter(live, domain).run(plan, environment)
        outputs = in_structure(live, ROOT, environment, declared_outputs(live, ROOT))
        return build_like(live.model, declared, outputs, domain.known, len(live.graph.calls))


def _kept(structure: Any, gone: Collection[str]) -> Any:
    """A structure of Inputs without those of some names; a list with one left becomes the Input itself."""

    def is_gone(value: Any) -> bool:
        made = keras_internals.producer(value) if isinstance(value, keras.KerasTensor) else None
        return made is not None and keras_internals.node_operation(made[0]).name in gone

    def keep(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: keep(value) for key, value in part.items() if not is_gone(value)}
        if isinstance(part, (list, tuple)):
            return [keep(value) for value in part if not is_gone(value)]
        return part

    kept = keep(structure) if gone else structure
    return kept[0] if gone and isinstance(kept, list) and len(kept) == 1 else kept


@make.register
def _save_again(change: edits.SaveAgain, model: keras.Model) -> keras.Model:
    return model


@make.register
def _fold_bias(change: edits.FoldBias, model: keras.Model) -> keras.Model:
    changed: dict[str, Any] = {}
    graph = _graph(model)
    for path, behind in change.layers.items():
        old, norm = graph.layers[path].obj, graph.layers[behind].obj
        bias = keras.ops.convert_to_numpy(old.bias)
        mean = keras.ops.convert_to_numpy(norm.moving_mean)
        norm.moving_mean.assign(mean - bias)
        changed[path] = type(old).from_config({**old.get_config(), "use_bias": False})
    return _replace_layers(model, changed)


@make.register
def _merge_linear(change: edits.MergeLinear, model: keras.Model) -> keras.Model:
    first, second = (_layer(model, path) for path in (change.first, change.second))
    if not (isinstance(first, keras.layers.Dense) and isinstance(second, keras.layers.Dense)):
        raise FixError(f"expected two Dense layers to merge, got {type(first).__name__} and {type(second).__name__}")
    kernels = [np.asarray(keras.ops.convert_to_numpy(one.kernel), "float64") for one in (first, second)]
    bias = np.zeros(kernels[1].shape[1])
    if first.use_bias:
        bias = bias + np.asarray(keras.ops.convert_to_numpy(first.bias), "float64") @ kernels[1]
    if second.use_bias:
        bias = bias + keras.ops.convert_to_numpy(second.bias)
    use_bias = first.use_bias or second.use_bias
    layer = keras.layers.Dense.from_config({**second.get_config(), "use_bias": use_bias})
    graph = _graph(model)
    builder = edit(model)
    for path in (change.first, change.second):
        for address in _addresses(graph, path):
            if path == change.first:
                builder.remove(address)
            else:
                builder.replace(address, layer)
    merged = builder.build()
    layer.kernel.assign(kernels[0] @ kernels[1])
    if use_bias:
        layer.bias.assign(bias)
    _copy_flags(second, layer)
    return merged


# -- shared by the edits ----------------------------------------------------------------------------------------


def _graph(model: keras.Model) -> ModelGraph:
    return expand(read_live(model))


def _layer(model: keras.Model, path: str) -> Any:
    return _graph(model).layers[path].obj


def _paths(model: keras.Model, names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [path for path, layer in _graph(model).layers.items() if layer.name in wanted]


def _everywhere(calls: Iterable[str]) -> list[str]:
    """Addresses of calls without the indices of the enclosing models: the call, wherever its model is called."""
    found = []
    for call in calls:
        *outer, last = call.split("/")
        found.append("/".join([*(part.partition("#")[0] for part in outer), last]))
    return list(dict.fromkeys(found))


def _addresses(graph: ModelGraph, path: str) -> list[str]:
    """Where a layer is called, as addresses that are valid at every call of the enclosing models.

    Raises:
        FixError: it is never called, or only by a layer that wraps it.
    """
    calls = graph.call_sites(path)
    if not calls or any(graph.calls[call].layer != path for call in calls):
        raise FixError(f"expected a layer that the graph calls, got {path}")
    return _everywhere(calls)


def _replace_layers(
    model: keras.Model, layers: dict[str, Any], *, fresh: bool = False, inputs: Collection[str] = ()
) -> keras.Model:
    """Replace layers (by path) at all of their calls; new ones take over the weights, unless they are ``fresh``."""
    graph = _graph(model)
    builder = edit(model)
    for path, layer in layers.items():
        for address in _addresses(graph, path):
            builder.replace(address, layer, inputs=_everywhere(inputs) or None)
    changed = builder.build()
    for path, layer in layers.items():
        old = graph.layers[path].obj
        if isinstance(old, keras.Layer):
            if not fresh:
                _take_over(layer, old)
            _copy_flags(old, layer)
    return changed


def _take_over(new: Any, old: Any) -> None:
    """Give a layer the values of another one's variables of the same names and shapes."""
    known = {one.name: one for one in keras_internals.own_variables(old)}
    for variable in keras_internals.own_variables(new):
        former = known.get(variable.name)
        if former is not None and former.shape == variable.shape:
            variable.assign(keras_internals.numbers(former))


def _copy_flags(old: Any, new: Any) -> None:
    keras_internals.set_own_trainable(new, old.trainable)
    known = {one.name: one for one in keras_internals.own_variables(old)}
    for variable in keras_internals.own_variables(new):
        former = known.get(variable.name)
        if former is not None and former.trainable != variable.trainable:
            variable.trainable = former.trainable
