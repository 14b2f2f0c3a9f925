"""Tracing on JAX: tensors are the tracers with which Keras infers shapes, and what each primitive reads is noted.

Shapes are symbolic where they are free, so code that computes with sizes is followed for every size. A primitive that
holds other functions (a jitted function, a loop, a condition) depends on all that it receives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import export
from jax.experimental.xla_metadata import set_xla_metadata

from graphlint.knowledge import keras_internals
from graphlint.model.definition import TensorSpec
from graphlint.tracing.backend import Sources
from graphlint.tracing.provenance import Made, Provenance, few

_SAME = frozenset({"copy", "copy_p", "optimization_barrier"})
"""Primitives that return what they receive."""
_SMALL = 64
"""Numbers in an array that are worth keeping."""
_WRAPPED = ("val", "primal", "tangent")
"""Where tracers of transformations, such as ``vmap``, hold the tensors that they stand for."""
_RUNS = count()
"""Numbers of the runs."""


class TracerTrace:
    """One run in an abstract trace of JAX. Loops, conditions and jitted functions make further traces inside it."""

    is_eager = False

    def __init__(self) -> None:
        self.provenance = Provenance()
        self.places: list[Any] = []
        self.thread = threading.get_ident()
        start = jnp.zeros(())
        self.provenance.held += [start, start._trace]
        self.first: dict[int, int] = {id(start._trace): 0}
        """When the first and the last primitive ran in each trace of JAX, by its id."""
        self.last: dict[int, int] = {}
        self.holders: list[tuple[int, int, Made]] = []
        """The primitives that hold functions: when each ran, the id of the trace in which it did, what it read."""
        self.count = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        # JAX does not run a jitted function again for shapes that it has traced it with, unless the metadata differ.
        with set_xla_metadata(graphlint=str(next(_RUNS))), keras_internals.replaced(self._replacements()):
            yield

    def is_here(self) -> bool:
        return True

    def place(self) -> Any:
        state = keras_internals.jax_trace_state()
        for known in self.places:
            if known == state:
                return known
        self.places.append(state)
        return state

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, jax.core.Tracer) or (
            keras_internals.is_sparse_in_jax(value) and isinstance(value.data, jax.core.Tracer)
        )

    def is_size(self, value: Any) -> bool:
        return bool(export.is_symbolic_dim(value))

    def now(self, tensor: Any) -> Any:
        return tensor

    def distinct(self, tensor: Any) -> Any:
        mask = keras_internals.mask_of(tensor)
        found = jax.tree.map(jnp.copy, tensor)
        if mask is not None:
            keras_internals.set_mask(found, mask)
        return found

    def unknown(self, tensor: keras.KerasTensor) -> Any:
        shape = [self._free() if size is None else size for size in tensor.shape]
        return jnp.zeros(shape, tensor.dtype)

    def spec(self, tensor: Any) -> TensorSpec:
        shape = tuple(int(size) if isinstance(size, (int, np.integer)) else None for size in tensor.shape)
        try:
            dtype = keras.backend.standardize_dtype(tensor.dtype)
        except ValueError:  # Keys of random numbers have a dtype that Keras does not know.
            dtype = None
        return TensorSpec(shape, dtype)

    def value(self, tensor: Any) -> Any | None:
        if not isinstance(tensor, jax.core.Tracer) or not all(isinstance(size, int) for size in tensor.shape):
            return None
        if np.prod(tensor.shape) > _SMALL:
            return None
        try:
            return few(self.provenance.computed(tensor, _number), _SMALL)
        except Exception:
            return None

    def operators(self) -> Iterator[type]:
        yield jax.core.Tracer

    def sources(self, tensor: Any, known: Container[int], variables: Callable[[Any], Any]) -> Sources:
        start = [tensor] if id(tensor) in known else jax.tree.leaves(tensor)
        return self.provenance.sources(start, known, _SAME, self._unmade, variables)

    # -- noting -------------------------------------------------------------------------------------------------

    def _replacements(self) -> Iterator[keras_internals.Replacement]:
        for cls in keras_internals.primitive_classes():
            yield cls, "bind", self._noted(vars(cls)["bind"])
        for cls in (jax.custom_jvp, jax.custom_vjp):
            yield cls, "__call__", self._noted_whole(vars(cls)["__call__"])
        yield keras_internals.reads_of_variables(self._is_noting, self.provenance.read)

    def _is_noting(self) -> bool:
        return threading.get_ident() == self.thread

    def _noted(self, bind: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(bind)
        def noted(primitive: Any, *args: Any, **params: Any) -> Any:
            found = bind(primitive, *args, **params)
            if self._is_noting():

                def again(value: Callable[[Any], Any]) -> Any:
                    return primitive.bind(*[value(leaf) for leaf in args], **params)

                self._note(_name(primitive.name, params), args, params, found, again)
            return found

        return noted

    def _noted_whole(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A function with a derivative of its own, noted as one: its parts cannot be run again."""

        @wraps(call)
        def noted(function: Any, *args: Any, **kwargs: Any) -> Any:
            found = call(function, *args, **kwargs)
            leaves = jax.tree.leaves((args, kwargs))
            if not self._is_noting() or not any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
                return found

            def again(value: Callable[[Any], Any]) -> Any:
                filled, named = jax.tree.map(value, (args, kwargs))
                return jax.tree.leaves(function(*filled, **named))

            for place, one in enumerate(jax.tree.leaves(found)):
                made = self.provenance.made.get(id(one))
                if made is not None:
                    made.again, made.place = again, place
                    made.name = getattr(function, "__name__", made.name)
            return found

        return noted

    def _note(self, name: str, args: Any, params: dict[str, Any], found: Any, again: Any) -> None:
        outputs = found if isinstance(found, (list, tuple)) else [found]
        traced = [one for one in outputs if isinstance(one, jax.core.Tracer)]
        if not traced:
            return
        self.count += 1
        inputs = [leaf for leaf in args if isinstance(leaf, (jax.core.Tracer, jax.Array))]
        constants, holds = _held(params)
        inputs += constants
        given = set(map(id, inputs))
        self.provenance.held += [*inputs, *traced]
        trace = traced[0]._trace
        self.provenance.held.append(trace)
        self.first.setdefault(id(trace), self.count)
        self.last[id(trace)] = self.count
        if holds:
            self.holders.append((self.count, id(trace), Made(name, inputs)))
        for place, one in enumerate(outputs):
            if isinstance(one, jax.core.Tracer) and id(one) not in given and id(one) not in self.provenance.made:
                self.provenance.made[id(one)] = Made(name, inputs, again, place)

    def _unmade(self, value: Any) -> Made | None:
        if not isinstance(value, jax.core.Tracer):
            return Made("copy", [])
        wrapped = [getattr(value, name, None) for name in _WRAPPED]
        inner = [one for one in wrapped if isinstance(one, (jax.core.Tracer, jax.Array))]
        if inner:
            return Made("vmap", inner)
        trace = id(value._trace)
        began, ended = self.first.get(trace, self.count), self.last.get(trace, 0)
        for when, holder, made in self.holders:
            # What ran the function is the next holder after it, in a trace that is older than that of the function.
            if when > ended and holder != trace and self.first[holder] < began:
                return made
        return None

    def _free(self) -> Any:
        for one in self.provenance.held:
            for size in getattr(one, "shape", ()):
                if not isinstance(size, int):
                    return size
        return 2


def _name(name: str, params: dict[str, Any]) -> str:
    if name == "convert_element_type":
        return "Cast"
    inner = params.get("name")
    return inner if name in ("jit", "pjit", "closed_call") and isinstance(inner, str) else name


def _held(params: dict[str, Any]) -> tuple[list[Any], bool]:
    """The arrays that functions among the parameters of a primitive hold, and whether there are such functions."""
    constants: list[Any] = []
    holds = False
    for value in params.values():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if hasattr(one, "jaxpr") or hasattr(one, "eqns"):
                holds = True
                constants += [leaf for leaf in getattr(one, "consts", ()) if isinstance(leaf, jax.Array)]
    return constants, holds


def _number(value: Any) -> Any | None:
    return value if not isinstance(value, jax.core.Tracer) else None
