"""What the classes of the installed Keras do, measured by running them.

The rows of `graphlint.knowledge` must agree with the answers. Most calls come from the shape tests, which call every
layer and every operation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L
from keras import ops
from keras.src.activations import activations
from keras.src.ops import core, einops, image, linalg, math, nn, numpy
from keras.src.quantizers import quantizers

from graphlint.knowledge import keras_internals
from graphlint.knowledge.operations import Batch
from tests.shapes import test_operations as operation_cases
from tests.shapes.test_layers import CASES as LAYER_CASES
from tests.shapes.test_layers import F2, F3, F4, F5, INT2, build

BATCH, FREE = 3, 7
CHANGED = 0
"""The sample, step or number that is changed to see what depends on it."""
STATE = ((None, 4), "float32")
MASKED = 2.5
"""The number that stands for a masked step."""
IMAGE = ((None, 8, 8, 3), "float32")


def _some_tokens() -> L.TextVectorization:
    return L.TextVectorization(vocabulary=["a", "b"], output_sequence_length=3)


RECIPES: dict[str, tuple[Any, ...]] = {
    **{name: cases[0] for name, cases in LAYER_CASES.items()},
    "Activation": (lambda: L.Activation("tanh"), F3),
    "AdaptiveMaxPooling1D": (lambda: L.AdaptiveMaxPooling1D(3), F3),
    "AveragePooling2D": (lambda: L.AveragePooling2D(2), F4),
    "Bidirectional": (lambda: L.Bidirectional(L.SimpleRNN(2, return_sequences=True, unroll=True)), F3),
    **{
        f"ConvLSTM{rank}D": (
            lambda cls=cls: cls(2, 2, padding="same", return_sequences=True, unroll=True),
            ((None, 3, *(4,) * rank, 2), "float32"),
        )
        for rank, cls in enumerate((L.ConvLSTM1D, L.ConvLSTM2D, L.ConvLSTM3D), 1)
    },
    "GRU": (lambda: L.GRU(3, return_sequences=True, unroll=True), F3),
    "GlobalAveragePooling3D": (lambda: L.GlobalAveragePooling3D(), F5),
    "GlobalMaxPooling1D": (lambda: L.GlobalMaxPooling1D(), F3),
    "LSTM": (lambda: L.LSTM(3, return_sequences=True, unroll=True), F3),
    "MaxPooling3D": (lambda: L.MaxPooling3D(2), F5),
    "MelSpectrogram": (lambda: L.MelSpectrogram(64, 32, 8), ((None, 256), "float32")),
    "RNN": (lambda: L.RNN(L.GRUCell(3), return_sequences=True, unroll=True), F3),
    "RandomPosterization": (lambda: L.RandomPosterization(4), IMAGE),
    "RandomShear": (lambda: L.RandomShear((0.0, 0.5), (0.0, 0.5)), IMAGE),
    "ReversibleEmbedding": (lambda: L.ReversibleEmbedding(9, 4, mask_zero=True), INT2),
    "SimpleRNN": (lambda: L.SimpleRNN(3, return_sequences=True, unroll=True), F3),
    "Solarization": (lambda: L.Solarization(0.5, 0.5), IMAGE),
    "UpSampling3D": (lambda: L.UpSampling3D(2), F5),
    "Add": (lambda: L.Add(), [F3, F3]),
    "Attention": (lambda: L.Attention(), [F3, F3]),
    "AdditiveAttention": (lambda: L.AdditiveAttention(), [F3, F3]),
    "AlphaDropout": (lambda: L.AlphaDropout(0.5), F3),
    "Average": (lambda: L.Average(), [F3, F3]),
    "Concatenate": (lambda: L.Concatenate(), [F3, F3]),
    "Dense": (lambda: L.Dense(5), F3),
    "Discretization": (lambda: L.Discretization([0.0, 0.5]), F3),
    "Dot": (lambda: L.Dot(axes=-1), [F3, F3]),
    "Dropout": (lambda: L.Dropout(0.5), F3),
    "EinsumDense": (lambda: L.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d"), F3),
    "GaussianDropout": (lambda: L.GaussianDropout(0.5), F3),
    "GaussianNoise": (lambda: L.GaussianNoise(0.5), F3),
    "GroupQueryAttention": (lambda: lambda q, v: L.GroupQueryAttention(4, 6, 2)(q, v), F3, F3),
    "GRUCell": (lambda: lambda x, h: L.GRUCell(4)(x, [h]), F2, STATE),
    "LSTMCell": (lambda: lambda x, h, c: L.LSTMCell(4)(x, [h, c]), F2, STATE, STATE),
    "SimpleRNNCell": (lambda: lambda x, h: L.SimpleRNNCell(4)(x, [h]), F2, STATE),
    "StackedRNNCells": (
        lambda: lambda x, h, s: L.StackedRNNCells([L.GRUCell(4), L.SimpleRNNCell(4)])(x, [h, s]),
        F2,
        STATE,
        STATE,
    ),
    "Masking": (lambda: L.Masking(MASKED), F3),
    "Maximum": (lambda: L.Maximum(), [F3, F3]),
    "Minimum": (lambda: L.Minimum(), [F3, F3]),
    "Multiply": (lambda: L.Multiply(), [F3, F3]),
    "MultiHeadAttention": (lambda: lambda q, v: L.MultiHeadAttention(2, 3)(q, v), F3, F3),
    "Normalization": (lambda: L.Normalization(mean=0.5, variance=2.0), F3),
    "BatchNormalization": (lambda: L.BatchNormalization(), F3),
    "Identity": (lambda: L.Identity(), F3),
    "PReLU": (lambda: L.PReLU(), F3),
    "RandomFlip": (lambda: L.RandomFlip(), IMAGE),
    "RandomGrayscale": (lambda: L.RandomGrayscale(0.5), IMAGE),
    "RandomBrightness": (lambda: L.RandomBrightness(0.5), IMAGE),
    "Rescaling": (lambda: L.Rescaling(0.5), IMAGE),
    "Reshape": (lambda: L.Reshape((6, 7)), F3),
    "SpatialDropout1D": (lambda: L.SpatialDropout1D(0.5), F3),
    "SpatialDropout2D": (lambda: L.SpatialDropout2D(0.5), F4),
    "SpatialDropout3D": (lambda: L.SpatialDropout3D(0.5), F5),
    "Subtract": (lambda: L.Subtract(), [F3, F3]),
    "TextVectorization": (_some_tokens, ((None, 1), "string")),
    "Embedding": (lambda: L.Embedding(9, 4, mask_zero=True), INT2),
}
"""For each class of ``keras.layers`` one call: what makes the layer, and what it is called on."""

UNMEASURED = {
    "Equalization": "Keras cannot call it on a symbolic tensor",
    "FlaxLayer": "needs flax",
    "InputLayer": "has no call",
    "InputSpec": "is no layer",
    "JaxLayer": "needs jax",
    "Layer": "abstract",
    "TFSMLayer": "needs a SavedModel",
    "TorchModuleWrapper": "needs torch",
    "Wrapper": "abstract",
}


def layer_classes() -> dict[str, type]:
    """Every class of ``keras.layers`` by the names it goes by."""
    return {name: cls for name, cls in vars(L).items() if inspect.isclass(cls) and issubclass(cls, keras.Layer)}


@dataclass(eq=False)
class Sample:
    """One call of a layer or operation on numbers: ``inputs`` are the tensors that it receives."""

    operation: Any
    args: Any
    kwargs: Any
    inputs: list[Any]
    batched: list[bool]
    """Which inputs have a free axis 0."""

    def run(self, inputs: list[Any], **more: Any) -> list[Any]:
        tensors = iter(inputs)

        def fill(leaf: Any) -> Any:
            return next(tensors) if isinstance(leaf, keras.KerasTensor) else leaf

        args, kwargs = keras.tree.map_structure(fill, (self.args, self.kwargs))
        result = self.operation(*args, **{**kwargs, **self.inference, **more})
        return [one for one in keras.tree.flatten(result) if hasattr(one, "shape")]

    @cached_property
    def inference(self) -> dict[str, Any]:
        return {"training": False} if "training" in self.parameters else {}

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The arguments of the call."""
        return dict(inspect.signature(type(self.operation).call).parameters)

    @cached_property
    def outputs(self) -> list[Any]:
        """What the call returns outside training."""
        return self.run(self.inputs)

    # -- one input --------------------------------------------------------------------------------------------------

    @property
    def one_to_one(self) -> bool:
        return len(self.inputs) == 1 and len(self.outputs) == 1

    @property
    def unchanged(self) -> bool:
        """Whether the output equals the one input outside training."""
        return self.one_to_one and equal(self.inputs[0], self.outputs[0])

    @property
    def same_tensor(self) -> bool:
        """Whether the output is the very tensor that came in, outside training."""
        return self.one_to_one and self.outputs[0] is self.inputs[0]

    @property
    def same_numbers(self) -> bool:
        """Whether the output holds the numbers of the one input and no others, in whatever order."""
        if not self.one_to_one:
            return False
        a, b = array(self.inputs[0]), array(self.outputs[0])
        return a.size == b.size and a.dtype == b.dtype and equal(np.sort(a, axis=None), np.sort(b, axis=None))

    @property
    def elementwise(self) -> bool:
        """Whether each number of the output depends on the number at the same place of the one input alone."""
        if not self.one_to_one or not self.inputs[0].shape:
            return False
        before, tensor = array(self.outputs[0]), self.inputs[0]
        if before.shape != tuple(tensor.shape):
            return False
        places = [tuple(min(axis, size - 1) for axis, size in enumerate(tensor.shape))]
        if tensor.dtype.is_floating:
            places.append(np.unravel_index(np.argmax(array(tensor)), before.shape))
        for where in places:
            for other in (changed(tensor, where), changed(changed(tensor, where), where)):
                (after,) = self.run([other])
                same = np.isclose(before, array(after), rtol=1e-6, atol=1e-7, equal_nan=True)
                same[where] = True
                if not same.all():
                    return False
        return True

    @property
    def linear(self) -> bool:
        """Whether the call is linear in its one input, but for an offset."""
        if not self.one_to_one or not self.inputs[0].dtype.is_floating or not self.outputs[0].dtype.is_floating:
            return False
        x = self.inputs[0]
        y = tf.constant(np.random.default_rng(9).uniform(-1, 1, x.shape), x.dtype)
        offset, a, b, both = (array(self.run([value])[0]) for value in (0 * x, x, y, 2 * x - 3 * y))
        left, right = 2 * (a - offset) - 3 * (b - offset), both - offset
        return left.shape == right.shape and bool(np.allclose(left, right, rtol=1e-3, atol=1e-3))

    # -- axes -------------------------------------------------------------------------------------------------------

    def keeps_axis(self, axis: int) -> bool | None:
        """Whether each output at one place of an axis depends only on what comes in at that place of the axis.

        None if the inputs have no such axis in common. For axis 0 the inputs with a batch count.
        """
        chosen = self.batched if axis == 0 else [True] * len(self.inputs)
        lengths = {
            tensor.shape[axis] if len(tensor.shape) > axis else 1
            for tensor, one in zip(self.inputs, chosen, strict=True)
            if one
        }
        if len(lengths) != 1 or lengths <= {0, 1} or not self.outputs:
            return None
        (length,) = lengths
        inputs = [
            changed(tensor, (slice(None),) * axis + (CHANGED,)) if one else tensor
            for tensor, one in zip(self.inputs, chosen, strict=True)
        ]
        return all(
            _differs_at_most_at(array(one), array(other), axis, length)
            for one, other in zip(self.outputs, self.run(inputs), strict=True)
        )

    # -- masks ------------------------------------------------------------------------------------------------------

    @cached_property
    def _masked(self) -> tuple[list[Any], list[Any], bool, bool]:
        """Outputs with masks that hide nothing; with masks that hide something; whether the masks are still on the
        inputs; whether the first output has one, in training or not."""
        carried, kept = True, True
        outputs: list[list[Any]] = [[], []]
        modes = [self.inference] + ([{"training": True}] if "training" in self.parameters else [])
        for mode in modes:
            for found, masks in zip(outputs, (self._masks(False), self._masks(True)), strict=True):
                tensors = [tf.identity(tensor) for tensor in self.inputs]
                for tensor, mask in zip(tensors, masks, strict=True):
                    if mask is not None:
                        keras_internals.set_mask(tensor, mask)
                results = self.run(tensors, **mode)
                carried = carried and keras_internals.mask_of(results[0]) is not None
                kept = kept and all(
                    keras_internals.mask_of(tensor) is not None
                    for tensor, mask in zip(tensors, masks, strict=True)
                    if mask is not None
                )
                if mode is self.inference or not self.draws:
                    found += results
        return outputs[0], outputs[1], kept, carried

    def _masks(self, hide: bool) -> list[Any]:
        whole = type(self.operation).__name__ == "Softmax"
        masks = []
        for tensor in self.inputs:
            if len(tensor.shape) < 2 or tensor.dtype == tf.string:
                masks.append(None)
                continue
            mask = np.ones(tensor.shape if whole else tensor.shape[:2], bool)
            if hide:
                mask[:, -1] = False
            masks.append(tf.constant(mask))
        return masks

    @property
    def hands_mask_on(self) -> bool:
        return self._masked[3]

    @property
    def uses_mask(self) -> bool:
        """Whether the result depends on a mask of the inputs."""
        shown, hidden, _, _ = self._masked
        return any(not equal(one, other, 1e-6) for one, other in zip(shown, hidden, strict=True))

    @property
    def strips_masks(self) -> bool:
        """Whether the call takes the masks off the tensors that it receives."""
        return any(mask is not None for mask in self._masks(False)) and not self._masked[2]

    @property
    def makes_mask(self) -> bool:
        """Whether an output has a mask though no input has one."""
        return any(keras_internals.mask_of(output) is not None for output in self.outputs)

    # -- training ---------------------------------------------------------------------------------------------------

    @cached_property
    def draws(self) -> bool:
        """Whether two calls in training differ."""
        more = {"training": True} if "training" in self.parameters else {}
        first = self.run(self.inputs, **more)
        return any(
            any(not equal(one, other) for one, other in zip(first, self.run(self.inputs, **more), strict=True))
            for _ in range(6)
        )

    @cached_property
    def _trained(self) -> tuple[bool, bool]:
        layer = self.operation
        before = [np.array(variable) for variable in layer.weights]
        self.run(self.inputs, **({"training": True} if "training" in self.parameters else {}))
        moved = any((old != np.array(new)).any() for old, new in zip(before, layer.weights, strict=True))
        return moved, bool(layer.losses)

    @property
    def counts_calls(self) -> bool:
        """Whether a call in training leaves something behind: averages that moved, or a loss."""
        return any(self._trained)

    @property
    def adds_loss(self) -> bool:
        return self._trained[1]


def _differs_at_most_at(one: np.ndarray, other: np.ndarray, axis: int, length: int) -> bool:
    if one.shape != other.shape or one.ndim <= axis or one.shape[axis] != length:
        return False
    keep = [index for index in range(length) if index != CHANGED]
    return equal(np.take(one, keep, axis), np.take(other, keep, axis), 1e-5)


def layer_sample(name: str) -> Sample:
    """The call of a layer class by its recipe."""
    assert name in RECIPES, f"no call of {name} is known: add one to RECIPES in tests/knowledge/measuring.py"
    make, *specs = RECIPES[name]
    layer = make()
    if len(specs) == 1 and isinstance(specs[0], list):
        model = build(lambda *tensors: layer(list(tensors)), *specs[0])
    else:
        model = build(layer, *specs)
    sample = next(samples(model, getattr(L, name)))
    if name == "Masking":
        hidden = np.array(sample.inputs[0])
        hidden[:, -1] = MASKED
        sample.inputs = [tf.constant(hidden)]
    return sample


def samples(model: keras.Model, cls: type | None = None) -> Iterator[Sample]:
    """The calls of a Functional model, or those of one class in it, on numbers that all differ."""
    for node in keras_internals.own_nodes(keras_internals.graph_model(model)):
        operation = keras_internals.node_operation(node)
        if isinstance(operation, L.InputLayer) or (cls is not None and type(operation) is not cls):
            continue
        args, kwargs = keras_internals.node_arguments(node)
        kwargs = {key: value for key, value in kwargs.items() if key not in ("training", "mask")}
        found = keras.tree.flatten((list(args), kwargs))
        tensors = [leaf for leaf in found if isinstance(leaf, keras.KerasTensor)]
        yield Sample(
            operation,
            list(args),
            kwargs,
            [numbers(tensor.shape, tensor.dtype, position) for position, tensor in enumerate(tensors)],
            [len(tensor.shape) > 0 and tensor.shape[0] is None for tensor in tensors],
        )


def numbers(shape: Iterable[int | None], dtype: str, seed: int = 0) -> Any:
    """A tensor of numbers that all differ, as far as the dtype allows: between -2 and 3, in images up to 255."""
    full = tuple(size if size is not None else FREE if axis else BATCH for axis, size in enumerate(shape))
    chance = np.random.default_rng(seed)
    count = int(np.prod(full))
    if dtype == "string":
        return tf.constant(chance.choice(["a", "b", "c d"], size=full))
    if dtype == "bool":
        return tf.constant(chance.integers(0, 2, full).astype(bool))
    if "int" in dtype:
        return tf.constant((chance.permutation(count).reshape(full) % 5 + 1).astype(dtype))
    values = (chance.permutation(count).reshape(full) + 0.5 + seed / 7) / count
    image = len(full) == 4 and full[-1] == 3
    values = values * 255 if image else values * 5 - 2
    if dtype.startswith("complex"):
        return tf.constant((values + 1j * values[::-1]).astype(dtype))
    return tf.cast(tf.constant(values), dtype)


def changed(tensor: Any, where: tuple[Any, ...]) -> Any:
    """The same tensor with other numbers at some places."""
    found = np.array(tensor)
    if found.dtype.kind in "OS":
        found[where] = np.where(found[where] == b"a", b"b", b"a")
        return tf.constant(found.astype("S"))
    if found.dtype == bool:
        found[where] = ~found[where]
    elif found.dtype.kind in "iu":
        found[where] = found[where] % 5 + 1
    else:
        found[where] = 6 - found[where] * 1.6
    return tf.constant(found)


def array(tensor: Any) -> np.ndarray:
    """The numbers of a tensor as float64, complex128 or text."""
    if isinstance(tensor, tf.SparseTensor):
        tensor = tf.sparse.to_dense(tensor)
    found = np.array(tensor)
    if found.dtype.kind in "OSU":
        return found.astype("U")
    return found.astype("complex128" if found.dtype.kind == "c" else "float64")


def equal(one: Any, other: Any, tolerance: float = 0) -> bool:
    a, b = array(one), array(other)
    if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
        return False
    if a.dtype.kind == "U":
        return bool((a == b).all())
    return bool(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True))


# -- operations -----------------------------------------------------------------------------------------------------

OPERATION_MODULES = (core, einops, image, linalg, math, nn, numpy, activations, quantizers)
F = ((None, 4, 6), "float32")
INTS = ((None, 4, 6), "int32")
COMPLEX = ((None, 4, 6), "complex64")

OPERATION_RECIPES: dict[str, tuple[Any, ...]] = {
    "Angle": (ops.angle, COMPLEX),
    "BitwiseInvert": (ops.bitwise_invert, INTS),
    "BitwiseNot": (ops.bitwise_not, INTS),
    "Cast": (lambda x: ops.cast(x, "float16"), F),
    "Conjugate": (ops.conjugate, COMPLEX),
    "Imag": (ops.imag, COMPLEX),
    "RMSNorm": (ops.rms_normalization, F),
    "Real": (ops.real, COMPLEX),
    "SaturateCast": (lambda x: ops.saturate_cast(x, "float16"), F),
    "SegmentMin": (lambda x, i: math.SegmentMin(9)(x, i), ((7, 2), "float32"), ((7,), "int32")),
    "SegmentSum": (lambda x, i: ops.segment_sum(x, i, 9), ((7, 2), "float32"), ((7,), "int32")),
    "Take": (lambda x: ops.take(x, [0, 2], axis=1), F),
    "ViewAsReal": (ops.view_as_real, COMPLEX),
    "Vsplit": (lambda x: ops.vsplit(x, 2), ((4, 6), "float32")),
    "BitwiseRightShift": (ops.bitwise_right_shift, INTS, INTS),
    "Clip": (lambda x: ops.clip(x, 0, 1), F),
    "Concatenate": (lambda x, y: ops.concatenate([x, y], axis=1), F, F),
    "Stack": (lambda x, y: ops.stack([x, y], axis=1), F, F),
    "Append": (lambda x, y: ops.append(x, y, axis=1), F, F),
    "FullLike": (lambda x: ops.full_like(x, 2), F),
    "Gcd": (ops.gcd, INTS, INTS),
    "Lcm": (ops.lcm, INTS, INTS),
    "Ldexp": (ops.ldexp, F, INTS),
    "BitwiseAnd": (ops.bitwise_and, INTS, INTS),
    "BitwiseOr": (ops.bitwise_or, INTS, INTS),
    "BitwiseXor": (ops.bitwise_xor, INTS, INTS),
    "BitwiseLeftShift": (ops.bitwise_left_shift, INTS, INTS),
    "LeftShift": (ops.left_shift, INTS, INTS),
    "RightShift": (ops.right_shift, INTS, INTS),
    "Argmax": (lambda x: ops.argmax(x, axis=1), F),
    "Glu": (ops.glu, F),
    "Isreal": (ops.isreal, COMPLEX),
    "LayerNorm": (ops.layer_normalization, F),
    "Norm": (lambda x: ops.norm(x, axis=1), F),
    "Normalize": (ops.normalize, F),
    "Percentile": (lambda x: ops.percentile(x, 50, axis=1), F),
    "Repeat": (lambda x: ops.repeat(x, 2, axis=1), F),
    "Split": (lambda x: ops.split(x, 2, axis=1), F),
    "Squeeze": (ops.squeeze, ((None, 1, 4, 1), "float32")),
    "TakeAlongAxis": (lambda x, i: ops.take_along_axis(x, i, axis=1), F3, ((None, 7, 6), "int32")),
    "Trapezoid": (lambda x: ops.trapezoid(x, axis=1), F),
    "View": (lambda x: ops.view(x, "uint8"), F),
    "Where": (lambda x, y: ops.where(True, x, y), F, F),
    "Mish": (activations.Mish(), F),
    "ReLU": (activations.ReLU(), F),
}
"""Calls that show more of an operation than those of the shape tests."""

UNMEASURED_OPERATIONS = {
    "Argpartition": "TensorFlow has none of floats",
    "AssociativeScan": "takes a Python function",
    "CDist": "the shape test mixes dtypes",
    "Cholesky": "needs a positive definite matrix",
    "CholeskyInverse": "needs a positive definite matrix",
    "Cond": "takes Python functions",
    "Corrcoef": "needs a matrix",
    "ConvTranspose": "the backend refuses a free batch outside a graph",
    "FakeQuantWithMinMaxVars": "takes Python functions",
    "Fold": "takes seconds",
    "ForiLoop": "takes a Python function",
    "Function": "is a model",
    "Histogram": "needs a vector",
    "JVP": "takes a Python function",
    "Map": "takes a Python function",
    "Logdet": "needs a positive determinant",
    "LuFactor": "TensorFlow has none outside a graph",
    "Ndim": "returns no tensor",
    "Rearrange": "is called as other operations",
    "Scan": "takes a Python function",
    "SegmentReduction": "abstract",
    "Switch": "takes Python functions",
    "VectorizedMap": "takes a Python function",
    "ViewAsComplex": "needs a last axis of 2",
    "WhileLoop": "takes Python functions",
    "Arange": "takes no tensor",
    "Full": "takes no tensor",
}


def operation_classes() -> dict[str, type]:
    """Every operation of the installed Keras that a model can record, by class name."""
    return {
        name: cls
        for module in OPERATION_MODULES
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and issubclass(cls, keras.Operation)
        and cls is not keras.Operation
        and cls.__module__ == module.__name__
    }


@cache
def operation_samples() -> dict[str, Sample]:
    """One call of each operation."""
    found: dict[str, Sample] = {}

    def add(function: Callable[..., Any], *specs: Any) -> None:
        for sample in samples(build(function, *specs)):
            found.setdefault(type(sample.operation).__name__, sample)

    for function, *specs in OPERATION_RECIPES.values():
        add(function, *specs)
    for name in operation_cases.UNARY.split():
        if name != "glu":
            add(getattr(ops, name), F)
    for name in operation_cases.BINARY.split():
        if name not in ("gcd", "lcm", "ldexp"):
            add(getattr(ops, name), F, F)
    for function, *specs in operation_cases.CASES.values():
        add(function, *specs)
    return found


def operation_words(sample: Sample) -> set[str]:
    """What a call shows of its operation, in the words of ``rows/operations.txt``."""
    words = set()
    parameters = inspect.signature(type(sample.operation).__init__).parameters
    batch = _batch(sample, parameters)
    if batch is not None:
        words.add(f"batch={batch}")
    if batch in (Batch.AXIS, Batch.JOIN):
        words.add(f"axis={parameters['axis'].default}")
    if sample.elementwise:
        words.add("elementwise")
    if sample.same_numbers:
        words.add("same_numbers")
    if has_gradient(sample) and _zero_gradient(sample):
        words.add("zero_gradient")
    if _shape_only(sample):
        words.add("shape_only")
    if batch is Batch.AXIS and ("keepdims" in parameters or _drops_axis(sample)):
        words.add("reduction")
    return words


def _batch(sample: Sample, parameters: Mapping[str, inspect.Parameter]) -> Batch | None:
    if len(sample.inputs) == 2 and _broadcasts(sample):
        return Batch.OPERANDS
    if "axis" in parameters and parameters["axis"].default is not inspect.Parameter.empty:
        along, across = _with_axis(sample, 1), _with_axis(sample, 0)
        if along is not None and along.keeps_axis(0) and not (across is not None and across.keeps_axis(0)):
            several = isinstance(sample.args[0], (list, tuple)) or type(sample.operation).__name__ == "Append"
            return Batch.JOIN if several else Batch.AXIS
    return Batch.KEPT if sample.keeps_axis(0) else None


def _with_axis(sample: Sample, axis: int) -> Sample | None:
    """The same call with another ``axis``; None if it does not fit the inputs."""
    config = {key: value for key, value in sample.operation.get_config().items() if key != "name"}
    try:
        operation = type(sample.operation)(**{**config, "axis": axis})
        other = Sample(operation, sample.args, sample.kwargs, sample.inputs, sample.batched)
        _ = other.outputs
    except (TypeError, ValueError, tf.errors.OpError):
        return None
    return other


def _drops_axis(sample: Sample) -> bool:
    other = _with_axis(sample, 2)
    return other is not None and [len(one.shape) for one in other.outputs] == [len(sample.inputs[0].shape) - 1]


def _broadcasts(sample: Sample) -> bool:
    one, other = (tensor.dtype.name for tensor in sample.inputs)
    x, y = numbers((3, 1, 6), one), numbers((4, 1), other, 1)
    try:
        (found,) = sample.run([x, y])
        (expected,) = sample.run([tf.broadcast_to(x, (3, 4, 6)), tf.broadcast_to(y, (3, 4, 6))])
        (turned,) = sample.run([numbers((4, 1), one), numbers((3, 1, 6), other, 1)])
    except (TypeError, ValueError, tf.errors.OpError):
        return False
    return tuple(found.shape) == tuple(turned.shape) == (3, 4, 6) and equal(found, expected, 1e-6)


def has_gradient(sample: Sample) -> bool:
    """Whether the question of a gradient arises: real numbers go in, and none that are complex come out."""
    floats = any(tensor.dtype.is_floating for tensor in sample.inputs)
    return floats and not any(getattr(one.dtype, "is_complex", False) for one in sample.outputs)


def _zero_gradient(sample: Sample) -> bool:
    """Whether no gradient passes: the outputs have none, or it is 0 everywhere."""
    floats = [tensor for tensor in sample.inputs if tensor.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(floats)
        outputs = [one for one in sample.run(sample.inputs) if getattr(one.dtype, "is_floating", False)]
        total = sum(tf.reduce_sum(tf.cast(one, "float64") * numbers(one.shape, "float64", 3)) for one in outputs)
    if not outputs:
        return True
    try:
        gradients = [one for one in tape.gradient(total, floats) if one is not None]
    except NotImplementedError:
        return False
    return not any(array(tf.convert_to_tensor(one)).any() for one in gradients)


def _shape_only(sample: Sample) -> bool:
    """Whether other numbers give the same outputs: zeros in the first, infinite ones and such that are none."""
    zeros, odd = [], []
    nothing = [tf.zeros_like(tensor) for tensor in sample.inputs]
    for tensor in sample.inputs:
        other = np.array(tensor)
        zeros.append(tensor if zeros else tf.constant(np.zeros_like(other)))
        if other.dtype.kind == "f":
            other.reshape(-1)[:3] = [np.nan, np.inf, -np.inf][: other.size]
        odd.append(tf.constant(other))
    for inputs in (zeros, nothing, odd):
        try:
            outputs = sample.run(inputs)
        except (TypeError, ValueError, tf.errors.OpError):
            return False
        if not all(equal(one, other) for one, other in zip(sample.outputs, outputs, strict=True)):
            return False
    return bool(sample.outputs)


# -- layers ---------------------------------------------------------------------------------------------------------


def layer_words(sample: Sample) -> set[str]:
    """What a call shows of its layer, in the words of ``rows/layers.txt``."""
    layer = sample.operation
    config = layer.get_config()
    traits = {
        # The order is that of the runs: those in training come last, for they change averages.
        "per_step": sample.elementwise if sample.keeps_axis(1) is None else bool(sample.keeps_axis(1)),
        "unchanged": sample.unchanged,
        "same_tensor": sample.same_tensor,
        "same_numbers": sample.same_numbers,
        "elementwise": sample.elementwise,
        "linear": sample.linear,
        "makes_mask": sample.makes_mask,
        "random": sample.draws and not sample.counts_calls,
        "counts_calls": sample.counts_calls,
        "adds_loss": sample.adds_loss,
        "hands_mask_on": sample.hands_mask_on,
        "uses_mask": sample.uses_mask,
        "strips_masks": sample.strips_masks,
        "weightless": not _own_weights(layer, config),
        "adapts": hasattr(layer, "adapt"),
        "recurrent": hasattr(layer, "return_sequences"),
        "activation": "activation" in config,
        "data_format": "data_format" in config,
        "stateful": "stateful" in config,
        "mask": "mask" in sample.parameters,
        "query_mask": "query_mask" in sample.parameters,
    }
    words = {name for name, holds in traits.items() if holds}
    if "training" in sample.parameters:
        words.add(f"training={sample.parameters['training'].default}")
    return words


def _own_weights(layer: keras.Layer, config: dict[str, Any]) -> list[keras.Variable]:
    """The variables of a layer that no layer in its configuration holds."""
    held = (
        [getattr(layer, name, None) for name in ("layer", "forward_layer", "backward_layer")]
        if "layer" in config
        else []
    )
    for name in ("cell", "cells", "layers"):
        if name in config:
            held += keras.tree.flatten(getattr(layer, name))
    elsewhere = {id(variable) for one in held if one is not None for variable in one.weights}
    return [variable for variable in layer.weights if id(variable) not in elsewhere]
