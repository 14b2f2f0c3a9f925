"""Every case of `tests.tracing.cases`: what is seen inside, that it computes the same, and that nothing is left."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import keras
import numpy as np
import pytest

import graphlint
from graphlint.engine.config import Config
from graphlint.errors import GraphlintError
from graphlint.model.definition import INFERENCE, LayerDefinition
from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.sources.live import read_live
from tests.tracing import native
from tests.tracing.cases import CASES, Case
from tests.tracing.oracles import changes, fingerprint, influence, replay, shape_conflicts

OPENED = [name for name, one in CASES.items() if not one.closed]
COMPUTED = [name for name in OPENED if not (CASES[name].in_python and native.BACKEND == "torch")]
CLOSED = [name for name, one in CASES.items() if one.closed]


class Root(keras.Model):
    """A subclassed model that is one layer."""

    def __init__(self, layer: keras.Layer, case: Case) -> None:
        super().__init__()
        self.layer, self.case = layer, case

    def call(self, args: Any, training: bool | None = None) -> Any:
        names = list(self.case.kwargs)
        count = len(args) - len(names)
        return self.layer(*args[:count], **dict(zip(names, args[count:], strict=True)))


def built(name: str) -> keras.Layer:
    keras.utils.set_random_seed(0)
    case = CASES[name]
    layer = case.layer()
    layer(*case.args, **case.kwargs)
    return layer


def model_of(name: str) -> tuple[keras.Model, list[Any]]:
    case = CASES[name]
    inputs = [*case.args, *case.kwargs.values()]
    model = Root(built(name), case)
    model(inputs)
    return model, inputs


def opened(name: str) -> ModelGraph:
    model, inputs = model_of(name)
    return expand(read_live(model, open_layers=True, inputs=inputs))


def path_of(graph: ModelGraph, name: str) -> str:
    """The path of the layer of a case."""
    return next(path for path, layer in graph.layers.items() if type(layer.obj) is CASES[name].layer)


def shown(graph: ModelGraph, name: str) -> list[str]:
    """The calls directly inside the layer of a case in inference, in the order of the code."""
    path = path_of(graph, name)
    body = next(scope.body for scope in graph.scopes.values() if scope.layer == path)
    assert body is not None
    held = {id(child): name for name, child in graph.layers[path].definition.children.items()}
    return [
        held.get(id(call.layer), "") or str(call.layer.class_name)
        for call in body.calls
        if call.layer.class_name != "InputLayer" and INFERENCE in call.modes and call.layer.name != "by_mode"
    ]


@pytest.mark.parametrize("name", OPENED)
def test_what_the_code_calls_is_seen(name: str) -> None:
    assert shown(opened(name), name) == list(CASES[name].shown)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", COMPUTED)
def test_the_body_computes_what_the_layer_does(name: str, training: bool) -> None:
    case = CASES[name]
    assert replay(built(name), case.args, case.kwargs, training=training) <= (1e-2 if "Mixed" in name else 1e-5)


@pytest.mark.parametrize("name", OPENED)
def test_what_reaches_no_output_changes_none(name: str) -> None:
    model, inputs = model_of(name)
    graph = expand(read_live(model, open_layers=True))
    found = influence(graph, lambda: model(inputs, training=False))
    assert not found.contradictions
    assert found.tried


@pytest.mark.parametrize("name", OPENED)
def test_recorded_shapes_are_those_that_follow(name: str) -> None:
    assert not shape_conflicts(opened(name))


@pytest.mark.parametrize("name", CLOSED)
def test_what_stays_closed_says_why(name: str) -> None:
    graph = opened(name)
    layer = graph.layers[path_of(graph, name)]
    assert CASES[name].closed in str(layer.definition.opaque_because)
    assert layer.opaque
    assert not graph.opened_layers


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_left_in_the_model(name: str) -> None:
    model, inputs = model_of(name)
    read_live(model)
    before = fingerprint(model)
    read_live(model, open_layers=True, inputs=inputs)
    assert not changes(before, fingerprint(model))


@pytest.mark.parametrize("name", ["Encoder", "Codebook", "Masks", "Counts", "Keeps", "CustomCell"])
def test_nothing_is_left_when_a_call_raises(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, inputs = model_of(name)
    read_live(model)
    before = fingerprint(model)
    plain = keras.Layer.__call__
    calls = 0

    def failing(layer: keras.Layer, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        number = calls
        result = plain(layer, *args, **kwargs)
        if number == failing_call:
            raise RuntimeError("injected")
        return result

    monkeypatch.setattr(keras.Layer, "__call__", failing)
    for failing_call in range(1, 200):
        calls = 0
        definition = read_live(model, open_layers=True, inputs=inputs)
        assert not changes(before, fingerprint(model))
        assert keras.Layer.__call__ is failing
        if calls < failing_call:
            break
        assert any("injected" in reason for reason in reasons(definition.root))
    assert failing_call > 2


def reasons(layer: LayerDefinition) -> list[str]:
    """Why a layer, and what is inside, is not or not fully seen."""
    own = [reason for reason in (layer.opaque_because, layer.not_in_training) if reason is not None]
    return own + [reason for child in layer.children.values() for reason in reasons(child)]


def test_two_calls_that_differ_are_two_forms() -> None:
    class ByShape(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x: Any) -> Any:
            return self.dense(keras.ops.relu(x) if x.shape[1] == 4 else x)

    class Twice(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one = ByShape()

        def call(self, x: Any) -> Any:
            return self.one(x), self.one(keras.ops.expand_dims(x, 1))

    model = Twice()
    model(np.zeros((2, 4), "float32"))
    graph = expand(read_live(model, open_layers=True))
    one = next(path for path, layer in graph.layers.items() if layer.class_name == "ByShape")
    assert f"{one}#0/relu#0" in graph.calls
    assert f"{one}#1/relu#0" not in graph.calls
    assert {f"{one}#0/dense#0", f"{one}#1/dense#0"} <= set(graph.calls)


def test_what_cannot_be_followed_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise RuntimeError("injected")

    model, inputs = model_of("Encoder")
    monkeypatch.setattr("graphlint.tracing.bodies._key", fails)
    graph = expand(read_live(model, open_layers=True, inputs=inputs))
    assert "RuntimeError: injected" in str(graph.root.definition.opaque_because)
    assert list(graph.layers) == list(expand(read_live(model)).layers)
    assert not graph.opened_layers


def test_a_model_that_was_never_called_is_opened_with_inputs() -> None:
    class Head(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Head()
    model.dense.build((None, 3))
    model.built = True
    closed = expand(read_live(model, open_layers=True))
    assert "pass inputs=" in str(closed.root.definition.opaque_because)
    for inputs in ((None, 3), keras.Input((3,)), np.zeros((4, 3), "float32")):
        graph = expand(read_live(model, open_layers=True, inputs=inputs))
        assert [graph.layer(call).class_name for call in graph.calls] == ["InputLayer", "Dense"]
    with pytest.raises(GraphlintError, match="expected inputs"):
        read_live(model, open_layers=True, inputs="x")


def test_tokens_are_taken_for_indices() -> None:
    class Words(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = keras.layers.Embedding(5, 2)

        def call(self, x: Any) -> Any:
            return self.embedding(x)

    model = Words()
    model(np.zeros((1, 3), "int32"))
    graph = expand(read_live(model, open_layers=True))
    assert graph.calls[graph.inputs[0]].outputs[0] == ((None, 3), "int32")


def test_a_model_of_models_has_its_parts_opened() -> None:
    class Gan(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.generator = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
            self.critic = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])

        def train_step(self, data: Any) -> Any:
            return {}

    model = Gan()
    graph = expand(read_live(model, open_layers=True))
    classes = [graph.layer(call).class_name for call in graph.calls]
    assert classes.count("Dense") == 2
    assert len(graph.inputs) == len(graph.outputs) == 2
    assert not graph.opaque_layers
    assert graph.parameters.unreachable == 0


@pytest.mark.filterwarnings("ignore:.*unbuilt state.*:UserWarning")
def test_a_layer_that_is_not_built_stays_so() -> None:
    class Lazy(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.other = keras.layers.Dense(2), keras.layers.Dense(2)
            self.late = False

        def call(self, x: Any) -> Any:
            return self.other(self.dense(x)) if self.late else self.dense(x)

    model = Lazy()
    model(np.zeros((1, 3), "float32"))
    model.late = True
    graph = expand(read_live(model, open_layers=True))
    assert "is not built" in str(graph.root.definition.opaque_because)
    assert not model.other.built
    assert not model.other.weights


def test_a_report_does_not_keep_an_opened_model_alive() -> None:
    model, inputs = model_of("Counts")
    alive = weakref.ref(model), weakref.ref(model.layer.body)
    report = graphlint.check(model, config=Config(open_layers=True), inputs=inputs)
    assert report.models[0].opened
    del model
    keras.utils.clear_session()
    gc.collect()
    assert [one() for one in alive] == [None, None]


class ByNumber(keras.layers.Layer):
    """A layer that decides by a number, and says what shape it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.supports_masking = True

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 4)

    def call(self, x: Any) -> Any:
        return self.dense(x) if float(keras.ops.stop_gradient(keras.ops.sum(x))) > 0 else self.dense(-x)


class InTraining(keras.layers.Layer):
    """A layer that raises in training alone."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.supports_masking = True

    def build(self, shape: Any) -> None:
        self.dense.build(shape)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 4)

    def call(self, x: Any, training: bool | None = None) -> Any:
        if training:
            raise ValueError("no training")
        return self.dense(x)


class Around(keras.Model):
    """Layers around one that cannot be traced, called twice."""

    def __init__(self, inner: type[keras.layers.Layer]) -> None:
        super().__init__()
        self.words, self.after = keras.layers.Embedding(5, 4, mask_zero=True), keras.layers.LSTM(3)
        self.inner = inner()

    def call(self, x: Any) -> Any:
        return self.after(self.inner(self.inner(self.words(x))))


def test_only_the_layer_that_raises_is_closed() -> None:
    model = Around(ByNumber)
    model(np.ones((2, 3), "int32"))
    read_live(model)
    before = fingerprint(model)
    graph = expand(read_live(model, open_layers=True, inputs=np.ones((2, 3), "int32")))
    assert not changes(before, fingerprint(model))
    assert [layer.path for layer in graph.opaque_layers] == ["inner"]
    assert "decides by the values" in str(graph.layers["inner"].definition.opaque_because)
    calls = {graph.layer(call).class_name: call for call in graph.calls}
    assert list(calls) == ["InputLayer", "Embedding", "ByNumber", "LSTM"]
    assert [edge.source for edge in graph.in_edges(calls["LSTM"])] == [calls["ByNumber"]] == ["inner#1"]
    assert graph.in_edges(calls["LSTM"], "mask"), "the mask passes the closed layer, which supports masks"
    assert graph.parameters.unreachable == 0


def test_a_layer_that_says_no_shape_closes_what_is_around_it() -> None:
    class Silent(ByNumber):
        compute_output_shape = keras.layers.Layer.compute_output_shape

    model = Around(Silent)
    model(np.ones((2, 3), "int32"))
    graph = expand(read_live(model, open_layers=True, inputs=np.ones((2, 3), "int32")))
    assert [layer.path for layer in graph.opaque_layers] == [".", "inner"]
    assert "'silent', which it calls, cannot be traced: its code decides" in str(graph.root.definition.opaque_because)


def test_what_is_closed_in_a_functional_model_has_the_shapes_of_its_call() -> None:
    class Silent(ByNumber):
        def compute_output_spec(self, x: Any) -> Any:
            return keras.KerasTensor((*x.shape[:-1], 4))

    inputs = keras.Input((4,))
    model = keras.Model(inputs, Pair()(Silent()(inputs)))
    graph = expand(read_live(model, open_layers=True))
    assert [layer.class_name for layer in graph.opaque_layers] == ["Silent"]
    assert [layer.class_name for layer in graph.opened_layers] == ["Pair"]


class Pair(keras.layers.Layer):
    """Two layers, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = keras.layers.Dense(4), keras.layers.Dense(4)
        self.supports_masking = True

    def call(self, x: Any) -> Any:
        return self.second(self.first(x))


def test_what_is_seen_in_inference_alone_is_said() -> None:
    for layer in (InTraining, Pair):
        model = Around(layer)
        model(np.ones((2, 3), "int32"))
        report = graphlint.check(model)
        found = [finding for finding in report.findings if "in training is not seen" in finding.message]
        assert [finding.location.address for finding in found if finding.location] == ["inner"] * (layer is InTraining)
        assert report.models[0].opened == (".", "inner")


def test_a_run_that_fails_in_training_is_said() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x: Any, training: bool | None = None) -> Any:
            if training:
                raise ValueError("no training")
            return self.dense(x)

    model = Model()
    model(np.zeros((2, 3), "float32"))
    report = graphlint.check(model)
    found = [finding.message for finding in report.findings if finding.code == "K008"]
    assert ["since running it raises ValueError: no training" in message for message in found] == [True]


def test_a_layer_without_weights_that_was_never_built_is_called() -> None:
    class Joins(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.join = keras.layers.Dense(4), keras.layers.Concatenate()

        def build(self, shape: Any) -> None:
            self.dense.build(shape)

        def compute_output_shape(self, shape: Any) -> Any:
            return (*shape[:-1], 4 + shape[-1])

        def call(self, x: Any) -> Any:
            return self.join([self.dense(x), x])

    inputs = keras.Input((3,))
    joins = Joins()
    graph = expand(read_live(keras.Model(inputs, joins(inputs)), open_layers=True))
    assert not graph.opaque_layers
    assert not joins.join.built


def test_arguments_in_a_structure_have_names_without_a_slash_and_calls_without_tensors_an_output() -> None:
    class Silent(keras.layers.Layer):
        def call(self, x: Any) -> None:
            return None

    class Rotated(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.silent = keras.layers.Dense(4), Silent()

        def call(self, x: Any, places: Any = None) -> Any:
            self.silent(x)
            return self.dense(x) * places[0] + places[1]

    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Rotated()

        def call(self, x: Any) -> Any:
            return self.inner(x, places=(x + 1, 2 * x))

    model = Model()
    model(np.zeros((2, 4), "float32"))
    graph = expand(read_live(model, open_layers=True))
    names = [layer.name for layer in graph.layers.values() if layer.is_input]
    assert {"places", "places_1"} <= set(names)
    assert not any("/" in name for name in names)
    assert all(call.outputs for call in graph.calls.values())
