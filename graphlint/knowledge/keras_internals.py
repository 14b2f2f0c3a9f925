"""The one module that touches private attributes of Keras.

Importing it imports keras. Everything else in graphlint reaches Keras through its public interface or through the
functions below. `self_test` runs once, before the first of them is needed, and refuses a Keras whose private side is
not the one graphlint knows.
"""

from __future__ import annotations

import dis
import inspect
import random
import re
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, wraps
from itertools import pairwise
from types import CodeType, FunctionType
from typing import Any

import keras
import numpy as np
from keras.src import backend as _backend

from graphlint.errors import UnknownKerasError
from graphlint.knowledge.attributes import attributes_of
from graphlint.knowledge.origin import is_keras_package
from graphlint.knowledge.supported import NEWEST, OLDEST, text

VARIABLE: Any = _backend.Variable
"""The class of all variables. Before Keras 3.8 ``keras.Variable`` is a class below it, of which layers make none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What models in memory do from one release on, and how to see whether they do."""

    what: str
    since: tuple[int, int]
    is_there: Callable[[], bool]


DIFFERENCES = (
    Difference("an Input may be optional", (3, 4), lambda: "optional" in _arguments(keras.layers.InputLayer)),
    Difference(
        "a layer of another precision casts its symbolic input by an operation, and changes no dtype of it",
        (3, 5),
        lambda: _casts_by_an_operation(),
    ),
    Difference(
        "masks are kept by functions of the backend, and not as attributes of tensors",
        (3, 6),
        lambda: hasattr(_backend, "get_keras_mask"),
    ),
    Difference("the variables of layers are of the class keras.Variable", (3, 7), lambda: VARIABLE is keras.Variable),
)
"""Where releases differ in what is read here. What is done about each stands where it is read, and asks the same."""


def _arguments(cls: type) -> Container[str]:
    return inspect.signature(cls.__init__).parameters  # type: ignore[misc]


def _casts_by_an_operation() -> bool:
    tensor = keras.KerasTensor((None, 2), dtype="float32")
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    return policy.convert_input(tensor, True, "float16") is not tensor


# -- the graph of calls -----------------------------------------------------------------------------------------


def history(tensor: keras.KerasTensor) -> tuple[keras.Operation, int, int] | None:
    """The operation, node index and output index that made a symbolic tensor; None for one outside every graph."""
    found = getattr(tensor, "_keras_history", None)
    if found is None or found[0] is None:
        return None
    return found[0], found[1], found[2]


def producer(tensor: keras.KerasTensor) -> tuple[Any, int] | None:
    """The node that made a symbolic tensor, and which of its outputs it is; None for one outside every graph."""
    found = history(tensor)
    if found is None:
        return None
    operation, node_index, output = found
    nodes = operation._inbound_nodes
    return (nodes[node_index], output) if node_index < len(nodes) else None


def is_sparse(tensor: keras.KerasTensor) -> bool:
    """Whether a symbolic tensor stands for a sparse one.

    Keras records this of the product of a dense tensor and a number or an array too, and of what is made from that.
    """
    stack, seen = [tensor], set[int]()
    while stack and _backend.SUPPORTS_SPARSE_TENSORS:
        one = stack.pop()
        if not one.sparse or id(one) in seen:
            continue
        seen.add(id(one))
        made = producer(one)
        if made is None or _may_make_sparse(node_operation(made[0])):
            return True
        stack += node_inputs(made[0])
    return False


def _may_make_sparse(operation: keras.Operation) -> bool:
    """Whether an operation or layer may return a sparse tensor though it receives none."""
    if not isinstance(operation, keras.Layer):
        return bool(getattr(operation, "sparse", False))
    holds_code = isinstance(operation, keras.layers.Lambda) or bool(tracked_layers(operation))
    known = is_keras_package(type(operation).__module__) and not holds_code
    return bool(getattr(operation, "sparse", not known))


def before_cast(tensor: keras.KerasTensor, known: Container[int]) -> keras.KerasTensor:
    """What a layer was given, where the tensor that it received is none of a call with one of these ids.

    In some releases a layer of another precision casts its input by an operation of its own.
    """
    while (made := producer(tensor)) is not None and id(made[0]) not in known:
        received = node_inputs(made[0])
        if isinstance(node_operation(made[0]), keras.Layer) or len(received) != 1:
            break
        tensor = received[0]
    return tensor


def inbound_nodes(operation: keras.Operation) -> list[Any]:
    """The recorded calls of an operation, in any model; the list itself, in the order of the calls."""
    nodes: list[Any] = operation._inbound_nodes
    return nodes


def outbound_nodes(operation: keras.Operation) -> list[Any]:
    """The calls that received a tensor of an operation; the list itself. For undoing calls only."""
    nodes: list[Any] = operation._outbound_nodes
    return nodes


def node_operation(node: Any) -> keras.Operation:
    """The operation that a node is a call of."""
    return node.operation


def node_arguments(node: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call, with symbolic tensors in place."""
    return node.arguments.args, node.arguments.kwargs


def node_inputs(node: Any) -> list[keras.KerasTensor]:
    """The symbolic tensors among the arguments of a call, flat."""
    tensors: list[keras.KerasTensor] = node.arguments.keras_tensors
    return tensors


def node_outputs(node: Any) -> list[keras.KerasTensor]:
    """The symbolic tensors that a call returned, flat."""
    tensors: list[keras.KerasTensor] = node.outputs
    return tensors


def mask_of(tensor: Any) -> Any:
    """The mask attached to a tensor, symbolic or not; None if there is none."""
    read = getattr(_backend, "get_keras_mask", None)
    return getattr(tensor, "_keras_mask", None) if read is None else read(tensor)


def set_mask(tensor: Any, mask: Any) -> None:
    """Attach a mask to a tensor, as layers with ``mask_zero=True`` do."""
    write = getattr(_backend, "set_keras_mask", None)
    if write is not None:
        write(tensor, mask)
        return
    with suppress(AttributeError):  # An array of JAX takes no attribute, and Keras does without.
        tensor._keras_mask = mask


def set_output_masks(layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
    """Attach to what a layer returned the masks that Keras attaches after its call."""
    first = next(iter((*args, *kwargs.values())), None)
    if layer.supports_masking:
        layer._set_mask_metadata(first, outputs, keras.tree.map_structure(mask_of, first))


def with_masks_of(layer: keras.Layer, first: Any, mask: Any, outputs: Any) -> Any:
    """The outputs of a layer with the masks attached that calling it attaches, from its first argument's."""
    if layer.supports_masking:
        previous = keras.tree.map_structure(mask_of, first) if mask is None else mask
        layer._set_mask_metadata(first, outputs, previous)
    return outputs


def static_value(tensor: Any) -> np.ndarray | None:
    """The numbers of a tensor of an abstract run, where they do not depend on what the run receives."""
    if keras.backend.backend() != "tensorflow":
        try:
            return np.asarray(keras.ops.convert_to_numpy(tensor)) if hasattr(tensor, "__array__") else None
        except Exception:  # A tensor of PyTorch without data, or one that JAX follows.
            return None
    import tensorflow as tf

    found = tf.get_static_value(tensor) if isinstance(tensor, tf.Tensor) else None
    return None if found is None else np.asarray(found)


def record_call(operation: keras.Operation, args: Any, kwargs: Any, outputs: list[keras.KerasTensor]) -> None:
    """Record a symbolic call whose outputs are known, without running shape inference."""
    from keras.src.ops.node import Node

    Node(operation, call_args=args, call_kwargs=kwargs, outputs=outputs)


# -- models -----------------------------------------------------------------------------------------------------


def is_functional(layer: Any) -> bool:
    """Whether a layer is a Functional model (or a subclass of it) whose graph exists."""
    return isinstance(layer, _functional_class()) and hasattr(layer, "_nodes_by_depth")


def graph_model(layer: Any) -> Any | None:
    """The Functional model that holds the graph of a Functional or built Sequential model; None for anything else."""
    if isinstance(layer, keras.Sequential):
        inner = getattr(layer, "_functional", None)
        return inner if inner is not None and is_functional(inner) else None
    return layer if is_functional(layer) else None


def own_nodes(functional: Any) -> list[Any]:
    """The calls that belong to a Functional model: its operations in order, the calls of each in order."""
    own = {id(node) for nodes in functional._nodes_by_depth.values() for node in nodes}
    return [node for operation in operations(functional) for node in operation._inbound_nodes if id(node) in own]


def operations(functional: Any) -> list[keras.Operation]:
    """The layers and operations of a Functional model, in its order."""
    return list(functional._operations)


def declared_inputs(functional: Any) -> Any:
    """The inputs of a Functional model in the structure in which they were declared."""
    return functional._inputs_struct


def declared_outputs(functional: Any) -> Any:
    """The outputs of a Functional model in the structure in which they were declared."""
    return functional._outputs_struct


def added_layers(sequential: keras.Sequential) -> list[keras.Layer]:
    """The layers of a Sequential model, its InputLayer included."""
    return list(sequential._layers)


def has_functional_constructor(cls: type) -> bool:
    """Whether ``get_config`` of a Functional class describes its graph (its constructor takes inputs and outputs)."""
    from keras.src.models.functional import functional_like_constructor

    return bool(functional_like_constructor(cls))


def functional_get_config() -> Any:
    """``Functional.get_config``, to tell whether a subclass overrides it."""
    return _functional_class().get_config  # type: ignore[attr-defined]


def _functional_class() -> type:
    from keras.src.models.functional import Functional

    return Functional  # type: ignore[no-any-return]


def runs_its_graph(model: Any) -> bool:
    """Whether calling a model with a graph runs that graph, and not a ``call`` of its class."""
    return type(model).call in (_functional_class().call, keras.Sequential.call)  # type: ignore[attr-defined]


# -- layers -----------------------------------------------------------------------------------------------------


def tracked_layers(layer: keras.Layer) -> list[keras.Layer]:
    """The sublayers that a layer tracks, directly below it."""
    return list(getattr(layer, "_layers", ()))


def all_layers(layer: keras.Layer) -> list[keras.Layer]:
    """A layer and every layer that it tracks, at any depth."""
    return list(layer._flatten_layers())


def waits_for_build(layer: keras.Layer) -> bool:
    """Whether a layer is not built yet and makes its variables when it is.

    A model with a graph, or a chain of layers, has none but those of its layers.
    """
    if layer.built or own_variables(layer) or graph_model(layer) is not None or isinstance(layer, keras.Sequential):
        return False
    return bool(inspect.unwrap(type(layer).build) not in (keras.Layer.build, keras.Model.build))


def was_called(layer: keras.Layer) -> bool:
    """Whether a layer was ever called, on numbers or on symbolic tensors."""
    return bool(getattr(layer, "_called", layer.built))


def skips_its_call(layer: keras.Layer) -> bool:
    """Whether a symbolic call of a layer asks it for shapes and does not run its ``call``."""
    cls = type(layer)
    return (
        inspect.unwrap(cls.compute_output_shape) is not inspect.unwrap(keras.Layer.compute_output_shape)
        or cls.compute_output_spec is not keras.Layer.compute_output_spec
    )


def has_own_from_config(cls: type) -> bool:
    """Whether a class makes itself from its configuration in its own way, and not by its constructor."""
    stock: tuple[Any, ...] = (keras.Operation, keras.Model, _functional_class(), keras.losses.Loss)
    stock += (keras.metrics.Metric, keras.optimizers.Optimizer)
    found = getattr(getattr(cls, "from_config", None), "__func__", None)
    return all(found is not one.from_config.__func__ for one in stock)


@contextmanager
def global_state_kept() -> Iterator[None]:
    """A context after which automatic names are counted from where they were, and random numbers drawn as before."""
    from keras.src.backend.common import global_state

    key = "object_name_uids"
    counts = global_state.get_global_attribute(key)
    before = None if counts is None else dict(counts)
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        counts = global_state.get_global_attribute(key)
        if counts is not None:
            counts.clear()
            counts.update(before or {})
        random.setstate(python)
        np.random.set_state(numpy)


def keep_output_shape(old: keras.layers.Lambda, new: keras.layers.Lambda) -> None:
    """Give a copy of a Lambda the output shape as it is: Keras 3.3 cannot call one whose shape became a list."""
    new._output_shape = old._output_shape


def names_around_loaded_code() -> frozenset[str]:
    """The global names that the code of a Lambda sees after it was loaded: those of Keras's own module."""
    from keras.src.utils import python_utils

    return frozenset(vars(python_utils))


def own_variables(layer: keras.Layer) -> list[keras.Variable]:
    """The variables that a layer itself holds, in the order in which it saves them.

    Seed generators and metrics keep their state elsewhere and are not among them.
    """
    tracked = [*layer._trainable_variables, *layer._non_trainable_variables]
    if getattr(layer, "quantization_mode", None) is None:
        return tracked
    return _quantized_order(layer, tracked)


def _quantized_order(layer: Any, tracked: list[keras.Variable]) -> list[keras.Variable]:
    """A quantized layer saves its variables in the order of a table, not of their creation."""
    table = getattr(layer, "variable_serialization_spec", None)
    names = table.get(layer.quantization_mode, ()) if isinstance(table, dict) else ()
    known = {id(variable): variable for variable in tracked}
    ordered: list[keras.Variable] = []
    for name in names:
        variable = getattr(layer, f"_{name}", None)
        if variable is None:
            variable = getattr(layer, name, None)
        found = known.pop(id(variable), None)
        if found is not None:
            ordered.append(found)
    return ordered + [variable for variable in tracked if id(variable) in known]


def learnable_variables(layer: keras.Layer) -> list[keras.Variable]:
    """The variables that a layer itself made to be trained, whatever its flags are now."""
    return list(layer._trainable_variables)


def flags_when_compiled(model: keras.Model) -> dict[int, bool]:
    """The ``trainable`` flags that the layers of a model had at its last ``compile``, by the layer's id.

    Only newer releases record them, to warn when they change.
    """
    found = getattr(model, "_compiled_trainable_state", None)
    return {id(layer): bool(flag) for layer, flag in found.items()} if isinstance(found, dict) else {}


def set_own_trainable(layer: keras.Layer, trainable: bool) -> None:
    """Set the flag of a layer itself; the public property sets those of everything below it as well."""
    layer._trainable = trainable


def tracking(layer: keras.Layer) -> Any:
    """The tracker of a layer, which must be unlocked to tie variables after building."""
    return layer._tracker


def class_identity(cls: type) -> tuple[str, str | None, str | None]:
    """Class name, module and registered name of a class, as Keras writes them into a file."""
    from keras.src.saving.serialization_lib import serialize_with_public_class

    found = serialize_with_public_class(cls, {})
    if found is None:
        return cls.__name__, cls.__module__, keras.saving.get_registered_name(cls)
    module = found["module"]
    return found["class_name"], None if module == "__main__" else module, found["registered_name"]


def sublayers(owner: Any) -> Iterator[tuple[str, keras.Layer]]:
    """The layers that a layer or model holds in attributes, lists, tuples and dicts, by the path Keras saves under.

    Depth first in saving order. A layer is yielded each time it is reached, so the first path is the one in the file.
    The layers of a Functional or Sequential model itself come first, below ``layers``. Layers are not entered;
    optimizers, metrics and losses are left out.
    """
    from keras.src.saving.keras_saveable import KerasSaveable
    from keras.src.saving.saving_lib import _walk_saveable
    from keras.src.utils.naming import to_snake_case

    entered = {id(owner)}
    stack: list[tuple[str, Any]] = _items("", _walk_saveable(owner))
    while stack:
        path, value = stack.pop()
        if isinstance(value, keras.Layer):
            yield path, value
        elif id(value) in entered or isinstance(
            value, (keras.optimizers.Optimizer, keras.metrics.Metric, keras.losses.Loss, keras.Operation)
        ):
            continue
        elif isinstance(value, KerasSaveable):
            entered.add(id(value))
            stack += _items(path, _walk_saveable(value))
        elif isinstance(value, (list, tuple, dict)):
            entered.add(id(value))
            stack += _items(path, _named(value, KerasSaveable, to_snake_case))


def _items(prefix: str, items: Iterator[tuple[str, Any]]) -> list[tuple[str, Any]]:
    found = [(f"{prefix}/{name}" if prefix else name, value) for name, value in items]
    found.reverse()
    return found


def _named(container: Any, saveable: type, to_snake_case: Any) -> Iterator[tuple[str, Any]]:
    """The members of a list or dict under the names Keras gives them when it saves: class names, numbered."""
    counts: dict[str, int] = {}
    for value in container.values() if isinstance(container, dict) else container:
        if isinstance(value, saveable):
            name = to_snake_case(type(value).__name__)
        elif isinstance(value, (list, tuple, dict)):
            name = "container"
        else:
            continue
        number = counts[name] = counts.get(name, -1) + 1
        yield (f"{name}_{number}" if number else name), value


def attributes(owner: keras.Layer) -> Iterator[tuple[str, keras.Layer]]:
    """The layers that a layer holds, by the path a user writes: ``encoder``, ``blocks/0``, ``heads/mask``."""
    stack = [(name, value) for name, value in reversed(list(attributes_of(owner).items())) if not name.startswith("_")]
    while stack:
        path, value = stack.pop()
        if isinstance(value, keras.Layer):
            yield path, value
        elif isinstance(value, dict):
            stack += [(f"{path}/{key}", item) for key, item in reversed(list(value.items()))]
        elif isinstance(value, (list, tuple)):
            stack += [(f"{path}/{index}", item) for index, item in reversed(list(enumerate(value)))]


def optimizable_variables(layer: keras.Layer) -> list[keras.Variable]:
    """The variables of a layer itself that are trained when the layer is, whatever their flags say now."""
    return list(layer._trainable_variables)


def replace_member(layer: keras.Layer, old: Any, new: Any) -> None:
    """Replace a variable or sublayer of a layer with another one, wherever the layer holds it."""
    from keras.src.utils.tracking import DotNotTrackScope

    with DotNotTrackScope():
        for name, value in list(attributes_of(layer).items()):
            if name not in ("_tracker", "_inbound_nodes", "_outbound_nodes"):
                found = _with_member(value, old, new)
                if found is not value:
                    setattr(layer, name, found)
    tracker = tracking(layer)
    for store, (_, members) in tracker.config.items():
        positions = [index for index, item in enumerate(members) if item is old]
        if positions:
            members[positions[0]] = new
            tracker.stored_ids[store].discard(id(old))
            tracker.stored_ids[store].add(id(new))


def _with_member(value: Any, old: Any, new: Any) -> Any:
    """A value with one object replaced: lists and dicts are changed in place, tuples made again."""
    if value is old:
        return new
    if isinstance(value, list):
        for index, item in enumerate(value):
            found = _with_member(item, old, new)
            if found is not item:
                list.__setitem__(value, index, found)
    elif isinstance(value, dict):
        for key, item in list(value.items()):
            found = _with_member(item, old, new)
            if found is not item:
                dict.__setitem__(value, key, found)
    elif type(value) is tuple:
        items = [_with_member(item, old, new) for item in value]
        if any(one is not item for one, item in zip(items, value, strict=True)):
            return tuple(items)
    return value


def carried_states(layer: keras.Layer) -> list[keras.Variable]:
    """What a stateful recurrent layer carries from one call to the next, which is not among any layer's variables."""
    states = keras.tree.flatten(getattr(layer, "states", None)) if getattr(layer, "stateful", False) else []
    return [state for state in states if isinstance(state, VARIABLE)]


def has_assets(layer: keras.Layer) -> bool:
    """Whether a layer saves files besides its variables, such as a vocabulary."""
    return callable(getattr(layer, "save_assets", None)) and callable(getattr(layer, "load_assets", None))


def global_random_state() -> Any:
    """The variable from which operations draw that were given no seed generator."""
    from keras.src.random.seed_generator import global_seed_generator

    return global_seed_generator().state


def backend_random_state() -> Any:
    """The state of the backend's own random numbers, if layers draw from these: Dropout without a seed on PyTorch."""
    if keras.backend.backend() != "torch":
        return None
    import torch

    return torch.get_rng_state()


def set_backend_random_state(state: Any) -> None:
    """Put back what `backend_random_state` returned."""
    if state is not None:
        import torch

        torch.set_rng_state(state)


def backend_value(variable: Any) -> Any:
    """What a Keras variable is to the backend: a ``tf.Variable``, an array."""
    return getattr(variable, "_value", None)


def numbers(variable: Any) -> np.ndarray:
    """The numbers of a variable, copied: on JAX an array may be the buffer itself, which training gives away."""
    return np.array(keras.ops.convert_to_numpy(variable))


def seed_states(layer: keras.Layer) -> list[keras.Variable]:
    """The states of the seed generators that a layer itself holds."""
    return [generator.state for generator in getattr(layer, "_seed_generators", ())]


def optimized_variables(optimizer: Any) -> list[keras.Variable]:
    """The variables an optimizer was built for, in its order; empty before it is built."""
    return list(getattr(optimizer, "_trainable_variables", ()) or ())


def compile_arguments(model: keras.Model) -> dict[str, Any] | None:
    """The arguments that a model was compiled with, as objects; None if it is not compiled."""
    config = getattr(model, "_compile_config", None)
    return dict(config.config) if config is not None else None


def trusting_scope() -> Any:
    """A context in which code from configurations may run: for copies of what is in memory already."""
    from keras.src.saving.serialization_lib import SafeModeScope

    return SafeModeScope(safe_mode=False)


# -- tracing ----------------------------------------------------------------------------------------------------

Replacement = tuple[Any, str, Any]
"""Owner (a class or a module), name, and what stands there while a trace runs."""


@contextmanager
def replaced(replacements: Iterable[Replacement]) -> Iterator[None]:
    """A context in which attributes of classes and modules are others; whatever happens, they come back."""
    undo: list[tuple[Any, str, bool, Any]] = []
    try:
        for owner, name, value in replacements:
            undo.append((owner, name, name in vars(owner), vars(owner).get(name)))
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, own, value in reversed(undo):
            if own:
                setattr(owner, name, value)
            else:
                delattr(owner, name)


def compiled_functions_run_again(here: Callable[[], bool]) -> Replacement:
    """What makes each call of a ``tf.function`` run its code, also for shapes that it was traced with before."""
    import tensorflow as tf

    cls = type(tf.function(lambda: None))
    call = vars(cls)["__call__"]

    @wraps(call)
    def again(function: Any, *args: Any, **kwargs: Any) -> Any:
        return call(function._clone(None) if here() else function, *args, **kwargs)

    return cls, "__call__", again


def run_abstractly(function: Any, *arguments: Any) -> None:
    """Run a function as Keras infers shapes: in a separate graph, in which no variable is written.

    Each ``KerasTensor`` among the arguments arrives as a tensor of the backend without a value.
    """
    _backend.compute_output_spec(function, *arguments)


@contextmanager
def called_with_training(training: bool) -> Iterator[None]:
    """A context in which layers are called as from inside another layer that was called with this ``training``."""
    from keras.src.backend.common import global_state
    from keras.src.layers.layer import CallContext

    outer = global_state.get_global_attribute("current_call_ctx")
    context = CallContext(entry_layer=object())
    context.training = training
    global_state.set_global_attribute("current_call_ctx", context)
    try:
        yield
    finally:
        global_state.set_global_attribute("current_call_ctx", outer)


@contextmanager
def kept_global_state() -> Iterator[None]:
    """A context after which Keras's global state is as before: name counters, the global seed generator, scopes."""
    from keras.src.backend.common import global_state

    state = vars(global_state.GLOBAL_STATE_TRACKER)
    before = dict(state)
    contents = {key: value.copy() for key, value in before.items() if isinstance(value, (dict, list, set))}
    try:
        yield
    finally:
        state.clear()
        state.update(before)
        for key, content in contents.items():
            held = before[key]
            held.clear()
            held.extend(content) if isinstance(held, list) else held.update(content)


def assigned_value(variable: keras.Variable) -> Any | None:
    """What was assigned to a variable during an abstract run, which writes none; None if nothing was."""
    from keras.src.backend.common.stateless_scope import get_stateless_scope

    scope = get_stateless_scope()
    return None if scope is None else scope.get_current_value(variable)


def operation_modules() -> list[tuple[str, tuple[Any, ...]]]:
    """The modules in which code looks up operations and random functions, public and private, by public name."""
    import keras.src.ops
    import keras.src.random

    return [("keras.ops", (keras.ops, keras.src.ops)), ("keras.random", (keras.random, keras.src.random))]


def classes_with_call() -> list[type]:
    """``keras.Layer`` and the classes of Keras below it that do something before its ``__call__``."""
    found: list[type] = [keras.Layer]
    for cls in found:
        below: list[type] = type.__subclasses__(cls)
        found += [one for one in below if one.__module__.startswith("keras.") and one not in found]
    return [cls for cls in found if "__call__" in vars(cls)]


def is_untouched(layer: keras.Layer, method: str) -> bool:
    """Whether a layer has a method as ``keras.Layer`` has it."""
    return getattr(type(layer), method, None) is getattr(keras.Layer, method, None)


def has_call(layer: keras.Layer) -> bool:
    """Whether the class of a layer says what a call of it does."""
    return type(layer).call not in (keras.Layer.call, keras.Model.call)


def trackers(layer: keras.Layer) -> list[Any]:
    """What a layer tracks its variables and sublayers with; the ids in it must agree with the layer's lists."""
    tracker = getattr(layer, "_tracker", None)
    return [] if tracker is None else [tracker]


def build_shapes(layer: keras.Layer) -> dict[str, Any] | None:
    """The shapes that a layer was built for, by the name of the argument; None where it keeps none."""
    found = getattr(layer, "_build_shapes_dict", None)
    return dict(found) if isinstance(found, dict) and found else None


def variable_handle(variable: keras.Variable) -> Any:
    """What stands for a variable in a graph of TensorFlow: its resource handle."""
    value = getattr(variable, "_value", None)
    return getattr(value, "handle", value)


def reads_of_variables(is_noting: Callable[[], bool], read: Callable[[Any, keras.Variable], None]) -> Replacement:
    """What tells ``read`` of each object of the backend that stands for a variable, as code asks for its value.

    What was assigned to a variable in an abstract run does not stand for it.
    """
    owner = next(cls for cls in VARIABLE.__mro__ if "value" in vars(cls))
    original = vars(owner)["value"]

    def value(variable: keras.Variable) -> Any:
        found = original.fget(variable)
        if is_noting() and assigned_value(variable) is None:
            for one in (found, backend_value(variable)):
                if one is not None:
                    read(one, variable)
        return found

    return owner, "value", property(value)


def jax_trace_state() -> Any:
    """What equals itself as long as JAX runs the same trace: another one inside each loop, condition or function."""
    from jax.extend.core import get_opaque_trace_state

    return get_opaque_trace_state(convention="nnx")


def primitive_classes() -> list[type]:
    """The classes of JAX's primitives that have a ``bind`` of their own, through which each one is run."""
    from jax.extend.core import Primitive

    found: list[type] = [Primitive]
    for cls in found:
        below: list[type] = type.__subclasses__(cls)
        found += [one for one in below if one not in found]
    return [cls for cls in found if "bind" in vars(cls)]


def is_sparse_in_jax(value: Any) -> bool:
    """Whether a value is one of JAX's sparse arrays."""
    from jax.experimental.sparse import JAXSparse

    return isinstance(value, JAXSparse)


FILLED = (83, 89)
"""What Keras takes for a free size when it infers shapes on PyTorch, in a first and a second run."""


def torch_device() -> str:
    """The device on which Keras makes tensors on PyTorch now: ``meta`` while it infers shapes."""
    from keras.src.backend.torch.core import get_device

    return str(get_device())


def torch_control_flow(names: Iterable[str]) -> Iterator[tuple[Any, str, Any]]:
    """Where code of Keras looks up its functions for loops and conditions on PyTorch, with what is there."""
    from keras.src.backend.torch import core, numpy

    for name in names:
        owner = {"rnn": _backend, "repeat": numpy}.get(name, core)
        yield owner, name, getattr(owner, name)


def unwrapped_tensor(value: Any) -> Any | None:
    """The tensor of PyTorch that one inside a transformation such as ``vmap`` stands for; None for any other."""
    from torch._C import _functorch

    return _functorch.get_unwrapped(value) if _functorch.is_functorch_wrapped_tensor(value) else None


def function_graph(graph: Any, name: str) -> Any | None:
    """The graph of TensorFlow that a control-flow operation or a function call runs, by the name it is called by."""
    while graph is not None:
        found = graph._get_function(name) if hasattr(graph, "_get_function") else None
        if found is not None:
            return getattr(found, "graph", None)
        graph = getattr(graph, "outer_graph", None)
    return None


def run_order(functional: Any) -> list[Any]:
    """The calls of a Functional model in the order in which it runs them."""
    by_depth = functional._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


# -- one batch --------------------------------------------------------------------------------------------------


@contextmanager
def kept_backend_state(model: keras.Model) -> Iterator[None]:
    """A context after which what the backend holds beside the numbers of Keras is as before.

    On PyTorch its random numbers, gradients, modes and buffers; on TensorFlow the random numbers of its own functions.
    """
    backend = keras.backend.backend()
    kept = {"torch": _kept_by_torch, "tensorflow": _kept_by_tensorflow}.get(backend)
    with nullcontext() if kept is None else kept(model):
        yield


@contextmanager
def _kept_by_torch(model: Any) -> Iterator[None]:
    import torch

    gradients = [(one, one.grad) for one in model.parameters()]
    modes = [(one, one.training) for one in model.modules()]
    buffers = [(one, one.detach().clone()) for one in model.buffers()]
    try:
        with torch.random.fork_rng():
            yield
    finally:
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


@contextmanager
def _kept_by_tensorflow(model: Any) -> Iterator[None]:
    from tensorflow.python.eager import context
    from tensorflow.python.ops import stateful_random_ops

    # Kernels of random operations count on by themselves: under another seed, the run has kernels of its own.
    eager = context.context()
    kept = {name: vars(eager)[name] for name in ("_seed", "_rng") if name in vars(eager)}
    generator = stateful_random_ops.global_generator
    state = None if generator is None else generator.state.numpy()
    eager._seed, eager._rng = (kept.get("_seed") or 0) ^ _OTHER_SEED, random.Random(_OTHER_SEED)
    try:
        yield
    finally:
        del eager._seed, eager._rng
        vars(eager).update(kept)
        stateful_random_ops.global_generator = generator
        if generator is not None:
            generator.state.assign(state)


_OTHER_SEED = 0x2545F491


def variables_of_tensorflow(layer: keras.Layer) -> list[Any]:
    """The ``tf.Variable`` that a layer holds itself, or in a generator of random numbers, unknown to Keras."""
    if keras.backend.backend() != "tensorflow":
        return []
    import tensorflow as tf

    found: list[Any] = []
    seen: set[int] = set()
    stack = [value for name, value in vars(layer).items() if not name.startswith("_self_")]
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, tf.Variable):
            found.append(value)
        elif isinstance(value, tf.random.Generator):
            found.append(value.state)
        elif isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, (list, tuple)):
            stack += value
        elif isinstance(value, tf.Module):
            found += value.variables
    return found


def applying_methods() -> list[tuple[type, str]]:
    """Where optimizers receive gradients: the classes and names of their methods."""
    from keras.src.optimizers.base_optimizer import BaseOptimizer
    from keras.src.optimizers.loss_scale_optimizer import LossScaleOptimizer

    return [
        (cls, name)
        for cls in (BaseOptimizer, LossScaleOptimizer)
        for name in ("apply", "stateless_apply")
        if name in vars(cls)
    ]


def loss_scale(optimizer: Any) -> float | None:
    """The factor by which an optimizer scales the loss now; None for one that does not."""
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return getattr(optimizer, "loss_scale_factor", None)
    return float(numbers(optimizer.dynamic_scale)) if optimizer.built else float(optimizer.initial_scale)


def has_own_train_step(model: keras.Model) -> bool:
    """Whether the class of a model trains in its own way."""
    return getattr(type(model), "train_step", None) is not getattr(keras.Model, "train_step", None)


def trains() -> bool:
    """Whether Keras trains on the backend; on OpenVINO and NumPy it does not."""
    return hasattr(keras.Model, "train_step")


def takes_training(model: keras.Model) -> bool:
    """Whether the call of a model takes ``training``."""
    return bool(getattr(model, "_call_has_training_arg", False))


def train_variables(model: keras.Model) -> tuple[list[keras.Variable], ...]:
    """The variables whose values the training step of JAX takes: trainable ones, others, optimizer and metrics."""
    optimizer = model.optimizer
    return (
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer.variables if optimizer is not None else [],
        model.metrics_variables,
    )


def train_state(model: keras.Model) -> tuple[list[Any], ...]:
    """The values of these."""
    return tuple([variable.value for variable in group] for group in train_variables(model))


@contextmanager
def without_writing_state(model: keras.Model) -> Iterator[None]:
    """A context in which Keras writes nothing of the state that `fit` keeps on JAX into the variables of a model.

    It would note that it has, and the next step would start from the variables.
    """
    names = ("_jax_state", "_jax_state_synced") if keras.backend.backend() == "jax" else ()
    before = {name: vars(model)[name] for name in names if name in vars(model)}
    if "_jax_state" in before:
        vars(model)["_jax_state"] = None
    try:
        yield
    finally:
        vars(model).update(before)


def steps_take_iterables(iterator: Any) -> bool:
    """Whether the training function runs as well on a plain iterator of the batches of this one.

    On TensorFlow it does in releases that tell the two apart.
    """
    if keras.backend.backend() != "tensorflow":
        return True
    import tensorflow as tf

    known = (tf.data.Iterator, tf.distribute.DistributedIterator)
    return isinstance(iterator, known) and hasattr(keras.Model, "_make_function")


def on_one_device(batch: Any) -> Any:
    """What the first device receives of a batch; the batch itself where it is not split.

    On TensorFlow a distribution strategy splits batches; on JAX an array is one on all devices.
    """
    if keras.backend.backend() != "tensorflow":
        return batch
    import tensorflow as tf

    def first(value: Any) -> Any:
        return value.values[0] if isinstance(value, tf.distribute.DistributedValues) else value

    return keras.tree.map_structure(first, batch)


def distributing(model: keras.Model) -> Any:
    """A context in which variables that a distribution strategy of TensorFlow keeps on several devices are written."""
    strategy = getattr(model, "_distribute_strategy", None)
    return nullcontext() if strategy is None or keras.backend.backend() != "tensorflow" else strategy.scope()


@contextmanager
def as_one_device(model: keras.Model) -> Iterator[None]:
    """A context in which a model runs as its distribution strategy of TensorFlow lets it run on the first device."""
    if keras.backend.backend() != "tensorflow" or getattr(model, "_distribute_strategy", None) is None:
        yield
        return
    import tensorflow as tf

    strategy = model.distribute_strategy
    with strategy.scope(), tf.distribute.ReplicaContext(strategy, replica_id_in_sync_group=0):
        yield


def all_built(model: keras.Model) -> bool:
    """Whether a model and all layers in it have their variables."""
    return all(layer.built for layer in all_layers(model))


def build_for_training(model: keras.Model, batch: Any) -> None:
    """Build a model, its metrics and its optimizer for a batch, which `fit` does before the first step or in it.

    A model that cannot be asked for shapes alone builds them in its first step.
    """
    with suppress(Exception):
        model._symbolic_build(data_batch=batch)


def telling(tensor: Any, reached: Any) -> Any:
    """The same tensor again, for which ``reached`` is called with the gradient that reaches it."""
    backend = keras.backend.backend()
    if backend == "torch":
        if tensor.requires_grad:
            tensor.register_hook(reached)
        return tensor
    if backend == "jax":
        import jax

        same = jax.custom_vjp(lambda value: value)

        def back(_: Any, gradient: Any) -> tuple[Any]:
            reached(gradient)
            return (gradient,)

        same.defvjp(lambda value: (value, None), back)
        return same(tensor)
    import tensorflow as tf

    def identity(value: Any) -> tuple[Any, Any]:
        def back(gradient: Any) -> Any:
            reached(gradient)
            return gradient

        return tf.identity(value), back

    return tf.custom_gradient(identity)(tensor)


def copied(value: Any) -> Any:
    """A copy of the value of a variable, which training may not give away."""
    if keras.backend.backend() == "jax":
        import jax.numpy

        return jax.numpy.array(value, copy=True)
    return np.array(keras.ops.convert_to_numpy(value))


# -- copies without a configuration ------------------------------------------------------------------------------

_SETTINGS = frozenset(
    {"_allow_non_tensor_positional_args", "_convert_input_args", "_supports_masking", "input_spec", "supports_masking"}
)
"""What the constructor of a layer may set among that which Keras's own constructor sets first."""


def without_constructor(layer: keras.Layer) -> Any:
    """A layer of the same class of which only Keras's own constructor has run."""
    cls: Any = type(layer)
    made = cls.__new__(cls)
    base = keras.Model if isinstance(layer, keras.Model) else keras.Layer
    options = {"activity_regularizer": layer.activity_regularizer, "autocast": layer.autocast}
    base.__init__(made, name=layer.name, dtype=layer.dtype_policy, **options)
    return made


def attributes_of_code(layer: keras.Layer) -> list[tuple[str, Any]]:
    """The attributes of a layer that its own class has set, and not Keras, in the order in which it tracks layers."""
    mine = frozenset[str]().union(*(_assigned(cls) for cls in type(layer).__mro__ if cls not in keras.Model.__mro__))
    sets_first = _kept_by_keras() - _SETTINGS
    places = {id(one): place for place, one in enumerate(tracked_layers(layer))}

    def first(value: Any) -> int:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (list, tuple)):
            return min(map(first, value), default=-1)
        return places.get(id(value), -1)

    items = [
        (name, value)
        for name, value in attributes_of(layer).items()
        if name not in sets_first and (name in mine or name in _SETTINGS or name not in _assigned_by_keras())
    ]
    return sorted(items, key=lambda item: first(item[1]))


@cache
def _kept_by_keras() -> frozenset[str]:
    """Attributes that every layer and model has from the start."""

    class Plain(keras.Model):  # type: ignore[misc]
        pass

    return frozenset({"history", *vars(keras.Layer()), *vars(Plain())})


@cache
def _assigned_by_keras() -> frozenset[str]:
    """Attributes that Keras assigns in a layer or model at some time."""
    return frozenset[str]().union(*map(_assigned, {*keras.Model.__mro__, *keras.Layer.__mro__}))


@cache
def _assigned(cls: type) -> frozenset[str]:
    """The attributes that the methods of a class itself assign."""
    names: set[str] = set()
    for value in vars(cls).values():
        found = [value.fget, value.fset] if isinstance(value, property) else [value]
        stack = [inspect.unwrap(one).__code__ for one in found if isinstance(one, FunctionType)]
        while stack:
            code = stack.pop()
            for before, one in pairwise(dis.get_instructions(code)):
                loaded = before.argval[-1:] if isinstance(before.argval, tuple) else (before.argval,)
                if one.opname == "STORE_ATTR" and loaded == ("self",):
                    names.add(one.argval)
            stack += [one for one in code.co_consts if isinstance(one, CodeType)]
    return frozenset(names)


def variable_like(variable: keras.Variable) -> keras.Variable:
    """A variable with the same value, in memory of its own."""
    made = keras.Variable(
        numbers(variable),
        dtype=variable.dtype,
        trainable=variable.trainable,
        autocast=variable._autocast,
        aggregation=variable.aggregation,
        name=variable.name,
    )
    for name in ("regularizer", "constraint", "overwrite_with_gradient"):
        setattr(made, name, getattr(variable, name))
    take_path(variable, made)
    return made


def take_path(old: keras.Variable, new: keras.Variable) -> None:
    """Let a variable have the path of another one."""
    new._path = old.path


def track(layer: keras.Layer, variable: keras.Variable) -> None:
    """Make a variable one of a layer's own."""
    layer._track_variable(variable)


def take_built_state(old: keras.Layer, new: keras.Layer) -> None:
    """Let a layer with all that it needs be built as another one is."""
    new.built = old.built
    shapes = build_shapes(old)
    if shapes is not None:
        new._build_shapes_dict = shapes
    if old.built:
        new._lock_state()


# -- self-test --------------------------------------------------------------------------------------------------


@cache
def self_test() -> None:
    """Check once that the private side of the installed Keras is as this module expects.

    Raises:
        UnknownKerasError: it is not; the message names the version and what is missing.
    """
    version = tuple(int(number) for number in re.findall(r"\d+", keras.__version__)[:2])
    if version < OLDEST:
        raise UnknownKerasError(_unknown("it is too old"))
    try:
        _probe()
    except UnknownKerasError:
        raise
    except Exception as error:
        raise UnknownKerasError(_unknown(f"{type(error).__name__}: {error}")) from error


def _unknown(reason: str) -> str:
    known = f"{text(OLDEST)} to {text(NEWEST)}"
    return (
        f"graphlint knows Keras {known} and cannot work with the installed Keras {keras.__version__} ({reason}): "
        f"install a Keras from {known}, or a newer graphlint"
    )


def _probe() -> None:
    """Build the smallest model that has everything; named and typed, so that neither naming nor a policy matters."""
    inputs = keras.Input((2,), dtype="float32", name="graphlint_probe_input")
    layer = keras.layers.Dense(1, dtype="float32", name="graphlint_probe")
    outputs = layer(layer_input := inputs)
    layer(keras.Input((2,), dtype="float32", name="graphlint_probe_stray"))
    model = keras.Model(inputs, outputs, name="graphlint_probe_model")
    optimizer = keras.optimizers.SGD(name="graphlint_probe_optimizer")
    optimizer.build(layer.trainable_variables)
    first = inbound_nodes(layer)[0]
    made = producer(outputs)
    arguments, _ = node_arguments(first)
    checks = {
        "KerasTensor._keras_history": made is not None and made[0] is first and made[1] == 0,
        "Operation._inbound_nodes": len(inbound_nodes(layer)) == 2,
        "Operation._outbound_nodes": len(outbound_nodes(history(inputs)[0])) == 1,  # type: ignore[index]
        "Node.operation": node_operation(first) is layer,
        "Node.arguments": arguments == (layer_input,) and node_inputs(first) == [layer_input],
        "Node.outputs": node_outputs(first)[0] is outputs,
        "Functional._nodes_by_depth": is_functional(model) and len(own_nodes(model)) == 2,
        "Functional._operations": [operation.name for operation in operations(model)][-1] == layer.name,
        "Functional._inputs_struct": declared_inputs(model) is not None and declared_outputs(model) is not None,
        "Layer._trainable_variables": [variable.name for variable in own_variables(layer)] == ["kernel", "bias"],
        "Optimizer._trainable_variables": [id(one) for one in optimized_variables(optimizer)]
        == ([id(one) for one in layer.trainable_variables]),
        "Layer._tracker": hasattr(tracking(layer), "unlock") and hasattr(tracking(layer), "lock"),
        "Layer._set_mask_metadata": hasattr(keras.Layer, "_set_mask_metadata"),
        "Layer._layers": tracked_layers(layer) == [],
        "backend.SUPPORTS_SPARSE_TENSORS": isinstance(_backend.SUPPORTS_SPARSE_TENSORS, bool),
        "Layer._called": was_called(layer) and not was_called(keras.layers.Dense(1, name="graphlint_probe_waiting")),
        "saving_lib._walk_saveable": next(sublayers(model))[0].startswith("layers/"),
        "serialization_lib.serialize_with_public_class": class_identity(type(layer))[:2] == ("Dense", "keras.layers"),
        "seed_generator.global_seed_generator": hasattr(global_random_state(), "assign"),
        "Variable._value": backend_value(layer.kernel) is not None,
        "functional_like_constructor": has_functional_constructor(type(model)),
        "Layer._track_variable": hasattr(keras.Layer, "_track_variable") and hasattr(keras.Layer, "_lock_state"),
        "BaseOptimizer.apply": {name for _, name in applying_methods()} == {"apply", "stateless_apply"},
    }
    for what, works in checks.items():
        if not works:
            raise UnknownKerasError(_unknown(f"{what} is not as expected"))
