"""Which outputs the compiled loss covers, read from the compile configuration as Keras distributes it."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from graphlint.findings.edits import Compile
from graphlint.knowledge.layers import Family
from graphlint.knowledge.losses import LossTraits, loss_row
from graphlint.knowledge.origin import is_keras_package
from graphlint.model.definition import Body, LayerDefinition, TensorRef, flat
from graphlint.model.graph import Layer, ModelGraph, ModelNode, Tensor
from graphlint.questions.gradients import gradient_reach, value_reach
from graphlint.questions.heads import last_size, trace_activation


@dataclass(frozen=True, slots=True)
class OutputLoss:
    """One compiled loss on one output of the root model.

    ``loss`` is the name of the loss function in snake case (``categorical_crossentropy``) where ``built_in`` is True,
    else the name as written; None where the output has no loss. ``from_logits`` is None for losses without that flag.
    ``config`` holds the arguments of a loss object, ``weight`` the factor of ``loss_weights``.
    """

    output: Tensor
    index: int
    name: str
    _: KW_ONLY
    loss: str | None
    built_in: bool = False
    from_logits: bool | None = None
    config: dict[str, Any] = field(default_factory=dict)
    weight: float | None = None

    @property
    def traits(self) -> LossTraits | None:
        """What is known of a loss of Keras."""
        return loss_row(self.loss) if self.built_in and self.loss is not None else None


class _Unknown(Exception):
    """The loss is distributed in a way that the configuration does not determine."""


def losses(graph: ModelGraph) -> list[OutputLoss] | None:
    """The loss of every output, in the order of ``graph.outputs``; an output may have several, or one that is None.

    None where there is nothing to say: the model is not compiled, has no compiled loss (``add_loss`` only), is of a
    class of its own (which may train in its own way), or distributes its losses in a way that cannot be told.
    """
    if graph not in _known:
        _known[graph] = _losses(graph)
    return _known[graph]


_known: weakref.WeakKeyDictionary[ModelGraph, list[OutputLoss] | None] = weakref.WeakKeyDictionary()
_ends: weakref.WeakKeyDictionary[ModelGraph, dict[str, list[OutputLoss]]] = weakref.WeakKeyDictionary()


def losses_ending_at(graph: ModelGraph, call: str) -> list[OutputLoss]:
    """The losses on outputs whose values a call produced, seen through reshapes and dropout."""
    if graph not in _ends:
        found = _ends[graph] = {}
        for loss in losses(graph) or ():
            found.setdefault(trace_activation(graph, loss.output).call, []).append(loss)
    return _ends[graph].get(call, [])


def _losses(graph: ModelGraph) -> list[OutputLoss] | None:
    compiled = graph.compile_config
    if not isinstance(compiled, dict) or compiled.get("loss") is None or not stock_training(graph):
        return None
    names = output_names(graph)
    if names is None or len(names) != len(graph.outputs) or not names:
        return None
    body = graph.definition.root.body
    assert body is not None
    if body.traced and not (len(names) == 1 and _is_loss(compiled["loss"])):
        return None  # The outputs of code have no names that layers give.
    structure = _structure(graph.definition.root, names)
    try:
        assigned = _distribute(compiled["loss"], structure, names)
        weights = _weights(compiled.get("loss_weights"), structure, names)
    except _Unknown:
        return None
    found = []
    for index, output in enumerate(graph.outputs):
        for loss in assigned[index] or [None]:
            found.append(_output_loss(output, index, names[index], loss, weights[index]))
    return found


def with_losses(graph: ModelGraph, member: ModelNode, outputs: Sequence[Tensor]) -> list[Tensor] | None:
    """Those outputs of one of several models that a compiled loss covers; None where that cannot be told.

    ``outputs`` are all of its outputs, in its order.
    """
    compiled, root = member.definition.compile_config, member.definition.root
    if not isinstance(compiled, dict) or compiled.get("loss") is None or root.body is None:
        return None
    names = _names(root.body)
    if not names or len(names) != len(outputs):
        return None
    if root.body.traced:
        return list(outputs) if len(names) == 1 and _is_loss(compiled["loss"]) else None
    try:
        assigned = _distribute(compiled["loss"], _structure(root, names), names)
    except _Unknown:
        return None
    return [output for output, found in zip(outputs, assigned, strict=True) if any(one is not None for one in found)]


def cut_off(graph: ModelGraph) -> tuple[list[str], set[str]]:
    """The calls that influence a compiled loss and receive no gradient from it, and those that receive one.

    Both are empty if the losses cannot be told.
    """
    compiled = losses(graph)
    if compiled is None:
        return [], set()
    varying = value_reach(graph, graph.inputs)
    covered = [one.output for one in compiled if one.loss is not None and one.output.call in varying]
    reached = gradient_reach(graph, covered, losses_added(graph))
    ends = {tensor.call for tensor in covered}
    influential = graph.ancestors(ends)
    behind = [
        call for call in graph.calls if call in influential and call not in reached and not graph.layer(call).is_input
    ]
    return behind, reached


def unknown_loss_keys(graph: ModelGraph) -> list[str]:
    """The keys of a dictionary of losses that name no output of a built-in model."""
    loss = (graph.compile_config or {}).get("loss")
    names = output_names(graph)
    body = graph.definition.root.body
    if _is_loss(loss) or not isinstance(loss, dict) or not names or body is None or body.traced:
        return []
    if not stock_training(graph):
        return []
    known = {*names, *(str(key) for key in body.outputs)} if isinstance(body.outputs, dict) else set(names)
    return [key for key, value in loss.items() if key not in known and value is not None and _is_loss(value)]


def one_class(graph: ModelGraph, loss: OutputLoss) -> bool:
    """Whether a categorical cross-entropy has only one class to choose from."""
    row = loss.traits
    if row is None or not (row.cross_entropy and row.one_label) or loss.config.get("axis", -1) != -1:
        return False
    return last_size(graph, loss.output) == 1


def with_loss(graph: ModelGraph, old: OutputLoss, loss: str, **arguments: Any) -> Compile | None:
    """The edit that compiles a model with another loss on one output; None where the place of the old one is unclear.

    ``loss`` is a name in snake case, ``arguments`` are those of its class.
    """
    compiled = graph.compile_config
    if compiled is None or graph.definition.root.body is None:
        return None
    given, count = compiled["loss"], len(graph.outputs)
    row = loss_row(loss)
    assert row is not None
    new = {"module": "keras.losses", "class_name": row.class_name, "config": arguments, "registered_name": None}
    if _is_loss(given):
        if count > 1:
            return None
        return Compile(losses={None: new})
    if isinstance(given, dict):
        keys = [key for key in (old.name, str(old.index)) if key in given]
        return Compile(losses={keys[0]: new}) if len(keys) == 1 else None
    if isinstance(given, (list, tuple)) and len(given) == count:
        return Compile(losses={old.index: new})
    return None


def kept_arguments(loss: OutputLoss, **arguments: Any) -> dict[str, Any]:
    """The arguments of a loss that another one takes too, with some changed."""
    kept: dict[str, Any] = {key: loss.config[key] for key in ("label_smoothing", "reduction") if key in loss.config}
    return {**kept, **arguments}


_TRAINING = ("compile", "compute_loss", "fit", "train_step")


def stock_training(graph: ModelGraph) -> bool:
    """Whether the root is a plain Keras model, or one opened in memory whose class trains as Keras does."""
    root = graph.root
    if root.traced and root.obj is not None:
        return all(_is_inherited(type(root.obj), name) for name in _TRAINING)
    return root.container and stock_model(root)


def _is_inherited(cls: type, name: str) -> bool:
    """Whether a class of a model has a method of Keras's."""
    owner = next((base for base in cls.__mro__ if name in vars(base)), None)
    return owner is not None and owner.__module__.partition(".")[0] == "keras"


def stock_model(layer: Layer) -> bool:
    """Whether a model is of a built-in class, and not of one with its own methods."""
    return layer.traits.family is Family.MODEL


def losses_added(graph: ModelGraph) -> list[str]:
    """Ids of the calls that may add their own loss: ActivityRegularization, AddLoss, and custom layers."""
    return [call for call in graph.calls if adds_loss(graph.layer(call))]


def adds_loss(layer: Layer) -> bool:
    """Whether a layer adds a loss of its own; any that is not Keras's may."""
    if layer.is_operation:
        return False
    return layer.traits.adds_loss or not layer.is_keras or layer.opaque


def output_names(graph: ModelGraph) -> list[str] | None:
    """The names by which ``compile`` and ``fit`` know the outputs: those of the layers or operations they come from.

    None for a root whose body cannot be seen.
    """
    body = graph.definition.root.body
    return None if body is None else _names(body)


def _names(body: Body) -> list[str]:
    return [body.calls[ref.call].layer.name for ref in flat(body.outputs) if isinstance(ref, TensorRef)]


def _structure(root: LayerDefinition, names: list[str]) -> Any:
    """The structure of the outputs by which losses are distributed; None where there is but one."""
    assert root.body is not None
    structure = root.body.outputs
    alone = isinstance(structure, (list, tuple)) and len(names) == 1
    return None if root.class_name == "Sequential" or alone else structure


def _is_loss(value: Any) -> bool:
    """Whether a node of the loss structure is one loss: a name or a serialized function or object."""
    return (
        value is None
        or isinstance(value, str)
        or (isinstance(value, dict) and isinstance(value.get("class_name"), str))
    )


def _distribute(loss: Any, structure: Any, names: list[str]) -> list[list[Any]]:
    count = len(names)
    if _is_loss(loss):
        return [[loss] for _ in names]
    if isinstance(loss, dict):
        by_name = _by_name(loss, structure, names)
        if not all(map(_is_loss, by_name)):
            raise _Unknown
        return [[one] for one in by_name]
    if not isinstance(loss, (list, tuple)) or not all(_is_loss(one) for one in loss):
        raise _Unknown
    if len(loss) == count:
        return [[one] for one in loss]
    if count == 1:
        return [[one for one in loss if one is not None]]
    if isinstance(structure, (list, tuple)) and len(loss) < count:
        return [[one] for one in loss] + [[None]] * (count - len(loss))
    raise _Unknown


def _by_name(given: dict[str, Any], structure: Any, names: list[str]) -> list[Any]:
    keys = names
    if isinstance(structure, dict) and all(isinstance(ref, TensorRef) for ref in structure.values()):
        by_key = [key for key, _ in sorted(structure.items(), key=lambda item: str(item[0]))]
        keys = by_key if set(given) <= set(by_key) else names
    if not set(given) <= set(keys) or len(set(keys)) != len(keys):
        raise _Unknown
    values = [given.get(key) for key in keys]
    if not all(_is_loss(value) or isinstance(value, (int, float)) for value in values):
        raise _Unknown
    return values


def _weights(given: Any, structure: Any, names: list[str]) -> list[float | None]:
    if isinstance(given, (int, float)):
        return [given] * len(names)
    if isinstance(given, dict):
        try:
            found = _by_name(given, structure, names)
        except _Unknown:
            return [None] * len(names)
    elif isinstance(given, (list, tuple)) and len(given) == len(names):
        found = list(given)
    else:
        return [None] * len(names)
    return [one if isinstance(one, (int, float)) else None for one in found]


def _output_loss(output: Tensor, index: int, name: str, loss: Any, weight: float | None) -> OutputLoss:
    if loss is None:
        return OutputLoss(output, index, name, loss=None)
    written, config, custom = _named(loss)
    row = None if custom else loss_row(written)
    if row is None:
        return OutputLoss(
            output, index, name, loss=written, built_in=False, from_logits=None, config=config, weight=weight
        )
    from_logits = bool(config.get("from_logits", False)) if row.from_logits else None
    return OutputLoss(
        output, index, name, loss=row.name, built_in=True, from_logits=from_logits, config=config, weight=weight
    )


def _named(loss: Any) -> tuple[str, dict[str, Any], bool]:
    """Name, arguments, and whether the loss is certainly not Keras's own."""
    if isinstance(loss, str):
        return loss, {}, False
    config = loss.get("config")
    registered = loss.get("registered_name")
    module = loss.get("module")
    foreign = isinstance(module, str) and module != "builtins" and not is_keras_package(module)
    custom = foreign or (isinstance(registered, str) and ">" in registered)
    if loss["class_name"] == "function" or isinstance(config, str):
        return str(config), {}, custom
    config = config if isinstance(config, dict) else {}
    if loss["class_name"] == "LossFunctionWrapper" and _is_loss(config.get("fn")) and config["fn"] is not None:
        written, _, custom_function = _named(config["fn"])
        return written, config, custom or custom_function
    return str(loss["class_name"]), config, custom
