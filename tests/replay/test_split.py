from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import AddressError, AmbiguousAddress, NotBuilt, OpaqueBody, ReplayError, UnboundedCut
from graphlint.knowledge import keras_internals
from graphlint.replay.split import split
from tests.replay.invariants import assert_heeds, assert_same, batch, call, check_split, node_counts

# Keras says so whenever a nested model is called on a tensor with a mask.
MASKED = pytest.mark.filterwarnings("ignore:.*passed an input with a mask attached.*")


def chain() -> keras.Model:
    x = inputs = keras.Input((4,), name="x")
    for number in range(1, 5):
        x = layers.Dense(3 + number, activation="tanh", name=f"h{number}")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x))


def residual() -> keras.Model:
    inputs = keras.Input((4,), name="x")
    a = layers.Dense(4, name="a")(inputs)
    b = layers.Dense(4, name="b")(a)
    return keras.Model(inputs, layers.Dense(2, name="out")(layers.Add(name="add")([a, b])))


def encoder(name: str = "encoder", width: int = 4) -> keras.Model:
    inputs = keras.Input((width,), name="features")
    hidden = layers.Dense(5, activation="relu", name="hidden")(inputs)
    return keras.Model(inputs, layers.Dense(3, name="code")(hidden), name=name)


def siamese() -> keras.Model:
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    shared = encoder()
    return keras.Model(
        [left, right], layers.Dense(1, name="same")(layers.Subtract(name="gap")([shared(left), shared(right)]))
    )


def tagger(**lstm_call: object) -> keras.Model:
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    embedded = layers.Embedding(5, 3, mask_zero=True, name="embedding")(tokens)
    x = layers.LSTM(4, name="lstm")(layers.Dropout(0.5, name="drop")(embedded), **lstm_call)
    return keras.Model(tokens, layers.Dense(2, name="out")(x))


# -- what separates ---------------------------------------------------------------------------------------------


def test_a_chain_is_cut_at_every_tensor(tmp_path: Path) -> None:
    for name in ("x", "h1", "h2", "h3", "h4", "out"):
        head, tail = check_split(chain(), name, path=tmp_path)
        assert tail.inputs[0].name.startswith(name)
        assert head.layers[0].name == "x"


def test_a_residual_block_is_cut_at_two_tensors(tmp_path: Path) -> None:
    head, tail = check_split(residual(), ["a", "b"], path=tmp_path)
    assert [output.shape for output in head.outputs] == [(None, 4), (None, 4)]
    assert [tensor.name for tensor in tail.inputs] == ["a", "b"]
    assert_heeds(tail, 0)
    assert_heeds(tail, 1)


def test_the_order_of_the_cut_is_the_order_of_the_tensors() -> None:
    head, tail = check_split(residual(), ["b", "a"])
    assert head.output_names == ["b", "a"]
    assert [tensor.name for tensor in tail.inputs] == ["b", "a"]


def test_a_linear_model_is_cut_to_three_parts() -> None:
    head, rest = check_split(chain(), "h2")
    middle, tail = check_split(rest, "h4")
    model = chain()
    assert [layer.name for layer in middle.layers[1:]] == ["h3", "h4"]
    head, rest = split(model, "h2")
    middle, tail = split(rest, "h4")
    inputs = batch(model)
    assert_same(model(inputs), tail(middle(head(inputs))))


def test_resnet50_after_an_add_in_the_middle() -> None:
    model = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=7)
    head, tail = check_split(model, "conv4_block3_add")
    assert head.count_params() + tail.count_params() == model.count_params()
    assert [tensor.name for tensor in tail.inputs] == ["conv4_block3_add"]


# -- what goes around (L1) --------------------------------------------------------------------------------------


def test_a_skip_around_the_cut_is_named() -> None:
    with pytest.raises(UnboundedCut) as raised:
        split(residual(), "b")
    assert raised.value.side_tensors == ["a#0"]
    assert raised.value.leaking_inputs == ["x#0"]
    assert "complete=True" in str(raised.value) and "\n" not in str(raised.value)


def test_complete_adds_what_goes_around(tmp_path: Path) -> None:
    head, tail = check_split(residual(), "b", complete=True, path=tmp_path)
    assert head.output_names == ["b", "a"]
    assert_heeds(tail, 1)


def test_an_output_before_the_cut_goes_around_it() -> None:
    inputs = keras.Input((4,), name="x")
    early = layers.Dense(2, name="early")(inputs)
    late = layers.Dense(2, name="late")(layers.Dense(3, name="middle")(inputs))
    model = keras.Model(inputs, {"early": early, "late": late})
    with pytest.raises(UnboundedCut) as raised:
        split(model, "middle")
    assert raised.value.side_tensors == ["early#0"]
    _, tail = check_split(model, "middle", complete=True)
    assert set(tail.output) == {"early", "late"}


def test_a_layer_inside_a_layer_is_no_cut() -> None:
    inputs = keras.Input((5, 4), name="x")
    steps = layers.TimeDistributed(layers.Dense(3, name="inner"), name="each")(inputs)
    model = keras.Model(inputs, layers.Flatten(name="out")(steps))
    with pytest.raises(OpaqueBody, match="each/layer lies in each"):
        split(model, "each/layer")
    check_split(model, "each")


def test_a_tensor_that_reaches_no_output_is_no_cut() -> None:
    inputs = keras.Input((4, 3), name="x")
    _, state = layers.GRU(3, return_sequences=True, return_state=True, name="gru")(inputs)
    model = keras.Model(inputs, layers.Dense(2, name="out")(state))
    with pytest.raises(UnboundedCut, match="no output is reached"):
        split(model, "gru:0")


# -- calls, not layers (L2, L3, L4) -----------------------------------------------------------------------------


def test_one_call_of_a_layer_that_is_called_three_times(tmp_path: Path) -> None:
    inputs = keras.Input((4,), name="x")
    step = layers.Dense(4, activation="tanh", name="step")
    model = keras.Model(inputs, layers.Dense(1, name="out")(step(step(step(inputs)))))
    for number in range(3):
        _, tail = check_split(model, f"step#{number}", path=tmp_path)
    assert tail.count_params() == 5
    _, tail = check_split(model, "step#0")
    assert sum(layer.name == "step" for layer in tail.layers) == 1
    assert tail.inputs[0].name == "step_input"
    with pytest.raises(AmbiguousAddress, match=r"step#0.*step#1.*step#2"):
        split(model, "step")


def test_one_output_of_an_operation_with_several() -> None:
    keras.utils.clear_session()  # operations are numbered from the start: this one is "split"
    inputs = keras.Input((6,), name="x")
    first, second = ops.split(inputs, 2, axis=-1)
    outputs = layers.Dense(1, name="out")(layers.Concatenate(name="join")([first, layers.Dense(2, name="d")(second)]))
    model = keras.Model(inputs, outputs)
    with pytest.raises(UnboundedCut) as raised:
        split(model, "split:0")
    assert raised.value.side_tensors == ["d#0"]
    _, tail = check_split(model, ["split:0", "split:1"])
    assert [tensor.name for tensor in tail.inputs] == ["split_0", "split_1"]
    assert_heeds(tail, 0)
    with pytest.raises(AddressError):
        split(model, "split")


def test_the_cut_may_be_the_output_and_may_repeat() -> None:
    inputs = keras.Input((4,), name="x")
    middle = layers.Dense(3, name="middle")(inputs)
    model = keras.Model(inputs, [middle, layers.Dense(2, name="out")(middle), middle])
    head, tail = check_split(model, ["middle", "middle"])
    assert len(head.outputs) == 1 and len(tail.outputs) == 3
    check_split(model, ["middle", "out"])


# -- masks (L5, L6) ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kwargs", [{}, {"training": False}])
@pytest.mark.parametrize("at", ["embedding", "drop"])
def test_a_mask_crosses_the_cut(kwargs: dict[str, object], at: str, tmp_path: Path) -> None:
    model = tagger(**kwargs)
    head, tail = check_split(model, at, path=tmp_path)
    assert [tensor.name for tensor in tail.inputs] == [at, f"{at}_mask"]
    assert tail.inputs[1].dtype == "bool" == head.outputs[1].dtype
    embedded, mask = head(np.array([[1, 2, 0, 0], [1, 0, 0, 0]]))
    assert np.array_equal(np.asarray(mask), [[1, 1, 0, 0], [1, 0, 0, 0]])
    assert_same(tail([np.array(embedded), np.array(mask)]), model(np.array([[1, 2, 0, 0], [1, 0, 0, 0]])))


def test_a_mask_that_keras_made_is_cut_as_the_tensor_that_it_is() -> None:
    keras.utils.clear_session()  # operations are numbered from the start: this one is "not_equal"
    model = tagger()
    for at in (["embedding", "not_equal"], ["not_equal", "drop"]):
        _, tail = check_split(model, at)
        assert [tensor.name for tensor in tail.inputs] == at


def test_a_loaded_model_keeps_its_masks_at_the_cut(tmp_path: Path) -> None:
    tagger().save(tmp_path / "tagger.keras")
    model = keras.saving.load_model(tmp_path / "tagger.keras")
    _, tail = check_split(model, "embedding", path=tmp_path)
    assert [tensor.name for tensor in tail.inputs] == ["embedding", "embedding_mask"]


def test_a_mask_leaves_a_nested_model(tmp_path: Path) -> None:
    inner_tokens = keras.Input((None,), dtype="int32", name="inner_tokens")
    inner = keras.Model(
        inner_tokens, layers.Embedding(5, 3, mask_zero=True, name="embedding")(inner_tokens), name="embedder"
    )
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    model = keras.Model(tokens, layers.LSTM(4, name="lstm")(inner(tokens)))
    for at in ("embedder", "embedder/embedding"):
        _, tail = check_split(model, at, path=tmp_path)
        assert len(tail.inputs) == 2


def test_a_mask_that_nobody_reads_does_not_cross() -> None:
    _, tail = check_split(tagger(), "lstm")
    assert len(tail.inputs) == 1


def test_an_explicit_mask_crosses_as_one() -> None:
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    embedded = layers.Embedding(5, 3, name="embedding")(tokens)
    x = layers.GRU(4, name="gru")(embedded, mask=ops.not_equal(tokens, 1))
    _, tail = check_split(keras.Model(tokens, x), "embedding")
    assert [tensor.dtype for tensor in tail.inputs] == ["float32", "bool"]


@keras.saving.register_keras_serializable("test_split")
class Block(layers.Layer):
    """Code with a sublayer that takes the mask from its tensor."""

    def __init__(self, **kwargs) -> None:  # type: ignore[no-untyped-def]
        super().__init__(**kwargs)
        self.gru = layers.GRU(3)
        self.supports_masking = True

    def build(self, shape) -> None:  # type: ignore[no-untyped-def]
        self.gru.build(shape)
        self.built = True

    def call(self, x):  # type: ignore[no-untyped-def]
        return self.gru(x)


def test_code_behind_the_cut_sees_the_mask_of_its_tensor() -> None:
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    embedded = layers.Embedding(5, 3, mask_zero=True, name="embedding")(tokens)
    model = keras.Model(tokens, Block(name="block")(embedded))
    head, tail = split(model, "embedding")
    inputs = batch(model)
    embedded, mask = head(inputs)
    assert_same(model(inputs), call(tail, [np.array(embedded), np.array(mask)]))


class Last(layers.Layer):
    """Code that may look at the mask of its tensor."""

    def __init__(self, **kwargs) -> None:  # type: ignore[no-untyped-def]
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, x):  # type: ignore[no-untyped-def]
        return x[:, -1]

    def compute_mask(self, x, previous_mask):  # type: ignore[no-untyped-def]
        return None


def layer_names(model: keras.Model) -> list[str]:
    return [layer.name for layer in model.layers]


def test_masks_are_attached_for_code_and_passed_to_the_others() -> None:
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    embedded = layers.Embedding(5, 3, mask_zero=True, name="embedding")(tokens)
    read = [layers.LSTM(3, name="lstm")(embedded), Last(name="last")(embedded)]
    _, tail = split(keras.Model(tokens, layers.Add(name="sum")(read)), "embedding")
    assert [one.name for one in tail.inputs] == ["embedding", "embedding_mask"]
    assert "attach_mask" in layer_names(tail)
    _, tail = split(keras.Model(tokens, read[0]), "embedding")
    assert layer_names(tail) == ["embedding", "embedding_mask", "lstm"]


def test_a_mask_that_attention_took_off_before_the_cut_is_not_attached_again() -> None:
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    embedded = layers.Embedding(10, 4, mask_zero=True, name="embedding")(tokens)
    mixed = layers.MultiHeadAttention(2, 2, name="attend")(embedded, embedded)
    both = layers.Add(name="sum")([embedded, mixed])
    model = keras.Model(tokens, layers.GlobalAveragePooling1D(name="pool")(both))
    for at, attached in (("embedding", "embedding"), (["embedding", "attend"], "attend")):
        _, tail = check_split(model, at)
        (node,) = keras_internals.inbound_nodes(tail.get_layer("attach_mask"))
        assert [one.name for one in keras_internals.node_inputs(node)] == [attached, f"{attached}_mask"]


# -- inside nested models (L7, L8, L12) -------------------------------------------------------------------------


def test_inside_a_nested_model(tmp_path: Path) -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(encoder()(layers.Dense(4, name="lift")(inputs))))
    for at in ("encoder/features", "encoder/hidden", "encoder/code", "encoder"):
        head, tail = check_split(model, at, path=tmp_path)
    head, tail = check_split(model, "encoder/hidden")
    assert head.get_layer("encoder").get_layer("hidden") is model.get_layer("encoder").get_layer("hidden")
    assert tail.get_layer("encoder").get_layer("code") is model.get_layer("encoder").get_layer("code")


def test_a_nested_model_that_is_called_on_a_constant(tmp_path: Path) -> None:
    one, other = keras.Input((3,), name="one"), keras.Input((3,), name="other")
    inner = keras.Model([one, other], layers.Dense(2, name="last")(layers.Add(name="sum")([one, other])), name="inner")
    x = keras.Input((4,), name="x")
    hidden = layers.Dense(3, name="first")(x)
    model = keras.Model(x, layers.Dense(2, name="end")(inner([hidden, ops.ones((1, 3))])), name="outer")
    for at in ("first", "inner", "inner/sum"):
        check_split(model, at, path=tmp_path)


def test_two_levels_deep(tmp_path: Path) -> None:
    inner = encoder("inner")
    middle_in = keras.Input((4,), name="features")
    middle = keras.Model(middle_in, layers.Dense(4, name="after")(inner(middle_in)), name="middle")
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="code")(middle(inputs)))
    head, rest = check_split(model, "middle/inner/hidden", path=tmp_path)
    check_split(rest, "middle/after", path=tmp_path)
    check_split(head, "middle/inner/hidden", path=tmp_path)


def test_inside_a_nested_sequential(tmp_path: Path) -> None:
    inputs = keras.Input((4,), name="x")
    body = keras.Sequential([layers.Dense(5, name="first"), layers.Dense(4, name="second")], name="body")
    model = keras.Model(inputs, layers.Dense(2, name="out")(body(inputs)))
    check_split(model, "body/first", path=tmp_path)
    check_split(keras.Sequential([keras.Input((4,)), body, layers.Dense(2, name="out")]), "body/first", path=tmp_path)


def test_one_side_of_a_siamese_pair_is_not_enough() -> None:
    with pytest.raises(UnboundedCut) as raised:
        split(siamese(), "encoder#0/hidden")
    assert raised.value.leaking_inputs == ["right#0"]


def test_one_side_of_a_siamese_pair_completed(tmp_path: Path) -> None:
    head, _ = check_split(siamese(), "encoder#0/hidden", complete=True, path=tmp_path)
    assert head.output_names == ["hidden", "code"]


def test_both_sides_of_a_siamese_pair(tmp_path: Path) -> None:
    _, tail = check_split(siamese(), ["encoder#0/hidden", "encoder#1/hidden"], path=tmp_path)
    assert [layer.name for layer in tail.layers].count("encoder") == 1
    check_split(siamese(), ["encoder#0", "encoder#1"], path=tmp_path)
    check_split(siamese(), ["left", "encoder#1/hidden"], path=tmp_path)


def test_two_models_with_layers_of_one_name(tmp_path: Path) -> None:
    inputs = keras.Input((4,), name="x")
    first, second = encoder("first"), encoder("second")
    model = keras.Model(inputs, layers.Concatenate(name="join")([first(inputs), second(inputs)]))
    _, tail = check_split(model, ["first/hidden", "second/hidden"], path=tmp_path)
    assert sorted(tensor.name for tensor in tail.inputs) == ["hidden", "hidden_input"]


def test_outputs_of_a_nested_model_keep_their_order_behind_a_cut_inside() -> None:
    inputs = keras.Input((4,), name="features")
    hidden = layers.Dense(3, name="hidden")(inputs)
    short = layers.Dense(2, name="short")(hidden)
    inner = keras.Model(inputs, [layers.Dense(5, name="long")(short), short], name="inner")
    x = keras.Input((4,), name="x")
    _, tail = check_split(keras.Model(x, inner(x)), "inner/hidden")
    assert tail.get_layer("inner").output_shape == [(None, 5), (None, 2)] == tail.output_shape


def test_an_input_may_have_the_name_of_a_layer_inside_a_nested_model() -> None:
    inputs = keras.Input((4,), name="features")
    inner = keras.Model(inputs, layers.Dense(4, name="lift")(layers.Dense(3, name="hidden")(inputs)), name="inner")
    x = keras.Input((4,), name="x")
    lifted = layers.Dense(4, name="lift")(x)
    model = keras.Model(x, layers.Add(name="sum")([lifted, inner(lifted)]))
    _, tail = check_split(model, ["lift", "inner/hidden"])
    assert [one.name for one in tail.inputs] == ["lift", "hidden"]


def test_inputs_of_an_opened_model_have_names_of_their_own() -> None:
    inputs = keras.Input((4,), name="features")
    deepest = keras.Model(inputs, layers.Dense(4, name="b")(layers.Dense(3, name="a")(inputs)), name="deepest")
    outer = keras.Input((4,), name="a")
    inner = keras.Model(outer, layers.Add(name="sum")([deepest(outer), outer]), name="inner")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, inner(layers.Dense(4, name="lift")(x)))
    _, tail = check_split(model, ["lift", "inner/deepest/a"])
    assert [one.name for one in tail.get_layer("inner").inputs] == ["a", "a_input"]


def test_an_input_has_another_name_than_a_layer_of_a_model_that_is_dissolved() -> None:
    """Two calls of a nested model that differ after the cut run in the outer model."""
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    lift = layers.Dense(4, name="lift")(left)
    inner = keras.Model(
        [left, right], layers.Add(name="sum")([lift, layers.Dense(4, name="other")(right)]), name="inner"
    )
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    model = keras.Model([x, y], inner([inner([x, y]), y]))
    _, tail = check_split(model, ["inner#0/lift", "y"])
    assert [one.name for one in tail.inputs] == ["lift_input", "y"]
    assert sorted(layer_names(tail)) == ["lift", "lift_input", "other", "sum", "y"]


def test_a_frozen_backbone_stays_frozen() -> None:
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35)
    base.trainable = False
    inputs = keras.Input((32, 32, 3), name="image")
    x = layers.GlobalAveragePooling2D(name="pool")(base(inputs, training=False))
    model = keras.Model(inputs, layers.Dense(2, name="out")(x))
    head, tail = check_split(model, f"{base.name}/block_5_add")
    assert head.trainable_variables == []
    assert [variable.path for variable in tail.trainable_variables] == [v.path for v in model.trainable_variables]
    data = batch(model)
    assert_same(model(data, training=False), tail(head(data), training=False))


def test_training_reaches_into_an_opened_model(tmp_path: Path) -> None:
    inner_in = keras.Input((4,), name="features")
    norm = layers.BatchNormalization(name="norm")
    inner = keras.Model(inner_in, norm(layers.Dense(4, name="d")(inner_in)), name="inner")
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    model = keras.Model([left, right], layers.Add(name="add")([inner(left, training=True), inner(right)]))
    head, tail = split(model, "inner#0/d", complete=True)
    data = batch(model)
    keep = norm.get_weights()
    before = np.asarray(model(data))
    norm.set_weights(keep)
    assert_same(before, tail(head(data)))


def test_a_second_surgery_on_the_result(tmp_path: Path) -> None:
    model = residual()
    head, tail = check_split(model, "add", path=tmp_path)
    check_split(head, ["a"], path=tmp_path)
    check_split(model, "a", path=tmp_path)
    check_split(tail, "out", path=tmp_path)


# -- kinds of inputs --------------------------------------------------------------------------------------------


def test_inputs_keep_their_structure_dtype_and_names() -> None:
    inputs = {
        "age": keras.Input((1,), name="age"),
        "city": keras.Input((1,), dtype="int32", name="city"),
    }
    city = layers.Flatten(name="flat")(layers.Embedding(12, 4, name="cities")(inputs["city"]))
    x = layers.Dense(8, name="hidden")(layers.Concatenate(name="join")([inputs["age"], city]))
    model = keras.Model(inputs, {"price": layers.Dense(1, name="price")(x), "kind": layers.Dense(3, name="kind")(x)})
    head, tail = check_split(model, "hidden")
    assert set(head.input) == {"age", "city"} and head.input["city"].dtype == "int32"
    assert set(tail.output) == {"price", "kind"}


def test_nothing_is_said_of_keys_that_are_not_the_names_of_inputs() -> None:
    inputs = {"one": keras.Input((4,), name="x"), "two": keras.Input((4,), name="y")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = keras.Model(inputs, layers.Dense(2, name="out")(layers.Add(name="sum")(list(inputs.values()))))
    head, _ = split(model, "sum")
    assert {key: one.name for key, one in head.input.items()} == {"one": "x", "two": "y"}


def test_a_nested_input_casts() -> None:
    inner_in = keras.Input((4,), name="features", dtype="float32")
    inner = keras.Model(inner_in, layers.Dense(3, name="d")(inner_in), name="inner")
    left, right = keras.Input((4,), dtype="int32", name="left"), keras.Input((4,), dtype="int32", name="right")
    model = keras.Model([left, right], layers.Add(name="add")([inner(left), inner(right)]))
    check_split(model, "inner#0/features", complete=True)
    check_split(model, "inner#0/d", complete=True)


# -- what is refused --------------------------------------------------------------------------------------------


class Code(keras.Model):
    def __init__(self) -> None:
        super().__init__(name="code")
        self.dense = layers.Dense(3)

    def call(self, x):  # type: ignore[no-untyped-def]
        return self.dense(x)


class OwnCall(keras.Model):
    """A Functional model that runs something else than its graph."""

    def call(self, inputs, training=None, mask=None):  # type: ignore[no-untyped-def]
        return 2 * super().call(inputs, training=training)


def test_a_subclassed_model_is_opened() -> None:
    model = Code()
    x = np.ones((2, 4), "float32")
    expected = model(x)
    head, tail = split(model, "dense")
    assert_same(tail(head(x)), expected)
    assert head.weights[0] is model.weights[0]


def test_inside_a_subclassed_model() -> None:
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2, name="out")(Code()(inputs)))
    check_split(model, "code/dense")
    check_split(model, "code")


def test_a_model_with_a_call_of_its_own_is_not_its_graph() -> None:
    inputs = keras.Input((4,), name="x")
    own = OwnCall(inputs, layers.Dense(3, name="d")(inputs), name="own")
    check_split(own, "d")
    outer = keras.Input((4,), name="y")
    model = keras.Model(outer, layers.Dense(2, name="out")(own(outer)))
    check_split(model, "own")


@pytest.mark.parametrize("at", ["nothing", "h1/h2", "h1:3", "", "h1@kernel", 3, [3], [], None])
def test_bad_addresses_change_nothing(at: object) -> None:
    model = chain()
    config, nodes = model.get_config(), node_counts(model)
    with pytest.raises(AddressError) as raised:
        split(model, at)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
    assert model.get_config() == config and node_counts(model) == nodes


def test_what_is_no_model() -> None:
    with pytest.raises(ReplayError, match=r"keras\.Model"):
        split(chain().output, "h1")
    with pytest.raises(NotBuilt, match="build"):
        split(keras.Sequential([layers.Dense(2)]), "dense")


def test_a_failure_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tagger()
    config, nodes = model.get_config(), node_counts(model)

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("interrupted")

    monkeypatch.setattr("graphlint.replay.split.build_model", fail)
    with pytest.raises(RuntimeError, match="interrupted"):
        split(model, "embedding")
    assert model.get_config() == config and node_counts(model) == nodes


def test_a_chain_of_three_thousand_layers() -> None:
    import sys

    x = inputs = keras.Input((2,), name="x")
    for number in range(3000):
        x = layers.Activation("tanh", name=f"a{number}")(x)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        model = keras.Model(inputs, x)
    finally:
        sys.setrecursionlimit(limit)
    head, tail = split(model, "a1499")
    assert len(head.layers) == len(tail.layers) == 1501
    assert sys.getrecursionlimit() == limit


# -- masks through nested models --------------------------------------------------------------------------------


def text_encoder(name: str) -> keras.Model:
    """Words to a masked sequence: the mask leaves the model with the tensor."""
    words = keras.Input((None,), dtype="int32", name="words")
    x = layers.Embedding(5, 3, mask_zero=True, name="embedding")(words)
    return keras.Model(words, layers.GRU(4, return_sequences=True, name="gru")(x), name=name)


def summary(name: str) -> keras.Model:
    """A masked sequence to a vector: the mask comes into the model with the tensor."""
    sequence = keras.Input((None, 4), name="sequence")
    x = layers.Dropout(0.3, name="drop")(sequence)
    return keras.Model(sequence, layers.LSTM(3, name="lstm")(x), name=name)


@MASKED
@pytest.mark.parametrize(
    "at", ["encoder", "encoder/embedding", "encoder/gru", "between", "summary/sequence", "summary/drop", "summary"]
)
def test_a_mask_goes_out_of_one_nested_model_and_into_another(at: str, tmp_path: Path) -> None:
    words = keras.Input((None,), dtype="int32", name="tokens")
    x = layers.Dropout(0.5, name="between")(text_encoder("encoder")(words))
    inner = summary("summary")
    model = keras.Model(words, layers.Dense(2, name="out")(inner(x)))
    check_split(model, at, path=tmp_path)
    outer = keras.Input((None,), dtype="int32", name="outer")
    check_split(keras.Model(outer, model(outer)), f"{model.name}/{at}", path=tmp_path)


@MASKED
def test_a_mask_is_attached_before_a_model_that_returns_one() -> None:
    words, sequence = keras.Input((None,), dtype="int32", name="tokens"), keras.Input((None, 4), name="sequence")
    x = layers.Embedding(5, 4, mask_zero=True, name="embedding")(words)
    inner = keras.Model(sequence, layers.Dropout(0.5, name="drop")(sequence), name="inner")
    model = keras.Model(words, layers.LSTM(2, name="lstm")(inner(x)))
    _, tail = check_split(model, "embedding")
    assert layer_names(tail) == ["embedding", "embedding_mask", "attach_mask", "inner", "lstm"]


@MASKED
def test_nested_models_stay_as_they_are_where_no_mask_crosses() -> None:
    words = keras.Input((None,), dtype="int32", name="tokens")
    state = layers.LSTM(3, name="state")(text_encoder("encoder")(words))
    model = keras.Model(words, layers.Dense(2, name="out")(state))
    head, _ = check_split(model, "state")
    assert head.get_layer("encoder") is model.get_layer("encoder")


@MASKED
def test_two_masked_models_with_layers_of_one_name(tmp_path: Path) -> None:
    words = keras.Input((None,), dtype="int32", name="tokens")
    first, second = text_encoder("first"), text_encoder("second")
    joined = layers.Concatenate(name="join")([first(words), second(words)])
    model = keras.Model(words, layers.LSTM(2, name="lstm")(joined))
    head, tail = check_split(model, ["first/embedding", "second/embedding"], path=tmp_path)
    assert len(head.outputs) == len(tail.inputs) == 4
    check_split(model, ["first", "second"], path=tmp_path)
    check_split(model, "join", path=tmp_path)


@MASKED
def test_a_masked_siamese_pair(tmp_path: Path) -> None:
    left, right = (keras.Input((None,), dtype="int32", name=name) for name in ("left", "right"))
    shared, pool = text_encoder("encoder"), layers.GlobalAveragePooling1D(name="pool")
    model = keras.Model([left, right], layers.Subtract(name="gap")([pool(shared(left)), pool(shared(right))]))
    check_split(model, ["encoder#0", "encoder#1"], path=tmp_path)
    check_split(model, ["encoder#0/embedding", "encoder#1/embedding"], path=tmp_path)
    check_split(model, ["encoder#0/embedding", "right"], path=tmp_path)
    check_split(model, "encoder#1/gru", complete=True, path=tmp_path)


# -- what is said, in full --------------------------------------------------------------------------------------------


def three() -> keras.Model:
    found = [keras.Input((4,), name=name) for name in "abc"]
    ends = [layers.Dense(3, name=f"d{one.name}")(one) for one in found]
    return keras.Model(found, layers.Add(name="sum")(ends))


@pytest.mark.parametrize(
    ("make", "at", "message", "side", "inputs"),
    [
        (
            residual,
            "b",
            (
                "the cut at b#0 does not separate the outputs from the inputs: a#0 bypasses it, from the input x#0: "
                "add it to the cut, or pass complete=True"
            ),
            "a#0",
            "x#0",
        ),
        (
            three,
            "da",
            (
                "the cut at da#0 does not separate the outputs from the inputs: db#0, dc#0 bypass it, from the inputs "
                "b#0, c#0: add them to the cut, or pass complete=True"
            ),
            "db#0 dc#0",
            "b#0 c#0",
        ),
        (
            three,
            ["db", "da"],
            (
                "the cut at db#0, da#0 does not separate the outputs from the inputs: dc#0 bypasses it, from the input "
                "c#0: add it to the cut, or pass complete=True"
            ),
            "dc#0",
            "c#0",
        ),
    ],
)
def test_what_bypasses_a_cut_is_told(
    make: Callable[[], keras.Model], at: str | list[str], message: str, side: str, inputs: str
) -> None:
    model = make()
    with pytest.raises(UnboundedCut) as raised:
        split(model, at)
    assert str(raised.value) == message
    assert (raised.value.side_tensors, raised.value.leaking_inputs) == (side.split(), inputs.split())
    head, tail = split(model, at, complete=True)
    names = [*([at] if isinstance(at, str) else at), *(one.removesuffix("#0") for one in side.split())]
    assert head.output_names == names and [one.name for one in tail.inputs] == names


def test_cuts_that_no_output_depends_on() -> None:
    inputs = keras.Input((4, 3), name="x")
    sequence, state = layers.GRU(3, return_sequences=True, return_state=True, name="gru")(inputs)
    layers.Dense(2, name="unused")(sequence)
    model = keras.Model(inputs, layers.Dense(2, name="out")(state))
    with pytest.raises(UnboundedCut) as raised:
        split(model, "gru:0")
    assert str(raised.value) == (
        "expected tensors that an output depends on, got gru#0:0, from which no output is reached: cut elsewhere"
    )
    assert (raised.value.side_tensors, raised.value.leaking_inputs) == ([], ["x#0"])
    head, tail = split(model, ["gru:0", "gru:1"])
    assert [one.shape for one in head.outputs] == [(None, 4, 3), (None, 3)]
    assert [one.name for one in tail.inputs] == ["gru_0", "gru_1"] and tail.output_shape == (None, 2)


@pytest.mark.parametrize("weights", ["both", "", None, True])
def test_weights_are_shared_or_copied(weights: object) -> None:
    with pytest.raises(ReplayError) as raised:
        split(chain(), "h1", weights=weights)  # type: ignore[arg-type]
    assert str(raised.value) == f"expected share or copy for weights=, got {weights!r}"


@pytest.mark.parametrize("trainable", [True, False])
def test_names_and_flags_of_parts(trainable: bool) -> None:
    model = chain()
    model.trainable = trainable
    parts = split(model, "h2")
    assert [part.name for part in parts] == [f"{model.name}_head", f"{model.name}_tail"]
    assert [part.trainable for part in parts] == [trainable] * 2
    assert all(isinstance(part.input, keras.KerasTensor) for part in parts)
    assert all(isinstance(part.output, keras.KerasTensor) for part in parts)
