"""Tracing on PyTorch: tensors are those without numbers with which Keras infers shapes. What each operation reads is
noted.

A size that is free is a number there, another one in each of two runs: what differs between them depends on it. Loops
and conditions of Keras, which are Python's on PyTorch, run what is inside them once.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from typing import Any

import keras
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from graphlint.knowledge import keras_internals
from graphlint.model.definition import TensorSpec
from graphlint.tracing.backend import Size, Sources
from graphlint.tracing.provenance import Made, Provenance, few

_SAME = frozenset({"alias", "detach", "lift_fresh"})
"""Operations that return what they receive."""
_CASTS = frozenset({"_to_copy"})
_LIKE = frozenset({"zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "randint_like"}) | {
    f"new_{name}" for name in ("zeros", "ones", "full", "empty")
}
"""Operations whose result depends on the shape of a tensor, and not on its numbers."""
_CONSTRUCTORS = ("as_tensor", "tensor", "from_numpy")
"""Functions that make tensors of numbers, which are no operations."""
_SMALL = 64
"""Numbers in an array that are worth keeping."""


class MetaTrace:
    """One run with tensors on the device ``meta``."""

    is_eager = True

    def __init__(self, number: int) -> None:
        """``number`` counts the runs of one model."""
        if keras_internals.torch_device() != "meta":
            raise NotImplementedError("Keras infers no shapes here")
        self.filled = keras_internals.FILLED[number]
        self.provenance = Provenance()
        self.log: list[tuple[str, list[torch.Tensor]]] = []
        """Each operation with the tensors that it returned, in order."""
        self.born: dict[int, int] = {}
        """How many operations had run when a tensor was made, by its id."""
        self.written: dict[int, list[tuple[int, Made]]] = {}
        """By what the memory of tensors was written, and how many operations had run."""
        self.versions: dict[tuple[int, int], torch.Tensor] = {}
        self.inner: object = self
        self.second: MetaTrace | None = None
        self.shapes: dict[int, tuple[int | None, ...]] = {}
        """Shapes with free sizes, by the id of the tensor; known after a second run."""
        self.twins: dict[int, torch.Tensor] = {}
        """The same tensor in the second run."""

    @contextmanager
    def running(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(keras_internals.replaced(self._replacements()))
            stack.enter_context(_Noting(self))
            yield

    def is_here(self) -> bool:
        return True

    def place(self) -> Any:
        return self.inner

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor) and value.is_meta

    def is_size(self, value: Any) -> bool:
        return isinstance(value, Size)

    def now(self, tensor: Any) -> Any:
        writes = self.written.get(_memory(tensor)) if self.written else None
        later = [made for when, made in writes or () if when > self.born.get(id(tensor), -1)]
        if not later:
            return tensor
        key = (id(tensor), len(later))
        if key not in self.versions:
            inputs = [tensor, *(one for made in later for one in made.inputs)]
            self.versions[key] = self._new(tensor, tensor.shape, Made(later[-1].name, inputs))
            self.provenance.held.append(tensor)
        return self.versions[key]

    def distinct(self, tensor: Any) -> Any:
        mask = keras_internals.mask_of(tensor)
        found = torch.ops.aten.alias(tensor)
        if mask is not None:
            keras_internals.set_mask(found, mask)
        return found

    def unknown(self, tensor: keras.KerasTensor) -> Any:
        shape = [self.filled if size is None else size for size in tensor.shape]
        return keras.ops.zeros(shape, tensor.dtype)

    def spec(self, tensor: Any) -> TensorSpec:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        shape = tuple(map(int, tensor.shape))
        if self.second is None:
            return TensorSpec(shape, dtype)
        return TensorSpec(self.shapes.get(id(tensor), None if any(map(_filled, shape)) else shape), dtype)

    def value(self, tensor: Any) -> Any | None:
        if tensor.numel() > _SMALL:
            return None
        try:
            found = self.provenance.computed(tensor, _number)
            if self.second is not None:
                other = self.second.provenance.computed(self.twins[id(tensor)], _number)
                if not torch.equal(found, other):
                    return None
        except Exception:
            return None
        return few(found, _SMALL)

    def operators(self) -> Iterator[type]:
        yield torch.Tensor

    def sources(self, tensor: Any, known: Container[int], variables: Callable[[Any], Any]) -> Sources:
        return self.provenance.sources([tensor], known, _SAME, _unmade, variables)

    # -- the second run -----------------------------------------------------------------------------------------

    def compare(self, second: MetaTrace) -> None:
        """Take sizes for free that are others in a second run of the same code."""
        self.second = second
        for one, other in zip(self.log, second.log, strict=False):
            if one[0] != other[0] or len(one[1]) != len(other[1]):
                break
            for tensor, twin in zip(one[1], other[1], strict=True):
                self.same(tensor, twin)

    def same(self, tensor: Any, twin: Any) -> None:
        """Note what a tensor is in the second run."""
        if tensor.dim() == twin.dim():
            sizes = zip(map(int, tensor.shape), map(int, twin.shape), strict=True)
            self.shapes[id(tensor)] = tuple(size if size == other else None for size, other in sizes)
        self.twins[id(tensor)] = twin

    # -- noting -------------------------------------------------------------------------------------------------

    def note(self, operation: Any, args: Any, kwargs: dict[str, Any], inputs: list[torch.Tensor], found: Any) -> None:
        """Note an operation of PyTorch that has run."""
        name, writes, is_random = _described(operation)

        if name == "empty_like" and kwargs.get("device") is not None:
            name = "alias"  # So Keras moves a tensor to the device that it works on, also where it is there.
        elif name in _LIKE:
            inputs = []

        def again(value: Callable[[Any], Any]) -> Any:
            def leaf(one: Any) -> Any:
                if isinstance(one, torch.device):
                    return torch.device("cpu")
                found = value(one)
                if name in _LIKE and self.is_tensor(found):
                    return torch.empty(tuple(one.shape), dtype=one.dtype)
                return found

            return value(args[0]) if name == "alias" else operation(*_mapped(args, leaf), **_mapped(kwargs, leaf))

        outputs = [*_tensors(found)]
        self.log.append((name, outputs))
        self.provenance.held += [*inputs, *outputs]
        changed = [
            one for write in writes for one in _tensors(args[write] if isinstance(write, int) else kwargs.get(write))
        ]
        for one in changed:
            made = Made(name, inputs, is_random=is_random)
            self.written.setdefault(_memory(one), []).append((len(self.log), made))
        given = {id(one) for one in (*changed, *_tensors([list(args), kwargs]))}
        for place, one in enumerate(outputs):
            if id(one) not in given:
                self.provenance.made[id(one)] = Made(name, inputs, again, place, is_random)
                self.born[id(one)] = len(self.log)

    def constructed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A function that makes tensors of numbers, with the numbers kept."""

        @wraps(original)
        def noted(data: Any, *args: Any, **kwargs: Any) -> Any:
            found = original(data, *args, **kwargs)
            if self.is_tensor(found) and not any(map(self.is_tensor, _tensors([data]))):

                def again(value: Callable[[Any], Any]) -> Any:
                    return torch.tensor(data, dtype=found.dtype, device="cpu")

                self.provenance.made[id(found)] = Made("tensor", [], again)
                self.provenance.held.append(found)
            return found

        return noted

    def _new(self, like: torch.Tensor, shape: Iterable[int], made: Made) -> torch.Tensor:
        found = torch.empty(tuple(shape), dtype=like.dtype, device="meta")
        self.provenance.made[id(found)] = made
        self.provenance.held.append(found)
        self.born[id(found)] = len(self.log)
        return found

    # -- loops and conditions -----------------------------------------------------------------------------------

    def _replacements(self) -> Iterator[keras_internals.Replacement]:
        yield keras_internals.reads_of_variables(lambda: True, self.provenance.read)
        for name in _CONSTRUCTORS:
            yield torch, name, self.constructed(getattr(torch, name))
        for owner, name, original in keras_internals.torch_control_flow(_CONTROL_FLOW):
            yield owner, name, _CONTROL_FLOW[name](self, original)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """A context for what runs in a loop or condition."""
        before, self.inner = self.inner, object()
        try:
            yield
        finally:
            self.inner = before

    def after(self, name: str, found: Any, *given: Any, count: int | None = None, axis: int = 0) -> Any:
        """What a loop or condition returns, of what it returned in one run of what is inside.

        All depends on all that is ``given``. With ``count``, there are so many along an axis where one run makes one.
        """
        inputs = [*_tensors([found, list(given)])]

        def leaf(one: Any) -> Any:
            if not self.is_tensor(one):
                return one
            shape = list(one.shape)
            if count is not None:
                shape[axis] = count
            return self._new(one, shape, Made(name, inputs))

        return _mapped(found, leaf)


class _Noting(TorchDispatchMode):  # type: ignore[misc]
    """Tells a trace of each operation that runs."""

    def __init__(self, trace: MetaTrace) -> None:
        super().__init__()
        self.trace = trace

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        inputs = [self.trace.now(one) for one in _tensors([list(args), kwargs])]
        found = func(*args, **kwargs)
        self.trace.note(func, args, kwargs, inputs, found)
        return found


def _cond(trace: MetaTrace, original: Any) -> Any:
    def cond(pred: Any, true_fn: Any, false_fn: Any) -> Any:
        if not trace.is_tensor(pred):
            return original(pred, true_fn, false_fn)
        with trace.inside():
            one = true_fn()
        with trace.inside():
            other = false_fn()
        return trace.after("cond", one, pred, other)

    return cond


def _switch(trace: MetaTrace, original: Any) -> Any:
    def switch(index: Any, branches: Any, *operands: Any) -> Any:
        found = []
        for branch in branches:
            with trace.inside():
                found.append(branch(*operands))
        return trace.after("switch", found[0], index, found)

    return switch


def _while_loop(trace: MetaTrace, original: Any) -> Any:
    def while_loop(cond: Any, body: Any, loop_vars: Any, maximum_iterations: Any = None) -> Any:
        several = isinstance(loop_vars, (list, tuple))
        values = keras.tree.map_structure(keras.ops.convert_to_tensor, tuple(loop_vars) if several else (loop_vars,))
        with trace.inside():
            goes_on = cond(*values)
            found = body(*values)
        found = tuple(found) if isinstance(found, (list, tuple)) else (found,)
        found = trace.after("while", found, values, goes_on)
        return found if several else found[0]

    return while_loop


def _fori_loop(trace: MetaTrace, original: Any) -> Any:
    def fori_loop(lower: Any, upper: Any, body_fun: Any, init_val: Any) -> Any:
        with trace.inside():
            found = body_fun(lower, init_val)
        return trace.after("for", found, init_val, upper)

    return fori_loop


def _scan(trace: MetaTrace, original: Any) -> Any:
    def scan(f: Any, init: Any, xs: Any = None, length: Any = None, reverse: bool = False, unroll: Any = 1) -> Any:
        first = next(iter(keras.tree.flatten(xs)), None)
        count = int(length) if length is not None or first is None else int(first.shape[0])
        with trace.inside():
            cut = None if xs is None else keras.tree.map_structure(lambda one: one[:1], xs)
            carry, ys = original(f, init, cut, 1, reverse, unroll)
        return trace.after("scan", carry, init, xs, ys), trace.after("scan", ys, init, xs, carry, count=count)

    return scan


def _associative_scan(trace: MetaTrace, original: Any) -> Any:
    def associative_scan(f: Any, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
        count = int(keras.tree.flatten(elems)[0].shape[axis])
        with trace.inside():
            one = keras.tree.map_structure(lambda leaf: leaf.narrow(axis, 0, 1), elems)
            found = f(one, one)
        return trace.after("associative_scan", found, elems, count=count, axis=axis)

    return associative_scan


def _vectorized_map(trace: MetaTrace, original: Any) -> Any:
    def vectorized_map(function: Any, elements: Any) -> Any:
        count = int(keras.tree.flatten(elements)[0].shape[0])
        with trace.inside():
            found = function(keras.tree.map_structure(lambda one: one[0], elements))
            found = keras.tree.map_structure(lambda one: one[None], found)
        return trace.after("vectorized_map", found, elements, count=count)

    return vectorized_map


def _rnn(trace: MetaTrace, original: Any) -> Any:
    def rnn(step_function: Any, inputs: Any, initial_states: Any, *args: Any, **kwargs: Any) -> Any:
        named = dict(zip(_RNN, args, strict=False)) | kwargs
        axis = 0 if named.get("time_major") else 1
        count = int(keras.tree.flatten(inputs)[0].shape[axis])
        mask = named.pop("mask", None)
        named.pop("input_length", None)

        def cut(one: Any) -> Any:
            return one.narrow(axis, 0, 1)

        with trace.inside():
            one = keras.tree.map_structure(cut, inputs)
            masked = None if mask is None else cut(keras.ops.convert_to_tensor(mask))
            last, outputs, states = original(step_function, one, initial_states, mask=masked, **named)
        given = (inputs, initial_states, mask, named.get("constants"), last, outputs, list(states))
        whole = count if named.get("return_all_outputs", True) else None
        return (
            trace.after("rnn", last, *given),
            trace.after("rnn", outputs, *given, count=whole, axis=axis),
            trace.after("rnn", states, *given),
        )

    return rnn


def _repeat(trace: MetaTrace, original: Any) -> Any:
    """Keras's own fails without numbers."""

    def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
        x = keras.ops.convert_to_tensor(x)
        if not trace.is_tensor(x):
            return original(x, repeats, axis)
        x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
        if isinstance(repeats, int):
            return torch.repeat_interleave(x, repeats, dim=axis)
        counts = list(repeats)
        count = int(counts[0]) * x.shape[axis] if len(counts) == 1 else int(sum(counts))
        return trace.after("repeat", x, count=count, axis=axis)

    return repeat


_RNN = (
    "go_backwards",
    "mask",
    "constants",
    "unroll",
    "input_length",
    "time_major",
    "zero_output_for_mask",
    "return_all_outputs",
)
_CONTROL_FLOW: dict[str, Callable[[MetaTrace, Any], Any]] = {
    "cond": _cond,
    "switch": _switch,
    "while_loop": _while_loop,
    "fori_loop": _fori_loop,
    "scan": _scan,
    "associative_scan": _associative_scan,
    "vectorized_map": _vectorized_map,
    "rnn": _rnn,
    "repeat": _repeat,
}


@cache
def _described(operation: Any) -> tuple[str, tuple[int | str, ...], bool]:
    """The name of an operation, which of its arguments it writes, and whether it gives other results each time."""
    arguments = operation._schema.arguments
    writes = [
        argument.name if argument.kwarg_only else place
        for place, argument in enumerate(arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    name = operation._schema.name.rpartition("::")[2]
    random = torch.Tag.nondeterministic_seeded in operation.tags
    return "Cast" if name in _CASTS else name.rstrip("_"), tuple(writes), random


def _tensors(structure: Any) -> Iterator[torch.Tensor]:
    if isinstance(structure, torch.Tensor):
        yield structure
    elif isinstance(structure, (list, tuple)):
        for one in structure:
            yield from _tensors(one)
    elif isinstance(structure, dict):
        for one in structure.values():
            yield from _tensors(one)


def _mapped(structure: Any, leaf: Callable[[Any], Any]) -> Any:
    if isinstance(structure, (list, tuple)):
        return type(structure)([_mapped(one, leaf) for one in structure])
    if isinstance(structure, dict):
        return {key: _mapped(one, leaf) for key, one in structure.items()}
    return leaf(structure)


def _memory(tensor: torch.Tensor) -> int:
    """What stands for the memory of a tensor: views of it have the same."""
    return int(tensor.untyped_storage()._cdata)


def _unmade(value: Any) -> Made:
    inner = keras_internals.unwrapped_tensor(value)
    return Made("alias", []) if inner is None else Made("vmap", [inner])


def _number(value: Any) -> Any | None:
    return None if isinstance(value, torch.Tensor) and value.is_meta else value


def _filled(size: int) -> bool:
    return any(size % number == 0 and size > 0 for number in keras_internals.FILLED)
