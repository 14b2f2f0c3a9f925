"""Recording: one abstract run of a model, with every call of a layer and of a named operation noted as it is made.

The model runs in the graph in which Keras infers shapes: nothing is computed and no variable is written. While it runs,
``Layer.__call__``, ``add_loss``, the functions of ``keras.ops`` and ``keras.random`` and the operators of tensors are
others, for this thread; afterwards they, and the model, are as before.
"""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import KW_ONLY, dataclass, field
from functools import cache, wraps
from typing import Any

import keras

from graphlint.knowledge import keras_internals
from graphlint.knowledge.layers import layer_traits
from graphlint.tracing.backend import Trace
from graphlint.tracing.functions import Function, intercepted, is_open, runs_code
from graphlint.tracing.restoring import kept
from graphlint.tracing.runs import NUMBER_NEEDED, settle
from graphlint.tracing.starting import start_trace
from graphlint.tracing.structure import mapped, members

_LOCK = threading.RLock()
"""Held while a trace runs: what it replaces is the same for the whole process."""


Run = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""What makes a call with the arguments that it is given."""

_INNERMOST = re.compile(r".*\x1b\[1m(.*?)\x1b\[0m.*", re.DOTALL)
"""The message inside those that Keras puts around the message of a layer, in bold."""


_BY_VALUE = frozenset(
    {
        "OperatorNotAllowedInGraphError",
        "TracerBoolConversionError",
        "TracerIntegerConversionError",
        "ConcretizationTypeError",
    }
)
"""Errors of backends where code decides by the values of a tensor."""
_BY_NUMPY = frozenset({"TracerArrayConversionError"})
_WITH_NUMPY = (
    "has no attribute 'numpy'",
    "numpy() is only available",
    "Cannot convert a symbolic",
    "convert meta device type tensor to numpy",
    "copy out of meta tensor",
)
"""Parts of the messages of backends where code reads the values of a tensor with numpy."""


class TraceError(Exception):
    """A model could not be run abstractly. ``layer`` is the innermost layer in which that became clear."""

    def __init__(self, reason: str, layer: keras.Layer | None = None) -> None:
        super().__init__(reason)
        self.layer = layer

    def told(self) -> str:
        """The reason for what is around the layer."""
        return str(self) if self.layer is None else f"{self.layer.name!r}, which it calls, cannot be traced: {self}"


@dataclass(eq=False, slots=True)
class Event:
    """One call of a layer or of a function, as it was made.

    ``args`` and ``kwargs`` are copies of what the caller passed; ``begin`` and ``end`` count events, so that what lies
    between them happened inside.
    """

    target: keras.Layer | Function
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    _: KW_ONLY
    parent: Event | None
    begin: int
    trace: Trace
    place: Any = None
    """Where the backend puts what the call does: not where its caller does, if it is inside a loop or condition."""
    outputs: Any = None
    end: int = -1
    children: list[Event] = field(default_factory=list)
    effects: list[tuple[str, Any, Any]] = field(default_factory=list)
    """Kind, the variable that is written if there is one, and the value."""
    masks: dict[int, Any] = field(default_factory=dict)
    """The masks that tensors carried when they were passed or returned, by the tensor's id: a layer may take them off
    later."""
    closed: str | None = None
    """Why what happened inside is not known."""

    @property
    def is_open(self) -> bool:
        """Whether what happens inside is a body of its own."""
        return self.closed is None and self.is_code

    @property
    def is_code(self) -> bool:
        """Whether it is a call of a layer that runs custom code."""
        return isinstance(self.target, keras.Layer) and is_open(self.target)

    @property
    def layer(self) -> keras.Layer | None:
        return self.target if isinstance(self.target, keras.Layer) else None

    def symbolic_arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of the call with symbolic tensors of the same shapes and dtypes in place of its tensors."""

        def symbolic(leaf: Any) -> Any:
            if not self.trace.is_tensor(leaf):
                return leaf
            spec = self.trace.spec(leaf)
            return keras.KerasTensor(spec.shape or (), dtype=spec.dtype or "float32")

        args, kwargs = keras.tree.map_structure(symbolic, (self.args, self.kwargs))
        return tuple(args), kwargs


@dataclass(eq=False)
class Recording:
    """What one run of a model did. ``made`` tells which event returned a tensor, by the tensor's id."""

    trace: Trace
    training: bool
    root: Event | None = None
    made: dict[int, Event] = field(default_factory=dict)
    variables: dict[int, keras.Variable] = field(default_factory=dict)
    """The variables of the model, by the id of what stands for them in the backend."""
    tracked: set[int] = field(default_factory=set)
    """Ids of the layers that the model tracks."""
    seeds: set[int] = field(default_factory=set)
    metric_variables: set[int] = field(default_factory=set)
    refused: dict[int, str] = field(default_factory=dict)
    """Why a layer that raised cannot be followed, by its id."""
    held: list[Any] = field(default_factory=list)
    """Tensors that must not be freed, because others would get their ids."""

    def events(self) -> Iterator[Event]:
        """All events, each after the one it happened in."""
        stack = [self.root] if self.root is not None else []
        while stack:
            event = stack.pop()
            yield event
            stack.extend(reversed(event.children))

    def variable(self, handle: Any) -> Any:
        """The variable that something in the backend stands for; the thing itself if it is none of the model's."""
        return self.variables.get(id(handle), handle)


def record(model: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any], *, training: bool) -> Recording:
    """Run a model once, abstractly, and note what is called. The model is as before afterwards, whatever happens.

    ``args`` and ``kwargs`` are what the model is called with, with a ``KerasTensor`` for every tensor.

    Raises:
        TraceError: the model cannot be run in this way, or would be changed by it.
        NotImplementedError: the backend is not one that tracing knows.
    """
    with _LOCK:
        self_test()
        return _Recorder(model, training).run(args, kwargs)


@cache
def self_test() -> None:
    """Check once that the installed Keras can be traced: a layer of two must be recorded as exactly its calls.

    Raises:
        NotImplementedError: it is not; the message says what was seen.
    """

    class Pair(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(name="graphlint_probe", dtype="float32")
            self.first = keras.layers.Identity(name="graphlint_probe_first", dtype="float32")
            self.second = keras.layers.Identity(name="graphlint_probe_second", dtype="float32")
            self.built = True

        def call(self, x: Any) -> Any:
            return self.second(keras.ops.relu(self.first(x)) + 1)

    with keras_internals.kept_global_state():
        layer = Pair()
    before = dict(vars(layer))
    recording = _Recorder(layer, False).run((keras.KerasTensor((None, 2), dtype="float32"),), {})
    assert recording.root is not None
    seen = [getattr(event.target, "name", "") for event in recording.root.children]
    expected = ["graphlint_probe_first", "keras.ops.relu", "__add__", "graphlint_probe_second"]
    if seen != expected or vars(layer) != before or keras.Layer.__call__.__module__.startswith("graphlint"):
        raise NotImplementedError(
            f"graphlint cannot see inside layers with Keras {keras.__version__}: a layer that calls {expected} was "
            f"recorded as {seen}"
        )


class _Recorder:
    def __init__(self, model: keras.Layer, training: bool) -> None:
        self.model = model
        self.training = training
        self.thread = threading.get_ident()
        self.recording: Recording | None = None
        self.runs: list[Recording] = []
        """One recording, or several of runs with other sizes, where the backend knows no free ones."""
        self.error: Exception | None = None
        self.stack: list[Event] = []
        self.known: list[set[int]] = []
        """For each event on the stack, the tensors that its body can name already."""
        self.count = 0
        self.made_inside: set[int] = set()
        self.failure: TraceError | None = None
        """What was raised in the innermost layer that raised, until a layer around it is closed for it."""
        self.in_code = False
        """Whether that layer, or one around it, runs code that is not Keras's own."""
        self.rescuing = False
        self.entering: keras.Layer | None = None
        """The layer whose class has a ``__call__`` of its own that has not handed over yet."""

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Recording:
        tensors = [leaf for leaf in keras.tree.flatten((args, kwargs)) if isinstance(leaf, keras.KerasTensor)]
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(kept(self.model))
            stack.enter_context(keras_internals.kept_global_state())
            stack.enter_context(keras_internals.replaced(self.replacements()))

            def inside(*values: Any) -> tuple[()]:
                if self.error is not None:
                    raise self.error  # Keras tries it otherwise, with numbers.
                self.recording = Recording(start_trace(len(self.runs)), self.training)
                self.runs.append(self.recording)
                self.failure, self.in_code, self.count = None, False, 0
                _look_up(self.recording, self.model)
                given = dict(zip(map(id, tensors), values, strict=True))
                _set_masks(tensors, given)

                def fill(leaf: Any) -> Any:
                    return given.get(id(leaf), leaf)

                filled_args, filled_kwargs = keras.tree.map_structure(fill, (args, kwargs))
                try:
                    with (
                        intercepted(self, self.recording.trace.operators()),
                        self.recording.trace.running(),
                        keras_internals.called_with_training(self.training),
                    ):
                        self.model(*filled_args, **filled_kwargs)
                except Exception as error:
                    self.error = error
                    raise
                return ()

            try:
                keras_internals.run_abstractly(inside, *tensors)
            except NotImplementedError as error:
                if self.recording is None:
                    raise
                raise self.failure or TraceError(reason(error)) from error
            except Exception as error:
                raise self.failure or TraceError(reason(error)) from error
        first, *others = self.runs
        for other in others:
            differs = settle(first, other)
            if differs is not None:
                raise TraceError(differs, self.model)
        return first

    # -- interception -------------------------------------------------------------------------------------------

    def replacements(self) -> Iterable[keras_internals.Replacement]:
        recorder = self
        init, add_loss = keras.Layer.__init__, keras.Layer.add_loss
        add_update = keras.StatelessScope.add_update

        @wraps(init)
        def layer_init(layer: keras.Layer, *args: Any, **kwargs: Any) -> None:
            if recorder.is_recording():
                recorder.made_inside.add(id(layer))
                recorder.hold(layer)
            init(layer, *args, **kwargs)

        @wraps(add_loss)
        def layer_add_loss(layer: keras.Layer, loss: Any) -> None:
            if recorder.is_recording():
                recorder.effect("loss", None, loss)
            add_loss(layer, loss)

        @wraps(add_update)
        def scope_add_update(scope: Any, update: tuple[Any, Any]) -> None:
            if recorder.is_recording():
                recorder.effect("update", *update)
            add_update(scope, update)

        for cls in keras_internals.classes_with_call():
            yield cls, "__call__", self.recorded(vars(cls)["__call__"])
        yield keras.Layer, "__init__", layer_init
        yield keras.Layer, "add_loss", layer_add_loss
        yield keras.StatelessScope, "add_update", scope_add_update

    def recorded(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A ``__call__`` of layers that is noted, once if one hands over to another."""
        is_last = call is vars(keras.Layer)["__call__"]

        @wraps(call)
        def layer_call(layer: keras.Layer, *args: Any, **kwargs: Any) -> Any:
            if layer is self.entering or not self.is_recording():
                if is_last:
                    self.entering = None
                return call(layer, *args, **kwargs)
            self.entering = None if is_last else layer
            return self.layer(layer, lambda args, kwargs: call(layer, *args, **kwargs), args, kwargs)

        return layer_call

    def is_recording(self) -> bool:
        if self.recording is None or self.rescuing or threading.get_ident() != self.thread:
            return False
        return self.recording.trace.is_here()

    def in_open_body(self) -> bool:
        """Whether code of an opened layer runs now, and neither a function that it called nor a loop or condition."""
        if not self.stack or not self.stack[-1].is_open or not self.is_recording():
            return False
        assert self.recording is not None
        return self.stack[-1].place is self.recording.trace.place()

    # -- events -------------------------------------------------------------------------------------------------

    def layer(self, layer: keras.Layer, run: Run, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        def checked(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            self.check_built(layer)
            return run(args, kwargs)

        return self.event(layer, checked, args, kwargs)

    def check_built(self, layer: keras.Layer) -> None:
        """
        Raises:
            TraceError: calling the layer would build it, which must be left to the user.
        """
        if layer.built or id(layer) in self.made_inside or keras_internals.is_untouched(layer, "build"):
            return
        if _is_weightless(layer):
            return  # Building it makes no variable, and what it sets is taken back.
        self.failure = TraceError(f"{layer.name!r} is not built: call the model on data first", layer)
        raise self.failure

    def rescued(self, event: Event, error: Exception) -> Any:
        """What stands for the outputs of a call that raised, where their shapes are known without running it.

        The call is closed then, and what is around it goes on.

        Raises:
            Exception: ``error``, where they are not known.
        """
        layer, recording = event.layer, self.recording
        assert recording is not None
        if isinstance(event.target, Function) and recording.trace.is_eager:
            with suppress(Exception):
                return self.inferred(event.target, event)
        if layer is None:
            raise error
        if self.failure is None:
            self.failure = TraceError(reason(error), layer)
        failure = self.failure
        if is_open(layer):
            recording.refused.setdefault(id(layer), str(failure) if failure.layer is layer else failure.told())
        self.in_code |= runs_code(layer)
        if not self.in_code or event.parent is None:
            raise error
        self.rescuing = True
        try:
            specs = known_outputs(layer, *(mapped(one, self.symbolic) for one in (event.args, event.kwargs)))
            if specs is None:
                raise error
            outputs = mapped(specs, self.stand_in)
            with suppress(Exception):  # A mask that the layer's own code cannot compute is none.
                keras_internals.set_output_masks(layer, event.args, event.kwargs, outputs)
        finally:
            self.rescuing = False
        event.closed = str(failure) if failure.layer is layer else failure.told()
        event.children.clear()
        event.effects.clear()
        self.failure, self.in_code = None, False
        return outputs

    def inferred(self, function: Function, event: Event) -> Any:
        """What stands for the outputs of a function of Keras that cannot run here, of the shapes that Keras infers.

        Raises:
            Exception: Keras infers none.
        """
        self.rescuing = True
        try:
            specs = function.symbolic(*mapped(event.args, self.symbolic), **mapped(event.kwargs, self.symbolic))
            return mapped(specs, self.stand_in)
        finally:
            self.rescuing = False

    def symbolic(self, leaf: Any) -> Any:
        """A leaf of arguments as a symbolic tensor, if it is one."""
        assert self.recording is not None
        if not self.recording.trace.is_tensor(leaf):
            return leaf
        spec = self.recording.trace.spec(leaf)
        return keras.KerasTensor(spec.shape, dtype=spec.dtype or "float32")

    def stand_in(self, leaf: Any) -> Any:
        assert self.recording is not None
        return self.recording.trace.unknown(leaf) if isinstance(leaf, keras.KerasTensor) else leaf

    def operation(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.event(function, lambda args, kwargs: function.run(*args, **kwargs), args, kwargs)

    def written(self, leaf: Any) -> Any:
        """A leaf of arguments as it is now, if it is a tensor."""
        assert self.recording is not None
        return self.recording.trace.now(leaf) if self.recording.trace.is_tensor(leaf) else leaf

    def event(self, target: keras.Layer | Function, run: Run, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        recording = self.recording
        assert recording is not None
        parent = self.stack[-1] if self.stack else None
        if recording.trace.is_eager:
            given = self.tensors((args, kwargs))
            if any(recording.trace.now(tensor) is not tensor for tensor in given):
                args, kwargs = mapped(args, self.written), mapped(kwargs, self.written)
        event = Event(
            target,
            mapped(args, _now),
            mapped(kwargs, _now),
            parent=parent,
            begin=self.tick(),
            trace=recording.trace,
            place=recording.trace.place(),
        )
        tensors = self.tensors((event.args, event.kwargs))
        recording.held += tensors
        self.note_masks(event, tensors)
        self.stack.append(event)
        self.known.append({id(tensor) for tensor in tensors})
        try:
            outputs = run(args, kwargs)
        except Exception as error:
            outputs = self.rescued(event, error)
        finally:
            self.stack.pop()
            inside = self.known.pop()
        event.end = self.tick()
        if outputs is NotImplemented:
            return outputs
        named = self.known[-1] if self.known else inside
        received = {id(tensor) for tensor in tensors}

        def distinct(value: Any) -> Any:
            if not recording.trace.is_tensor(value):
                return value
            value = recording.trace.now(value)
            if id(value) in named or id(value) in received:
                value = recording.trace.distinct(value)
            recording.held.append(value)
            recording.made[id(value)] = event
            named.add(id(value))
            return value

        event.outputs = outputs = mapped(outputs, distinct)
        self.note_masks(event, self.tensors(outputs))
        if parent is None:
            recording.root = event
        else:
            parent.children.append(event)
        return outputs

    def note_masks(self, event: Event, tensors: list[Any]) -> None:
        for tensor in tensors if event.layer is not None else ():
            mask = keras_internals.mask_of(tensor)
            if mask is not None:
                event.masks[id(tensor)] = mask
                self.hold(mask)

    def effect(self, kind: str, variable: Any, value: Any) -> None:
        if self.stack and self.stack[-1].is_open:
            self.hold(value)
            self.stack[-1].effects.append((kind, variable, value))

    def tensors(self, structure: Any) -> list[Any]:
        assert self.recording is not None
        is_tensor = self.recording.trace.is_tensor
        return [leaf for leaf in members(structure) if is_tensor(leaf)]

    def hold(self, value: Any) -> None:
        assert self.recording is not None
        self.recording.held.append(value)

    def tick(self) -> int:
        self.count += 1
        return self.count


def _now(value: Any) -> Any:
    """A leaf of arguments as it is now: a variable that was assigned to before stands for what was assigned."""
    if isinstance(value, keras_internals.VARIABLE):
        assigned = keras_internals.assigned_value(value)
        return value if assigned is None else assigned
    return value


def reason(error: BaseException) -> str:
    """An error in one line, as the reason why a body stays closed."""
    while error.__context__ is not None and type(error.__context__).__name__ in _BY_VALUE | _BY_NUMPY:
        error = error.__context__
    text = _INNERMOST.sub(r"\1", str(error)) if "\x1b[1m" in str(error) else str(error)
    text = " ".join(text.split())
    name = type(error).__name__
    as_number = "SymbolicTensor" in text and ("float() argument" in text or "int() argument" in text)
    if (
        name in _BY_VALUE
        or "cannot be called on meta tensors" in text
        or "Using a symbolic `tf.Tensor`" in text
        or as_number
    ):
        return "its code decides by the values of a tensor, which no graph can hold"
    if name in _BY_NUMPY or any(part in text for part in _WITH_NUMPY):
        return "its code reads the values of a tensor with numpy, which no graph can hold"
    if name == "InconclusiveDimensionOperation" or (name == "TypeError" and "interpreted as an integer" in text):
        return NUMBER_NEEDED
    return f"running it raises {name}: {text[:200]}" if text else f"running it raises {name}"


def known_outputs(layer: keras.Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any | None:
    """Symbolic tensors for what a call of a layer returns, found without its code; None where nothing says them.

    A recorded call on inputs of the same shapes says them, or a method of the class that was written to do so.
    """
    shapes = [leaf.shape for leaf in members([list(args), kwargs]) if isinstance(leaf, keras.KerasTensor)]
    for node in keras_internals.inbound_nodes(layer):
        recorded = [tensor.shape for tensor in keras_internals.node_inputs(node)]
        if len(recorded) == len(shapes) and all(map(_agree, recorded, shapes)):
            outputs = keras_internals.node_outputs(node)
            return outputs[0] if len(outputs) == 1 else outputs
    if all(keras_internals.is_untouched(layer, name) for name in ("compute_output_spec", "compute_output_shape")):
        return None
    try:
        return layer.compute_output_spec(*args, **{key: one for key, one in kwargs.items() if key != "training"})
    except Exception:
        return None


def _agree(one: tuple[int | None, ...], other: tuple[int | None, ...]) -> bool:
    """Whether two shapes are the same, as far as both are known: on PyTorch a free size is a number in a run."""
    pairs = zip(one, other, strict=False)
    return len(one) == len(other) and all(a == b or None in (a, b) for a, b in pairs)


def _is_weightless(layer: keras.Layer) -> bool:
    """Whether a layer is one of Keras's own that never has variables, and holds no other layer."""
    traits = layer_traits(*keras_internals.class_identity(type(layer)))
    return traits.weightless and not keras_internals.tracked_layers(layer)


def _look_up(recording: Recording, model: keras.Layer) -> None:
    """Note what the model holds."""
    for layer in keras_internals.all_layers(model):
        recording.tracked.add(id(layer))
        seeds = keras_internals.seed_states(layer)
        metrics = [variable for metric in getattr(layer, "_metrics", ()) for variable in metric.variables]
        recording.seeds.update(map(id, seeds))
        recording.metric_variables.update(map(id, metrics))
        for variable in (*keras_internals.own_variables(layer), *seeds, *metrics):
            recording.variables[id(keras_internals.variable_handle(variable))] = variable


def _set_masks(tensors: list[keras.KerasTensor], given: dict[int, Any]) -> None:
    for tensor in tensors:
        mask = keras_internals.mask_of(tensor)
        if mask is not None and id(mask) in given:
            keras_internals.set_mask(given[id(tensor)], given[id(mask)])
