"""Masks in the graph are those that Keras attaches and fills in when the model runs."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L
from keras import tree

from graphlint.knowledge import keras_internals
from graphlint.model.expand import expand
from graphlint.model.graph import MASK, ModelGraph, Tensor
from graphlint.model.masks import masked
from graphlint.sources import read
from graphlint.sources.live import read_live

pytestmark = pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask attached")

IDS = np.array([[1, 2, 0, 0], [3, 1, 2, 0]], "int32")
FILLED = ("mask", "query_mask", "value_mask", "key_mask")


def tokens(name: str = "tokens") -> Any:
    return keras.Input((4,), dtype="int32", name=name)


def embedded(inputs: Any, **kwargs: Any) -> Any:
    return L.Embedding(9, 6, mask_zero=True, **kwargs)(inputs)


class Passing(L.Layer):
    """A custom layer that supports masking."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs):
        return inputs * 2


class Ending(L.Layer):
    """A custom layer that does not."""

    def call(self, inputs):
        return inputs * 2


class Making(L.Layer):
    """A custom layer with a mask of its own."""

    def call(self, inputs):
        return inputs * 2

    def compute_mask(self, inputs, previous_mask=None):
        return keras.ops.any(keras.ops.not_equal(inputs, 0), axis=-1)


class Taking(L.Layer):
    """A custom layer that uses a mask and ends it."""

    def call(self, inputs, mask=None):
        return inputs if mask is None else inputs * keras.ops.cast(mask[..., None], inputs.dtype)


def through(*made: Any) -> Any:
    def build() -> keras.Model:
        inputs = tokens()
        x = embedded(inputs)
        for layer in made:
            x = layer()(x)
        return keras.Model(inputs, x)

    return build


def merged(merge: Any, both: bool = True) -> Any:
    def build() -> keras.Model:
        one, other = tokens("one"), tokens("other")
        right = embedded(other) if both else L.Embedding(9, 6)(other)
        return keras.Model([one, other], merge([embedded(one), right]))

    return build


def of_another_length(merge: Any) -> Any:
    """One time step is merged with each of four."""

    def build() -> keras.Model:
        one, four = keras.Input((1,), dtype="int32", name="one"), tokens("four")
        return keras.Model([one, four], L.LSTM(3)(merge([embedded(one), embedded(four)])))

    return build


def residual(policy: str = "float32", after: Any = lambda x: L.GlobalAveragePooling1D()(x)) -> Any:
    def build() -> keras.Model:
        inputs = tokens()
        x = embedded(inputs)
        attended = L.MultiHeadAttention(2, 3, dtype=policy)(x, x)
        return keras.Model(inputs, after(L.LayerNormalization()(L.Add()([x, attended]))))

    return build


def cross_attention(layer: Any, *, key: bool = False, scores: bool = False) -> Any:
    def build() -> keras.Model:
        one, other = tokens("one"), tokens("other")
        value = embedded(other)
        kwargs = {"key": L.Dense(6)(value)} if key else {}
        if scores:
            kwargs["return_attention_scores"] = True
        return keras.Model([one, other], layer(embedded(one), value, **kwargs))

    return build


def initial_state() -> keras.Model:
    inputs = tokens()
    x = embedded(inputs)
    state = L.Dense(3)(L.Flatten()(inputs))
    return keras.Model(inputs, L.LSTM(3, return_sequences=True)(x, initial_state=[state, state]))


def siblings(order: str) -> Any:
    """The embedding is read by an attention layer and by others, before it and after it."""

    def build() -> keras.Model:
        inputs = tokens()
        x = embedded(inputs)
        attended = L.MultiHeadAttention(2, 3)(x, x)
        plain = L.LSTM(6, return_sequences=True)(L.Dense(6)(x) if order == "far" else x)
        if order == "before":
            return keras.Model(inputs, L.Concatenate()([L.Dense(6)(L.Dense(6)(plain)), attended]))
        return keras.Model(inputs, L.Concatenate()([plain, L.Dense(6)(L.Dense(6)(attended))]))

    return build


def nested(inner_body: Any, after: Any = lambda x: x) -> Any:
    def build() -> keras.Model:
        tower_input = keras.Input((4, 6), name="tower_input")
        tower = keras.Model(tower_input, inner_body(tower_input), name="tower")
        inputs = tokens()
        x = embedded(inputs)
        return keras.Model(inputs, after(L.Add()([tower(x), tower(L.Dense(6)(x))])))

    return build


def explicit_mask() -> keras.Model:
    inputs = tokens()
    x = L.Embedding(9, 6)(inputs)
    mask = keras.ops.not_equal(inputs, 0)
    x = L.LSTM(6, return_sequences=True)(x, mask=mask)
    return keras.Model(inputs, L.GRU(3)(L.Dropout(0.1)(x)))


def explicit_mask_of_a_model() -> keras.Model:
    tower = keras.Sequential([keras.Input((4, 6)), L.Dense(6), L.LSTM(6, return_sequences=True)], name="tower")
    inputs = tokens()
    x = L.Embedding(9, 6)(inputs)
    return keras.Model(inputs, L.GRU(3)(tower(x, mask=keras.ops.not_equal(inputs, 0))))


def sequential() -> keras.Model:
    stages = [L.Embedding(9, 6, mask_zero=True), L.Dropout(0.1), L.LSTM(3, return_sequences=True)]
    return keras.Sequential([keras.Input((4,), dtype="int32"), *stages, L.GlobalAveragePooling1D(), L.Dense(1)])


def reversible() -> keras.Model:
    inputs = tokens()
    embedding = L.ReversibleEmbedding(9, 6, mask_zero=True)
    return keras.Model(inputs, embedding(L.LSTM(6, return_sequences=True)(embedding(inputs)), reverse=True))


def masking() -> keras.Model:
    inputs = keras.Input((4, 6))
    return keras.Model(inputs, L.GRU(3)(L.Masking()(inputs)))


def mixed() -> keras.Model:
    inputs = tokens()
    x = embedded(inputs, dtype="mixed_float16")
    return keras.Model(inputs, L.LSTM(3)(L.Dropout(0.1)(x)))


def cast_to_itself() -> keras.Model:
    inputs = tokens()
    x = keras.ops.cast(embedded(inputs), "float32")
    return keras.Model(inputs, L.LSTM(3, dtype="float16")(x))


def shared_recurrence() -> keras.Model:
    one, other = tokens("one"), tokens("other")
    shared, embedding = L.LSTM(6, return_sequences=True), L.Embedding(9, 6, mask_zero=True)
    return keras.Model([one, other], L.Add()([shared(embedding(one)), shared(L.Embedding(9, 6)(other))]))


def scored(layer: Any, count: int = 2) -> Any:
    def build() -> keras.Model:
        inputs = [tokens(str(index)) for index in range(count)]
        return keras.Model(inputs, layer([embedded(one) for one in inputs]))

    return build


def lstm(**kwargs: Any) -> Any:
    return lambda: L.LSTM(6, **kwargs)


def both_ways(merge_mode: Any, **kwargs: Any) -> Any:
    return lambda: L.Bidirectional(L.LSTM(6, **kwargs), merge_mode=merge_mode)


MODELS = {
    "kept": through(
        *(lambda: L.Dropout(0.1), lambda: L.GaussianNoise(0.1), lambda: L.GaussianDropout(0.1), L.Identity),
        *(lambda: L.AlphaDropout(0.1), L.ActivityRegularization),
        *(L.LayerNormalization, L.BatchNormalization, L.UnitNormalization, lambda: L.GroupNormalization(2)),
        *(lambda: L.Dense(6), L.ReLU, L.LeakyReLU, L.ELU, L.PReLU, lambda: L.Activation("tanh")),
        *(lambda: L.Activation("linear"), lambda: L.SpatialDropout1D(0.1), lambda: L.Rescaling(2.0)),
        *(lambda: L.TimeDistributed(L.Dense(6)), lstm()),
    ),
    "linear": through(lambda: L.Activation("linear"), lstm()),
    "conv": through(lambda: L.Conv1D(6, 2), lstm()),
    "flatten": through(L.Flatten, lambda: L.Dense(2)),
    "reshape": through(lambda: L.Reshape((2, 12)), lstm()),
    "rms": through(L.RMSNormalization, lstm()),
    "einsum": through(lambda: L.EinsumDense("abc,cd->abd", (None, 6)), lstm()),
    "padding": through(lambda: L.ZeroPadding1D(1), lstm()),
    "pooling": through(lambda: L.MaxPooling1D(2), lstm()),
    "maximum over time": through(L.GlobalMaxPooling1D, lambda: L.Dense(2)),
    "average over time": through(L.GlobalAveragePooling1D, lambda: L.Dense(2)),
    "spectral embedding": lambda: keras.Model(
        i := tokens(), L.LSTM(3)(L.SpectralNormalization(L.Embedding(9, 6, mask_zero=True))(i))
    ),
    "spectral": through(lambda: L.SpectralNormalization(L.Dense(6)), lstm()),
    "permute": through(lambda: L.Permute((2, 1)), lstm()),
    "sequences": through(lstm(return_sequences=True), lambda: L.GRU(3)),
    "time is gone": through(lstm(), lambda: L.RepeatVector(4), lstm()),
    "simple": through(lambda: L.SimpleRNN(6, return_sequences=True), lambda: L.RNN(L.GRUCell(3))),
    "state": through(lstm(return_sequences=True, return_state=True)),
    "last state": through(lstm(return_state=True)),
    "both ways": through(both_ways("concat", return_sequences=True), lambda: L.GRU(3)),
    "both ways last": through(both_ways("sum")),
    "both ways apart": through(both_ways(None, return_sequences=True)),
    "both ways with state": through(both_ways("mul", return_sequences=True, return_state=True)),
    "both ways apart with state": through(both_ways(None, return_sequences=True, return_state=True)),
    "passing": through(Passing, lstm()),
    "ending": through(Ending, lstm()),
    "making": through(Ending, Making, lstm()),
    "taking": through(Taking, lstm()),
    "no mask": lambda: keras.Model(i := tokens(), L.LSTM(3)(L.Embedding(9, 6)(i))),
    "add": merged(L.Add()),
    "add one": merged(L.Add(), both=False),
    "subtract": merged(L.Subtract()),
    "multiply": merged(L.Multiply()),
    "multiply one": merged(L.Multiply(), both=False),
    "average": merged(L.Average()),
    "maximum": merged(L.Maximum()),
    "minimum one": merged(L.Minimum(), both=False),
    "concatenate": merged(L.Concatenate()),
    "concatenate one": merged(L.Concatenate(), both=False),
    "concatenate in time": merged(L.Concatenate(axis=1)),
    **{
        f"{layer.__name__.lower()} of another length": of_another_length(layer())
        for layer in (L.Add, L.Subtract, L.Average, L.Multiply, L.Maximum, L.Minimum)
    },
    "by name": lambda: keras.Model(i := tokens(), L.LSTM(3)(sequences=L.Dense(6)(inputs=embedded(i)))),
    "dot": merged(L.Dot(axes=2)),
    "operator": through(lambda: lambda x: x * 2, lstm()),
    "residual": residual(),
    "residual in half precision": residual("mixed_float16"),
    "residual and more": residual(after=lambda x: L.LSTM(3)(L.MultiHeadAttention(2, 3)(x, x))),
    "siblings near": siblings("near"),
    "siblings far": siblings("far"),
    "siblings before": siblings("before"),
    "cross attention": cross_attention(L.MultiHeadAttention(2, 3)),
    "cross attention, key": cross_attention(L.MultiHeadAttention(2, 3), key=True, scores=True),
    "grouped attention": cross_attention(L.GroupQueryAttention(4, 4, 2), scores=True),
    "attention": scored(L.Attention()),
    "attention, key": scored(L.Attention(), 3),
    "additive attention": scored(L.AdditiveAttention()),
    "initial state": initial_state,
    "nested": nested(lambda x: L.LSTM(6, return_sequences=True)(L.Dense(6)(x)), lambda x: L.GRU(3)(x)),
    "nested attention": nested(lambda x: L.MultiHeadAttention(2, 3)(x, x), lambda x: L.GRU(3)(x)),
    "nested doubly": nested(
        lambda x: keras.Sequential([keras.Input((4, 6)), L.Dropout(0.1), L.Dense(6)])(x), lambda x: L.GRU(3)(x)
    ),
    "explicit": explicit_mask,
    "explicit for a model": explicit_mask_of_a_model,
    "sequential": sequential,
    "reversible": reversible,
    "masking": masking,
    "mixed": mixed,
    "cast": cast_to_itself,
    "shared": shared_recurrence,
}


class Observer:
    """What the layers of a model receive and return in an eager run."""

    def __init__(self, graph: ModelGraph, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths = {id(graph.layers[call.layer].obj): call.layer for call in graph.calls.values()}
        self.carried: Counter[tuple[Any, ...]] = Counter()
        self.filled: Counter[tuple[Any, ...]] = Counter()
        returned, called = keras.Layer.__call__, keras.Operation.__call__
        observer = self

        def layer_call(self: Any, *args: Any, **kwargs: Any) -> Any:
            outputs = returned(self, *args, **kwargs)
            if id(self) in observer.paths:
                flags = tuple(getattr(tensor, "_keras_mask", None) is not None for tensor in tree.flatten(outputs))
                observer.carried[observer.paths[id(self)], flags] += 1
            return outputs

        def operation_call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if id(self) in observer.paths and isinstance(self, keras.Layer):
                names = tuple(name for name in FILLED if any(one is not None for one in tree.flatten(kwargs.get(name))))
                observer.filled[observer.paths[id(self)], names] += 1
            return called(self, *args, **kwargs)

        monkeypatch.setattr(keras.Layer, "__call__", layer_call)
        monkeypatch.setattr(keras.Operation, "__call__", operation_call)


def layer_calls(graph: ModelGraph) -> list[Any]:
    found = [(call, graph.layers[call.layer]) for call in graph.calls.values()]
    return [call for call, layer in found if not layer.is_operation and not layer.is_input]


def feeds(model: keras.Model) -> Any:
    found = [IDS if one.dtype == "int32" else np.ones((2, 4, 6), "float32") for one in model.inputs]
    return found if len(found) > 1 else found[0]


def takes_masks(layer: Any) -> bool:
    return bool(set(FILLED) & set(inspect.signature(layer.obj.call).parameters))


@pytest.mark.parametrize("name", MODELS)
def test_masks_are_those_of_a_run(name, monkeypatch):
    model = MODELS[name]()
    graph = expand(read_live(model))
    observer = Observer(graph, monkeypatch)
    model(feeds(model))
    monkeypatch.undo()
    carried = masked(graph)
    derived = Counter(
        (call.layer, tuple(Tensor(call.id, output) in carried for output in range(len(call.outputs))))
        for call in layer_calls(graph)
    )
    assert derived == observer.carried
    filled: Counter[tuple[Any, ...]] = Counter()
    for call in layer_calls(graph):
        arguments = {edge.argument.partition("/")[0] for edge in graph.in_edges(call.id, MASK)}
        if not takes_masks(graph.layers[call.layer]):
            arguments = set()
        filled[call.layer, tuple(one for one in FILLED if one in arguments)] += 1
    assert filled == observer.filled


@pytest.mark.parametrize("name", [name for name in MODELS if "another length" in name or "concatenate" in name])
def test_shapes_of_masks_are_those_of_keras(name):
    graph = expand(read_live(MODELS[name]()))
    compared = 0
    for call in graph.calls:
        for edge in graph.in_edges(call, MASK):
            symbol = keras_internals.node_outputs(graph.calls[edge.source].definition.obj)[edge.output]
            mask = keras_internals.mask_of(symbol)
            if mask is not None:
                compared += 1
                assert edge.spec == (tuple(mask.shape), mask.dtype)
    assert compared


class Makers:
    """Which call made the mask that each layer returns, in an eager run: a mask that is handed on is the same array.

    Where a layer joins masks, the joint one counts as made where the first of them was.
    """

    def __init__(self, graph: ModelGraph, monkeypatch: pytest.MonkeyPatch) -> None:
        paths = {id(graph.layers[call.layer].obj): call.layer for call in graph.calls.values()}
        made: dict[int, str] = {}
        alive: list[Any] = []
        self.found: Counter[tuple[str, int, str]] = Counter()
        observer, returned, called = self, keras.Layer.__call__, keras.Operation.__call__

        def layer_call(self: Any, *args: Any, **kwargs: Any) -> Any:
            received = [getattr(one, "_keras_mask", None) for one in tree.flatten((args, kwargs))]
            received = [kwargs.get("mask"), *received]
            outputs = returned(self, *args, **kwargs)
            path = paths.get(id(self))
            for index, tensor in enumerate(tree.flatten(outputs)) if path else ():
                mask = getattr(tensor, "_keras_mask", None)
                if mask is None:
                    continue
                alive.append(mask)
                joined = [made[id(one)] for one in received if id(one) in made] if index == 0 else []
                made.setdefault(id(mask), joined[0] if joined else path)
                observer.found[path, index, made[id(mask)]] += 1
            return outputs

        def operation_call(self: Any, *args: Any, **kwargs: Any) -> Any:
            outputs = called(self, *args, **kwargs)
            if id(self) in paths and not isinstance(self, keras.Layer):
                alive.append(outputs)
                made[id(outputs)] = paths[id(self)]
            return outputs

        monkeypatch.setattr(keras.Layer, "__call__", layer_call)
        monkeypatch.setattr(keras.Operation, "__call__", operation_call)


CUSTOM = ("passing", "making", "taking")


@pytest.mark.parametrize("name", [name for name in MODELS if name not in (*CUSTOM, "ending")])
def test_the_maker_of_each_mask_is_that_of_a_run(name, monkeypatch):
    model = MODELS[name]()
    graph = expand(read_live(model))
    observer = Makers(graph, monkeypatch)
    model(feeds(model))
    monkeypatch.undo()
    layers = {call.id for call in layer_calls(graph)}
    derived = Counter(
        (graph.calls[tensor.call].layer, tensor.output, graph.calls[maker].layer)
        for tensor, maker in masked(graph).items()
        if tensor.call in layers
    )
    assert derived == observer.found


@pytest.mark.parametrize("name", [name for name in MODELS if name not in (*CUSTOM, "ending")])
def test_a_file_has_the_masks_of_the_model_loaded_from_it(name, tmp_path):
    path = tmp_path / "model.keras"
    MODELS[name]().save(path)
    static = expand(read(path))
    live = expand(read_live(keras.models.load_model(path)))
    assert masked(static) == masked(live)
    assert mask_edges(static) == mask_edges(live)


def mask_edges(graph: ModelGraph) -> list[tuple[Any, ...]]:
    return sorted(((*edge[:4], edge.spec) for call in graph.calls for edge in graph.in_edges(call, MASK)), key=str)


@pytest.mark.parametrize("name", CUSTOM)
def test_a_custom_class_in_a_file_ends_the_mask(name, tmp_path):
    path = tmp_path / "model.keras"
    MODELS[name]().save(path)
    graph = expand(read(path))
    assert all(graph.layers[graph.calls[tensor.call].layer].is_keras for tensor in masked(graph))


MERGES = (L.Add, L.Subtract, L.Average, L.Multiply, L.Maximum, L.Minimum, L.Concatenate)


@pytest.mark.parametrize("merge", MERGES, ids=lambda merge: merge.__name__)
@pytest.mark.parametrize("both", [True, False])
def test_a_merge_receives_masks_that_it_reads_or_hands_on(merge, both):
    """It reads them if the same weights without masks give another sum."""
    model = merged(merge(), both)()
    plain = keras.models.clone_model(model, clone_function=lambda layer: type(layer)(**without_mask(layer)))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=one.shape) for one in model.weights])
    plain.set_weights(model.get_weights())
    reads = not np.array_equal(model(feeds(model)), plain(feeds(model)))
    graph = expand(read_live(model))
    call = graph.outputs[0].call
    hands_on = Tensor(call, 0) in masked(graph)
    assert [edge.argument for edge in graph.in_edges(call, MASK)] == (
        ["mask/0", "mask/1"][: 2 if both else 1] if reads or hands_on else []
    )


def without_mask(layer: Any) -> dict[str, Any]:
    config = layer.get_config()
    return {**config, "mask_zero": False} if "mask_zero" in config else config


def test_hops_run_from_the_maker_to_the_consumer():
    graph = expand(read_live(sequential()))
    made = next(call for call in graph.calls if graph.layer(call).class_name == "Embedding")
    assert set(masked(graph).values()) == {made}
    hops = [edge for call in graph.calls for edge in graph.in_edges(call, MASK)]
    assert [graph.layer(edge.target).class_name for edge in hops] == ["Dropout", "LSTM", "GlobalAveragePooling1D"]
    assert hops[0].source == made
    assert {(edge.argument, edge.spec) for edge in hops} == {("mask", ((None, 4), "bool"))}


def test_positions_continue_those_of_the_arguments():
    graph = expand(read_live(MODELS["cross attention"]()))
    call = next(call for call in graph.calls if graph.layer(call).class_name == "MultiHeadAttention")
    edges = [data for *_, data in graph.nx.in_edges(call, data=True) if "position" in data]
    found = sorted((data["position"], data["argument"]) for data in edges)
    assert found == [(0, "0"), (1, "1"), (2, "query_mask"), (3, "value_mask")]


def test_a_graph_without_masks_is_left_alone():
    graph = expand(read_live(MODELS["no mask"]()))
    assert masked(graph) == {}
    assert not any(kind == MASK for *_, kind in graph.nx.edges(data="kind"))
