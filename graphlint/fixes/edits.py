"""The edits that fixes are made of, on models in memory: each is a few calls of the replay engine.

A rule names an edit and its arguments, which are ids of the graph that the rule has checked: call ids, layer paths,
variable ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from graphlint import keras_internals
from graphlint.address import ROOT
from graphlint.fixes.errors import FixError
from graphlint.fixes.training import carry_training
from graphlint.graph.expand import expand
from graphlint.graph.model_graph import ModelGraph, Tensor
from graphlint.replay.clone import clone
from graphlint.replay.edit import Edit, edit
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
    """Apply the edits of one fix to a model, which stays as it is. Returns the edited model, and notes.

    Raises:
        FixError: an edit is made on files only, or means nothing for this model.
    """
    current = clone(model)
    compiled: Arguments = {}
    for name, arguments in edits:
        if name == "compile":
            compiled.update(arguments)
            continue
        change = LIVE_EDITS.get(name)
        if change is None:
            raise FixError(f"the edit {name!r} is made on files: run `graphlint fix` on the file")
        current = change(current, arguments)
    return current, carry_training(model, current, compiled)


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
    return _each(model, arguments["layers"], Edit.freeze)


def unfreeze(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Make ``layers`` trainable with everything inside."""
    return _each(model, arguments["layers"], Edit.unfreeze)


def _each(model: keras.Model, layers: Iterable[str], method: Callable[[Edit, str], Edit]) -> keras.Model:
    change = edit(model)
    for layer in layers:
        method(change, layer)
    return change.build()


def share(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Let the calls of the layer ``drop`` run the layer ``keep``."""
    return edit(model).share(arguments["keep"], arguments["drop"]).build()


def unshare(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Give the ``calls`` of a layer copies of their own."""
    for address in _everywhere(arguments["calls"]):
        model = edit(model).unshare(address).build()
    return model


def tie(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Let the variable ``drop`` be the variable ``keep``."""
    return edit(model).tie(arguments["keep"], arguments["drop"]).build()


def drop_argument(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Call ``calls`` without the keyword ``argument``."""
    change = edit(model)
    for address in _everywhere(arguments["calls"]):
        change.drop_argument(address, arguments["argument"])
    return change.build()


def configure(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Put a layer with another ``config`` in the place of ``layer``, with the weights that both have."""
    old = _layer(model, arguments["layer"])
    layer = type(old).from_config({**old.get_config(), **arguments["config"]})
    return _replace_layer(model, arguments["layer"], layer, _values(old))


def replace(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Put a new layer of ``class_name`` with ``config`` in the place of ``layer``, with the weights that both have."""
    old = _layer(model, arguments["layer"])
    layer = _make(arguments)
    return _replace_layer(model, arguments["layer"], layer, _values(old))


def insert_after(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Run a new layer of ``class_name`` with ``config`` on the output of ``call``."""
    (address,) = _everywhere([arguments["call"]])
    return edit(model).insert_after(address, _make(arguments)).build()


def insert_before(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Run a new layer of ``class_name`` with ``config`` on what ``call`` receives."""
    (address,) = _everywhere([arguments["call"]])
    return edit(model).insert_before(address, _make(arguments)).build()


def _make(arguments: Arguments) -> keras.Layer:
    found = getattr(keras.layers, arguments["class_name"])
    layer: keras.Layer = found.from_config(dict(arguments["config"]))
    return layer


def drop_inputs(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Take ``inputs`` (names), on which no output depends, out of the signature."""
    gone = set(arguments["inputs"])

    def is_gone(value: Any) -> bool:
        made = keras_internals.producer(value) if isinstance(value, keras.KerasTensor) else None
        return made is not None and keras_internals.node_operation(made[0]).name in gone

    def keep(structure: Any) -> Any:
        if isinstance(structure, dict):
            return {key: keep(value) for key, value in structure.items() if not is_gone(value)}
        if isinstance(structure, (list, tuple)):
            return [keep(value) for value in structure if not is_gone(value)]
        return structure

    kept = keep(keras_internals.declared_inputs(model))
    if isinstance(kept, list) and len(kept) == 1:
        kept = kept[0]
    return keras.Model(kept, model.output, name=model.name, trainable=model.trainable)


def prune(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Rebuild the nested models at ``layers`` with those of their outputs that something consumes."""
    live = LiveGraph(model)
    with Transaction(live.operations()):
        domain = Rebuild(live, keep_classes=True)
        plan = Planner(live, opened=arguments["layers"], prune=True).plan(live.graph.outputs)
        environment = root_inputs(live)
        inputs = in_structure(live, ROOT, environment, declared_inputs(live, ROOT))
        Interpreter(live, domain).run(plan, environment)
        outputs = in_structure(live, ROOT, environment, declared_outputs(live, ROOT))
        return build_like(live.model, inputs, outputs, domain.known, len(live.graph.calls))


def fold_bias(model: keras.Model, arguments: Arguments) -> keras.Model:
    """Drop the bias of each of ``layers`` (path -> path of the BatchNormalization behind), which its mean takes up."""
    for path, behind in arguments["layers"].items():
        old, norm = _layer(model, path), _layer(model, behind)
        bias = keras.ops.convert_to_numpy(old.bias)
        mean = keras.ops.convert_to_numpy(norm.moving_mean)
        norm.moving_mean.assign(mean - bias)
        layer = type(old).from_config({**old.get_config(), "use_bias": False})
        model = _replace_layer(model, path, layer, _values(old)[:-1])
    return model


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
    values = [kernels[0] @ kernels[1], *([bias] if use_bias else [])]
    graph = _graph(model)
    (call,) = graph.call_sites(arguments["first"])
    merged = _replace_layer(model, arguments["second"], layer, values, build_from=graph.in_edges(call)[0].spec.shape)
    return edit(merged).remove(_everywhere([call])[0]).build()


LIVE_EDITS: dict[str, LiveEdit] = {
    "remove": remove,
    "merge_calls": merge_calls,
    "freeze": freeze,
    "unfreeze": unfreeze,
    "share": share,
    "unshare": unshare,
    "tie": tie,
    "drop_argument": drop_argument,
    "configure": configure,
    "replace": replace,
    "insert_after": insert_after,
    "insert_before": insert_before,
    "drop_inputs": drop_inputs,
    "prune": prune,
    "fold_bias": fold_bias,
    "merge_linear": merge_linear,
}
"""Edits by the name under which a rule's fix asks for them; ``compile`` (parts of the compile configuration) besides."""


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


def _values(layer: Any) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(one)) for one in keras_internals.own_variables(layer)]


def _replace_layer(
    model: keras.Model, path: str, layer: Any, values: list[np.ndarray], build_from: Any = None
) -> keras.Model:
    """Replace a layer at all of its calls by one of the same name, and give that one values in order."""
    graph = _graph(model)
    old = graph.layers[path]
    calls = graph.call_sites(path)
    if not calls:
        raise FixError(f"expected a layer that is called, got {path}")
    if not layer.built:
        shape = build_from if build_from is not None else _input_shape(graph, calls[0])
        layer.build(shape)
    for variable, value in zip(keras_internals.own_variables(layer), values, strict=False):
        if tuple(variable.shape) == value.shape:
            variable.assign(value)
    keras_internals.set_own_trainable(layer, old.obj.trainable)
    if not old.obj.trainable:
        for variable in keras_internals.own_variables(layer):
            variable.trainable = False
    change = edit(model)
    for address in _everywhere(calls):
        change.replace(address, layer)
    return change.build()


def _input_shape(graph: ModelGraph, call: str) -> Any:
    edges = graph.in_edges(call)
    if len(edges) == 1:
        return edges[0].spec.shape
    return [graph.spec(Tensor(edge.source, edge.output)).shape for edge in edges]
