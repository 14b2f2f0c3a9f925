"""Static equals live on models that are correct but unusual."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.projections.test_static_equals_live import assert_same

MODELS: dict[str, Callable[[], keras.Model]] = {}


def odd(build: Callable[[], keras.Model]) -> Callable[[], keras.Model]:
    MODELS[build.__name__] = build
    return build


@odd
def cut_out_of_a_larger_model() -> keras.Model:
    inputs = keras.Input((4,))
    hidden = layers.Dense(5)(inputs)
    outputs = layers.Dense(2)(hidden)
    keras.Model(inputs, outputs)
    return keras.Model(hidden, outputs)


@odd
def layers_called_outside_the_model() -> keras.Model:
    inputs = keras.Input((4,))
    dense = layers.Dense(4, name="dense")
    dense(keras.Input((4,)))
    x = dense(inputs)
    dense(x)
    outputs = dense(x)
    dense(inputs)
    return keras.Model(inputs, outputs)


@odd
def nested_model_called_outside_the_model() -> keras.Model:
    a = keras.Input((4,))
    inner = keras.Model(a, layers.Dense(4)(a), name="inner")
    b = keras.Input((4,))
    keras.Model(b, inner(inner(b)))
    inputs = keras.Input((4,))
    return keras.Model(inputs, inner(layers.ReLU()(inner(inputs))))


@odd
def same_names_inside_and_outside() -> keras.Model:
    a = keras.Input((4,), name="x")
    inner = keras.Model(a, layers.Dense(4, name="dense")(a), name="block")
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, layers.Dense(2, name="dense")(inner(inputs)), name="block")


@odd
def low_rank_adaptation() -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="adapted"), layers.Dense(2)])
    model.get_layer("adapted").enable_lora(2)
    return model


@odd
def quantized_einsum() -> keras.Model:
    inputs = keras.Input((4,))
    hidden = layers.Dense(8)(inputs)
    model = keras.Model(inputs, layers.EinsumDense("ab,bc->ac", 3, bias_axes="c")(hidden))
    model.quantize("int8")
    return model


@odd
def quantized_embedding() -> keras.Model:
    inputs = keras.Input((4,), dtype="int32")
    model = keras.Model(inputs, layers.Dense(2)(layers.Embedding(10, 8)(inputs)))
    model.quantize("int8")
    return model


@odd
def eight_bit_floats() -> keras.Model:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(layers.Dense(8)(inputs)))
    model.quantize("float8")
    return model


@odd
def variable_as_argument() -> keras.Model:
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(4)(inputs) * keras.Variable(np.ones(4, "float32")))


@odd
def baked_tensors() -> keras.Model:
    inputs = keras.Input((4,))
    weights = ops.convert_to_tensor(np.ones((4, 2), "float32"))
    return keras.Model(inputs, ops.matmul(inputs, weights) + np.arange(2, dtype="float32"))


@odd
def wrapper_around_a_sequential() -> keras.Model:
    inputs = keras.Input((3, 4))
    inner = keras.Sequential([layers.Dense(3), layers.BatchNormalization()])
    return keras.Model(inputs, layers.TimeDistributed(inner)(inputs))


@odd
def wrapper_around_a_wrapper() -> keras.Model:
    inputs = keras.Input((3, 2, 4))
    x = layers.TimeDistributed(layers.TimeDistributed(layers.Dense(2)))(inputs)
    return keras.Model(inputs, layers.TimeDistributed(layers.Bidirectional(layers.LSTM(2)))(x))


@odd
def bidirectional_cells() -> keras.Model:
    inputs = keras.Input((3, 2))
    cells = [layers.LSTMCell(2), layers.LSTMCell(2), layers.GRUCell(2)]
    return keras.Model(inputs, layers.Bidirectional(layers.RNN(cells))(inputs))


@odd
def layer_also_used_inside_a_wrapper() -> keras.Model:
    inputs = keras.Input((3, 4))
    dense = layers.Dense(4, name="dense")
    return keras.Model(inputs, layers.TimeDistributed(dense, name="steps")(dense(inputs)))


@odd
def functional_subclass() -> keras.Model:
    @keras.saving.register_keras_serializable("odd_models")
    class Subclass(keras.Model):
        pass

    inputs = keras.Input((4,))
    return Subclass(inputs, layers.Dense(2)(inputs))


@odd
def input_is_output() -> keras.Model:
    inputs = keras.Input((3,))
    return keras.Model(inputs, [inputs, layers.Dense(2)(inputs)])


@odd
def one_tensor_twice_as_output() -> keras.Model:
    inputs = keras.Input((3,))
    outputs = layers.Dense(2)(inputs)
    return keras.Model(inputs, [outputs, outputs])


@odd
def nested_structures() -> keras.Model:
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    return keras.Model([a, [b]], {"first": [a + b, {"second": a - b}]})


@odd
def dtype_policies() -> keras.Model:
    inputs = keras.Input((4,))
    x = layers.Dense(2, dtype=keras.DTypePolicy("mixed_bfloat16"))(inputs)
    x = layers.Dense(2, autocast=False)(ops.cast(x, "float32"))
    policies = keras.dtype_policies.DTypePolicyMap("float32")
    return keras.Model(inputs, layers.MultiHeadAttention(1, 2, dtype=policies)(x[:, None], x[:, None]))


@odd
def partly_frozen() -> keras.Model:
    inputs = keras.Input((4,))
    inner = keras.Sequential([layers.Dense(3), layers.Dense(2)])
    inner.build((None, 4))
    inner.trainable = False
    inner.layers[0].trainable = True
    return keras.Model(inputs, inner(inputs))


@odd
def strings() -> keras.Model:
    words = keras.Input((3,), dtype="string")
    text = keras.Input((1,), dtype="string")
    lookup = layers.StringLookup(vocabulary=["a", "b"])
    vectorize = layers.TextVectorization(output_mode="tf_idf", vocabulary=["a", "b"], idf_weights=[0.1, 0.2])
    x = layers.Flatten()(layers.Embedding(4, 2)(lookup(words)))
    return keras.Model([words, text], layers.Concatenate()([x, layers.Flatten()(layers.Dense(2)(vectorize(text)))]))


@odd
def attention_layers() -> keras.Model:
    inputs = keras.Input((3, 4))
    x = layers.Attention(use_scale=True, score_mode="concat")([inputs, inputs])
    return keras.Model(inputs, x + layers.AdditiveAttention()([inputs, inputs]))


@odd
def lambda_layer() -> keras.Model:
    inputs = keras.Input((4,))
    return keras.Model(inputs, layers.Dense(2)(layers.Lambda(lambda x: x * 2, output_shape=(4,))(inputs)))


@odd
def never_built() -> keras.Model:
    return keras.Sequential([layers.Dense(4, name="first"), layers.Dense(2, name="second")])


@odd
def subclassed_around_a_functional() -> keras.Model:
    @keras.saving.register_keras_serializable("odd_models")
    class Around(keras.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            inputs = keras.Input((4,))
            self.inner = keras.Model(inputs, layers.Dense(3)(layers.Dense(5)(inputs)), name="inner")
            self.last = layers.Dense(1)

        def build(self, input_shape: Any) -> None:
            self.last.build((None, 3))
            self.built = True

        def call(self, inputs: Any) -> Any:
            return self.last(self.inner(inputs))

    model = Around()
    model.build((None, 4))
    return model


TENSORFLOW = {name: pytest.mark.backend("tensorflow") for name in ("variable_as_argument", "strings")}
"""What Keras saves on one backend only (K012 names it on the others), and layers that always need TensorFlow."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=TENSORFLOW.get(name, ())) for name in MODELS])
@pytest.mark.filterwarnings(
    "ignore:.*`quantize` method:UserWarning",
    "ignore:.*lambda:UserWarning",
    "ignore:You are saving a model that has not:UserWarning",
)
def test_odd_models(name: str, tmp_path: Path) -> None:
    keras.utils.clear_session(free_memory=False)
    model = MODELS[name]()
    path = tmp_path / "model.keras"
    model.save(path)
    assert_same(path, model)
    keras.utils.clear_session(free_memory=False)
    assert_same(path, keras.saving.load_model(path, safe_mode=False))
