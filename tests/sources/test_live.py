"""Reading models in memory."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import GraphlintError
from graphlint.knowledge import keras_internals
from graphlint.model.definition import Constant, LayerDefinition, TensorRef
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.sources.live import read_live
from graphlint.testing.samples import SAMPLES, Classifier, FeedForward


def live(model: keras.Model) -> ModelGraph:
    return expand(read_live(model))


def operations_below(model: keras.Model) -> list[Any]:
    found: dict[int, Any] = {}
    stack: list[Any] = [model]
    while stack:
        one = stack.pop()
        if id(one) not in found:
            found[id(one)] = one
            stack += keras_internals.tracked_layers(one) if isinstance(one, keras.Layer) else []
            graph = keras_internals.graph_model(one)
            stack += keras_internals.operations(graph) if graph is not None else []
    return list(found.values())


def state(model: keras.Model) -> tuple[str, list[tuple[int, ...]]]:
    config = model.get_config() if model.built else {}
    nodes = [
        tuple(map(id, [*keras_internals.inbound_nodes(one), *keras_internals.outbound_nodes(one)]))
        for one in operations_below(model)
    ]
    return json.dumps(config, default=str, sort_keys=True), nodes


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.filterwarnings("ignore:.*lambda.*:UserWarning")
def test_reading_counts_every_parameter_once_and_changes_nothing(name: str) -> None:
    model = SAMPLES[name]()
    before = state(model)
    definition = read_live(model)
    graph = expand(definition)
    assert state(model) == before
    assert sum(variable.size for variable in graph.variables.values()) == model.count_params()
    assert {id(variable.obj) for variable in graph.variables.values()} == {id(weight) for weight in model.weights}
    assert not [layer.path for layer in graph.layers.values() if layer.definition.config_error]
    trained = {id(weight) for weight in model.trainable_weights}
    assert {id(variable.obj) for variable in graph.variables.values() if variable.trainable} == trained


def test_calls_and_arguments() -> None:
    inputs = keras.Input((4,), name="x")
    dense = layers.Dense(4, name="dense")
    hidden = dense(dense(inputs))
    model = keras.Model(inputs, ops.where(hidden[:, :2] > 0, hidden[..., :2], np.zeros((1, 2), "float32")))
    definition = read_live(model)
    body = definition.root.body
    assert body is not None
    calls = [call for call in body.calls if call.layer.name == "dense"]
    assert [call.args for call in calls] == [(TensorRef(0, 0),), (TensorRef(1, 0),)]
    assert calls[0].layer is calls[1].layer
    assert calls[0].outputs == (((None, 4), "float32"),)
    constants = [leaf for call in body.calls for leaf in call.args if isinstance(leaf, Constant)]
    assert [(leaf.kind, leaf.shape, leaf.dtype) for leaf in constants] == [("numpy", (1, 2), "float32")]
    slices = [call.args[1] for call in body.calls if call.layer.class_name == "GetItem"]
    assert slices[0] == [Constant("slice", [None, None, None]), Constant("slice", [None, 2, None])]
    assert slices[1] == [Constant("ellipsis"), Constant("slice", [None, 2, None])]


def test_calls_outside_the_model_are_left_out() -> None:
    inputs = keras.Input((4,), name="x")
    dense = layers.Dense(4, name="dense")
    dense(keras.Input((4,)))
    outputs = dense(inputs)
    dense(outputs)
    assert list(live(keras.Model(inputs, outputs)).calls) == ["x#0", "dense#0"]


def test_a_variable_argument_is_known_by_identity() -> None:
    factor = keras.Variable(np.ones(3, "float32"))
    inputs = keras.Input((3,))
    body = read_live(keras.Model(inputs, inputs * factor)).root.body
    assert body is not None
    constant = body.calls[-1].args[1]
    assert (constant.kind, constant.shape, constant.dtype) == ("variable", (3,), "float32")
    assert constant.obj is factor


def test_sequential_is_a_chain_with_its_input() -> None:
    model = SAMPLES["masked_sequential"]()
    graph = live(model)
    assert [graph.layer(call).class_name for call in graph.calls] == [
        "InputLayer",
        "Embedding",
        "GRU",
        "Dropout",
        "LSTM",
        "Dense",
    ]
    assert all(not call.kwargs for call in graph.calls.values())


def test_sequential_that_was_never_built() -> None:
    graph = live(keras.Sequential([layers.Dense(3, name="dense")]))
    assert list(graph.calls) == ["dense_input#0", "dense#0"]
    assert not graph.variables


def test_sublayers_carry_the_names_under_which_keras_saves_them() -> None:
    @keras.saving.register_keras_serializable("test_live")
    class Mix(FeedForward):
        def __init__(self, width: int, **kwargs: Any) -> None:
            super().__init__(width, **kwargs)
            self.more = [[layers.Dense(width)], {"a": layers.Dense(width), "b": layers.Dense(width)}]

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            for layer in (*self.more[0], *self.more[1].values()):
                layer.build(input_shape)

    inputs = keras.Input((6,))
    graph = live(keras.Model(inputs, Mix(6, name="mix")(inputs)))
    assert [path for path in graph.layers if path.startswith("mix/")] == [
        "mix/blocks/dense",
        "mix/blocks/layer_normalization",
        "mix/blocks/dense_1",
        "mix/expand",
        "mix/more/container/dense",
        "mix/more/container_1/dense",
        "mix/more/container_1/dense_1",
    ]
    assert graph.layers["mix"].opaque
    assert graph.call_sites("mix/expand") == ["mix#0"]


def test_wrappers_of_keras_are_not_opaque() -> None:
    for name in ("bidirectional", "time_distributed", "stacked_cells", "transformer", "spectral_normalization"):
        assert all(not layer.is_keras for layer in live(SAMPLES[name]()).opaque_layers), name
    graph = live(SAMPLES["bidirectional"]())
    assert "bidirectional/forward_layer/cell@recurrent_kernel" in graph.variables
    assert "frames/layer/conv@kernel" in live(SAMPLES["time_distributed"]()).variables


def test_a_subclassed_model_is_opaque_with_its_weights() -> None:
    graph = live(SAMPLES["subclassed"]())
    assert graph.root.opaque
    assert list(graph.calls) == [".#0"]
    assert set(graph.children["."]) == {"head", "hidden", "layers/dense_1", "layers/dense_2"}


def test_attributes_of_a_functional_model() -> None:
    class WithExtra(keras.Model):
        pass

    inputs = keras.Input((4,))
    model = WithExtra(inputs, layers.Dense(2, name="head")(inputs))
    model.extra = layers.Dense(3)
    model.extra.build((None, 4))
    graph = live(model)
    assert "extra@kernel" in graph.variables
    assert list(graph.calls) == ["input_layer#0", "head#0"] or len(graph.calls) == 2


def test_one_sublayer_under_two_attributes_is_one_layer() -> None:
    @keras.saving.register_keras_serializable("test_live")
    class Twice(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.first = self.second = layers.Dense(4)

        def build(self, input_shape: Any) -> None:
            self.first.build(input_shape)

        def call(self, inputs: Any) -> Any:
            return self.second(self.first(inputs))

    inputs = keras.Input((4,))
    graph = live(keras.Model(inputs, Twice(name="twice")(inputs)))
    assert [path for path in graph.layers if path.startswith("twice/")] == ["twice/first"]


def test_a_layer_held_by_another_is_the_same_layer() -> None:
    @keras.saving.register_keras_serializable("test_live")
    class Head(layers.Layer):
        def __init__(self, embedding: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.embedding = embedding

        def call(self, inputs: Any) -> Any:
            return ops.matmul(inputs, ops.transpose(self.embedding.embeddings))

    inputs = keras.Input((3,), dtype="int32", name="x")
    embedding = layers.Embedding(9, 4, name="embedding")
    graph = live(keras.Model(inputs, Head(embedding, name="head")(embedding(inputs))))
    assert graph.aliases == {"head/embedding": "embedding"}
    assert graph.call_sites("embedding") == ["embedding#0", "head#0"]


def test_a_configuration_that_cannot_be_serialized_is_recorded() -> None:
    class Broken(layers.Layer):
        def __init__(self, array: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.array = array

        def call(self, inputs: Any) -> Any:
            return inputs

    inputs = keras.Input((3,))
    graph = live(keras.Model(inputs, Broken(object(), name="broken")(inputs)))
    layer = graph.layers["broken"]
    assert layer.class_name == "Broken"
    assert "NotImplementedError" in (layer.definition.config_error or "")
    assert layer.dtype_policy == "float32"


def test_values_come_in_pieces() -> None:
    model = keras.Sequential([keras.Input((600,)), layers.Dense(600, name="dense")])
    variable = live(model).variables["dense@kernel"]
    assert variable.values is not None
    assert variable.values.nbytes == 600 * 600 * 4
    pieces = list(variable.values.chunks())
    assert max(piece.nbytes for piece in pieces) <= 1 << 20
    np.testing.assert_array_equal(np.concatenate(pieces).reshape(600, 600), variable.values.read())


@pytest.mark.filterwarnings("ignore:.*`quantize` method:UserWarning")
@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_quantized_models(mode: str) -> None:
    inputs = keras.Input((6,))
    model = keras.Model(inputs, layers.EinsumDense("ab,bc->ac", 4, name="head")(layers.Dense(8, name="hidden")(inputs)))
    model.quantize(mode)
    graph = live(model)
    assert {id(variable.obj) for variable in graph.variables.values()} == {id(weight) for weight in model.weights}
    assert (graph.layers["hidden"].dtype_policy or "").startswith(mode)


def test_low_rank_adaptation() -> None:
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4, name="dense")])
    model.get_layer("dense").enable_lora(2)
    graph = live(model)
    assert {variable.slot for variable in graph.variables_of("dense")} == {
        "kernel",
        "bias",
        "lora_kernel_a",
        "lora_kernel_b",
    }
    assert not graph.variables["dense@kernel"].trainable


def test_optimizer_and_compile_configuration() -> None:
    definition = read_live(SAMPLES["trained"]())
    assert definition.compile_config is not None
    assert definition.compile_config["loss"] == "sparse_categorical_crossentropy"
    assert definition.optimizer is not None
    assert definition.optimizer.class_name == "Adam"
    assert len(definition.optimizer.variables) == 2 + 2 * 5
    assert read_live(SAMPLES["mlp"]()).compile_config is None


def test_deep_models_are_read_without_recursion() -> None:
    inputs = x = keras.Input((1,), name="x")
    model = keras.Model(inputs, layers.Activation("relu")(x))
    for _ in range(60):
        x = keras.Input((1,))
        model = keras.Model(x, model(x))
    definition = read_live(model)
    depth, layer = 0, definition.root
    while layer.body is not None:
        depth, layer = depth + 1, layer.body.layers[-1]
    assert depth == 61
    assert isinstance(layer, LayerDefinition)


def test_only_models_are_accepted() -> None:
    with pytest.raises(GraphlintError, match=r"expected a keras.Model, got KerasTensor"):
        read_live(keras.Input((3,)))  # type: ignore[arg-type]


def test_a_subclassed_model_without_graph_inside_a_functional() -> None:
    inputs = keras.Input((5,))
    graph = live(keras.Model(inputs, Classifier(3, name="classifier")(inputs)))
    assert [layer.path for layer in graph.opaque_layers] == ["classifier"]
    assert graph.call_sites("classifier") == ["classifier#0"]


def test_a_keras_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras, "__version__", "3.1.0")
    keras_internals.self_test.cache_clear()
    with pytest.raises(keras_internals.UnknownKerasError, match=r"knows Keras 3\.\d+ to .*installed Keras 3\.1\.0"):
        read_live(SAMPLES["mlp"]())
    monkeypatch.undo()
    keras_internals.self_test.cache_clear()
    read_live(SAMPLES["mlp"]())


def test_a_keras_without_its_private_side_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_internals, "own_nodes", lambda functional: functional._no_such_attribute)
    keras_internals.self_test.cache_clear()
    with pytest.raises(keras_internals.UnknownKerasError, match="_no_such_attribute"):
        read_live(SAMPLES["mlp"]())
    monkeypatch.undo()
    keras_internals.self_test.cache_clear()


@pytest.mark.parametrize("policy", ["mixed_float16", "float64", "int8_from_float32"])
def test_a_global_dtype_policy_does_not_matter(policy):
    keras_internals.self_test.cache_clear()
    keras.config.set_dtype_policy(policy)
    try:
        x = keras.Input((4,))
        definition = read_live(keras.Model(x, layers.Dense(3, name="inner")(x)))
    finally:
        keras.config.set_dtype_policy("float32")
        keras_internals.self_test.cache_clear()
    assert [layer.name for layer in definition.root.body.layers][-1] == "inner"
