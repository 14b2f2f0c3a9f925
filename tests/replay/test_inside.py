"""Surgery inside custom layers and subclassed models: what code calls is cut, replaced and compared like a graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import InvalidEdit, OpaqueBody, ShapeMismatch, UnknownAddress
from graphlint.replay.clone import clone
from graphlint.replay.edit import edit
from graphlint.replay.extract import extract, features
from graphlint.replay.functional import as_functional
from graphlint.replay.members import NotStored
from graphlint.replay.run import run
from graphlint.replay.split import split
from graphlint.replay.verify import verify
from tests.replay.invariants import assert_same, batch

# -- functions of the backend ---------------------------------------------------------------------------------------


def cumulated(x: Any) -> Any:
    import tensorflow as tf

    return tf.math.cumsum(x, axis=-1)


def cast(x: Any, dtype: str) -> Any:
    import tensorflow as tf

    return tf.cast(x, dtype)


# -- code -----------------------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("inside")
class Residual(layers.Layer):
    def __init__(self, units: int = 6, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.first = layers.Dense(units, activation="relu", name=f"{self.name}_first")
        self.second = layers.Dense(units, name=f"{self.name}_second")
        self.norm = layers.LayerNormalization(name=f"{self.name}_norm")

    def call(self, x: Any) -> Any:
        return self.norm(x + self.second(self.first(x)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("inside")
class Encoder(layers.Layer):
    """A transformer block."""

    def __init__(self, width: int = 6, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True
        self.width = width
        self.attention = layers.MultiHeadAttention(2, 3, name="attention")
        self.residual = Residual(width, name="residual")
        self.norm = layers.LayerNormalization(name="norm")
        self.drop = layers.Dropout(0.3, seed=3, name="drop")

    def call(self, x: Any, training: bool | None = None, mask: Any = None) -> Any:
        attended = self.attention(x, x, training=training)
        return self.residual(self.norm(x + self.drop(attended, training=training)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


class Glued(layers.Layer):
    """Runs TensorFlow between two layers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.before, self.after = layers.Dense(6, name="before"), layers.Dense(6, name="after")

    def call(self, x: Any) -> Any:
        return self.after(cumulated(self.before(x)))


class Scaled(layers.Layer):
    """Reads a variable of its own."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="scale")
        self.inner = layers.Dense(shape[-1], name="inner")
        self.inner.build(shape)

    def call(self, x: Any) -> Any:
        return self.inner(x * self.scale) + self.scale


class Net(keras.Model):
    """Calls what it is given one after another."""

    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(**options)
        self.parts = list(parts)

    def call(self, x: Any, training: bool | None = None) -> Any:
        for part in self.parts:
            x = part(x, training=training) if isinstance(part, (Encoder, layers.Dropout)) else part(x)
        return x


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def words() -> np.ndarray:
    return np.array([[1, 2, 3, 0, 0], [4, 1, 0, 0, 0], [2, 2, 2, 2, 2]], "int32")


class Branches(keras.Model):
    """Takes a dict, and returns one."""

    def __init__(self) -> None:
        super().__init__(name="branches")
        self.left, self.right = layers.Dense(4, name="left"), layers.Dense(4, name="right")
        self.heads = {"a": layers.Dense(2, name="head_a"), "b": layers.Dense(3, name="head_b")}

    def call(self, inputs: dict[str, Any]) -> Any:
        joined = self.left(inputs["p"]) * ops.sigmoid(self.right(inputs["q"]))
        return {key: head(joined) for key, head in self.heads.items()}


class Twice(keras.Model):
    """Calls one layer several times, and a model inside it as well."""

    def __init__(self) -> None:
        super().__init__(name="twice")
        self.shared = Residual(6, name="shared")
        self.inner = Net(layers.Dense(6, name="d"), layers.Dropout(0.2, seed=5, name="o"), name="inner")

    def call(self, x: Any, training: bool | None = None) -> Any:
        x = self.shared(self.shared(x))
        x = ops.concatenate([self.inner(x, training=training), self.inner(x + 1.0, training=training)], axis=-1)
        return x[:, :7] * 2.0


class Two(keras.Model):
    """Has two arguments."""

    def __init__(self) -> None:
        super().__init__(name="two")
        self.dense = layers.Dense(4, name="dense")

    def call(self, query: Any, context: Any) -> Any:
        return self.dense(ops.concatenate([query, context], axis=-1)), ops.mean(query, axis=-1)


def residuals() -> tuple[keras.Model, Any]:
    return Net(layers.Dense(6, name="stem"), *(Residual(name=f"r{n}") for n in range(3)), name="net"), numbers(3, 5)


def transformer() -> tuple[keras.Model, Any]:
    table = layers.Embedding(9, 6, mask_zero=True, name="table")
    return Net(table, Encoder(name="e0"), Encoder(name="e1"), layers.Dense(4, name="head"), name="bert"), words()


def pooled() -> tuple[keras.Model, Any]:
    table = layers.Embedding(9, 6, mask_zero=True, name="table")
    pool = layers.GlobalAveragePooling1D(name="pool")
    return Net(table, layers.LSTM(6, return_sequences=True, name="lstm"), pool, name="pooled"), words()


def holding_functional() -> tuple[keras.Model, Any]:
    inputs = keras.Input((5,), name="i")
    middle = Residual(5, name="block")(inputs)
    part = keras.Model(inputs, layers.Dense(6, name="end")(middle), name="part")
    return Net(part, keras.Sequential([layers.Dense(3, name="s")], name="seq"), name="holder"), numbers(3, 5)


def nested() -> tuple[keras.Model, Any]:
    inner = Net(Residual(5, name="a"), name="n1"), Net(Residual(5, name="b"), name="n2")
    return Net(*inner, name="outer"), numbers(3, 5)


def frozen_statistics() -> tuple[keras.Model, Any]:
    return Net(layers.Dense(6, name="d"), layers.BatchNormalization(name="bn"), name="normed"), numbers(3, 5)


def own_variable() -> tuple[keras.Model, Any]:
    return Net(layers.Dense(6, name="d"), Scaled(name="scaled"), name="variables"), numbers(3, 5)


def with_glue() -> tuple[keras.Model, Any]:
    return Net(layers.Dense(6, name="d"), Glued(name="glued"), layers.Dense(2, name="end"), name="glue"), numbers(3, 5)


MODELS: dict[str, Callable[[], tuple[keras.Model, Any]]] = {
    "residuals": residuals,
    "transformer": transformer,
    "pooled": pooled,
    "holding functional": holding_functional,
    "batch statistics": frozen_statistics,
    "own variable": own_variable,
    "glue inside a layer": with_glue,
    "dict inputs": lambda: (Branches(), {"p": numbers(3, 4), "q": numbers(3, 2)}),
    "called twice": lambda: (Twice(), numbers(3, 6)),
    "nested": nested,
    "long batch": lambda: (Net(layers.Conv1D(6, 3, name="c"), Encoder(name="e"), name="conv"), numbers(2, 9, 4)),
}

BUILT: dict[str, tuple[keras.Model, Any]] = {}


@pytest.fixture(params=MODELS)
def made(request: pytest.FixtureRequest) -> tuple[keras.Model, Any]:
    """A model that was called, and a batch for it."""
    if request.param not in BUILT:
        model, x = MODELS[request.param]()
        model(x)
        BUILT[request.param] = model, x
    return BUILT[request.param]


def called(model: keras.Model, x: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model(x)


# -- the whole model ------------------------------------------------------------------------------------------------


def test_a_functional_model_is_equal(made: tuple[keras.Model, Any]) -> None:
    model, x = made
    functional = as_functional(model)
    assert_same(called(functional, x), called(model, x))
    assert {id(one) for one in functional.variables} == {id(one) for one in model.variables}
    assert len(functional.variables) == len(model.variables)
    assert keras.models.model_from_json is not None and functional.get_config()["layers"]
    assert verify(model, functional, batches=[x])
    assert as_functional(functional) is functional


def test_the_model_is_as_before(made: tuple[keras.Model, Any]) -> None:
    model, x = made
    before, names = called(model, x), [layer.name for layer in model.layers]
    as_functional(model)
    assert_same(called(model, x), before)
    assert [layer.name for layer in model.layers] == names


def test_it_is_trained_as_the_model_is() -> None:
    model, x = residuals()
    model(x)
    functional = as_functional(model)
    functional.compile("sgd", "mse")
    before = np.array(model.parts[1].first.kernel)
    functional.fit(x, np.zeros((3, 6)), verbose=0)
    assert not np.array_equal(np.array(model.parts[1].first.kernel), before)


def test_a_model_with_two_arguments_takes_a_dict() -> None:
    model = Two()
    q, c = numbers(3, 2), numbers(3, 4)
    expected = model(q, c)
    functional = as_functional(model, {"query": (None, 2), "context": (None, 4)})
    assert_same(functional({"query": q, "context": c}), expected)


def test_a_model_that_was_never_called_needs_inputs() -> None:
    model = Net(layers.Dense(2, name="d"), name="fresh")
    with pytest.raises(OpaqueBody, match="inputs"):
        as_functional(model)
    model.parts[0].build((None, 5))
    assert as_functional(model, (None, 5)).output_shape == (None, 2)


@pytest.mark.parametrize(
    "does",
    [lambda x: x, lambda x: {"a": x, "b": [x]}, lambda x: cast(x, "float16"), lambda x: (cast(x, "int32"), x)],
)
def test_a_model_that_calls_no_layer_and_no_function_of_keras(does: Callable[[Any], Any]) -> None:
    model = type("Calls", (keras.Model,), {"call": lambda self, x: does(x)})(name="calls")
    x = numbers(2, 3)
    expected = model(x)
    assert_same(as_functional(model)(x), expected)


class AddsLoss(Net):
    def call(self, x: Any, training: bool | None = None) -> Any:
        self.add_loss(ops.sum(x))
        return super().call(x, training=training)


class Raw(Net):
    def call(self, x: Any, training: bool | None = None) -> Any:
        return cumulated(super().call(x, training=training))


class Noisy(Net):
    def call(self, x: Any, training: bool | None = None) -> Any:
        return super().call(x + keras.random.normal(ops.shape(x)), training=training)


class ByMode(Net):
    def call(self, x: Any, training: bool | None = None) -> Any:
        found = super().call(x, training=training)
        return found * 2 if training else found


class Fixed(Net):
    def call(self, x: Any) -> Any:  # type: ignore[override]
        return self.parts[0](x, training=False)


class Spare(Net):
    def __init__(self, *parts: Any, **options: Any) -> None:
        super().__init__(*parts, **options)
        self.spare = layers.Dense(2, name="spare")
        self.spare.build((None, 3))


@pytest.mark.parametrize(
    ("cls", "reason"),
    [
        (AddsLoss, "adds a loss"),
        (Raw, r"Cumsum"),
        (Noisy, "draws random numbers with keras.random.normal"),
        (ByMode, "training"),
        (Spare, "dense_1@kernel"),
    ],
)
def test_what_no_functional_model_does(cls: type[Net], reason: str) -> None:
    model = cls(layers.Dense(3, name="d"), name="m")
    model(numbers(2, 4))
    with pytest.raises(OpaqueBody, match=reason) as raised:
        as_functional(model)
    assert "\n" not in str(raised.value)


def test_a_layer_that_is_always_in_inference() -> None:
    model = Fixed(layers.BatchNormalization(name="bn"), name="m")
    model(numbers(2, 4))
    with pytest.raises(OpaqueBody, match="training=False"):
        as_functional(model)


# -- tensors --------------------------------------------------------------------------------------------------------


def test_features_are_those_of_the_functional_twin() -> None:
    model, x = residuals()
    expected = model(x)
    symbol = inputs = keras.Input((5,), name="x")
    inner = {}
    for part in model.parts:
        if isinstance(part, Residual):
            inner[f"{part.name}/first"] = first = part.first(symbol)
            symbol = part.norm(symbol + part.second(first))
        else:
            symbol = part(symbol)
    twin = keras.Model(inputs, {**inner, "out": symbol})(x)
    found = features(model, {"r0/first": "parts/1/first", "r1/first": "parts/2/first", "r2/first": "parts/3/first"})(x)
    for name, value in found.items():
        assert_same(value, twin[name])
    assert_same(twin["out"], expected)
    assert_same(run(model, x, "parts/2/first"), twin["r1/first"])


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("transformer", ["parts/1/attention", "parts/2/residual/first", "parts/2/drop", "parts/3"]),
        ("pooled", ["parts/0", "parts/1"]),
        ("holding functional", ["parts/0/block/first", "parts/0/end", "parts/1/s"]),
        ("own variable", ["parts/1/inner"]),
        ("glue inside a layer", ["parts/1/before", "parts/2"]),
        ("dict inputs", ["left", "heads/b"]),
        ("called twice", ["shared#0/first", "shared#1/second", "inner#1/parts/0"]),
        ("nested", ["parts/0/parts/0/first", "parts/1/parts/0/norm"]),
        ("long batch", ["parts/1/residual/second"]),
    ],
)
def test_features_anywhere(name: str, addresses: list[str]) -> None:
    model, x = MODELS[name]()
    model(x)
    seen = watched(model, x)
    found = called(features(model, addresses), x)
    for address in addresses:
        assert_same(found[address], seen[address])
        assert_same(run(model, x, address), seen[address])


def watched(model: keras.Model, x: Any) -> Any:
    """What layers return while the model runs, by attribute path and number of the call."""
    found: dict[str, Any] = {}
    original = keras.Layer.__call__
    names: dict[int, list[str]] = {}

    def name(layer: Any, prefix: str, seen: tuple[int, ...]) -> None:
        from graphlint.knowledge import keras_internals

        graph = keras_internals.graph_model(layer)
        inner = [(one.name, one) for one in layer.layers] if graph is not None else []
        for path, one in [*keras_internals.attributes(layer), *inner]:
            if id(one) not in seen:
                names.setdefault(id(one), []).append(f"{prefix}{path}")
                name(one, f"{prefix}{path}/", (*seen, id(one)))

    name(model, "", (id(model),))
    counts: dict[int, int] = {}
    stack: list[tuple[Any, int]] = []

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        number = counts[id(layer)] = counts.get(id(layer), -1) + 1
        stack.append((layer, number))
        outputs = original(layer, *args, **kwargs)
        stack.pop()
        for path in names.get(id(layer), ()):
            found.setdefault(path, outputs)
            found[f"{path}#{number}"] = outputs
            outer, times = stack[-1] if stack else (None, 0)
            for around in names.get(id(outer), ()):
                if path.startswith(f"{around}/"):
                    found[f"{around}#{times}{path[len(around) :]}"] = outputs
        return outputs

    keras.Layer.__call__ = call
    try:
        called(model, x)
    finally:
        keras.Layer.__call__ = original
    return found


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("residuals", "parts/2/norm"),
        ("residuals", "parts/1"),
        ("transformer", "parts/1"),
        ("holding functional", "parts/0/end"),
        ("nested", "parts/1/parts/0/norm"),
        ("batch statistics", "parts/0"),
        ("glue inside a layer", "parts/1"),
    ],
)
def test_halves_make_the_whole(name: str, at: str) -> None:
    model, x = MODELS[name]()
    expected = called(model, x)
    head, tail = split(model, at)
    assert_same(called(tail, called(head, x)), expected)
    known = {id(one) for one in model.weights}
    assert {id(one) for one in (*head.weights, *tail.weights)} <= known


def test_a_cut_inside_that_something_bypasses() -> None:
    model, x = residuals()
    expected = model(x)
    head, tail = split(model, "parts/2/first", complete=True)
    assert_same(keras.tree.flatten(tail(head(x)))[0], expected)


def test_the_part_between_two_inner_tensors() -> None:
    model, x = residuals()
    model(x)
    block = model.parts[2]
    part = extract(model, "parts/2/first", "parts/2/second")
    hidden = numbers(3, 6)
    assert_same(part(hidden), block.second(hidden))
    assert [layer.name for layer in part.layers if layer.weights] == ["second"] or len(part.weights) == 2


def test_given_values_inside() -> None:
    model, x = residuals()
    model(x)
    hidden = numbers(3, 6)
    assert_same(run(model, None, "parts/2/second", given={"parts/2/first": hidden}), model.parts[2].second(hidden))


def test_glue_is_named() -> None:
    model, x = with_glue()
    model(x)
    for attempt in (
        lambda: split(model, "parts/1/before"),
        lambda: features(model, "parts/1/after"),
        lambda: extract(model, "parts/1/before", "parts/2"),
    ):
        with pytest.raises(OpaqueBody, match="Cumsum") as raised:
            attempt()
        assert "\n" not in str(raised.value)
    inputs = keras.Input((5,))
    outer = keras.Model(inputs, Glued(name="glued")(inputs))
    assert_same(features(outer, "glued/before")(x)["glued/before"], outer.get_layer("glued").before(x))
    with pytest.raises(OpaqueBody, match="Cumsum"):
        split(outer, "glued/before")


class Biased(layers.Layer):
    """Adds something that its second argument decides to what its sublayers return."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.query, self.output_dense = layers.Dense(4, name="query"), layers.Dense(4, name="output")

    def call(self, x: Any, bias: Any) -> Any:
        return self.output_dense(ops.tanh(self.query(x)) + bias)


class Sized(layers.Layer):
    """Calls a layer with numbers that depend on how many steps there are."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.biased = Biased(name="biased")

    def call(self, x: Any) -> Any:
        places = ops.cast(ops.arange(ops.shape(x)[1]), "float32")
        return self.biased(x * 2.0, ops.expand_dims(places, -1))


def test_what_does_not_depend_on_the_sizes_of_a_run_is_cut() -> None:
    inputs = keras.Input((None, 4))
    model = keras.Model(inputs, Sized(name="sized")(inputs))
    x, biased = numbers(3, 5, 4), model.get_layer("sized").biased
    assert_same(features(model, "sized/biased/query")(x)["sized/biased/query"], biased.query(x * 2.0))
    for address in ("sized/biased", "sized/biased/output_dense"):
        with pytest.raises(OpaqueBody, match=r"sized/.* receives a number that is only known when it runs"):
            features(model, address)


# -- edits ----------------------------------------------------------------------------------------------------------


def functional_with_blocks() -> keras.Model:
    inputs = keras.Input((5, 6), name="x")
    x = Encoder(name="e0")(inputs)
    x = Encoder(name="e1")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x), name="blocks")


def saved_net() -> keras.Model:
    model = Config()
    model(numbers(3, 5))
    return model


@keras.saving.register_keras_serializable("inside")
class Config(keras.Model):
    """Can be made from its configuration."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.stem = layers.Dense(6, name="stem")
        self.blocks = [Residual(name=f"b{n}") for n in range(2)]
        self.extra = {"last": layers.Dense(6, activation="tanh", name="last")}

    def call(self, x: Any) -> Any:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.extra["last"](x)


def quiet_build(changed: Any) -> keras.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotStored)
        return changed.build()


def test_a_layer_inside_a_custom_layer_is_replaced() -> None:
    model = functional_with_blocks()
    x = batch(model)
    new = layers.Dense(6, activation="relu", name="new")
    changed = edit(model).replace("e1/residual/first", new).build()
    assert changed.get_layer("e1").residual.first is new and model.get_layer("e1").residual.first is not new
    assert changed.get_layer("e0") is model.get_layer("e0")
    new.set_weights(model.get_layer("e1").residual.first.get_weights())
    np.testing.assert_allclose(changed(x), model(x), atol=1e-6)
    new.set_weights([np.zeros_like(one) for one in new.get_weights()])
    assert not np.allclose(changed(x), model(x))
    found = verify(model, changed, batches=[x])
    assert found.first_difference == "e1/residual/first"


def test_what_a_file_would_not_hold_is_said() -> None:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, Residual(6, name="r")(inputs))
    with pytest.warns(NotStored, match="Residual 'r' makes its own sublayers"):
        edit(model).replace("r/first", layers.Dense(6, activation="tanh", name="new")).build()


@pytest.mark.parametrize("address", ["blocks/0/second", "extra/last", "blocks/1/norm"])
def test_a_layer_of_a_subclassed_model_is_removed(address: str) -> None:
    model = saved_net()
    x = numbers(3, 5)
    before = np.array(model(x))
    changed = quiet_build(edit(model).remove(address))
    assert not np.allclose(changed(x), before)
    assert_same(model(x), before)
    assert len(changed.weights) < len(model.weights)


def test_a_layer_is_wrapped() -> None:
    model = saved_net()
    x = numbers(3, 5)
    changed = quiet_build(edit(model).insert_after("stem", layers.Rescaling(0.0, name="zero")))
    np.testing.assert_allclose(changed(x), model_after_stem(model, np.zeros((3, 6), "float32")), atol=1e-6)
    changed = quiet_build(edit(model).insert_before("stem", layers.Rescaling(2.0, name="double")))
    np.testing.assert_allclose(changed(x), model(2 * x), atol=1e-5)


def model_after_stem(model: keras.Model, x: Any) -> Any:
    for block in model.blocks:
        x = block(x)
    return model.extra["last"](x)


@pytest.mark.parametrize("make", [functional_with_blocks, saved_net])
def test_layers_inside_are_frozen_and_quantized(make: Callable[[], keras.Model]) -> None:
    model = make()
    address = "e0/residual" if model.name == "blocks" else "blocks/0"
    count = len(model.trainable_variables)
    frozen = edit(model).freeze(address).build()
    assert len(frozen.trainable_variables) == count - 6 and len(model.trainable_variables) == count
    x = batch(model) if model.name == "blocks" else numbers(3, 5)
    assert_same(frozen(x), model(x))
    quantized = edit(model).quantize(f"{address}/first").build()
    assert any(str(one.dtype) == "int8" for one in quantized.variables)
    assert not any(str(one.dtype) == "int8" for one in model.variables)
    np.testing.assert_allclose(quantized(x), model(x), atol=0.3)


def test_a_shared_sublayer_is_replaced_everywhere() -> None:
    class Pair(layers.Layer):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.one = self.other = layers.Dense(6, name="shared")
            self.groups = [[self.one], ("label", self.other)]

        def call(self, x: Any) -> Any:
            return self.one(x) + self.groups[0][0](x) + self.groups[1][1](x)

    inputs = keras.Input((6,))
    model = keras.Model(inputs, Pair(name="pair")(inputs))
    new = layers.Dense(6, name="new")
    changed = quiet_build(edit(model).replace("pair/one", new))
    x = batch(model)
    np.testing.assert_allclose(changed(x), 3 * new(x), rtol=1e-5)


def test_what_would_need_other_code() -> None:
    model = saved_net()
    for attempt, kind, reason in (
        (lambda: edit(model).remove("blocks/0/add"), InvalidEdit, "other code"),
        (lambda: edit(model).share("blocks/0/first", "blocks/1/first").build(), OpaqueBody, "other code"),
        (lambda: edit(model).replace("stem", layers.Dense(5)).build(), InvalidEdit, "does not run after this edit"),
        (lambda: edit(model).replace("stem", layers.Conv2D(3, 3)).build(), ShapeMismatch, "takes the same arguments"),
        (lambda: edit(model).remove("stem").build(), InvalidEdit, "does not run after this edit"),
        (lambda: edit(model).replace("extra/last", layers.Dense(5)).build(), InvalidEdit, "would change"),
        (lambda: edit(model).remove("nothing"), UnknownAddress, "nothing"),
    ):
        with pytest.raises(kind, match=reason) as raised:
            attempt()
        assert "\n" not in str(raised.value)


class Peeks(layers.Layer):
    """Does something else where a sublayer is another one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.first, self.second = layers.Dense(4, name="first"), layers.Dense(4, name="second")

    def call(self, x: Any) -> Any:
        if isinstance(self.first, layers.Dense):
            return self.second(self.first(x))
        return self.first(x)


def test_an_edit_after_which_code_does_something_else() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Peeks(name="peeks")(inputs))
    with pytest.raises(InvalidEdit, match="2 calls became 1"):
        quiet_build(edit(model).remove("peeks/first"))


# -- comparing ------------------------------------------------------------------------------------------------------


def test_the_first_inner_call_that_differs_is_named() -> None:
    model = saved_net()
    x = numbers(3, 5)
    copy = clone(model)
    assert verify(model, copy, batches=[x]).first_difference is None
    copy.blocks[1].second.kernel.assign(numbers(6, 6))
    assert verify(model, copy).first_difference == "blocks/residual_1/second"
    functional = as_functional(model)
    assert verify(model, functional)
