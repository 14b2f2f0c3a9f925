"""Small bodies of code as models with a graph: what they receive, are called and carry, and why some cannot be made."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from graphlint.errors import GraphlintError, NameCollision, NotBuilt, OpaqueBody, ReplayError, Unequal
from graphlint.knowledge import keras_internals
from graphlint.replay.extract import extract, features
from graphlint.replay.functional import as_functional
from graphlint.replay.live_graph import LiveGraph
from graphlint.replay.split import split
from graphlint.replay.targets import tensor_at
from tests.replay.invariants import assert_same


class Does:
    """Does what it is given, with the layers inside it."""

    def __init__(self, does: Callable[..., Any], name: str, **inside: Any) -> None:
        super().__init__(name=name)  # type: ignore[call-arg]
        self.does = does
        for key, one in inside.items():
            setattr(self, key, one)

    def call(self, x: Any) -> Any:
        return self.does(self, x)


class Block(Does, layers.Layer):
    def __init__(self, does: Callable[..., Any], name: str = "block", **inside: Any) -> None:
        super().__init__(does, name, **inside)


class Net(Does, keras.Model):
    def __init__(self, does: Callable[..., Any], name: str = "net", **inside: Any) -> None:
        super().__init__(does, name, **inside)


def dense(name: str = "dense", units: int = 3) -> Any:
    return layers.Dense(units, name=name)


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def net(does: Callable[..., Any], *, name: str = "net", x: Any = None, **inside: Any) -> Any:
    """A model that was called."""
    model = Net(does, name, **inside)
    called(model, ones(2, 3) if x is None else x)
    return model


def called(model: Any, *args: Any, **kwargs: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model(*args, **kwargs)


def around(block: Any, before: Any = None) -> keras.Model:
    """A Functional model that calls a layer."""
    inputs = keras.Input((3,), name="i")
    return keras.Model(inputs, block(inputs if before is None else before(inputs)), name="graph")


def drawn(x: Any) -> Any:
    """Something that no layer does."""
    return x + keras.random.normal((1, 3))


DRAWN = "draws random numbers with keras.random.normal, for which there is no layer"


def names(structure: Any) -> Any:
    return keras.tree.map_structure(lambda one: (one.name, one.shape[1]), structure)


def told(attempt: Callable[[], Any], kind: type[Exception] = OpaqueBody) -> str:
    with pytest.raises(kind) as raised:
        attempt()
    return str(raised.value)


# -- what is opened -------------------------------------------------------------------------------------------------


def by_value(self: Any, x: Any) -> Any:
    return x if float(ops.sum(x)) > 0 else -x


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (dense, ReplayError, "expected a keras.Model, got Dense: pass the model itself, not its output"),
        (
            lambda: keras.Sequential([dense()], name="s"),
            NotBuilt,
            (
                "expected a built model, got Sequential 's' without a graph: give it a keras.Input or call "
                "model.build(input_shape) first"
            ),
        ),
        (
            lambda: net(by_value),
            OpaqueBody,
            (
                "Net 'net' is code that cannot be opened (its code decides by the values of a tensor, which no graph "
                "can hold): cut the Functional models inside it"
            ),
        ),
    ],
)
def test_models_that_are_not_opened(make: Callable[[], Any], kind: type[GraphlintError], message: str) -> None:
    model = make()
    assert told(lambda: as_functional(model), kind) == message


def test_sequential_models_with_a_graph() -> None:
    model = keras.Sequential([keras.Input((3,)), dense()])
    assert as_functional(model) is model
    block = Block(lambda self, x: self.dense(x) + 1.0, dense=dense())
    model = keras.Sequential([keras.Input((3,)), layers.ReLU(), block])
    x = numbers(2, 3)
    assert_same(features(model, "block/dense")(x)["block/dense"], block.dense(ops.relu(x)))


@pytest.mark.backend("tensorflow")
def test_sparse_inputs_stay_sparse() -> None:
    inputs = keras.Input((3,), sparse=True, name="i")
    block = Block(lambda self, x: self.dense(x) + 1.0, dense=dense())
    model = keras.Model(inputs, block(inputs))
    found = features(model, "block/dense")
    assert found.inputs[0].sparse and found.get_layer("block").inputs[0].sparse


# -- inputs ---------------------------------------------------------------------------------------------------------


class Takes(keras.Model):
    def call(self, query: Any, context: Any = None, factor: float = 1.0, training: Any = None) -> Any:
        found = [one for one in keras.tree.flatten([query, context]) if one is not None]
        return ops.concatenate([*found, found[0]], axis=-1) * factor


def symbols(**sizes: int) -> list[Any]:
    return [keras.Input((size,), name=name) for name, size in sizes.items()]


A, B, C = (None, 2), (None, 4), (None, 1)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (A, ("query", 2)),
        ([A], [("query", 2)]),
        ([A, B], [("query", 2), ("query_1", 4)]),
        ({"p": A, "q": B}, {"p": ("p", 2), "q": ("q", 4)}),
        ({"p": [A, C], "q": B}, {"p": [("query", 2), ("query_1", 1)], "q": ("q", 4)}),
        ({"query": A}, ("query", 2)),
        ({"query": A, "context": B}, {"query": ("query", 2), "context": ("context", 4)}),
        ({"query": [A, C], "context": B}, {"query": [("query", 2), ("query_1", 1)], "context": ("context", 4)}),
    ],
)
def test_inputs_that_are_given(inputs: Any, expected: Any) -> None:
    assert names(as_functional(Takes(name="takes"), inputs).input) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda model, a, b, c: model(a), ("query", 2)),
        (lambda model, a, b, c: model(query=a), ("query", 2)),
        (lambda model, a, b, c: model(a, None), ("query", 2)),
        (lambda model, a, b, c: model(a, training=True), ("query", 2)),
        (lambda model, a, b, c: model(a, factor=2.0), ("query", 2)),
        (lambda model, a, b, c: model(a, b), {"query": ("query", 2), "context": ("context", 4)}),
        (lambda model, a, b, c: model(a, context=b), {"query": ("query", 2), "context": ("context", 4)}),
        (lambda model, a, b, c: model(a, [b, c]),
         {"query": ("query", 2), "input_1": [("context", 4), ("context_1", 1)]}),
        (lambda model, a, b, c: model([a, b], c),
         {"input_0": [("query", 2), ("query_1", 4)], "context": ("context", 1)}),
    ],
)  # fmt: skip
def test_inputs_that_keras_has_recorded(call: Callable[..., Any], expected: Any) -> None:
    model = Takes(name="takes")
    a, b, c = symbols(a=2, b=4, c=1)
    call(model, a, b, c)
    assert names(as_functional(model).input) == expected


@pytest.mark.parametrize(
    ("does", "x", "expected"),
    [
        (lambda self, x: {"s": x["p"]}, {"p": ones(2, 3), "q": ones(2, 4)}, {"p": ("p", 3), "q": ("q", 4)}),
        (lambda self, x: x[0], [ones(2, 3), ones(2, 4)], [("x", 3), ("x_1", 4)]),
        (lambda self, x: x, ones(2, 3), ("x", 3)),
    ],
)
def test_inputs_of_code_that_calls_nothing(does: Any, x: Any, expected: Any) -> None:
    model = net(does, x=x)
    found = as_functional(model)
    assert names(found.input) == expected
    assert_same(found(x), model(x))


def test_no_tensor_and_what_is_none_among_the_inputs() -> None:
    constant = Net(lambda self, x: self.relu(np.ones((2, 3), "float32")), relu=layers.ReLU())
    assert told(lambda: as_functional(constant, [])) == "'net' receives no tensor: a Functional model has to"
    model = Takes(name="takes")
    model(symbols(a=2)[0], context=[None, *symbols(b=4)])
    assert told(lambda: as_functional(model)) == ("'takes' receives a structure with something in it that is no tensor")


# -- outputs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("does", "because"),
    [
        (lambda self, x: (x, None), "it returns None, which is no tensor"),
        (lambda self, x: {"a": 3, "b": x, "c": None}, "it returns 3, which is no tensor"),
        (lambda self, x: (drawn(x), None), f"normal#0 {DRAWN}"),
    ],
)
def test_outputs_that_no_functional_model_has(does: Any, because: str) -> None:
    model = net(does)
    assert told(lambda: as_functional(model)) == f"'net' cannot be made Functional: {because}"


def test_names_flags_and_policies_stay() -> None:
    inner = Net(lambda self, x: self.dense(x), "inner", dense=dense())
    model = Net(lambda self, x: self.inner(x) * 2.0, inner=inner)
    model.dtype_policy, inner.dtype_policy = "mixed_bfloat16", "mixed_float16"
    called(model, ones(2, 3))
    for one, other in ((True, False), (False, True)):
        keras_internals.set_own_trainable(model, one)
        keras_internals.set_own_trainable(inner, other)
        found = as_functional(model)
        assert (found.name, found.dtype_policy.name, found.trainable) == ("net", "mixed_bfloat16", one)
        part = found.get_layer("inner")
        assert (part.dtype_policy.name, part._trainable) == ("mixed_float16", other)


# -- effects --------------------------------------------------------------------------------------------------------


def counted(self: Any, x: Any) -> Any:
    self.count.assign(self.count + 1.0)
    return self.dense(x)


def measured(self: Any, x: Any) -> Any:
    self.mean.update_state(x)
    return self.dense(x)


def with_loss(self: Any, x: Any) -> Any:
    self.add_loss(ops.sum(x))
    return self.dense(x)


@pytest.mark.parametrize(
    ("does", "inside", "what"),
    [
        (with_loss, dict, "adds a loss beside returning something, which no Functional model does"),
        (
            counted,
            lambda: {"count": keras.Variable(0.0, trainable=False)},
            "assigns to a variable beside returning something, which no Functional model does",
        ),
        (
            measured,
            lambda: {"mean": keras.metrics.Mean()},
            "updates a metric beside returning something, which no Functional model does",
        ),
    ],
)
def test_what_code_does_beside_returning_something(does: Any, inside: Any, what: str) -> None:
    model = net(does, dense=dense(), **inside())
    assert told(lambda: as_functional(model)) == f"'net' cannot be made Functional: Net {what}"
    inner = Net(does, "inner", dense=dense(), **inside())
    model = net(lambda self, x: self.inner(x) + 1.0, inner=inner)
    assert told(lambda: as_functional(model)) == f"'net' cannot be made Functional: inner#0 {what}"
    model = around(Block(does, dense=dense(), **inside()))
    called(model, ones(2, 3))
    assert told(lambda: split(model, "block/dense")) == f"block#0 {what}"
    assert features(model, "block/dense").output["block/dense"].shape == (None, 3)


# -- bodies in the place of calls -----------------------------------------------------------------------------------


def test_calls_on_no_tensor() -> None:
    inner = Net(lambda self, x: self.dense(x), "inner", dense=dense())
    model = net(lambda self, x: x + self.inner(np.ones((1, 3), "float32")), inner=inner)
    assert told(lambda: as_functional(model)) == "'net' cannot be made Functional: inner#0 is called on no tensor"


def test_what_cannot_be_made_is_told_of_what_lies_behind_it() -> None:
    inner = Block(lambda self, x: self.dense(x) + 1.0, "inner", dense=dense())
    outer = Block(lambda self, x: self.inner(drawn(self.first(x))), "outer", inner=inner, first=dense("first"))
    model = around(outer)
    x = numbers(2, 3)
    assert_same(features(model, "outer/first")(x)["outer/first"], outer.first(x))
    reason = f"outer/normal#0 {DRAWN}"
    for address in ("outer/inner/dense", "outer/inner"):
        said = f"{address}#0 cannot be called again: {reason}"
        assert told(lambda address=address: features(model, address)) == said
        assert told(lambda address=address: extract(model, "outer/first", address)) == said
        assert told(lambda address=address: split(model, address)) == reason
    said = f"what follows the cut inside outer cannot be called again: {reason}"
    assert told(lambda: extract(model, "outer/first")) == said
    assert told(lambda: extract(model, "outer/first", "outer")) == said
    both = features(model, ["outer/first", "i"])
    assert_same(both(x)["outer/first"], outer.first(x))
    assert [one.name for one in both.layers] == ["i", "outer_inside"]
    inside = Net(lambda self, x: drawn(x), "a"), Net(lambda self, x: drawn(x), "b")
    model = net(lambda self, x: self.a(x) + self.b(x), a=inside[0], b=inside[1])
    assert told(lambda: as_functional(model)) == f"'net' cannot be made Functional: a/normal#0 {DRAWN}"


def test_models_in_the_place_of_calls() -> None:
    """One for each form of what it receives."""
    inner = Net(lambda self, x: self.dense(x), "inner", dense=dense())
    model = net(lambda self, x: self.inner(self.inner(x)) + ops.sum(self.inner(x[:, None]), axis=1), inner=inner)
    found = as_functional(model)
    x = numbers(2, 3)
    assert_same(found(x), model(x))
    assert [one.name for one in found.layers if isinstance(one, keras.Model)] == ["inner", "inner_1"]
    assert [one.input_shape for one in found.layers if isinstance(one, keras.Model)] == [(None, 3), (None, 1, 3)]


def test_what_bodies_return() -> None:
    def many(self: Any, x: Any) -> Any:
        return {"same": x, "twice": [x * 2.0, 3], "none": None}

    def uses(self: Any, x: Any) -> Any:
        found = self.inner(self.dense(x))
        return found["twice"][0] * found["twice"][1] + found["same"]

    model = net(uses, inner=Net(many, "inner"), dense=dense())
    x = numbers(2, 3)
    found = as_functional(model)
    np.testing.assert_allclose(ops.convert_to_numpy(found(x)), ops.convert_to_numpy(7.0 * model.dense(x)), rtol=1e-6)
    assert [type(one).__name__ for one in found.get_layer("inner").layers] == ["InputLayer", "Identity"]
    found = as_functional(net(lambda self, x: self.inner(x), inner=Net(lambda self, x: x, "inner")))
    assert [type(one).__name__ for one in found.get_layer("inner").layers] == ["InputLayer", "Identity"]
    assert_same(found(x), x)


def test_names_that_are_taken() -> None:
    """What was made gets another name; the layers of the user keep theirs."""
    model = net(lambda self, x: self.dense(x), dense=dense("x"))
    assert [one.name for one in as_functional(model).layers] == ["x_1", "x"] and model.dense.name == "x"
    model = net(lambda self, x: self.a(self.b(x)), a=dense("same"), b=dense("same"))
    assert "two layers named 'same' would be in one model" in told(lambda: as_functional(model), NameCollision)


def test_what_tells_forms_of_calls_apart() -> None:
    def weighed(self: Any, x: Any) -> Any:
        return x[0] + 2.0 * x[1] + 4.0 * x[2]

    def several(self: Any, x: Any) -> Any:
        y = ops.relu(x)
        return [self.inner([x, y, x]), self.inner([x, y, y]), self.inner([y, x, x]), self.inner([x, x, x])]

    model = net(several, inner=Net(weighed, "inner"))
    x = numbers(2, 3)
    assert_same(as_functional(model)(x), model(x))

    class Scales(keras.Model):
        def call(self, x: Any, factor: float = 1.0) -> Any:
            return x * factor

    model = net(lambda self, x: self.inner(x, factor=2.0) + self.inner(x, factor=3.0), inner=Scales(name="inner"))
    assert_same(as_functional(model)(x), model(x))


def test_what_is_returned_as_it_was_received() -> None:
    inner = Net(lambda self, x: [x[0], self.dense(x[1]), x[1]], "inner", dense=dense())
    found = as_functional(net(lambda self, x: self.inner([x, ops.relu(x)]), inner=inner))
    kinds = [type(one).__name__ for one in found.get_layer("inner").layers]
    assert sorted(kinds) == ["Dense", "Identity", "Identity", "InputLayer", "InputLayer"]


def test_calls_of_one_layer_that_do_different_things() -> None:
    block = Block(lambda self, x: self.a(x) if x.shape[-1] == 3 else self.b(x), a=dense("a", 4), b=dense("b", 3))
    block.a.build((None, 3))
    block.b.build((None, 4))
    inputs = keras.Input((3,), name="i")
    model = keras.Model(inputs, layers.ReLU(name="last")(block(block(inputs))), name="graph")
    x = numbers(2, 3)
    first = block.a(x)
    found = features(model, ["block#0/a", "block#1/b", "last"])(x)
    assert_same([found[one] for one in ("block#0/a", "block#1/b", "last")], [first, block.b(first), model(x)])
    for address in ("block#0/a", "block#1/b"):
        head, tail = split(model, address)
        assert_same(tail(head(x)), model(x))


def test_outputs_that_nothing_receives() -> None:
    inner = Net(lambda self, x: self.dense(x) + 1.0, "inner", dense=dense())
    inputs = keras.Input((3,), name="a")
    first = inner(inputs)
    middle = keras.Model(inputs, [first, layers.ReLU(name="spare")(first)], name="middle")
    outer = keras.Input((3,), name="b")
    model = keras.Model(outer, layers.ReLU(name="last")(middle(outer)[0]), name="outer")
    x = numbers(2, 3)
    found = as_functional(model)
    assert_same(found(x), model(x))
    assert len(found.get_layer("middle").outputs) == 2
    assert_same(features(model, "middle/inner/dense")(x)["middle/inner/dense"], inner.dense(x))


class Normalized(Block):
    def call(self, x: Any, training: Any = None) -> Any:
        return self.does(self, self.norm(self.dense(x), training=training))


@pytest.mark.parametrize("does", [lambda self, x: x + 1.0, lambda self, x: x + 0.0 * keras.random.normal((1, 3))])
def test_calls_in_a_mode_of_their_own(does: Any) -> None:
    block = Normalized(does, dense=dense(), norm=layers.BatchNormalization(name="norm"))
    inputs = keras.Input((3,), name="i")
    model = keras.Model(inputs, layers.ReLU(name="last")(block(inputs, training=True)), name="graph")
    x = numbers(4, 3)
    expected = model(x)
    assert not np.allclose(ops.convert_to_numpy(expected), ops.convert_to_numpy(model(x, training=False)))
    found = features(model, ["block/dense", "last"])
    assert_same(found(x)["last"], expected)
    assert_same(found(x, training=False)["last"], model(x, training=False))
    if "normal" not in does.__code__.co_names:
        head, tail = split(model, "block/dense")
        assert_same(tail(head(x)), expected)


# -- masks ----------------------------------------------------------------------------------------------------------


class Masking(Block):
    """Passes masks on."""

    def __init__(self, does: Callable[..., Any], name: str = "block", **inside: Any) -> None:
        super().__init__(does, name, **inside)
        self.supports_masking = True


class Cuts(Masking):
    """Computes its mask itself."""

    def call(self, x: Any, mask: Any = None) -> Any:
        return self.does(self, x)

    def compute_mask(self, x: Any, previous: Any) -> Any:
        return None if previous is None else previous[:, 1:]


def idle(self: Any, x: Any) -> Any:
    self.dense(x)
    return x


class Refuses(Masking):
    """Computes its mask only at first."""

    refuses = False

    def compute_mask(self, x: Any, previous: Any) -> Any:
        if self.refuses and isinstance(x, keras.KerasTensor):
            raise ValueError("no\nmask")
        return previous


def words() -> np.ndarray:
    return np.array([[1, 2, 3, 0], [4, 0, 0, 0], [5, 6, 7, 8]], "int32")


def table() -> Any:
    return layers.Embedding(9, 3, mask_zero=True, name="table")


def masked(block: Any, *, keyword: bool = False) -> keras.Model:
    """A Functional model in which a block receives a mask, and a layer that pools needs one."""
    inputs = keras.Input((4,), dtype="int32", name="i")
    embedded = table()(inputs)
    found = called(block, x=embedded) if keyword else called(block, embedded)
    return keras.Model(inputs, layers.GlobalAveragePooling1D(name="pool")(found), name="graph")


@pytest.mark.parametrize("keyword", [False, True])
@pytest.mark.parametrize(
    ("cls", "does"),
    [
        (Masking, lambda self, x: self.dense(x)),
        (Masking, lambda self, x: x),
        (Masking, idle),
        (Cuts, lambda self, x: self.dense(x)[:, 1:]),
        (Block, lambda self, x: self.dense(x)),
        (Block, lambda self, x: self.pool(self.dense(x))[:, None] + x),
    ],
)
def test_masks_that_bodies_receive_and_pass_on(cls: Any, does: Any, keyword: bool) -> None:
    block = cls(does, dense=dense(), pool=layers.GlobalAveragePooling1D(name="inner"))
    model = masked(block, keyword=keyword)
    x = words()
    address = "block/dense" if "dense" in does.__code__.co_names else "block"
    found = features(model, {"at": address, "out": "pool"})
    assert_same(called(found, x)["out"], called(model, x))
    if address == "block/dense" and does is not idle:
        head, tail = split(model, address, complete=True)
        assert_same(called(tail, called(head, x)), called(model, x))


def test_masks_of_models_inside_models() -> None:
    inner = Net(lambda self, x: self.pool(self.dense(x)), "inner", dense=dense(), pool=layers.GlobalAveragePooling1D())
    model = net(
        lambda self, x: self.inner(self.table(x)) + 2.0 * self.inner(self.table(x) * 1.0),
        x=words(),
        table=table(),
        inner=inner,
    )
    x = words()
    found = as_functional(model)
    assert_same(called(found, x), called(model, x))
    parts = [one for one in found.layers if isinstance(one, keras.Model)]
    assert [[one.dtype for one in part.inputs] for part in parts] == [["float32"], ["float32", "bool"]]


def test_a_mask_that_cannot_be_computed_again() -> None:
    block = Refuses(lambda self, x: self.dense(x), dense=dense())
    model = around(block)
    block.refuses = True
    said = "block#0 computes its mask in a way that cannot be repeated (ValueError: no)"
    assert told(lambda: split(model, "block/dense")) == said


# -- models around what is opened -----------------------------------------------------------------------------------


def nested(block: Any, **flags: Any) -> keras.Model:
    inputs = keras.Input((3,), name="a")
    middle = keras.Model(inputs, layers.ReLU(name="end")(block(layers.ReLU(name="start")(inputs))), name="middle")
    outer = keras.Input((3,), name="b")
    return keras.Model(outer, layers.ReLU(name="last")(middle(middle(outer))), name="outer")


def test_functional_models_around_what_is_opened() -> None:
    block = Block(lambda self, x: self.dense(x) + 1.0, dense=dense())
    model = nested(block)
    x = numbers(2, 3)
    middle = model.get_layer("middle")
    one = block.dense(ops.relu(x))
    two = block.dense(ops.relu(middle(x)))
    for address, expected in (
        ("middle#0/block/dense", one),
        ("middle#1/block/dense", two),
        ("middle#0/start", ops.relu(x)),
        ("middle#0/end", middle(x)),
        ("middle#1", middle(middle(x))),
    ):
        assert_same(features(model, address)(x)[address], expected)
    several = {
        "middle#0": middle(x),
        "middle#0/block/dense": one,
        "middle#0/start": ops.relu(x),
        "middle#1/a": middle(x),
        "middle#1/block/dense": two,
        "middle#1/end": middle(middle(x)),
        "b": x,
        "last": model(x),
    }
    found = features(model, list(several))(x)
    for address, expected in several.items():
        assert_same(found[address], expected)


@pytest.mark.parametrize(
    ("address", "head", "tail"),
    [
        ("middle#0/block/dense", {"b", "middle"}, {"dense_input", "end", "start", "dense", "last"}),
        ("middle#1/block/dense", {"b", "start", "dense", "end"}, {"dense", "middle", "last"}),
        (
            ["middle#1/block", "middle#0/block/dense"],
            {"b", "start", "dense", "end"},
            {"block", "dense", "middle", "last"},
        ),
    ],
)
def test_cuts_inside_one_of_two_calls_of_a_model(address: Any, head: set[str], tail: set[str]) -> None:
    model = nested(Block(lambda self, x: self.dense(x) + 1.0, dense=dense()))
    x = numbers(2, 3)
    parts = split(model, address, complete=True)
    assert_same(parts[1](parts[0](x)), model(x))
    assert [{one.name for one in part.layers} for part in parts] == [head, tail]


def test_models_of_code_around_functional_models_around_code() -> None:
    inner = Net(lambda self, x: self.dense(x) + 1.0, "inner", dense=dense())
    inputs = keras.Input((3,), name="a")
    middle = keras.Model(inputs, layers.ReLU(name="end")(inner(layers.ReLU(name="start")(inputs))), name="middle")
    middle.dtype_policy = "mixed_float16"
    middle._trainable = False
    model = net(lambda self, x: self.middle(x) * 2.0, middle=middle)
    x = numbers(2, 3)
    found = as_functional(model)
    assert_same(found(x), model(x))
    part = found.get_layer("middle")
    assert (part.dtype_policy.name, part._trainable) == ("mixed_float16", False)
    assert keras_internals.is_functional(part.get_layer("inner"))
    other = keras.Model(inputs, middle(inputs), name="other")
    found = as_functional(other)
    assert_same(found(x), other(x))
    assert found is not other and found.name == "other"
    assert_same(features(model, "middle/inner/dense")(x)["middle/inner/dense"], inner.dense(ops.relu(x)))


def test_models_that_are_not_opened_beside_what_is() -> None:
    inputs = keras.Input((3,), name="a")
    part = keras.Model(inputs, layers.ReLU(name="end")(dense("start")(inputs)), name="part")
    block = Block(lambda self, x: self.dense(self.part(x)), dense=dense(), part=part)
    other = keras.Input((3,), name="b")
    model = keras.Model(other, layers.ReLU(name="last")(block(block(part(other)))), name="graph")
    x = numbers(2, 3)
    one, start = part(x), part.get_layer("start")
    two = block(one)
    expected = {
        "part": one,
        "part/start": start(x),
        "block#0/dense": two,
        "block#0/part": part(one),
        "block#1/part": part(two),
        "block#1/part/start": start(two),
        "last": model(x),
    }
    assert told(lambda: tensor_at(LiveGraph(model), "block#0/part")) == (
        "block#0/part lies in block, a Block, which is opaque: cut at what it receives or returns"
    )
    found = features(model, list(expected))(x)
    for address, value in expected.items():
        assert_same(found[address], value)
    for address in ("part", "part/start", "block#0/part", "block#1/part", "block#0/part/start", "block#1/part/start"):
        head, tail = split(model, address)
        assert_same(head(x), found[address] if address in found else start(one))
        assert_same(tail(head(x)), model(x))
    for several in (["part/start", "block#1/part"], ["part", "block#0/dense"], ["block#1", "block#1/dense"]):
        head, tail = split(model, several, complete=True)
        assert_same(tail(head(x)), model(x))


def test_what_is_opened_lies_at_several_depths() -> None:
    first = Block(lambda self, x: self.dense(x) + 1.0, "first", dense=dense())
    block = Block(lambda self, x: self.dense(x) + 1.0, dense=dense())
    inputs = keras.Input((3,), name="c")
    model = keras.Model(inputs, layers.ReLU(name="after")(nested(block)(first(inputs))), name="deep")
    x = numbers(2, 3)
    outer = model.get_layer("outer")
    middle = outer.get_layer("middle")
    expected = {
        "first/dense": first.dense(x),
        "outer": outer(first(x)),
        "outer/middle#0": middle(first(x)),
        "outer/middle#1/start": ops.relu(middle(first(x))),
        "outer/middle#1/block/dense": block.dense(ops.relu(middle(first(x)))),
    }
    found = features(model, list(expected))(x)
    for address, value in expected.items():
        assert_same(found[address], value)
    head, tail = split(model, "outer/middle#1/block/dense")
    assert_same(tail(head(x)), model(x))


class Shaped(Block):
    """Says what it returns, so that Keras does not run it to see."""

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


def test_what_reads_tensors_of_another_call() -> None:
    box: list[Any] = []

    def puts(self: Any, x: Any) -> Any:
        box[:] = [self.dense(x)]
        return box[0]

    def takes(self: Any, x: Any) -> Any:
        return self.dense(x) + box[0]

    first, second = Shaped(puts, "first", dense=dense()), Shaped(takes, "second", dense=dense())
    model = net(lambda self, x: self.second(self.first(x) * 2.0), first=first, second=second)
    x = numbers(2, 3)
    said = "reads tensors that are none of its arguments"
    assert told(lambda: as_functional(model)).endswith(f"#0 {said}")
    assert_same(features(model, "second/dense")(x)["second/dense"], second.dense(first(x) * 2.0))
    inputs = keras.Input((3,))
    graph = keras.Model(inputs, second(layers.Rescaling(2.0)(first(inputs))))
    assert told(lambda: features(graph, "second/dense")) == f"second#0 {said}"


def test_what_nothing_depends_on() -> None:
    def spares(self: Any, x: Any) -> Any:
        self.spare(x)
        return self.dense(x)

    block = Block(spares, dense=dense(), spare=dense("spare"))
    model = around(block)
    x = numbers(2, 3)
    assert_same(features(model, "block/spare")(x)["block/spare"], block.spare(x))
    said = "block/spare reaches no output of 'graph', so nothing can be cut there"
    assert told(lambda: split(model, "block/spare")) == said
    model = net(lambda self, x: self.block(x), block=block)
    assert_same(features(model, "block/spare")(x)["block/spare"], block.spare(x))
    assert told(lambda: split(model, "block/spare")) == said.replace("graph", "net")


# -- proof ----------------------------------------------------------------------------------------------------------


def is_real(x: Any) -> bool:
    """Whether code sees numbers, as it should not."""
    return x.shape[0] in (2, 3)


@pytest.mark.parametrize(
    ("does", "difference"),
    [
        (lambda self, x: x + 1.0 if is_real(x) else x, "output 0 differs by 1, in inference"),
        (lambda self, x: (x, x) if is_real(x) else x, "2 outputs became 1, in inference"),
        (lambda self, x: (x, x[:, :2]) if is_real(x) else (x, x), "output 1 is float32[2, 2] and float32[2, 3]"),
        (lambda self, x: x if is_real(x) else ops.take(x, [1000], axis=1), "it raises "),
        (
            lambda self, x: ops.cast(x, "float16") if is_real(x) else x * 1.0,
            "output 0 is float16[2, 3] and float32[2, 3]",
        ),
    ],
)
def test_code_that_does_something_else_when_it_runs(does: Any, difference: str) -> None:
    model = net(does)
    assert told(lambda: as_functional(model), Unequal).startswith(
        f"the Functional model does not compute what 'net' does: {difference}"
    )


def test_code_that_warns_when_it_runs() -> None:
    def warns(self: Any, x: Any) -> Any:
        if self.ready and is_real(x):
            warnings.warn("careful", UserWarning, stacklevel=1)
        return x * 1.0

    model = Net(warns)
    model.ready = False
    model(ones(2, 3))
    model.ready = True
    assert as_functional(model).output_shape == (None, 3)


def test_what_differs_by_itself_is_no_difference() -> None:
    random = np.random.default_rng(0)
    model = net(lambda self, x: x + float(random.normal()) if is_real(x) else x * 1.0)
    assert as_functional(model).output_shape == (None, 3)


def test_masks_that_code_attaches_only_when_it_runs() -> None:
    def does(self: Any, x: Any) -> Any:
        found = x * 1.0
        if is_real(x):
            keras_internals.set_mask(found, found[:, 0] > 0)
        return found

    model = net(does)
    said = "the Functional model does not compute what 'net' does: output 0 carries a mask in only one of them"
    assert told(lambda: as_functional(model), Unequal) == f"{said}, in inference"


class Modal(Net):
    def call(self, x: Any, training: Any = None) -> Any:
        return self.does(self, x, training)


def test_differences_in_training() -> None:
    model = Modal(lambda self, x, training: x + 1.0 if training and is_real(x) else x * 1.0)
    called(model, ones(2, 3))
    assert told(lambda: as_functional(model), Unequal) == (
        "the Functional model does not compute what 'net' does: output 0 differs by 1, in training"
    )

    drop = layers.Dropout(0.5, seed=3)
    model = Modal(lambda self, x, training: self.drop(x + 1.0 if training and is_real(x) else x * 1.0), drop=drop)
    called(model, ones(2, 3))
    before = ops.convert_to_numpy(drop.seed_generator.state).copy()
    assert told(lambda: as_functional(model), Unequal).endswith("in training")
    assert_same(drop.seed_generator.state, before)

    def only_in_fit(self: Any, x: Any, training: Any) -> Any:
        if training and is_real(x):
            raise ValueError("fit() me")
        return x * 1.0

    model = Modal(only_in_fit)
    called(model, ones(2, 3))
    assert_same(as_functional(model)(ones(2, 3)), ones(2, 3))

    def never(self: Any, x: Any, training: Any) -> Any:
        if self.ready and is_real(x):
            raise ValueError("not now")
        return x * 1.0

    model = Modal(never)
    model.ready = False
    called(model, ones(2, 3))
    model.ready = True
    assert "not now" in told(lambda: as_functional(model), ValueError)


def test_variables_that_no_call_reads() -> None:
    spare = {f"spare_{place}": dense(f"spare_{place}") for place in range(2)}
    for one in spare.values():
        one.build((None, 3))
    drop = {"drop": layers.Dropout(0.5, name="drop")}
    model = net(lambda self, x: self.dense(x), dense=dense(), **drop, **spare)
    rest = "which no call of it reads, and a Functional model holds only what it calls"
    said = "'net' cannot be made Functional: it holds"
    assert told(lambda: as_functional(model)) == (
        f"{said} drop@seed_generator_state, layers/dense_1@kernel, layers/dense_1@bias and 2 more, {rest}"
    )
    model = net(lambda self, x: self.dense(x), dense=dense(), drop=layers.Dropout(0.5, name="drop"))
    assert told(lambda: as_functional(model)) == f"{said} drop@seed_generator_state, {rest}"
