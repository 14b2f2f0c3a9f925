"""Layers whose code is hard to trace, one difficulty each, with what should be seen inside.

`CASES` has for each a function that makes the layer, the arrays that it is called with, and the calls that its body
should show: the attribute path of a sublayer, or the class of an operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.tracing import native


@dataclass(frozen=True, slots=True)
class Case:
    """``calls`` is what the body shows in inference, without its inputs; ``closed`` part of the reason why it shows
    nothing."""

    layer: type[keras.Layer]
    args: tuple[Any, ...]
    calls: tuple[str, ...] = ()
    _: KW_ONLY
    kwargs: dict[str, Any] = field(default_factory=dict)
    closed: str = ""
    on: dict[str, str] = field(default_factory=dict)
    """The calls that the body shows on a backend where they are others, by its name."""
    in_python: bool = False
    """Whether it is a loop, a condition or a map, of which PyTorch shows what is inside once, and no numbers."""

    @property
    def shown(self) -> tuple[str, ...]:
        found = self.on.get(native.BACKEND)
        return self.calls if found is None else tuple(found.split())


CASES: dict[str, Case] = {}


def case(*args: Any, calls: str = "", **options: Any) -> Callable[[type[keras.Layer]], type[keras.Layer]]:
    def register(layer: type[keras.Layer]) -> type[keras.Layer]:
        CASES[layer.__name__] = Case(layer, args, tuple(calls.split()), **options)
        return layer

    return register


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype("float32")


def tokens(*shape: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 5, size=shape).astype("int32")


# -- plain code -----------------------------------------------------------------------------------------------------


@case(floats(2, 8, 16), calls="attention drop_1 Add norm_1 feed drop_2 Add norm_2")
class Encoder(layers.Layer):
    """A block of layers, a Sequential among them, that hands its mode on."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 8)
        self.feed = keras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(16)])
        self.norm_1, self.norm_2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.drop_1, self.drop_2 = layers.Dropout(0.1, seed=1), layers.Dropout(0.1, seed=2)

    def call(self, x: Any, training: bool | None = None) -> Any:
        x = self.norm_1(x + self.drop_1(self.attention(x, x), training=training))
        return self.norm_2(x + self.drop_2(self.feed(x), training=training))


@case(tokens(2, 8), calls="words places Add")
class FixedPositions(layers.Layer):
    """Calls a sublayer on a constant made of a known dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = layers.Embedding(20, 6), layers.Embedding(12, 6)

    def call(self, x: Any) -> Any:
        return self.words(x) + self.places(ops.arange(0, x.shape[-1]))


@case(tokens(2, 8), calls="words places GetItem Add")
class FreePositions(layers.Layer):
    """Calls a sublayer on what depends on nothing but a free dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = layers.Embedding(20, 6), layers.Embedding(12, 6)

    def call(self, x: Any) -> Any:
        count = ops.shape(x)[0]
        return self.words(x) + self.places(ops.minimum(ops.arange(0, count), 11))[:, None]


@case(floats(3, 8), calls="mean spread Multiply Exp normal Multiply Add")
class Sampler(layers.Layer):
    """Draws random numbers of a shape that is only known when it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.seed = keras.random.SeedGenerator(3)
        self.mean, self.spread = layers.Dense(4), layers.Dense(4)

    def call(self, x: Any) -> Any:
        mean, spread = self.mean(x), self.spread(x)
        rows, columns = ops.shape(mean)
        return mean + ops.exp(0.5 * spread) * keras.random.normal((rows, columns), seed=self.seed)


@case(
    floats(2, 4, 8),
    calls="before Reshape Multiply Sum Multiply Sum Add Matmul Multiply Subtract Argmin OneHot Transpose Matmul "
    "Reshape StopGradient Subtract Square Mean Subtract StopGradient Add",
)
class Codebook(layers.Layer):
    """Reads a variable of its own in several operations, and adds a loss."""

    def __init__(self) -> None:
        super().__init__()
        self.before = layers.Dense(8)
        self.codes = self.add_weight(shape=(8, 10), name="codes")

    def call(self, x: Any) -> Any:
        x = self.before(x)
        flat = ops.reshape(x, [-1, 8])
        distances = (
            ops.sum(flat * flat, axis=1, keepdims=True)
            + ops.sum(self.codes * self.codes, axis=0)
            - 2 * ops.matmul(flat, self.codes)
        )
        nearest = ops.matmul(ops.one_hot(ops.argmin(distances, axis=1), 10), ops.transpose(self.codes))
        nearest = ops.reshape(nearest, ops.shape(x))
        self.add_loss(ops.mean(ops.square(ops.stop_gradient(nearest) - x)))
        return x + ops.stop_gradient(nearest - x)


@case(floats(2, 8), calls="body Add")
class DropsPaths(layers.Layer):
    """Does another thing in training, by a branch of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(8)
        self.seed = keras.random.SeedGenerator(1)

    def call(self, x: Any, training: bool | None = None) -> Any:
        found = self.body(x)
        if training:
            kept = keras.random.uniform((ops.shape(x)[0], 1), seed=self.seed)
            return x + found * ops.floor(kept + 0.5)
        return x + found


@case(floats(2, 8), calls="first Glue second Glue Multiply Glue")
class Backend(layers.Layer):
    """Calls functions of the backend itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Dense(8), layers.Dense(8)

    def call(self, x: Any) -> Any:
        active = native.relu(self.first(x))
        joined = native.concatenate([x, active])
        return native.total(self.second(joined) * native.averages(joined))


@case(
    floats(2, 8),
    calls="gate Glue Cast up Multiply down",
    on={"tensorflow": "gate Multiply Glue Multiply Cast up Multiply down"},
)
class CastOfBackend(layers.Layer):
    """Casts a result of the backend to the dtype that it has already: Keras returns the same tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.up, self.down = layers.Dense(8), layers.Dense(8), layers.Dense(8)

    def call(self, x: Any) -> Any:
        gate = ops.cast(native.silu(self.gate(x)), "float32")
        return self.down(ops.multiply(self.up(x), gate))


@case(floats(2, 4), calls="first Glue second")
class PrivateBackend(layers.Layer):
    """Calls a function of Keras's own backend."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Dense(4), layers.Dense(4)

    def call(self, x: Any) -> Any:
        from keras.src import backend

        return self.second(backend.numpy.tanh(self.first(x)))


# -- control flow ---------------------------------------------------------------------------------------------------


@case(floats(2, 3, 4), calls="GetItem cell GetItem cell GetItem cell")
class Unrolled(layers.Layer):
    """Calls a cell in a loop of Python."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = layers.LSTMCell(5)

    def build(self, shape: Any) -> None:
        self.cell.build((shape[0], shape[2]))
        self.built = True

    def call(self, x: Any) -> Any:
        states = [ops.zeros((ops.shape(x)[0], 5))] * 2
        for step in range(x.shape[1]):
            found, states = self.cell(x[:, step], states)
        return found


@case(floats(2, 4), calls="body Glue", on={"jax": "Glue body Glue"}, in_python=True)
class Loop(layers.Layer):
    """Calls a sublayer inside a loop of the graph."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.body.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        start = (ops.convert_to_tensor(0), x)
        return ops.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, self.body(y)), start)[1]


@case(floats(2, 4), calls="Sum Greater yes no Glue", in_python=True)
class Branch(layers.Layer):
    """Calls sublayers inside the branches of a condition in the graph."""

    def __init__(self) -> None:
        super().__init__()
        self.yes, self.no = layers.Dense(4), layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.yes.build(shape)
        self.no.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        return ops.cond(ops.sum(x) > 0, lambda: self.yes(x), lambda: self.no(x))


@case(floats(2, 5, 4), calls="Glue body Glue", in_python=True)
class Mapped(layers.Layer):
    """Calls a sublayer inside a function of the backend that maps."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.body.build((shape[0], shape[2]))
        self.built = True

    def call(self, x: Any) -> Any:
        return native.map_rows(self.body, x)


@case(floats(2, 5, 4), calls="GetItem Multiply Swapaxes Glue body Glue", in_python=True)
class Scanned(layers.Layer):
    """Calls a sublayer inside ``ops.scan``."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.body.build((shape[0], shape[2]))
        self.built = True

    def call(self, x: Any) -> Any:
        def step(carry: Any, one: Any) -> Any:
            carry = carry + self.body(one)
            return carry, carry

        return ops.scan(step, x[:, 0] * 0, ops.swapaxes(x, 0, 1))[0]


@case(floats(2, 4), calls="body Glue", on={"jax": "Glue body Glue", "torch": "body Multiply"})
class Compiled(layers.Layer):
    """Calls a sublayer inside a function that the backend compiles."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)
        self.run = native.compiled(lambda x: self.body(x) * 2)

    def build(self, shape: Any) -> None:
        self.body.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        return self.run(x)


class Cell(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.state_size = 4
        self.dense = layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.dense.build((shape[0], shape[-1] + 4))
        self.built = True

    def call(self, x: Any, states: Any, training: bool | None = None) -> Any:
        found = self.dense(ops.concatenate([x, states[0]], -1))
        return found, [found]


@case(floats(2, 5, 3), calls="rnn")
class CustomCell(layers.Layer):
    """A cell that is not Keras's own, in a layer that is."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = layers.RNN(Cell())

    def call(self, x: Any) -> Any:
        return self.rnn(x)


class Inner(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.dense.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        return ops.relu(self.dense(x))


@case(floats(2, 5, 4), calls="wrapper")
class Wrapped(layers.Layer):
    """A layer that is not Keras's own, in a wrapper that is."""

    def __init__(self) -> None:
        super().__init__()
        self.wrapper = layers.TimeDistributed(Inner())

    def call(self, x: Any) -> Any:
        return self.wrapper(x)


# -- effects --------------------------------------------------------------------------------------------------------


@case(floats(2, 4), calls="body Add Subtract")
class Counts(layers.Layer):
    """Assigns to variables, and reads one that it has assigned to."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)
        self.count = self.add_weight(shape=(), trainable=False, name="count", initializer="zeros")
        self.average = self.add_weight(shape=(4,), trainable=False, name="average", initializer="ones")

    def call(self, x: Any, training: bool | None = None) -> Any:
        found = self.body(x)
        self.count.assign_add(1.0)
        if training:
            self.average.assign(0.9 * self.average + 0.1 * ops.mean(found, axis=0))
        return found - self.average


@case(floats(2, 4), calls="body Mean Cast Sum Add Add")
class Measures(layers.Layer):
    """Updates a metric."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)
        self.metric = keras.metrics.Mean(name="level")

    def call(self, x: Any) -> Any:
        found = self.body(x)
        self.metric.update_state(ops.mean(found))
        return found


@case(floats(2, 4), calls="body norm")
class Penalised(layers.Layer):
    """Sublayers with regularizers, and one that updates its own statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4, kernel_regularizer="l2", activity_regularizer="l2")
        self.norm = layers.BatchNormalization()

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.norm(self.body(x), training=training)


@case(floats(2, 4), calls="body")
class CountsInPython(layers.Layer):
    """Changes an attribute in every call."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)
        self.calls = 0

    def call(self, x: Any) -> Any:
        self.calls += 1
        return self.body(x)


@case(floats(2, 6, 8), calls="attention")
class Keeps(layers.Layer):
    """Keeps tensors in an attribute and in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 4)
        self.history: list[Any] = []

    def call(self, x: Any) -> Any:
        found, self.scores = self.attention(x, x, return_attention_scores=True)
        self.history.append(found)
        return found


@case(floats(2, 4), calls="body Lambda")
class Closure(layers.Layer):
    """A Lambda calls a sublayer and reads a tensor of the code around it."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.hidden = layers.Dense(4), layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.body.build(shape)
        self.hidden.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        found = self.body(x)
        return layers.Lambda(lambda z: self.hidden(z) * found)(x)


class KeepsHidden(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(4)

    def call(self, x: Any) -> Any:
        self.hidden = self.dense(x)
        return ops.relu(self.hidden)


@case(floats(2, 4), calls="inner Glue head Add")
class ReadsKept(layers.Layer):
    """Reads a tensor that a sublayer kept."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = KeepsHidden(), layers.Dense(4)

    def call(self, x: Any) -> Any:
        found = self.inner(x)
        return found + self.head(self.inner.hidden)


# -- arguments, masks, dtypes ---------------------------------------------------------------------------------------


@case(tokens(2, 8), calls="words NotEqual lstm head Cast ExpandDims Multiply Sum")
class Masks(layers.Layer):
    """Computes a mask, passes it on and multiplies with it."""

    def __init__(self) -> None:
        super().__init__()
        self.words = layers.Embedding(5, 6, mask_zero=True)
        self.lstm, self.head = layers.LSTM(4, return_sequences=True), layers.Dense(2)
        self.supports_masking = True

    def call(self, x: Any) -> Any:
        found = self.words(x)
        mask = self.words.compute_mask(x)
        found = self.head(self.lstm(found, mask=mask)) * ops.expand_dims(ops.cast(mask, "float32"), -1)
        return ops.sum(found, axis=1)


@case(floats(2, 4), calls="body")
class AsksForTensor(layers.Layer):
    """Insists on a tensor of the backend."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)

    def call(self, x: Any) -> Any:
        if not isinstance(x, native.TENSOR):
            raise TypeError("expected a tensor")
        return self.body(x)


@case({"a": floats(2, 4), "b": floats(2, 4)}, calls="body drop Add")
class Dictionaries(layers.Layer):
    """Takes and returns a dict, with an input and None among what it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.drop = layers.Dense(4), layers.Dropout(0.5, seed=1)

    def call(self, x: Any) -> Any:
        return {"sum": self.body(x["a"]) + self.drop(x["b"]), "same": x["a"], "none": None}


@case(floats(2, 4), calls="drop body Add Add")
class SameTensor(layers.Layer):
    """A sublayer returns the very tensor that it receives."""

    def __init__(self) -> None:
        super().__init__()
        self.drop, self.body = layers.Dropout(0.5, seed=1), layers.Dense(4)

    def call(self, x: Any) -> Any:
        found = self.drop(x)
        return self.body(found) + x + found


@case(floats(2, 4), calls="functional inner functional inner")
class CalledTwice(keras.Model):
    """A subclassed model with a Functional model inside, both called twice."""

    def __init__(self) -> None:
        super().__init__()
        inputs = keras.Input((4,))
        self.functional = keras.Model(inputs, layers.Dense(4)(Inner()(inputs)))
        self.inner = Inner()

    def call(self, x: Any) -> Any:
        return self.inner(self.functional(self.inner(self.functional(x))))


@case(tokens(2, 8), calls="words body Transpose Matmul")
class TiedHead(layers.Layer):
    """Reads a variable of a sublayer."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.body = layers.Embedding(9, 6), layers.Dense(6)

    def call(self, x: Any) -> Any:
        return ops.matmul(self.body(self.words(x)), ops.transpose(self.words.embeddings))


@case(floats(2, 4), calls="Matmul Matmul body Multiply Norm Add")
class LowRank(layers.Layer):
    """Operations on variables alone."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = self.add_weight(shape=(4, 2), name="down"), self.add_weight(shape=(2, 4), name="up")
        self.body = layers.Dense(4)

    def call(self, x: Any) -> Any:
        return self.body(ops.matmul(x, ops.matmul(self.down, self.up))) + ops.norm(self.down * 2)


@case(floats(2, 4).astype("float16"), calls="Glue body Multiply")
class MixedPrecision(layers.Layer):
    """Reads a variable that is cast on the way."""

    def __init__(self) -> None:
        super().__init__(dtype="mixed_float16")
        self.body = layers.Dense(4, dtype="mixed_float16")
        self.scale = self.add_weight(shape=(4,), name="scale")

    def call(self, x: Any) -> Any:
        return self.body(x) * self.scale


@case(
    floats(2, 4),
    floats(2, 4),
    kwargs={"gate": floats(2, 1)},
    calls="first Multiply second Subtract Multiply Add",
)
class Arguments(layers.Layer):
    """Takes tensors by position and by name."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Dense(4), layers.Dense(4)

    def call(self, a: Any, b: Any, gate: Any = None) -> Any:
        return self.first(a) * gate + self.second(b) * (1 - gate)


@case(floats(2, 4), calls="end body")
class Unused(layers.Layer):
    """Holds a sublayer that it never calls, and calls one for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.unused, self.end = layers.Dense(4), layers.Dense(4), layers.Dense(3)

    def build(self, shape: Any) -> None:
        for layer in (self.body, self.unused, self.end):
            layer.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        self.end(x)
        return self.body(x)


class Changes(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(4)

    def call(self, x: Any) -> Any:
        return self.dense(x["value"])


@case(floats(2, 4), calls="body other body Add")
class ChangesArguments(layers.Layer):
    """Changes the dict that it has passed to a sublayer."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.other = Changes(), layers.Dense(4)

    def call(self, x: Any) -> Any:
        passed = {"value": x}
        first = self.body(passed)
        passed["value"] = self.other(first)
        return first + self.body(passed)


@case(floats(2, 6), calls="first Glue second Glue Add")
class Splits(layers.Layer):
    """One output of a function of the backend goes on, the other is needed later."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = layers.Dense(6), layers.Dense(3)

    def call(self, x: Any) -> Any:
        one, other = native.halves(self.first(x))
        return self.second(one) + other


class UsesVariable(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(4)

    def call(self, x: Any, extra: Any) -> Any:
        return self.dense(x) + extra


@case(floats(2, 4), calls="inner")
class PassesVariable(layers.Layer):
    """Passes a variable to a sublayer as an argument."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = UsesVariable()
        self.extra = self.add_weight(shape=(4,), name="extra")

    def call(self, x: Any) -> Any:
        return self.inner(x, self.extra)


# -- what no graph can hold -----------------------------------------------------------------------------------------


@case(floats(2, 4), closed="reads the values of a tensor with numpy")
class WithNumpy(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.body = layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.body.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        return self.body(ops.convert_to_tensor(np.tanh(native.numbers(x))))


@case(floats(2, 4), closed="decides by the values of a tensor")
class ByValue(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.yes, self.no = layers.Dense(4), layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.yes.build(shape)
        self.no.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        if ops.sum(x) > 0:
            return self.yes(x)
        return self.no(x)
