from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import CannotClone, ReplayError
from graphlint.knowledge import keras_internals
from graphlint.replay.clone import clone, clone_what_can_be, copy_layers
from graphlint.replay.verify import verify
from graphlint.testing.samples import SAMPLES
from tests.replay.invariants import assert_same, batch, node_counts
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


def test_an_input_of_two_models_stays_one() -> None:
    inputs = keras.Input((4,), name="x")
    inner = keras.Model(inputs, layers.Dense(4, name="d")(inputs), name="inner")
    model = keras.Model(inputs, inner(inputs))
    copy, apart = clone(model), clone(model, sharing="undo")
    assert copy.inputs[0] is copy.get_layer("inner").inputs[0] is not inputs
    assert apart.inputs[0] is not apart.get_layer("inner").inputs[0]
    for one in (copy, apart):
        assert_same(one(batch(model)), model(batch(model)))


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


def uses_a_kernel(order: str) -> keras.Model:
    """The kernel of a layer is an argument of a call, before or after the layer is called, or in another model."""
    inputs = keras.Input((4,), name="x")
    dense = layers.Dense(4, name="d")
    dense.build((None, 4))
    if order == "layer first":
        hidden = dense(inputs)
        return keras.Model(inputs, [ops.matmul(hidden, dense.kernel), hidden])
    if order == "argument first":
        product = ops.matmul(inputs, dense.kernel)
        return keras.Model(inputs, [product, dense(product)])
    inside = keras.Input((4,), name="i")
    body = keras.Model(inside, ops.matmul(inside, dense.kernel), name="body")
    product = body(inputs)
    return keras.Model(inputs, [product, dense(product)])


@pytest.mark.parametrize("weights", ["copy", "init"])
@pytest.mark.parametrize("order", ["layer first", "argument first", "in another model"])
def test_a_variable_that_is_an_argument_and_that_of_a_layer_stays_one(order: str, weights: Any) -> None:
    model = uses_a_kernel(order)
    copy = clone(model, weights=weights)
    dense, made = model.get_layer("d"), copy.get_layer("d")
    assert made.kernel is not dense.kernel and made.kernel.path == dense.kernel.path
    assert np.array_equal(made.kernel, dense.kernel) == (weights == "copy")
    assert [one.name for one in made.weights] == ["kernel", "bias"] and len(copy.weights) == 2
    expected = model(np.ones((2, 4), "float32"))
    made.kernel.assign(np.zeros((4, 4)))
    assert not np.asarray(copy(np.ones((2, 4), "float32"))[0]).any()
    assert_same(model(np.ones((2, 4), "float32")), expected)
    apart = clone(model, sharing="undo")
    assert_same(apart(batch(model)), model(batch(model)))
    product = apart(np.ones((2, 4), "float32"))[0]
    apart.get_layer("d").kernel.assign(np.full((4, 4), 2.0))
    assert np.array_equal(apart(np.ones((2, 4), "float32"))[0], product) == (order != "layer first")


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


@keras.saving.register_keras_serializable("test_clone")
class Holds(layers.Layer):
    """Calls the layer that it was given, which is a ReLU if it was given none."""

    def __init__(self, inner: Any = None, **options: Any) -> None:
        super().__init__(**options)
        self.inner = layers.ReLU() if inner is None else inner

    def call(self, x: Any) -> Any:
        return self.inner(x)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@keras.saving.register_keras_serializable("test_clone")
class Tells(Holds):
    """Has that layer in its configuration."""

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "inner": keras.saving.serialize_keras_object(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**config | {"inner": keras.saving.deserialize_keras_object(config["inner"])})


@pytest.mark.parametrize("weights", ["copy", "init"])
@pytest.mark.parametrize("around", [layers.TimeDistributed, Tells])
def test_a_lambda_in_another_layer_still_reads_its_module(around: Any, weights: Any) -> None:
    inner = layers.Lambda(lambda x: ops.relu(x) * np.float32(2), name="twice")
    inputs = keras.Input((3, 4), name="x")
    model = keras.Model(inputs, around(inner, name="around")(inputs))
    assert_same(clone(model, weights=weights)(batch(model)), model(batch(model)))


@pytest.mark.parametrize("around", [layers.TimeDistributed, Tells])
def test_a_class_without_a_module_in_the_configuration_of_another_layer(around: Any) -> None:
    class Local(layers.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    inputs = keras.Input((3, 4), name="x")
    model = keras.Model(inputs, around(Local(name="local"), name="around")(inputs))
    assert_same(clone(model, weights="init")(batch(model)), model(batch(model)))
    if around is Tells:
        assert type(clone(model).get_layer("around").inner) is Local


def test_a_configuration_that_leaves_out_a_layer_inside() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, Holds(layers.Dense(4), name="holds")(inputs))
    with pytest.raises(CannotClone, match=r"leaves out the argument 'inner'"):
        clone(model)
    plain = keras.Model(inputs, Holds(name="plain")(inputs))
    assert_same(clone(plain)(batch(plain)), plain(batch(plain)))


def test_a_constructor_that_warns_has_warned_already() -> None:
    class Old(layers.Dense):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            warnings.warn("use Dense", stacklevel=2)

    inputs = keras.Input((4,), name="x")
    with pytest.warns(UserWarning, match="use Dense"):
        old = Old(3, name="old")
    model = keras.Model(inputs, old(inputs))
    assert_same(clone(model)(batch(model)), model(batch(model)))
    assert_same(copy_layers([old]).made[id(old)].get_weights(), old.get_weights())


@pytest.mark.parametrize("weights", ["copy", "share", "init"])
def test_the_input_of_a_sequential_model_is_its_own(weights: Any) -> None:
    model = keras.Sequential([keras.Input((4,), name="x", optional=True), layers.Dense(3, name="d")])
    copy = clone(model, weights=weights)
    assert copy.inputs[0] is not model.inputs[0] and copy.inputs[0].name == "x"
    assert keras_internals.history(copy.inputs[0])[0].optional  # type: ignore[index]
    assert (copy.layers[0] is model.layers[0]) == (weights == "share")


@pytest.mark.parametrize("make", [keras.Sequential, lambda parts: keras.Model(parts[0].output, parts[1].output)])
def test_the_policy_of_a_model(make: Any) -> None:
    first, dense = layers.InputLayer((4,), name="x"), layers.Dense(3, name="d")
    dense(first.output)
    model = make([first, dense])
    model.dtype_policy = keras.DTypePolicy("mixed_float16")
    for weights in ("copy", "share", "init"):
        assert clone(model, weights=weights).dtype_policy.name == "mixed_float16"  # type: ignore[arg-type]


def test_variables_of_layers_inside_have_the_same_paths() -> None:
    inputs = keras.Input((5, 4), name="x")
    each = layers.TimeDistributed(layers.Dense(4, name="inner"), name="each")
    model = keras.Model(inputs, Tells(Block(name="block"), name="around")(each(inputs)))
    copy = clone(model)
    assert [one.path for one in copy.weights] == [one.path for one in model.weights]
    assert not {id(one) for one in copy.variables} & {id(one) for one in model.variables}


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


# -- names, flags and compilation -------------------------------------------------------------------------------------


def step_by_step(*names: str, name: str = "steps") -> keras.Model:
    """A chain of calls, by the names of their layers."""
    x = inputs = keras.Input((4,), name="x")
    known: dict[str, keras.Layer] = {}
    for one in names:
        x = known.setdefault(one, layers.Dense(4, name=one))(x)
    return keras.Model(inputs, x, name=name)


@pytest.mark.parametrize(
    ("called", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a"], ["a", "a_1"]),
        (["a", "a", "a"], ["a", "a_1", "a_2"]),
        (["a", "a", "a", "a_1"], ["a", "a_2", "a_3", "a_1"]),
        (["a_1", "a", "a_1", "a"], ["a_1", "a", "a_1_1", "a_2"]),
    ],
)
def test_names_where_every_call_has_a_layer_of_its_own(called: list[str], names: list[str]) -> None:
    model = step_by_step(*called)
    copy = clone(model, sharing="undo")
    assert [one.name for one in copy.layers[1:]] == names and copy.name == "steps"
    assert {one.path for one in copy.variables} == {f"{name}/{slot}" for name in names for slot in ("kernel", "bias")}
    assert len({id(one) for one in copy.variables}) == 2 * len(called)
    assert_same(copy(batch(model)), model(batch(model)))
    assert [one.name for one in clone(model).layers[1:]] == list(dict.fromkeys(called))
    shared = clone(model, weights="share", sharing="undo")
    assert [one.name for one in shared.layers[1:]] == list(dict.fromkeys(called))
    assert [one.name for one in model.layers[1:]] == list(dict.fromkeys(called))


def test_the_own_flag_of_a_model_whose_layers_are_shared() -> None:
    for trainable in (True, False):
        model = step_by_step("a")
        model.trainable = trainable
        for weights in ("share", "copy", "init"):
            copy = clone(model, weights=weights)  # type: ignore[arg-type]
            assert copy.trainable == trainable and (copy.get_layer("a") is model.get_layer("a")) == (weights == "share")
            assert len(copy.trainable_variables) == 2 * trainable


@pytest.mark.parametrize("weights", ["copy", "init"])
def test_flags_that_variables_have_by_themselves(weights: Any) -> None:
    model = step_by_step("a", "b", "c")
    model.get_layer("a").bias.trainable = False
    model.get_layer("b").trainable = False
    model.get_layer("b").kernel.trainable = True
    copy = clone(model, weights=weights)
    assert [one.trainable for one in copy.weights] == [one.trainable for one in model.weights]
    assert [one.trainable for one in copy.layers] == [True, True, False, True]


@pytest.mark.parametrize("slots", [["kernel"], ["bias"], ["kernel", "bias"]])
def test_which_variables_of_two_layers_are_one(slots: list[str]) -> None:
    model = step_by_step("a", "b")
    a, b = model.layers[1:]
    for slot in slots:
        keras_internals.replace_member(b, getattr(b, slot), getattr(a, slot))
    copy = clone(model)
    first, second = copy.layers[1:]
    for slot in ("kernel", "bias"):
        assert (getattr(first, slot) is getattr(second, slot)) == (slot in slots)
        assert getattr(first, slot) is not getattr(a, slot)
    assert len(clone(model, sharing="undo").variables) == 4


def with_state(model: keras.Model) -> keras.Model:
    """A model as it is after training: every variable of its optimizer has another value."""
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    for number, one in enumerate(model.optimizer.variables, 1):
        one.assign(np.full(one.shape, number))
    return model


def optimizer_state(model: keras.Model) -> list[np.ndarray]:
    return [ops.convert_to_numpy(one) for one in model.optimizer.variables]


@pytest.mark.parametrize("trainable", [(True, True), (False, True), (False, False)])
def test_an_optimizer_goes_on_where_it_was_whatever_was_frozen_since(trainable: tuple[bool, bool]) -> None:
    model = with_state(step_by_step("a", "b"))
    for layer, flag in zip(model.layers[1:], trainable, strict=True):
        layer.trainable = flag
    copy, fresh = clone(model), clone(model, weights="init")
    assert_same(optimizer_state(copy), optimizer_state(model))
    assert all(one is not other for one, other in zip(copy.optimizer.variables, model.optimizer.variables, strict=True))
    optimized = keras_internals.optimized_variables(copy.optimizer)
    assert [id(one) for one in optimized] == [id(one) for one in copy.variables]
    assert int(fresh.optimizer.iterations) == 0
    assert_same(optimizer_state(clone(model, sharing="undo")), optimizer_state(model))
    shared = clone(with_state(step_by_step("a", "a")), sharing="undo")
    assert int(shared.optimizer.iterations) == 0


def frozen_while_it_was_trained() -> keras.Model:
    model = step_by_step("a", "b")
    model.get_layer("a").trainable = False
    with_state(model).get_layer("a").trainable = True
    return model


def trained_with_another_variable() -> keras.Model:
    model = step_by_step("a")
    model.compile("adam", "mse")
    model.optimizer.build([*model.trainable_variables, keras.Variable(np.zeros(2))])
    model.optimizer.iterations.assign(3)
    return model


def counting() -> keras.Model:
    model = with_state(step_by_step("a"))
    model.optimizer.add_variable(shape=(), name="counted")
    return model


@pytest.mark.parametrize("make", [frozen_while_it_was_trained, trained_with_another_variable, counting])
def test_an_optimizer_whose_state_fits_no_copy_starts_anew(make: Any) -> None:
    model = make()
    copy = clone(model)
    assert type(copy.optimizer) is keras.optimizers.Adam and int(copy.optimizer.iterations) == 0
    assert_same(copy.get_weights(), model.get_weights())


class Unregistered(keras.losses.Loss):
    """A loss that Keras cannot find by its name."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred


@pytest.mark.parametrize("argument", ["metrics", "weighted_metrics"])
def test_functions_among_the_metrics(argument: str) -> None:
    model = step_by_step("a")
    model.compile("sgd", "mse", **{argument: ["mae", mean_of_all]})
    settings = keras_internals.compile_arguments(clone(model))
    assert settings is not None and settings["loss"] == "mse" and settings[argument] == ["mae", mean_of_all]


@pytest.mark.parametrize("argument", ["metrics", "weighted_metrics"])
@pytest.mark.parametrize("loss", ["mse", Unregistered()])
def test_metrics_of_a_copy_are_its_own(argument: str, loss: Any) -> None:
    model, metric = step_by_step("a"), keras.metrics.MeanSquaredError(name="squares")
    model.compile("sgd", loss, **{argument: [metric]})
    settings = keras_internals.compile_arguments(clone(model))
    assert settings is not None
    (found,) = settings[argument]
    assert found is not metric and (type(found), found.name) == (type(metric), "squares")


@pytest.mark.parametrize("loss", ["mse", Unregistered(), None])
def test_a_model_that_is_compiled_without_an_optimizer(loss: Any) -> None:
    model = step_by_step("a")
    model.compile(None, loss)
    copy = clone(model)
    settings = keras_internals.compile_arguments(copy)
    assert settings is not None and settings["loss"] is loss and copy.optimizer is None


def mean_of_all(y: Any, z: Any) -> Any:
    return ops.mean(y - z)


@pytest.mark.parametrize("weights", ["copy", "init"])
@pytest.mark.parametrize(
    "loss",
    [
        "mse",
        lambda y, z: ops.mean(y - z),
        mean_of_all,
        keras.losses.Huber(),
        Unregistered(),
        [lambda y, z: ops.mean(z)],
    ],
)
def test_a_compiled_model_without_a_state(weights: Any, loss: Any) -> None:
    model = step_by_step("a")
    assert not clone(model, weights=weights).compiled
    metrics = ["mae", lambda y, z: ops.max(z), keras.metrics.MeanSquaredError(name="squares")]
    model.compile(keras.optimizers.SGD(0.25, momentum=0.5), loss, metrics=metrics)
    copy = clone(model, weights=weights)
    assert copy.compiled and type(copy.optimizer) is keras.optimizers.SGD and copy.optimizer is not model.optimizer
    assert (float(copy.optimizer.learning_rate), copy.optimizer.momentum) == (0.25, 0.5)
    settings = keras_internals.compile_arguments(copy)
    assert settings is not None
    for one, other in zip(keras.tree.flatten(loss), keras.tree.flatten(settings["loss"]), strict=True):
        assert other is one if callable(one) and not isinstance(one, keras.losses.Loss) else type(other) is type(one)
    assert settings["metrics"][:2] == metrics[:2] and settings["metrics"][2].name == "squares"
    assert settings["metrics"][2] is not metrics[2]
    assert not clone(model, weights="share").compiled


def test_what_weights_and_sharing_may_be() -> None:
    model = step_by_step("a")
    for options, text in (
        ({"weights": "all"}, "expected one of copy, share, init for weights=, got 'all'"),
        ({"sharing": "both"}, "expected one of preserve, undo for sharing=, got 'both'"),
    ):
        with pytest.raises(ReplayError) as raised:
            clone(model, **options)  # type: ignore[arg-type]
        assert str(raised.value) == text


class Grown(layers.Layer):
    """Has a variable that neither its configuration nor its class tells of."""

    def call(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize("first", [True, False])
def test_an_argument_that_is_a_variable_of_a_layer_which_is_in_both(first: bool) -> None:
    layer = Grown(name="grown")
    inputs = keras.Input((4,), name="x")
    layer._tracker.unlock()
    layer.extra = layer.add_weight(shape=(4,), name="extra")
    x = layer(inputs) * layer.extra if first else layer(inputs * layer.extra)
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    copy, errors = clone_what_can_be(model)
    assert len(errors) == 1
    layer.extra.assign(np.full(4, 3.0))
    assert_same(copy(batch(model)), model(batch(model)))


class Applies(keras.Operation):
    """An operation that no configuration describes."""

    def __init__(self, function: Any) -> None:
        super().__init__(name="applies")
        self.function = function

    def call(self, x: Any) -> Any:
        return self.function(x)

    def compute_output_spec(self, x: Any) -> Any:
        return keras.KerasTensor(x.shape, dtype=x.dtype)


def test_an_operation_that_cannot_be_copied_is_in_both() -> None:
    operation = Applies(lambda x: 2 * x)
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(operation(inputs)))
    with pytest.raises(CannotClone, match="Applies 'applies' cannot be created from its configuration"):
        clone(model)
    copy, errors = clone_what_can_be(model)
    assert [one.layers for one in errors] == [[operation]] and operation in copy.operations
    assert_same(copy(batch(model)), model(batch(model)))


def test_a_model_that_cannot_be_copied_itself() -> None:
    class Whole(keras.Model):
        def call(self, x: Any) -> Any:
            return x

        def get_config(self) -> dict[str, object]:
            return {}

    model = Whole(name="whole")
    model._tracker.unlock()
    model.extra = model.add_weight(shape=(2,), name="extra")
    with pytest.raises(CannotClone, match="'whole' has 1 variables and its copy 0"):
        clone_what_can_be(model)


def test_variables_that_a_copy_has_not() -> None:
    layer = Grown(name="grown")
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(layer(inputs)))
    layer._tracker.unlock()
    layer.extra = layer.add_weight(shape=(2,), name="extra")
    with pytest.raises(CannotClone) as raised:
        clone(model)
    assert raised.value.layers == [layer] and str(raised.value) == (
        "Grown 'grown' has 1 variables and its copy 0: let its configuration and build() make all of them"
    )
    copy, errors = clone_what_can_be(model)
    assert [one.layers for one in errors] == [[layer]] and copy.get_layer("grown") is layer
    assert copy.get_layer("out") is not model.get_layer("out")
    copied = copy_layers([model.get_layer("out"), model.get_layer("x")], {id(model.get_layer("out")): "new"})
    made = copied.made[id(model.get_layer("out"))]
    assert made.name == "new" and model.get_layer("out").name == "out"
    assert_same(made.get_weights(), model.get_layer("out").get_weights())


def test_operations_and_layers_are_copied_with_what_they_have_in_common() -> None:
    inputs = keras.Input((4,), name="x")
    relu = ops.relu(inputs)
    model = keras.Model(inputs, relu)
    operation = model.operations[-1]
    dense = layers.Dense(4, name="d")
    dense(inputs)
    each = layers.TimeDistributed(dense, name="each")
    each(keras.Input((3, 4)))
    copied = copy_layers([operation, each, dense])
    made = [copied.made[id(one)] for one in (operation, each, dense)]
    assert type(made[0]) is type(operation) and made[0] is not operation
    assert made[1].layer is made[2] is not dense and made[2].name == "d"
    assert_same(made[2].get_weights(), dense.get_weights())
    assert {id(one) for one, _ in copied.pairs} == {id(each), id(dense)}
    assert copied.variables.keys() == {id(one) for one in dense.variables}


def test_layers_that_only_a_call_builds() -> None:
    """Their copies are built as they were, on what they were called on."""

    class Late(layers.Layer):
        def build(self, shape: Any) -> None:
            self.kernel = self.add_weight(shape=(shape[-1],), name="kernel")

        def call(self, x: Any, times: float = 1.0) -> Any:
            return x * self.kernel * times

        def get_build_config(self) -> None:
            return None

    layer = Late(name="late")
    waiting = copy_layers([layer]).made[id(layer)]
    assert waiting is not layer and not waiting.built
    model = keras.Model(inputs := keras.Input((4,), name="x"), layer(inputs, times=2.0))
    assert_same(clone(model)(batch(model)), model(batch(model)))
    nodes = node_counts(model)
    made = copy_layers([layer]).made[id(layer)]
    assert node_counts(model) == nodes
    assert made is not layer and made.kernel is not layer.kernel and keras_internals.inbound_nodes(made) == []
    assert_same(made.get_weights(), layer.get_weights())
    around = Tells(Late(name="inner"), name="around")
    around(keras.Input((4,)))
    inner = copy_layers([around]).made[id(around)].inner
    assert inner is not around.inner
    assert_same(inner.get_weights(), around.inner.get_weights())


class Unready(layers.Layer):
    """Says that it is built before its configuration fails to build it."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1],), name="kernel")

    def build_from_config(self, config: Any) -> None:
        self.built = True
        raise ValueError("no shape")

    def call(self, x: Any) -> Any:
        return x * self.kernel


def test_a_layer_that_its_configuration_does_not_build_is_built_by_its_call() -> None:
    model = keras.Model(inputs := keras.Input((4,), name="x"), Unready(name="late")(inputs))
    copy = clone(model)
    assert_same(copy(batch(model)), model(batch(model)))
    assert copy.get_layer("late").kernel is not model.get_layer("late").kernel


def test_random_and_carried_states_are_copied() -> None:
    inputs = keras.Input(batch_shape=(2, 3, 4), name="x")
    dropped = layers.Dropout(0.5, seed=3, name="drop")(inputs)
    model = keras.Model(inputs, layers.LSTM(2, stateful=True, name="lstm")(dropped))
    model(np.ones((2, 3, 4), "float32"), training=True)
    copy = clone(model)
    for name, states in (("drop", keras_internals.seed_states), ("lstm", keras_internals.carried_states)):
        before, after = states(model.get_layer(name)), states(copy.get_layer(name))
        assert before and all(one is not other for one, other in zip(before, after, strict=True))
        assert_same(before, after)


class Words(layers.Layer):
    """Keeps words in a file."""

    words: tuple[str, ...] = ()

    def call(self, x: Any) -> Any:
        return x * float(len(self.words))

    def save_assets(self, folder: str) -> None:
        Path(folder, "words.txt").write_text(" ".join(self.words))

    def load_assets(self, folder: str) -> None:
        self.words = tuple(Path(folder, "words.txt").read_text().split())


class Counts(layers.Layer):
    """Saves a number beside its variables."""

    seen = 0

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale * float(self.seen)

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["seen"] = self.seen

    def load_own_variables(self, store: Any) -> None:
        self.seen = int(store.pop("seen"))
        super().load_own_variables(store)


def test_what_a_layer_saves_beside_its_variables() -> None:
    layer = Counts(name="counts")
    model = keras.Model(inputs := keras.Input((4,), name="x"), layer(inputs))
    layer.seen = 3
    copy = clone(model)
    assert copy.get_layer("counts").seen == 3
    assert_same(copy(batch(model)), model(batch(model)))


@pytest.mark.parametrize("weights", ["copy", "init"])
def test_what_a_layer_keeps_in_files(weights: Any) -> None:
    layer = Words(name="words")
    layer.words = ("a", "b")
    model = keras.Model(inputs := keras.Input((4,), name="x"), layer(inputs))
    copy = clone(model, weights=weights)
    assert copy.get_layer("words").words == ("a", "b") and copy.get_layer("words") is not layer
