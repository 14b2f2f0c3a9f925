"""The edits that fixes are made of, on models in memory: each is a few calls of the replay engine.

A rule names an edit and its arguments, which are ids of the graph that the rule has checked: call ids, layer paths,
variable ids.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import keras
import numpy as np

from graphlint.errors import FixError
from graphlint.fixes.training import carry_training
from graphlint.knowledge import keras_internals
from graphlint.model.address import ROOT
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.replay.clone import clone
from graphlint.replay.edit import edit
from graphlint.replay.interpreter import Interpreter
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.plan import Planner
from graphlint.replay.rebuild import Rebuild, build_like, declared_inputs, declared_outputs, in_structure
from graphlint.replay.split import root_inputs
from graphlint.replay.transaction import Transaction
from graphlint.sources.live import read_live

Arguments = dict[str, Any]
LiveEdit = Callable[[keras.Model, Arguments], keras.Model]


def apply_edits(model: keras.Model, edits: Iterable[tuple[str, Arguments]]) -> tuple[keras.Model, list[str]]:
    """Apply edits to a model, which stays as it is. Returns the edited model, and notes.

    Raises:
        FixError: an edit is made on files only, or means nothing for this model.
    """
    edits = _joined(edits)
    current = model
    for name, arguments in edits:
        if name == "prune" and any(keras_internals.own_variables(_layer(model, path)) for path in arguments["layers"]):
            # Before cloning: a copy made of the graph cannot hold the variables that are to go.
            current = prune(current, arguments)
    current = clone(current)
    compiled: Arguments = {}
    keep_state, afresh = True, False
    for name, arguments in edits:
        if name == "compile":
            compiled.update(arguments)
        elif name == "drop_optimizer":
            keep_state = False
        elif name in LIVE_EDITS:
            if arguments.get("fresh"):
                # Steps of training that a layer took no part in look like a layer that no gradient reaches.
                keep_state, afresh = False, _was_trained(model)
            current = LIVE_EDITS[name](current, arguments)
        else:
            raise FixError(f"the edit {name!r} is made on files: run `graphlint fix` on the file")
    notes = carry_training(model, current, compiled, keep_state=keep_state)
    return current, [*notes, "the optimizer starts anew"] if afresh else notes


def _was_trained(model: keras.Model) -> bool:
    return model.compiled and model.optimizer is not None and int(model.optimizer.iterations) > 0


_LISTS = {"remove": "calls", "freeze": "layers", "prune": "layers", "drop_inputs": "inputs"}
"""Edits that are made at once for several findings, by the argument that lists what they are made on."""


def _joined(edits: Iterable[tuple[str, Arguments]]) -> list[tuple[str, Arguments]]:
    """The edits with those made one that can be made at once; the order of the others stays."""
    joined: list[tuple[str, Arguments]] = []
    places: dict[str, int] = {}
    for name, arguments in edits:
        key = _LISTS.get(name)
        if key is not None and set(arguments) == {key}:
            if name in places:
                joined[places[name]][1][key] += arguments[key]
                continue
            places[name] = len(joined)
            arguments = {key: list(arguments[key])}
        joined.append((name, arguments))
    return joined


def remove(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Drop ``calls``: each passes on what it receives."""
    change = edit(model)
    for address in _everywhere(arguments["calls"]):
        change.remove(address)
    return change.build()


def merge_calls(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Let the consumers of the calls in ``drop`` receive the output of ``keep``, which is the same."""
    (keep,) = _everywhere([arguments["keep"]])
    change = edit(model)
    names = []
    for number, address in enumerate(_everywhere(arguments["drop"])):
        names.append(f"graphlint_merged_{number}")
        change.replace(address, keras.layers.Identity(name=names[-1]), inputs=keep)
    merged = change.build()
    change = edit(merged)
    for layer in _paths(merged, names):
        change.remove(layer)
    return change.build()


def freeze(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Freeze ``layers`` with everything inside."""
    return _set_trainable(model, arguments["layers"], False)


def unfreeze(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Make ``layers`` trainable with everything inside; of ``containers`` only the flag is set."""
    for path in arguments.get("containers", ()):
        keras_internals.set_own_trainable(_layer(model, path), True)
    return _set_trainable(model, arguments["layers"], True)


def _set_trainable(model: keras.Model, paths: Iterable[str], trainable: bool) -> keras.Model:
    for path in paths:
        for layer in keras_internals.all_layers(_layer(model, path)):
            keras_internals.set_own_trainable(layer, trainable)
            for variable in keras_internals.optimizable_variables(layer):
                variable.trainable = trainable
    return model


def share(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Let the calls of the layer ``drop`` run the layer ``keep``."""
    return edit(model).share(arguments["keep"], arguments["drop"]).build()


def unshare(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Give the ``calls`` of a layer copies of their own."""
    for address in reversed(_everywhere(arguments["calls"])):  # Those before keep their indices.
        model = edit(model).unshare(address).build()
    return model


def tie(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Let the variable ``drop`` be the variable ``keep``."""
    return edit(model).tie(arguments["keep"], arguments["drop"]).build()


def tie_reversed(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Let the Dense ``dense`` be the Embedding ``embedding`` called in reverse: one table, also after saving."""
    table, dense = _layer(model, arguments["embedding"]), _layer(model, arguments["dense"])
    layer = keras.layers.ReversibleEmbedding.from_config({**table.get_config(), "tie_weights": True})
    activation = keras.layers.Activation(dense.activation, dtype=dense.dtype_policy, name=dense.name)
    graph = _graph(model)
    change = edit(model)
    for address in _addresses(graph, arguments["embedding"]):
        change.replace(address, layer)
    for address in _addresses(graph, arguments["dense"]):
        change.replace(address, layer).set_argument(address, "reverse", True).insert_after(address, activation)
    changed = change.build()
    _take_over(layer, table)
    return changed


def drop_argument(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Call ``calls`` without the keyword ``argument``."""
    change = edit(model)
    for address in _everywhere(arguments["calls"]):
        change.drop_argument(address, arguments["argument"])
    return change.build()


def configure(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Put a layer with another ``config`` in the place of ``layer``, with the weights that both have.

    With ``fresh`` it starts with new ones.
    """
    old = _layer(model, arguments["layer"])
    layer = type(old).from_config({**old.get_config(), **arguments["config"]})
    return _replace_layers(model, {arguments["layer"]: layer}, fresh=arguments.get("fresh", False))


def replace(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Put a new layer of ``class_name`` with ``config`` in the place of ``layer``, with the weights that both have.

    With ``inputs`` (tensors) it is called on those alone; otherwise as the old one was.
    """
    return _replace_layers(
        model, {arguments["layer"]: _make(model, arguments, replacing=True)}, inputs=arguments.get("inputs")
    )


def insert_after(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Run a new layer of ``class_name`` with ``config`` on the output of ``call``."""
    (address,) = _everywhere([arguments["call"]])
    return edit(model).insert_after(address, _make(model, arguments)).build()


def insert_before(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Run a new layer of ``class_name`` with ``config`` on what ``call`` receives.

    With ``fresh`` the layer called there is made anew, because what it receives has another shape.
    """
    (address,) = _everywhere([arguments["call"]])
    change = edit(model)
    if arguments.get("fresh"):
        graph = _graph(model)
        old = graph.layer(arguments["call"])
        if len(_addresses(graph, old.path)) > 1:
            raise FixError(f"expected a layer with one call, got {old.path}")
        change.replace(address, type(old.obj).from_config(old.obj.get_config()))
    return change.insert_before(address, _make(model, arguments)).build()


def _make(model: keras.Model, arguments: Arguments, replacing: bool = False) -> keras.Layer:
    """A new layer, under a name that no other layer has."""
    found = getattr(keras.layers, arguments["class_name"])
    config = dict(arguments["config"])
    if not replacing:
        taken = {layer.name for layer in _graph(model).layers.values()}
        name = first = config.get("name", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", arguments["class_name"]).lower())
        for number in itertools.count(1):
            if name not in taken:
                break
            name = f"{first}_{number}"
        config["name"] = name
    layer: keras.Layer = found.from_config(config)
    return layer


def drop_inputs(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Take ``inputs`` (names), on which no output depends, out of the signature, and of models inside."""
    gone = set(arguments["inputs"])
    graph = _graph(model)
    fed = graph.descendants([call for call in graph.inputs if graph.layer(call).name in gone])
    around = {graph.scopes[graph.calls[call].scope].layer for call in fed if call in graph.calls}
    return _without_idle(model, around, gone)


def prune(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Rebuild the models at ``layers`` with what their used outputs need, and nothing else that they hold."""
    return _without_idle(model, arguments["layers"], frozenset())


def _without_idle(model: keras.Model, layers: Iterable[str], inputs: Collection[str]) -> keras.Model:
    """The model without ``inputs``, and with those at ``layers`` rebuilt for what is used of them."""
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
    """A structure of Inputs without those of some names; a list of one that is left becomes the Input itself."""

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


def save_again(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Nothing more: a copy has what the graph needs and no other layer."""
    return model


def fold_bias(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Drop the bias of each of ``layers`` (path -> path of the BatchNormalization behind), which its mean takes up."""
    changed = {}
    graph = _graph(model)
    for path, behind in arguments["layers"].items():
        old, norm = graph.layers[path].obj, graph.layers[behind].obj
        bias = keras.ops.convert_to_numpy(old.bias)
        mean = keras.ops.convert_to_numpy(norm.moving_mean)
        norm.moving_mean.assign(mean - bias)
        changed[path] = type(old).from_config({**old.get_config(), "use_bias": False})
    return _replace_layers(model, changed)


def merge_linear(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Put one Dense in the place of two in a row: ``first`` and ``second``, with the product of their kernels."""
    first, second = (_layer(model, arguments[key]) for key in ("first", "second"))
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
    change = edit(model)
    for path in (arguments["first"], arguments["second"]):
        for address in _addresses(graph, path):
            if path == arguments["first"]:
                change.remove(address)
            else:
                change.replace(address, layer)
    merged = change.build()
    layer.kernel.assign(kernels[0] @ kernels[1])
    if use_bias:
        layer.bias.assign(bias)
    _copy_flags(second, layer)
    return merged


LIVE_EDITS: dict[str, LiveEdit] = {
    "remove": remove,
    "merge_calls": merge_calls,
    "freeze": freeze,
    "unfreeze": unfreeze,
    "share": share,
    "unshare": unshare,
    "tie": tie,
    "tie_reversed": tie_reversed,
    "drop_argument": drop_argument,
    "configure": configure,
    "replace": replace,
    "insert_after": insert_after,
    "insert_before": insert_before,
    "drop_inputs": drop_inputs,
    "prune": prune,
    "save_again": save_again,
    "fold_bias": fold_bias,
    "merge_linear": merge_linear,
}
"""Edits by the name under which a rule's fix asks for them; ``compile`` (parts of the compile configuration) and
``drop_optimizer`` (its state) besides."""


# -- shared by the edits ----------------------------------------------------------------------------------------


def _graph(model: keras.Model) -> ModelGraph:
    return expand(read_live(model))


def _layer(model: keras.Model, path: str) -> Any:
    return _graph(model).layers[path].obj


def _paths(model: keras.Model, names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [path for path, layer in _graph(model).layers.items() if layer.name in wanted]


def _everywhere(calls: Iterable[str]) -> list[str]:
    """Addresses of calls without the indices of the models around them: the call wherever its model is called."""
    found = []
    for call in calls:
        *outer, last = call.split("/")
        found.append("/".join([*(part.partition("#")[0] for part in outer), last]))
    return list(dict.fromkeys(found))


def _addresses(graph: ModelGraph, path: str) -> list[str]:
    """Where a layer is called, as addresses that hold at every call of the models around it.

    Raises:
        FixError: it is never called, or only by a layer that wraps it.
    """
    calls = graph.call_sites(path)
    if not calls or any(graph.calls[call].layer != path for call in calls):
        raise FixError(f"expected a layer that the graph calls, got {path}")
    return _everywhere(calls)


def _replace_layers(
    model: keras.Model, layers: dict[str, Any], *, fresh: bool = False, inputs: list[str] | None = None
) -> keras.Model:
    """Replace layers (by path) at all of their calls; new ones take over the weights, unless they are ``fresh``."""
    graph = _graph(model)
    change = edit(model)
    for path, layer in layers.items():
        for address in _addresses(graph, path):
            change.replace(address, layer, inputs=_everywhere(inputs) if inputs else None)
    changed = change.build()
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
            variable.assign(keras.ops.convert_to_numpy(former))


def _copy_flags(old: Any, new: Any) -> None:
    keras_internals.set_own_trainable(new, old.trainable)
    known = {one.name: one for one in keras_internals.own_variables(old)}
    for variable in keras_internals.own_variables(new):
        former = known.get(variable.name)
        if former is not None and former.trainable != variable.trainable:
            variable.trainable = former.trainable
