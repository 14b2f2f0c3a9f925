from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import CannotClone, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.replay.clone import clone
from graphlint.replay.verify import verify
from graphlint.testing.samples import SAMPLES
from tests.replay.invariants import assert_same, batch
from tests.replay.test_split import Block, encoder, siamese, tagger


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_samples_are_copied(name: str) -> None:
    model = SAMPLES[name]()
    if name != "subclassed":
        verify(model, model)  # A run builds the layers that are settings of others, which their configuration tells.
    config = model.get_config() if name != "subclassed" else None
    copy = clone(model)
    assert type(copy) is type(model)
    if config is not None:
        assert model.get_config() == config
    batches = [np.ones((2, 5), "float32")] if name == "subclassed" else None
    found = verify(model, copy, batches=batches)
    assert found and found.exact and found.shared == 0, str(found)
    assert copy.count_params() == model.count_params()


def test_shared_layers_stay_shared() -> None:
    model = siamese()
    copy = clone(model)
    assert copy.count_params() == model.count_params()
    assert verify(model, copy).exact
    before = copy.get_weights()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    assert_same(before, copy.get_weights())


def test_weights_may_be_shared_or_new() -> None:
    model = siamese()
    shared = clone(model, weights="share")
    assert [id(one) for one in shared.weights] == [id(one) for one in model.weights]
    assert_same(shared(batch(model)), model(batch(model)))
    fresh = clone(model, weights="init")
    assert not np.array_equal(fresh.get_weights()[0], model.get_weights()[0])


def test_sharing_may_be_undone() -> None:
    model = siamese()
    copy = clone(model, sharing="undo")
    assert copy.count_params() == 2 * model.get_layer("encoder").count_params() + 4
    assert_same(copy(batch(model)), model(batch(model)))
    same = clone(model, weights="share", sharing="undo")
    assert same.get_layer("encoder").get_layer("code") is model.get_layer("encoder").get_layer("code")
    assert same.count_params() == model.count_params()


def test_a_nested_model_shared_by_two_others() -> None:
    inner = encoder("inner", 4)

    def around(name: str) -> keras.Model:
        inputs = keras.Input((4,), name="features")
        return keras.Model(inputs, layers.Dense(2, name="after")(inner(inputs)), name=name)

    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Add(name="sum")([around("one")(inputs), around("two")(inputs)]))
    copy = clone(model)
    assert copy.count_params() == model.count_params()
    assert verify(model, copy).exact


def test_ties_by_attribute_and_through_wrappers() -> None:
    inputs = keras.Input((5, 4), name="x")
    first, second = layers.Dense(4, use_bias=False, name="first"), layers.Dense(4, use_bias=False, name="second")
    second.build((None, 5, 4))
    x = first(inputs)
    keras_internals.replace_member(second, second._kernel, first._kernel)
    inner = layers.Dense(4, name="inner")
    x = layers.TimeDistributed(inner, name="each")(second(x))
    model = keras.Model(inputs, layers.TimeDistributed(inner, name="again")(inner(x)))
    assert model.count_params() == 16 + 20
    copy = clone(model)
    assert copy.count_params() == 36
    assert copy.get_layer("each").layer is copy.get_layer("again").layer is copy.get_layer("inner")
    found = verify(model, copy)
    assert found and found.exact and not found.ties
    undone = clone(model, sharing="undo")
    assert undone.count_params() == 16 + 16 + 20 + 20 + 20
    assert_same(undone(batch(model)), model(batch(model)))


def test_a_variable_as_argument() -> None:
    tokens = keras.Input((3,), dtype="int32", name="tokens")
    embedding = layers.Embedding(6, 4, name="embedding")
    x = embedding(tokens)
    free = keras.Variable(np.ones(4, "float32"), name="scale")
    logits = ops.matmul(x * free, ops.transpose(ops.convert_to_tensor(np.eye(4, dtype="float32"))))
    model = keras.Model(tokens, ops.einsum("btd,vd->btv", logits, embedding.embeddings))
    copy = clone(model)
    inputs = batch(model)
    assert_same(copy(inputs), model(inputs))
    expected = np.asarray(copy(inputs))
    embedding.embeddings.assign(np.zeros((6, 4)))
    free.assign(np.zeros(4))
    assert_same(copy(inputs), expected)
    copy.get_layer("embedding").embeddings.assign(np.zeros((6, 4)))
    assert not np.asarray(copy(inputs)).any()


def test_a_variable_as_argument_stays_with_shared_weights() -> None:
    inputs = keras.Input((4,), name="x")
    scale = keras.Variable(np.ones(4, "float32"), name="scale")
    model = keras.Model(inputs, layers.Identity(name="out")(inputs * scale))
    shared, copied = clone(model, weights="share"), clone(model)
    scale.assign(np.full(4, 3.0))
    ones = np.ones((1, 4), "float32")
    assert_same(shared(ones), 3 * ones)
    assert_same(copied(ones), ones)


def test_the_state_of_the_optimizer_is_copied_with_the_weights() -> None:
    model = SAMPLES["trained"]()
    copy, fresh = clone(model), clone(model, weights="init")
    assert int(copy.optimizer.iterations) == int(model.optimizer.iterations) > 0
    for one, other in zip(model.optimizer.variables, copy.optimizer.variables, strict=True):
        assert one is not other
        assert_same(one, other)
    assert int(fresh.optimizer.iterations) == 0


def test_flags_of_models_layers_and_variables() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(encoder()(inputs)))
    inner = model.get_layer("encoder")
    inner.trainable = False
    inner.get_layer("code").kernel.trainable = True
    copy = clone(model)
    assert [one.trainable for one in copy.weights] == [one.trainable for one in model.weights]
    assert not copy.get_layer("encoder").trainable
    assert len(copy.trainable_variables) == len(model.trainable_variables) == 3
    model.trainable = False
    assert clone(model).trainable_variables == []


def test_optimizer_seeds_and_iterations() -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,), name="x")
    x = layers.Dropout(0.5, name="drop")(layers.Dense(8, name="hidden")(inputs))
    model = keras.Model(inputs, layers.Dense(1, name="out")(x))
    model.compile("adam", "mse")
    data = np.random.default_rng(0).normal(size=(16, 4)), np.ones((16, 1))
    model.fit(*data, verbose=0, shuffle=False)
    copy = clone(model)
    assert int(copy.optimizer.iterations) == int(model.optimizer.iterations) == 1
    for _ in range(2):
        model.train_on_batch(*data)
        copy.train_on_batch(*data)
    assert_same(model.get_weights(), copy.get_weights())


def test_adapted_state_and_vocabulary() -> None:
    normalization = layers.Normalization(name="normalize")
    normalization.adapt(np.arange(40, dtype="float32").reshape(10, 4))
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, normalization(inputs))
    assert_same(clone(model)(batch(model)), model(batch(model)))
    lookup = layers.StringLookup(name="lookup")
    lookup.adapt(["a", "b", "c"])
    words = keras.Input((1,), dtype="string", name="words")
    model = keras.Model(words, lookup(words))
    copy = clone(model)
    assert copy.get_layer("lookup").get_vocabulary() == lookup.get_vocabulary()
    feed = ops.convert_to_tensor([["a"], ["z"], ["c"]])
    assert_same(copy(feed), model(feed))


def test_inputs_keep_their_options() -> None:
    inputs = keras.Input((4,), name="x", optional=True, sparse=True)
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    copy = clone(model)
    layer = copy.get_layer("x")
    assert layer.optional and layer.sparse


@keras.saving.register_keras_serializable("test_clone")
class Pair(keras.Model):
    """A Functional model whose constructor builds the graph."""

    def __init__(self, width: int = 3, **kwargs) -> None:  # type: ignore[no-untyped-def]
        inputs = keras.Input((4,), name="x")
        super().__init__(inputs, layers.Dense(width, name="d")(inputs), **kwargs)
        self.width = width

    def get_config(self):  # type: ignore[no-untyped-def]
        return {"width": self.width, "name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):  # type: ignore[no-untyped-def]
        return cls(**config)


def test_a_class_with_a_constructor_of_its_own() -> None:
    model = Pair(5, name="pair")
    copy = clone(model)
    assert type(copy) is Pair and copy.width == 5
    assert_same(copy(batch(model)), model(batch(model)))
    inputs = keras.Input((4,), name="outer")
    nested = keras.Model(inputs, model(inputs))
    copy = clone(nested)
    assert type(copy.get_layer("pair")) is Pair
    assert_same(copy(batch(nested)), nested(batch(nested)))


def test_code_with_sublayers_and_masks(tmp_path: Path) -> None:
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    embedded = layers.Embedding(5, 3, mask_zero=True, name="embedding")(tokens)
    model = keras.Model(tokens, Block(name="block")(embedded))
    assert verify(model, clone(model)).exact
    copy = clone(tagger())
    copy.save(tmp_path / "copy.keras")
    again = keras.saving.load_model(tmp_path / "copy.keras")
    assert_same(again(batch(copy)), copy(batch(copy)))


def test_lora_and_quantized_layers() -> None:
    inputs = keras.Input((8,), name="x")
    dense = layers.Dense(8, name="d")
    model = keras.Model(inputs, layers.Dense(2, name="out")(dense(inputs)))
    dense.enable_lora(2)
    dense.lora_kernel_b.assign(np.ones((2, 8)))
    found = verify(model, clone(model))
    assert found and found.exact, str(found)


def test_a_subclassed_model_keeps_its_name() -> None:
    class Inner(keras.Model):
        def call(self, x):  # type: ignore[no-untyped-def]
            return x * 2

        def get_config(self) -> dict[str, object]:
            return {}

    inner = Inner(name="inner")
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, inner(inputs))
    assert [layer.name for layer in clone(model).layers] == ["x", "inner"]


def test_a_lambda_is_copied() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Lambda(lambda x: x * 2, name="twice")(inputs))
    assert_same(clone(model)(batch(model)), model(batch(model)))


class NoConfiguration(layers.Layer):
    def __init__(self, function) -> None:  # type: ignore[no-untyped-def]
        super().__init__(name="stubborn")
        self.function = function

    def call(self, x):  # type: ignore[no-untyped-def]
        return self.function(x)


def test_what_cannot_be_copied_says_why() -> None:
    inputs, doubled = keras.Input((4,), name="x"), layers.Rescaling(2.0)
    model = keras.Model(inputs, NoConfiguration(lambda x: doubled(x))(inputs))
    with pytest.raises(CannotClone, match="stubborn"):
        clone(model)
    assert_same(clone(model, weights="share")(batch(model)), model(batch(model)))
    with pytest.raises(ReplayError, match="weights="):
        clone(model, weights="all")  # type: ignore[arg-type]
    with pytest.raises(ReplayError, match=r"keras\.Model"):
        clone(inputs)
