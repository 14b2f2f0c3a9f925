"""H rules: what must fire and what must not, in memory and in files."""

import json

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.engine.linter import Linter
from graphlint.engine.selection import Selection
from rules.shapes.batch_axis_broadcast import BatchAxisBroadcast
from rules.shapes.batchnorm_axis import BatchnormAxis
from rules.shapes.channel_axis import ChannelAxis
from rules.shapes.float16_output import Float16Output
from rules.shapes.mask_lost import MaskLost
from rules.shapes.missing_flatten import MissingFlatten
from rules.shapes.odd_broadcast import OddBroadcast
from rules.shapes.oversized_kernel import OversizedKernel
from rules.shapes.pool_on_one import PoolOnOne
from rules.shapes.reshape_as_transpose import ReshapeAsTranspose
from rules.shapes.shape_conflict import ShapeConflict
from rules.shapes.silent_input_cast import SilentInputCast
from rules.shapes.stateful_batch import StatefulBatch
from rules.shapes.vocabulary_mismatch import VocabularyMismatch
from tests.rules.editing import edited, entry
from tests.rules.front_ends import both, in_file, live


def sequential(*stack, inputs=(4,), **kwargs):
    return keras.Sequential([keras.Input(inputs, **kwargs), *stack])


# -- H001 -------------------------------------------------------------------------------------------------------


def mlp():
    x = keras.Input((4,), name="x")
    hidden = layers.Dense(3, activation="relu", name="hidden")(x)
    return keras.Model(x, layers.Dense(2, name="head")(hidden))


def test_units_that_differ_from_the_stored_kernel(tmp_path):
    def change(config):
        entry(config, "head")["config"]["units"] = 5

    ((address, severity, message),) = in_file(ShapeConflict(), edited(mlp(), tmp_path, change))
    assert (address, severity) == ("head@kernel", "error")
    assert "(3, 2)" in message and "(3, 5)" in message


def test_recorded_shape_that_no_layer_makes(tmp_path):
    def change(config):
        (node,) = entry(config, "head")["inbound_nodes"]
        node["args"][0]["config"]["shape"] = [None, 7]

    assert [address for address, _, _ in in_file(ShapeConflict(), edited(mlp(), tmp_path, change))] == [
        "hidden#0",
        "head#0",
    ]


def test_build_shape_that_differs_from_the_input(tmp_path):
    def change(config):
        entry(config, "head")["build_config"]["input_shape"] = [None, 9]

    ((address, _, message),) = in_file(ShapeConflict(), edited(mlp(), tmp_path, change))
    assert address == "head#0" and "(?, 9)" in message


def test_one_conflict_is_one_finding(tmp_path):
    model = sequential(layers.Conv2D(4, 3, name="first"), layers.Flatten(), layers.Dense(2), inputs=(8, 8, 3))

    def change(config):
        entry(config, "first")["config"]["kernel_size"] = [5, 5]

    assert [address for address, _, _ in in_file(ShapeConflict(), edited(model, tmp_path, change))] == ["first@kernel"]


@pytest.mark.parametrize(("key", "value"), [("num_heads", 3), ("key_dim", 5), ("value_dim", 7)])
def test_attention_of_another_size_than_its_stored_kernels(key, value, tmp_path):
    x = keras.Input((5, 4))
    model = keras.Model(x, layers.MultiHeadAttention(2, 3, name="attention")(x, x))

    def change(config):
        entry(config, "attention")["config"][key] = value

    ((address, severity, _),) = in_file(ShapeConflict(), edited(model, tmp_path, change))
    assert address.startswith("attention/") and severity == "error"


def test_nested_input_that_is_fed_another_shape(tmp_path):
    x = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(2)], name="inner")
    model = keras.Model(x, inner(x))

    def change(config):
        inside = entry(config, "inner")["config"]
        inside["layers"][0]["config"]["batch_shape"] = [None, 6]
        inside["layers"][1]["build_config"]["input_shape"] = [None, 6]

    addresses = [address for address, _, _ in in_file(ShapeConflict(), edited(model, tmp_path, change))]
    assert any(address.startswith("inner/") for address in addresses)


def test_wrong_weights_inside_wrappers(tmp_path):
    model = sequential(layers.Bidirectional(layers.LSTM(3), name="both"), inputs=(5, 4))

    def change(config):
        for key in ("layer", "backward_layer"):
            entry(config, "both")["config"][key]["config"]["units"] = 6

    found = in_file(ShapeConflict(), edited(model, tmp_path, change))
    assert found and all(address.startswith("both") for address, _, _ in found)


def without_build_shapes(value):
    """Take out what a file says of the shapes that layers were built for."""
    if isinstance(value, dict):
        value.pop("build_config", None)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        without_build_shapes(inner)


@pytest.mark.parametrize(
    ("layer", "where"),
    [
        (lambda: layers.LSTM(3, name="made"), "made/cell@kernel"),
        (lambda: layers.Bidirectional(layers.LSTM(3), name="made"), "made/forward_layer/cell@kernel"),
        (lambda: layers.RNN(layers.GRUCell(3), name="made"), "made/cell@kernel"),
        (lambda: layers.TimeDistributed(layers.Dense(3), name="made"), "made/layer@kernel"),
        (lambda: layers.Dense(3, name="made"), "made@kernel"),
        (lambda: layers.Conv1D(3, 2, name="made"), "made@kernel"),
    ],
    ids=["recurrent", "both ways", "cell", "time distributed", "dense", "convolution"],
)
def test_weights_that_fit_no_input_as_wide(layer, where, tmp_path):
    made = keras.Sequential([keras.Input((5, 4), name="x"), layer()])

    def change(config):
        without_build_shapes(config)
        entry(config, "x")["config"]["batch_shape"] = [None, 5, 7]

    (first,) = in_file(ShapeConflict(), edited(made, tmp_path, change))
    assert first[0].replace("backward", "forward") == where and "for an input of (?, " in first[2] and "7" in first[2]
    assert in_file(ShapeConflict(), edited(made, tmp_path, without_build_shapes)) == []


@pytest.mark.parametrize("wrapped", [layers.TimeDistributed], ids=lambda one: one.__name__)
def test_weights_inside_a_model_in_a_wrapper(wrapped, tmp_path):
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="deep")], name="inner")
    made = keras.Sequential([keras.Input((5, 4)), wrapped(inner, name="steps")])

    def change(config):
        inside = entry(config, "steps")["config"]["layer"]["config"]["layers"]
        inside[1]["config"]["units"] = 6

    ((address, _, message),) = in_file(ShapeConflict(), edited(made, tmp_path, change))
    assert address.startswith("steps/layer/") and "(4, 3)" in message and "(4, 6)" in message
    assert in_file(ShapeConflict(), edited(made, tmp_path, lambda config: None)) == []


@pytest.mark.parametrize(
    "stack",
    [
        [layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)],
        [layers.Conv2DTranspose(2, 3, strides=2), layers.GlobalAveragePooling2D()],
        [layers.SeparableConv2D(4, 3), layers.BatchNormalization()],
    ],
)
def test_free_dimensions_are_no_conflict(stack, tmp_path):
    inputs = (None, None, 3) if not any(isinstance(one, layers.Flatten) for one in stack) else (8, 8, 3)
    assert both(ShapeConflict(), sequential(*stack, inputs=inputs), tmp_path) == []


def test_custom_layers_are_no_conflict(tmp_path):
    assert both(ShapeConflict(), sequential(layers.Lambda(ops.sum, output_shape=())), tmp_path) == []


# -- H002 -------------------------------------------------------------------------------------------------------


def test_batch_meets_features(tmp_path):
    x = keras.Input((4,))
    model = keras.Model(x, x * ops.mean(x, axis=-1))
    ((_, severity, message),) = both(BatchAxisBroadcast(), model, tmp_path)
    assert severity == "error" and "(?, 4) and (?,)" in message
    for change in (lambda x: x / ops.norm(x, axis=-1), lambda x: (y := layers.Reshape((4,))(x)) - ops.mean(y, axis=1)):
        assert len(both(BatchAxisBroadcast(), keras.Model(x, change(x)), tmp_path)) == 1


def test_batch_meets_features_behind_any_operation_that_keeps_it(tmp_path):
    x = keras.Input((4, 6))
    kept = [
        *(getattr(ops, name)(x) for name in ("tril", "triu", "signbit", "isposinf", "isneginf", "i0")),
        *(getattr(ops, name)(x, axis=1) for name in ("nanstd", "nanvar", "nanmedian", "nanprod", "nancumsum", "sort")),
        *(getattr(ops, name)(x, x) for name in ("isclose", "nextafter")),
    ]
    low = ops.mean(x, axis=(1, 2))
    model = keras.Model(x, [ops.cast(one, "float32") + low for one in kept])
    assert len(both(BatchAxisBroadcast(), model, tmp_path)) == len(kept)


def test_batch_meets_features_in_a_model_that_is_called_twice(tmp_path):
    x, y = keras.Input((4,)), keras.Input((4,))
    inner = keras.Model(x, x * ops.mean(x, axis=-1), name="inner")
    a = keras.Input((4,))
    assert len(both(BatchAxisBroadcast(), keras.Model([a, y], [inner(a), inner(y)]), tmp_path)) == 1


@pytest.mark.parametrize(
    "combine",
    [
        lambda x: layers.Add()([x, ops.mean(x, axis=-1, keepdims=True)]),
        lambda x: x * 2.0 + np.arange(4, dtype="float32"),
        lambda x: x - ops.transpose(x)[0],
        lambda x: x + ops.sum(x, axis=0),
        lambda x: ops.expand_dims(ops.sum(x, axis=1), 1) - ops.sum(x, axis=1),
        lambda x: x * layers.Lambda(lambda t: ops.ones((4,)), output_shape=(4,))(x),
    ],
    ids=["merge layer", "constant", "transposed", "reduced over the batch", "all pairs", "not proven"],
)
def test_no_batch_in_the_wrong_place(combine, tmp_path):
    x = keras.Input((4,))
    assert both(BatchAxisBroadcast(), keras.Model(x, combine(x)), tmp_path) == []


# -- H003 -------------------------------------------------------------------------------------------------------


def test_both_sides_expanded(tmp_path):
    a, b = keras.Input((10, 1)), keras.Input((1, 10))
    ((_, severity, message),) = both(OddBroadcast(), keras.Model([a, b], a + b), tmp_path)
    assert severity == "warning" and "(?, 10, 10)" in message


@pytest.mark.parametrize(
    "combine",
    [
        lambda x: layers.Add()([x, layers.Dense(1)(x)]),
        lambda x: x + np.zeros((1, 4), "float32"),
        lambda x: x * layers.GlobalAveragePooling1D(keepdims=True)(x),
        lambda x: ops.expand_dims(x, 2) + ops.expand_dims(x, 1),
        lambda x: layers.Dense(1)(x) + layers.Permute((2, 1))(layers.Dense(1)(x)),
    ],
    ids=["duelling heads", "position embedding", "gate", "additive attention", "graph attention"],
)
def test_broadcasts_that_are_meant(combine, tmp_path):
    x = keras.Input((10, 4))
    assert both(OddBroadcast(), keras.Model(x, combine(x)), tmp_path) == []


# -- H004 -------------------------------------------------------------------------------------------------------


def test_channels_in_front(tmp_path):
    model = sequential(layers.Rescaling(0.5), layers.Conv2D(8, 3), inputs=(3, 32, 32))
    ((address, severity, message),) = both(ChannelAxis(), model, tmp_path)
    assert severity == "warning" and "axis 1" in message and address.startswith("conv2d")


def test_channels_in_front_of_a_scaled_image(tmp_path):
    x = keras.Input((3, 32, 32))
    model = keras.Model(x, layers.Conv2D(4, 3)((x - 127.5) / 127.5))
    assert [severity for _, severity, _ in both(ChannelAxis(), model, tmp_path)] == ["warning"]


def test_channels_at_the_end_of_a_channels_first_convolution():
    model = sequential(layers.Conv2D(8, 3, data_format="channels_first"), inputs=(32, 32, 3))
    assert len(live(ChannelAxis(), model)) == 1


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Conv2D(8, 3), inputs=(32, 32, 3)),
        lambda: sequential(layers.Conv2D(8, (1, 5)), inputs=(3, 64, 20)),
        lambda: sequential(layers.Conv2D(8, 3), inputs=(4, 8, 8)),
        lambda: sequential(layers.Permute((2, 3, 1)), layers.Conv2D(8, 3), inputs=(3, 32, 32)),
    ],
    ids=["channels last", "kernel height 1", "small", "permuted"],
)
def test_channels_where_they_belong(model, tmp_path):
    assert both(ChannelAxis(), model(), tmp_path) == []


# -- H005 -------------------------------------------------------------------------------------------------------


def classifier(*stack, loss="sparse_categorical_crossentropy", inputs=(16, 16, 1)):
    model = sequential(*stack, inputs=inputs)
    model.compile("sgd", loss)
    return model


def test_dense_on_a_grid(tmp_path):
    model = classifier(layers.Conv2D(4, 3, strides=2), layers.ReLU(), layers.Dense(10), layers.Softmax())
    ((address, severity, message),) = both(MissingFlatten(), model, tmp_path)
    assert severity == "warning" and address.startswith("dense") and "(?, 7, 7, 10)" in message


@pytest.mark.parametrize(
    "model",
    [
        lambda: classifier(layers.Conv2D(4, 3, strides=2), layers.Flatten(), layers.Dense(10, activation="softmax")),
        lambda: classifier(layers.MaxPooling2D(), layers.UpSampling2D(), layers.Dense(10, activation="softmax")),
        lambda: classifier(
            layers.MaxPooling1D(),
            layers.LSTM(4, return_sequences=True),
            layers.Dense(10, activation="softmax"),
            inputs=(16, 4),
        ),
        lambda: classifier(layers.MaxPooling2D(), layers.Reshape((64, 1)), layers.Dense(10, activation="softmax")),
        lambda: classifier(layers.Conv2D(4, 3, padding="same"), layers.Dense(10, activation="softmax")),
        lambda: classifier(layers.MaxPooling2D(), layers.Conv2D(10, 1, activation="softmax")),
        lambda: classifier(layers.MaxPooling2D(), layers.Dense(10), loss="mse"),
        lambda: classifier(layers.MaxPooling2D(16), layers.Dense(10, activation="softmax")),
    ],
    ids=["flat", "upsampled", "recurrent", "reshaped", "full size", "convolution", "regression", "one position"],
)
def test_maps_of_labels(model, tmp_path):
    assert both(MissingFlatten(), model(), tmp_path) == []


def test_attention_and_ctc_are_left_alone(tmp_path):
    x = keras.Input((16, 4))
    h = layers.MaxPooling1D()(x)
    h = layers.MultiHeadAttention(2, 2)(h, h)
    model = keras.Model(x, layers.Dense(5, activation="softmax")(h))
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert both(MissingFlatten(), model, tmp_path) == []
    ctc = classifier(layers.MaxPooling1D(), layers.Dense(5), loss=keras.losses.CTC(), inputs=(16, 4))
    assert live(MissingFlatten(), ctc) == []


# -- H006 -------------------------------------------------------------------------------------------------------


def test_reshape_that_swaps(tmp_path):
    ((_, severity, message),) = both(
        ReshapeAsTranspose(), sequential(layers.Reshape((4, 10)), inputs=(10, 4)), tmp_path
    )
    assert severity == "warning" and "(?, 10, 4) to (?, 4, 10)" in message


@pytest.mark.parametrize(
    ("inputs", "target"), [((4, 4), (4, 4)), ((10, 1), (1, 10)), ((6, 4), (2, 3, 4)), ((6, 4), (24,)), ((6, 4), (8, 3))]
)
def test_reshapes_that_swap_nothing(inputs, target, tmp_path):
    assert both(ReshapeAsTranspose(), sequential(layers.Reshape(target), inputs=inputs), tmp_path) == []


# -- H007 -------------------------------------------------------------------------------------------------------


def ids_and_embedding():
    ids = keras.Input((6,), dtype="int32", name="ids")
    return ids, layers.Embedding(10, 4, mask_zero=True, name="words")(ids)


@pytest.mark.filterwarnings("ignore:Layer 'lambda:UserWarning")
@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[:, 1:],
        lambda x: ops.concatenate([x, x], axis=-1),
        lambda x: layers.Lambda(ops.tanh, output_shape=(6, 4))(x),
    ],
    ids=["steps", "joined", "lambda"],
)
def test_what_else_drops_the_mask(change, tmp_path):
    ids = keras.Input((6,), dtype="int32")
    x = change(layers.Embedding(10, 4, mask_zero=True)(ids))
    assert [severity for _, severity, _ in both(MaskLost(), keras.Model(ids, layers.LSTM(3)(x)), tmp_path)]


def test_an_operation_drops_the_mask(tmp_path):
    ids, x = ids_and_embedding()
    y = layers.Dense(4)(x + 1.0)
    ((address, severity, message),) = both(MaskLost(), keras.Model(ids, layers.LSTM(3, name="lstm")(y)), tmp_path)
    assert address.startswith("add") and severity == "warning"
    assert "'words'" in message and "'lstm'" in message


def test_adding_positions_without_a_mask_drops_it(tmp_path):
    ids, x = ids_and_embedding()
    positions = layers.Embedding(6, 4)(ops.cumsum(ops.ones_like(ids), axis=1) - 1)
    y = layers.GlobalAveragePooling1D()(layers.Add(name="sum")([x, positions]))
    ((address, _, _),) = both(MaskLost(), keras.Model(ids, y), tmp_path)
    assert address == "sum#0"


def test_last_state_behind_an_initial_state(tmp_path):
    ids, x = ids_and_embedding()
    state = keras.Input((3,))
    model = keras.Model([ids, state], layers.GRU(3, name="gru")(x, initial_state=state))
    ((address, _, _),) = both(MaskLost(), model, tmp_path)
    assert address == "gru#0"


@pytest.mark.parametrize(
    "rest",
    [
        lambda ids, x: layers.LSTM(3)(layers.LayerNormalization()(layers.Dropout(0.1)(layers.Dense(4)(x)))),
        lambda ids, x: layers.LSTM(3)(layers.Concatenate()([x, x])),
        lambda ids, x: layers.LSTM(3)(layers.TimeDistributed(layers.Dense(2))(x)),
        lambda ids, x: layers.LSTM(3)(layers.RepeatVector(6)(layers.LSTM(3)(x))),
        lambda ids, x: layers.LSTM(3)(x * 2.0, mask=ops.not_equal(ids, 0)),
        lambda ids, x: layers.LSTM(3)(layers.Conv1D(4, 3, padding="same")(x)),
        lambda ids, x: layers.Dense(2)(x * 2.0),
        lambda ids, x: layers.GRU(3, return_sequences=True)(x, initial_state=ops.zeros_like(x[:, 0, :3])),
    ],
    ids=["kept", "concatenated", "per step", "consumed", "by hand", "convolved", "no user", "sequence only"],
)
@pytest.mark.filterwarnings("ignore:Layer 'conv1d:UserWarning")
def test_masks_that_arrive_or_are_not_needed(rest, tmp_path):
    ids, x = ids_and_embedding()
    assert both(MaskLost(), keras.Model(ids, rest(ids, x)), tmp_path) == []


# -- H008 -------------------------------------------------------------------------------------------------------


def test_pooling_one_element(tmp_path):
    model = sequential(layers.AveragePooling1D(2, padding="same"), inputs=(1, 8))
    ((_, severity, message),) = both(PoolOnOne(), model, tmp_path)
    assert severity == "warning" and "(?, 1, 8)" in message


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (layers.GlobalAveragePooling2D(), (1, 1, 8)),
        (layers.MaxPooling2D((1, 2)), (1, 8, 8)),
        (layers.MaxPooling2D(2), (None, None, 8)),
    ],
    ids=["global", "window 1", "free"],
)
def test_pooling_that_pools(layer, inputs, tmp_path):
    assert both(PoolOnOne(), sequential(layer, inputs=inputs), tmp_path) == []


# -- H009 -------------------------------------------------------------------------------------------------------


def test_stateful_with_a_fixed_batch_is_information(tmp_path):
    model = keras.Sequential([keras.Input(batch_shape=(8, 5, 4)), layers.GRU(3, stateful=True)])
    ((_, severity, message),) = both(StatefulBatch(), model, tmp_path)
    assert severity == "info" and "8" in message


def test_stateful_with_a_free_batch(tmp_path):
    model = keras.Sequential([keras.Input(batch_shape=(1, 5, 4)), layers.GRU(3, stateful=True, name="gru")])

    def change(config):
        config["config"]["layers"][0]["config"]["batch_shape"][0] = None

    ((address, severity, _),) = in_file(StatefulBatch(), edited(model, tmp_path, change))
    assert (address, severity) == ("gru#0", "error")


def test_stateful_with_a_batch_of_one(tmp_path):
    model = keras.Sequential([keras.Input(batch_shape=(1, 5, 4)), layers.GRU(3, stateful=True), layers.Dense(1)])
    assert both(StatefulBatch(), model, tmp_path) == []


# -- H010 -------------------------------------------------------------------------------------------------------


def test_too_few_rows(tmp_path):
    x = keras.Input((3,), dtype="string")
    index = layers.StringLookup(vocabulary=["a", "b", "c"], num_oov_indices=2, mask_token="")(x)
    model = keras.Model(x, layers.Embedding(4, 2, name="rows")(index))
    ((address, severity, message),) = both(VocabularyMismatch(), model, tmp_path)
    assert (address, severity) == ("rows#0", "error") and "6 indices" in message


def test_too_few_rows_for_an_adapted_vocabulary(tmp_path):
    x = keras.Input((1,), dtype="string")
    vectorize = layers.TextVectorization(max_tokens=50)
    vectorize.adapt(["red green blue"])
    model = keras.Model(x, layers.Embedding(3, 2)(vectorize(x)))
    ((_, _, message),) = both(VocabularyMismatch(), model, tmp_path)
    assert "5 indices" in message


def test_too_few_rows_behind_a_slice_in_a_nested_model_called_twice(tmp_path):
    x = keras.Input((3,), dtype="string", name="x")
    tokens = layers.StringLookup(vocabulary=["a", "b", "c"])(x)
    y = keras.Input((3, 1), dtype="int64")
    encoder = keras.Model(y, layers.TimeDistributed(layers.Embedding(3, 2), name="rows")(y), name="encoder")
    model = keras.Model(
        x, [encoder(tokens[..., None]), encoder(ops.concatenate([tokens[:, 1:, None], tokens[:, :1, None]], axis=1))]
    )
    found = both(VocabularyMismatch(), model, tmp_path)
    assert [(address, severity) for address, severity, _ in found] == [("encoder#0/rows#0", "error")]


def test_rows_for_every_word(tmp_path):
    x = keras.Input((3,), dtype="string")
    lookup = layers.StringLookup(vocabulary=["a", "b", "c"])
    hashed = layers.Embedding(4, 2)(layers.Hashing(100)(x))
    counted = layers.StringLookup(vocabulary=["a", "b", "c"], output_mode="multi_hot")(x)
    model = keras.Model(x, [layers.Embedding(lookup.vocabulary_size(), 2)(lookup(x)), hashed, counted])
    assert both(VocabularyMismatch(), model, tmp_path) == []


# -- H011 -------------------------------------------------------------------------------------------------------


def test_normalising_rows(tmp_path):
    model = sequential(layers.Conv2D(4, 3), layers.ReLU(), layers.BatchNormalization(axis=1), inputs=(8, 8, 3))
    ((_, severity, message),) = both(BatchnormAxis(), model, tmp_path)
    assert severity == "warning" and "axis 1" in message


@pytest.mark.parametrize(
    "model",
    [
        lambda: sequential(layers.Conv2D(4, 3), layers.BatchNormalization(axis=3), inputs=(8, 8, 3)),
        lambda: sequential(layers.Dense(4), layers.BatchNormalization(axis=1)),
        lambda: sequential(layers.LSTM(4, return_sequences=True), layers.BatchNormalization(axis=1), inputs=(8, 3)),
    ],
    ids=["channels", "rank 2", "no convolution"],
)
def test_normalising_channels(model, tmp_path):
    assert both(BatchnormAxis(), model(), tmp_path) == []


# -- H012 -------------------------------------------------------------------------------------------------------


def test_kernel_longer_than_its_input(tmp_path):
    model = sequential(layers.Conv1D(2, 5, padding="same"), inputs=(4, 3))
    assert [severity for _, severity, _ in both(OversizedKernel(), model, tmp_path)] == ["info"]


@pytest.mark.parametrize(
    "layer",
    [
        layers.Conv1D(2, 4, padding="same"),
        layers.Conv1D(2, 9, padding="same", dilation_rate=2),
        layers.Conv1D(2, 4),
        layers.Conv1D(2, 9, padding="causal"),
        layers.Conv1DTranspose(2, 9, padding="same"),
    ],
    ids=["as long", "dilated", "valid", "causal", "transposed"],
)
def test_kernels_that_fit(layer, tmp_path):
    assert both(OversizedKernel(), sequential(layer, inputs=(4, 3)), tmp_path) == []


@pytest.mark.parametrize(
    ("length", "kernel", "fires"),
    [((1, 8), 3, False), ((None, 8), 9, True), ((None, 9), 9, False), ((None, None), 9, False), ((1, 2), 3, True)],
    ids=["size 1", "shorter beside unknown", "fits beside unknown", "unknown", "shorter beside size 1"],
)
def test_axes_of_size_1_or_unknown_are_as_long_as_any_kernel(length, kernel, fires, tmp_path):
    found = both(OversizedKernel(), sequential(layers.Conv2D(2, kernel, padding="same"), inputs=(*length, 3)), tmp_path)
    assert bool(found) is fires


def test_a_kernel_is_measured_along_the_axes_that_it_slides_over(tmp_path):
    """Channels are no length: neither two of them, nor two hundred."""
    for inputs, found in (((2, 8, 8), 0), ((200, 8, 2), 1)):
        first = layers.Conv2D(2, 3, padding="same", data_format="channels_first")
        assert len(both(OversizedKernel(), sequential(first, inputs=inputs), tmp_path)) == found


def test_a_kernel_that_is_called_twice_is_reported_once(tmp_path):
    x = keras.Input((4, 3))
    shared = layers.Conv1D(3, 9, padding="same")
    assert len(both(OversizedKernel(), keras.Model(x, shared(shared(x))), tmp_path)) == 1


# -- H015 -------------------------------------------------------------------------------------------------------


class _Twice(layers.Layer):
    def __init__(self, supports: bool = False, steps: slice = slice(None)) -> None:
        super().__init__()
        self.supports_masking = supports
        self.steps = steps

    def call(self, x):
        return (x * 2.0)[:, self.steps]


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask:UserWarning")
@pytest.mark.parametrize("opened", [True, False])
def test_custom_layers_without_masking_before_what_needs_it(opened: bool) -> None:
    def found(layer: layers.Layer, *following: layers.Layer) -> list[str]:
        ids = keras.Input((6,), dtype="int32")
        x = layer(layers.Embedding(10, 4, mask_zero=True)(ids))
        for one in following:
            x = one(x)
        linter = Linter(overrides=Selection(select=("H015",)))
        report = linter.check_model(keras.Model(ids, x), open_layers=opened)
        return [finding.location.address for finding in report.findings if finding.location]

    twice = _Twice()
    assert found(twice, layers.Dense(4), layers.LSTM(3)) == [twice.name]
    assert found(_Twice(), layers.GlobalAveragePooling1D())
    assert not found(_Twice(supports=True), layers.LSTM(3))
    assert not found(_Twice(), layers.Conv1D(2, 2), layers.Dense(1))
    assert not found(_Twice(steps=slice(0, 3)), layers.LSTM(3))


# -- H013 -------------------------------------------------------------------------------------------------------


def test_float16_softmax(tmp_path):
    model = sequential(layers.Dense(3, dtype="mixed_float16"), layers.Activation("softmax", dtype="mixed_float16"))
    ((address, severity, _),) = both(Float16Output(), model, tmp_path)
    assert address.startswith("activation") and severity == "warning"


@pytest.mark.parametrize(
    "layer",
    [
        layers.Dense(3, activation="softmax", dtype="mixed_bfloat16"),
        layers.Dense(3, activation="softmax"),
        layers.Dense(3, dtype="mixed_float16"),
    ],
    ids=["bfloat16", "float32", "logits"],
)
def test_outputs_that_may_be_half(layer, tmp_path):
    assert both(Float16Output(), sequential(layer), tmp_path) == []


# -- H014 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outer", "inner", "fires"),
    [
        ("float32", "float16", True),
        ("float32", "uint8", True),
        ("float32", "int32", False),
        ("float16", "float32", False),
        ("int32", "float32", False),
        ("float32", "float32", False),
        ("uint8", "float32", False),
    ],
)
def test_casts_at_a_nested_input(outer, inner, fires, tmp_path):
    x = keras.Input((4,), dtype=outer)
    body = keras.Sequential([keras.Input((4,), dtype=inner), layers.Rescaling(2.0, dtype="float32")], name="body")
    found = both(SilentInputCast(), keras.Model(x, body(x)), tmp_path)
    assert bool(found) is fires
    if fires:
        assert found[0][0].startswith("body/") and outer in found[0][2] and inner in found[0][2]


def test_configuration_without_weights(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(json.loads(mlp().to_json())))
    assert in_file(ShapeConflict(), path) == []
