"""Models that share layers, in one model and out of it again."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import graphlint


def inputs(*shape, **settings):
    return keras.Input(shape or (4,), **settings)


def autoencoder():
    x = inputs()
    code = layers.Dense(2, name="code")(x)
    return {"encoder": keras.Model(x, code), "full": keras.Model(x, layers.Dense(4, name="decoded")(code))}


def nested():
    encoder = keras.Sequential([inputs(), layers.Dense(3, name="a"), layers.Dense(2, name="b")], name="encoder")
    x = inputs()
    return {"encoder": encoder, "full": keras.Model(x, layers.Dense(4, name="decoded")(encoder(x)), name="whole")}


def nested_twice():
    encoder = keras.Sequential([inputs(), layers.Dense(3, name="a")], name="encoder")
    left, right = inputs(name="left"), inputs(name="right")
    distance = layers.Dense(1, name="distance")(ops.abs(2 * encoder(left) - encoder(right)))
    return {"siamese": keras.Model([left, right], distance), "serving": encoder}


def gan():
    discriminator = keras.Sequential([inputs(), layers.Dense(1, name="judge")], name="discriminator")
    generator = keras.Sequential([inputs(3), layers.Dense(4, name="make")], name="generator")
    noise = inputs(3)
    return {
        "gan": keras.Model(noise, discriminator(generator(noise)), name="both"),
        "generator": generator,
        "discriminator": discriminator,
    }


def inside_a_nested_model():
    shared = layers.Dense(4, name="shared")
    x = inputs()
    inner = keras.Model(x, shared(x), name="inner")
    y = inputs()
    return {"one": keras.Model(y, layers.Dense(1, name="end")(inner(y))), "other": keras.Model(y, shared(y))}


def many_outputs():
    x = inputs()
    trunk = layers.Dense(3, name="trunk")(x)
    first, second = layers.Dense(1, name="first")(trunk), layers.Dense(2, name="second")(trunk)
    return {"tasks": keras.Model(x, [first, second]), "one": keras.Model(x, first)}


def named_tensors():
    a, b = inputs(name="a"), inputs(name="b")
    both = layers.Dense(2, name="mix")(layers.Concatenate(name="join")([a, b]))
    return {
        "by_name": keras.Model({"a": a, "b": b}, {"out": both, "twice": both + both}),
        "plain": keras.Model([a, b], both),
    }


def statistics():
    x = inputs()
    normal = layers.BatchNormalization(name="normal")(layers.Dense(3, use_bias=False, name="dense")(x))
    return {"features": keras.Model(x, normal), "head": keras.Model(x, layers.Dense(1, name="head")(normal))}


def tied():
    words = inputs(5, dtype="int32")
    table = layers.ReversibleEmbedding(11, 4, name="table")
    hidden = layers.Dense(4, name="mix")(table(words))
    return {"language": keras.Model(words, table(hidden, reverse=True)), "encoder": keras.Model(words, hidden)}


def sequence():
    words = inputs(6, dtype="int32")
    embedded = layers.Embedding(9, 4, mask_zero=True, name="words")(words)
    state = layers.LSTM(3, name="state")(embedded)
    return {"state": keras.Model(words, state), "tagger": keras.Model(words, layers.Dense(2, name="tag")(state))}


def frozen():
    x = inputs()
    base = keras.Model(x, layers.Dense(3, name="features")(x), name="base")
    base.trainable = False
    y = inputs()
    return {"base": base, "model": keras.Model(y, layers.Dense(1, name="head")(base(y)))}


def apart():
    return {name: keras.Sequential([inputs(), layers.Dense(2, name="dense")], name=name) for name in ("one", "other")}


SETS = (
    *(autoencoder, nested, nested_twice, gan, inside_a_nested_model, many_outputs),
    *(named_tensors, statistics, tied, sequence, frozen, apart),
)


def batch(model, seed):
    """A random batch in the structure in which a model declares its inputs."""
    random = np.random.default_rng(seed)

    def numbers(tensor):
        shape = (3, *tensor.shape[1:])
        return random.integers(0, 9, shape) if "int" in tensor.dtype else random.normal(size=shape).astype("float32")

    declared = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.tree.map_structure(numbers, declared)


def outputs(model, data):
    return [ops.convert_to_numpy(one) for one in keras.tree.flatten(model(data))]


def variables(models):
    return {id(one) for model in models for one in model.weights}


@pytest.mark.parametrize("made", SETS, ids=lambda made: made.__name__)
def test_a_bundle_holds_every_weight_once_and_gives_the_models_back(made, tmp_path):
    models = made()
    count = len(variables(models.values()))
    partition = {name: [id(one) for one in model.weights] for name, model in models.items()}
    flags = sorted(one.trainable for model in models.values() for one in model.weights)
    both = graphlint.bundle(models)
    assert variables([both]) == variables(models.values())
    back = graphlint.unbundle(both)
    assert back.keys() == models.keys()
    assert {name: sorted(id(one) for one in model.weights) for name, model in back.items()} == {
        name: sorted(ids) for name, ids in partition.items()
    }
    both.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    assert len(again.weights) == count
    loaded = graphlint.unbundle(again)
    assert len(variables(loaded.values())) == count
    assert sorted(one.trainable for model in loaded.values() for one in model.weights) == flags
    for seed in range(3):
        for name, model in models.items():
            data = batch(model, seed)
            wanted = outputs(model, data)
            for other in (back[name], loaded[name]):
                for one, expected in zip(outputs(other, data), wanted, strict=True):
                    np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-6)


def test_the_models_of_a_loaded_bundle_train_one_another(tmp_path):
    graphlint.bundle(autoencoder()).save(tmp_path / "both.keras")
    models = graphlint.unbundle(keras.models.load_model(tmp_path / "both.keras"))
    x = np.ones((4, 4), "float32")
    before = outputs(models["encoder"], x)[0]
    models["full"].compile("sgd", "mse")
    models["full"].train_on_batch(x, x)
    assert not np.array_equal(outputs(models["encoder"], x)[0], before)


def test_what_is_no_bundle_is_said():
    with pytest.raises(graphlint.GraphlintError, match=r"expected a model that graphlint\.bundle made"):
        graphlint.unbundle(keras.Sequential([inputs(), layers.Dense(1)]))
    with pytest.raises(graphlint.GraphlintError, match="expected models by name"):
        graphlint.bundle({})


def test_a_layer_is_replaced_in_every_model_that_has_it():
    models = autoencoder()
    models["full"].compile("adam", "mse")
    new = layers.Dense(2, "relu", name="code")
    replaced = graphlint.replace_everywhere(models, "encoder:code", new)
    assert replaced["encoder"].layers[-1] is new
    assert any(layer is new for layer in replaced["full"].layers)
    assert replaced["full"].compiled and isinstance(replaced["full"].optimizer, keras.optimizers.Adam)
    assert models["encoder"].layers[-1] is not new


@pytest.mark.parametrize("weights", ["share", "copy"])
def test_parts_share_with_the_model_unless_they_copy(weights):
    model = autoencoder()["full"]
    parts = [
        *graphlint.split(model, at="code", weights=weights),
        graphlint.extract(model, outputs="code", weights=weights),
        graphlint.features(model, "code", weights=weights),
    ]
    shared = [bool(variables([part]) & variables([model])) for part in parts]
    assert shared == [weights == "share"] * 4


def test_models_are_made_to_share_and_not_to():
    models = apart()
    data = np.ones((2, 4), "float32")
    shared = graphlint.share(models, "one:dense", "other:dense")
    assert variables([shared["one"]]) == variables([shared["other"]]) == variables([models["one"]])
    again = graphlint.unshare(shared, "other", "one:dense")
    assert not variables([again["one"]]) & variables([again["other"]])
    np.testing.assert_array_equal(outputs(again["one"], data)[0], outputs(again["other"], data)[0])
    with pytest.raises(graphlint.GraphlintError, match="expected the name of one of the models"):
        graphlint.unshare(shared, "third", "one:dense")


def test_a_nested_model_is_copied_with_everything_inside():
    models = nested_twice()
    data = batch(models["siamese"], 0)
    before = outputs(models["siamese"], data)
    apart_ = graphlint.unshare(models, "siamese", "serving:")
    assert not variables([apart_["siamese"]]) & variables([apart_["serving"]])
    assert len(apart_["siamese"].weights) == len(models["siamese"].weights)
    np.testing.assert_array_equal(outputs(apart_["siamese"], data)[0], before[0])
    copied = graphlint.unshare(models, "serving", "serving:")
    assert not variables([copied["serving"]]) & variables([copied["siamese"]])


def test_layers_of_a_model_that_is_not_nested_are_copied_one_by_one():
    models = statistics()
    data = batch(models["head"], 0)
    models["features"].trainable = False
    apart_ = graphlint.unshare(models, "head", "features:")
    assert not variables([apart_["head"]]) & variables([apart_["features"]])
    assert not apart_["head"].get_layer("dense").trainable
    np.testing.assert_array_equal(outputs(apart_["head"], data)[0], outputs(models["head"], data)[0])


def test_a_copy_that_would_still_share_is_refused():
    x = inputs()
    encoder = keras.Sequential([inputs(), layers.Dense(4, name="a"), layers.Dense(4, name="b")], name="encoder")
    mixed = keras.Model(x, encoder(x) + encoder.get_layer("b")(x), name="mixed")
    with pytest.raises(graphlint.GraphlintError, match="also calls layers inside encoder:"):
        graphlint.unshare({"mixed": mixed, "encoder": encoder}, "mixed", "encoder:")


def test_a_layer_is_replaced_at_all_of_its_calls_and_a_model_wherever_it_is():
    step = layers.Dense(4, name="step")
    x, y = inputs(), inputs()
    models = {"twice": keras.Model(x, step(step(x))), "once": keras.Model(y, step(y))}
    new = layers.Dense(4, "relu", name="other")
    replaced = graphlint.replace_everywhere(models, "once:step", new)
    assert variables(replaced.values()) == variables([replaced["once"]]) == {id(one) for one in new.weights}
    models = nested_twice()
    other = keras.Sequential([inputs(), layers.Dense(3, name="c")], name="other")
    replaced = graphlint.replace_everywhere(models, "serving:", other)
    assert replaced["serving"] is other and variables([other]) < variables([replaced["siamese"]])
    assert not variables([replaced["siamese"]]) & variables([models["serving"]])
    with pytest.raises(graphlint.GraphlintError, match="expected a model in the place of"):
        graphlint.replace_everywhere(models, "serving:", layers.Dense(3))


def test_a_copy_with_the_name_of_its_model_is_bundled_with_it(tmp_path):
    online = keras.Sequential([inputs(), layers.Dense(2, name="dense")], name="network")
    models = {"network": online, "target": keras.models.clone_model(online)}
    both = graphlint.bundle(models)
    both.save(tmp_path / "both.keras")
    for bundle in (both, keras.models.load_model(tmp_path / "both.keras")):
        back = graphlint.unbundle(bundle)
        assert len(bundle.weights) == 4 and not variables([back["network"]]) & variables([back["target"]])
        for name, model in models.items():
            data = batch(model, 0)
            np.testing.assert_array_equal(outputs(back[name], data)[0], outputs(model, data)[0])


def test_models_that_are_code_are_bundled_whole_or_refused():
    class Code(keras.Model):
        def __init__(self, inner):
            super().__init__(name="code")
            self.inner = inner

        def call(self, x):
            return self.inner(x)

    encoder = keras.Sequential([inputs(), layers.Dense(2)], name="encoder")
    with pytest.raises(graphlint.GraphlintError, match="code was never called"):
        graphlint.bundle({"code": Code(layers.Dense(2))})
    alone, shares = Code(layers.Dense(2)), Code(encoder)
    data = np.ones((2, 4), "float32")
    alone(data), shares(data)
    both = graphlint.bundle({"code": alone, "encoder": encoder})
    assert graphlint.unbundle(both)["code"] is alone
    with pytest.raises(graphlint.GraphlintError, match="shares layers with another of the models"):
        graphlint.bundle({"code": shares, "encoder": encoder})


# -- names; nothing is computed -------------------------------------------------------------------------------------


def of_two(structure, name):
    """A model of two tensors in a list or dict, with one output."""
    given = {key: inputs(name=key if structure is dict else f"{name}_{key}") for key in "pq"}
    received = given if structure is dict else structure(given.values())
    return keras.Model(received, layers.Add(name=f"{name}_sum")(list(given.values())), name=name)


def test_what_inputs_and_outputs_are_called():
    x, y = inputs(name="single"), inputs(name="y")
    models = {
        "list": of_two(list, "a"),
        "dict": of_two(dict, "b"),
        "alone": keras.Model([x], {"out": layers.ReLU(name="one")(x), "more": layers.ReLU(name="two")(x)}, name="c"),
        "taken": keras.Model(y, [layers.Dense(2, name="taken")(y)], name="d"),
    }
    made = graphlint.bundle(models, "all")
    assert made.name == "all"
    assert list(made.input) == ["list:0", "list:1", "dict:p", "dict:q", "alone", "taken:input"]
    assert list(made.output) == ["list", "dict", "alone:more", "alone:out", "taken"]
    found = graphlint.unbundle(made)
    assert list(found) == list(models) and all(found[name] is models[name] for name in models)


def test_what_shares_inside_is_called_layer_by_layer():
    shared = layers.Dense(4, name="shared")
    left, right = inputs(name="left"), inputs(name="right")
    both = keras.Model([left, right], [shared(left), layers.Dense(2, name="own")(right)], name="both")
    x = inputs(name="x")
    other = keras.Model({"x": x}, shared(x), name="other")
    made = graphlint.bundle({"both": both, "other": other})
    assert list(made.input) == ["both:0", "both:1", "other:x"] and list(made.output) == ["both:0", "both:1", "other"]
    assert {layer.name for layer in made.layers if layer.weights} == {"shared", "own"}
    found = graphlint.unbundle(made)
    assert found["both"] is not both and [one.name for one in found["both"].inputs] == ["both:0", "both:1"]
    assert isinstance(found["other"].input, dict) and list(found["other"].input) == ["x"]
    assert {one.name for one in found["other"].layers if one.weights} == {"shared"}


@pytest.mark.parametrize("models", [{}, {"a:b": None}, {"": None}, {3: None}])
def test_names_that_models_cannot_have(models):
    with pytest.raises(graphlint.GraphlintError, match="expected models by name, without ':' in a name"):
        graphlint.bundle({key: keras.Sequential([inputs(), layers.ReLU()]) for key in models})


def test_many_inputs_keep_their_order():
    shared = layers.Dense(4, name="shared")
    many = [inputs(name=f"in{number}") for number in range(11)]
    first = keras.Model(many, shared(layers.Add(name="sum")(many)), name="first")
    x = inputs(name="x")
    found = graphlint.unbundle(graphlint.bundle({"many": first, "one": keras.Model(x, shared(x), name="second")}))
    assert [one.name for one in found["many"].inputs] == [f"many:{number}" for number in range(11)]
    assert isinstance(found["one"].input, keras.KerasTensor) and found["one"].input.name == "one"


def test_a_name_that_layers_have():
    """A layer inside has the name of the model, and another model has it, and the name with a line below too."""

    def named(layer, name="net"):
        x = inputs()
        return keras.Model(x, layers.Dense(2, name=layer)(x), name=name)

    models = {"net": named("one"), "other": named("other"), "third": named("third_"), "fourth": named("d", "unlike")}
    made = graphlint.bundle(models)
    assert list(made.input) == ["net:input", "other:input", "third:input", "fourth"]
    assert list(made.output) == list(models)
    assert sorted(layer.name for layer in made.layers if layer.weights) == ["net", "other_", "third", "unlike"]
    found = graphlint.unbundle(made)
    assert list(found) == list(models) and found["net"] is models["net"] and found["other"].name == "other_"
    assert [found[name].layers[-1] for name in models] == [model.layers[-1] for model in models.values()]


def test_a_name_that_several_models_have():
    """Those with several tensors, and those of which a name of the bundle is another model's name with a line below."""

    def named(key, name):
        x, y = inputs(name="x"), inputs(name="y")
        total = layers.Add(name=f"{key}_sum")([x, y])
        return keras.Model({"x": x, "y": y}, [total, layers.ReLU(name=f"{key}_relu")(total)], name=name)

    models = {"a": named("a", "net"), "b": named("b", "net"), "c": named("c", "net")}
    made = graphlint.bundle(models)
    assert list(made.input) == [f"{key}:{place}" for key in "abc" for place in "xy"]
    assert list(made.output) == [f"{key}:{place}" for key in "abc" for place in "01"]
    found = graphlint.unbundle(made)
    assert found["a"] is models["a"] and [one.name for one in found.values()] == ["net", "b", "c"]
    data = {place: np.ones((2, 4), "float32") for place in "xy"}
    assert [len(outputs(one, data)) for one in found.values()] == [2, 2, 2]
    single = {
        key: keras.Sequential([inputs(), layers.ReLU()], name=name)
        for key, name in (("other", "net"), ("net_", "unlike"), ("net", "net"))
    }
    made = graphlint.bundle(single)
    assert list(made.input) == ["other", "net_", "net:input"]
    assert [one.name for one in graphlint.unbundle(made).values()] == ["net", "unlike", "net__"]


def test_a_model_that_is_not_called_as_a_whole_keeps_its_name_for_others():
    shared = layers.Dense(4, name="shared")
    x, y, z = inputs(), inputs(), inputs()
    models = {
        "one": keras.Model(x, shared(layers.ReLU()(x)), name="net"),
        "two": keras.Model(y, shared(y), name="net"),
        "whole": keras.Model(z, layers.Dense(2)(z), name="net"),
    }
    found = graphlint.unbundle(graphlint.bundle(models))
    assert found["whole"] is models["whole"]
    assert [found[key] is models[key] for key in ("one", "two")] == [False, False]


def test_a_model_that_does_more_than_its_graph_is_not_copied_for_its_name():
    class Twice(keras.Model):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training, mask)

    models = {}
    for key in "ab":
        x = inputs()
        models[key] = Twice(x, layers.ReLU(name=f"relu_{key}")(x), name="twice")
    with pytest.raises(graphlint.GraphlintError, match="two layers named 'twice' would be in one model"):
        graphlint.bundle(models)
    assert graphlint.unbundle(graphlint.bundle({"a": models["a"]}))["a"] is models["a"]


def test_places_are_the_keys_of_dicts_where_not_all_are_numbers():
    x, y = inputs(name="0"), inputs(name="p")
    model = keras.Model({"0": x, "p": y}, {"": layers.ReLU(name="r")(x), "b": layers.Add(name="sum")([x, y])}, name="m")
    made = graphlint.bundle({"key": model})
    assert list(made.input) == ["key:0", "key:p"] and list(made.output) == ["key:", "key:b"]
    assert graphlint.unbundle(made)["key"] is model


@pytest.mark.parametrize(
    ("received", "returned", "message"),
    [
        (list, list, "expected a model that graphlint.bundle made, got 'made': its inputs have no names"),
        (dict, list, "expected a model that graphlint.bundle made, got 'made': its inputs have no names"),
        (list, dict, "expected a model that graphlint.bundle made, got 'made': its inputs have no names"),
        (
            dict,
            dict,
            (
                "expected inputs and outputs of the same models, got those of p, q and of r, s: pass what "
                "graphlint.bundle made"
            ),
        ),
    ],
)
def test_what_no_bundle_has_is_said_in_full(received, returned, message):
    p, q = inputs(name="p"), inputs(name="q")
    given, made = {"p": p, "q": q}, {"r": layers.ReLU()(p), "s": layers.ReLU()(q)}
    model = keras.Model(
        given if received is dict else [p, q], made if returned is dict else list(made.values()), name="made"
    )
    with pytest.raises(graphlint.GraphlintError) as raised:
        graphlint.unbundle(model)
    assert str(raised.value) == message


def test_what_is_a_whole_model_and_what_only_looks_like_one():
    def of(name, received, returned):
        return keras.Model(received, returned, name=name)

    left, right = inputs(name="left"), inputs(name="right")
    inner = of("inner", [left, right], [layers.ReLU(name="up")(left), layers.ReLU(name="down")(right)])
    a, b = inputs(name="m:0"), inputs(name="m:1")

    def unbundled(first, second):
        return graphlint.unbundle(keras.Model({"m:0": a, "m:1": b}, {"m:0": first, "m:1": second}))["m"]

    up, down = inner([a, b])
    assert unbundled(up, down) is inner
    for first, second in ((down, up), (up, up), (up, layers.ReLU()(down)), tuple(inner([layers.ReLU()(a), b]))):
        found = unbundled(first, second)
        assert found is not inner and found.name == "m" and [one.name for one in found.inputs] == ["m:0", "m:1"]
        assert found.outputs[0] is first and found.outputs[1] is second
    x = inputs(name="n")
    found = graphlint.unbundle(keras.Model({"n": x}, {"n": layers.ReLU(name="relu")(x)}))["n"]
    assert isinstance(found, keras.Model) and [one.name for one in found.layers] == ["n", "relu"]


class Takes(keras.Model):
    """Code that receives a tensor, or several in a list or dict."""

    def __init__(self, name, inner):
        super().__init__(name=name)
        self.inner = inner

    def call(self, x):
        return self.inner(sum(keras.tree.flatten(x)))


class TakesTwo(keras.Model):
    def __init__(self, inner):
        super().__init__(name="two")
        self.inner = inner

    def call(self, x, y):
        return self.inner(x + y)


def test_what_code_receives_keeps_its_structure():
    x = np.ones((2, 4), "float32")
    models = {name: Takes(f"{name}_code", layers.Dense(2)) for name in ("plain", "list", "dict")}
    models["inner"] = Takes("other_code", layers.Dense(2, name="inner"))
    models["plain"](x), models["list"]([x, x]), models["dict"]({"p": x, "q": x}), models["inner"](x)
    made = graphlint.bundle(models)
    assert list(made.input) == ["plain", "list:0", "list:1", "dict:p", "dict:q", "inner:input"]
    assert [tuple(one.shape)[1:] for one in made.inputs] == [(4,)] * 6
    found = graphlint.unbundle(made)
    assert list(found) == list(models) and all(found[name] is models[name] for name in models)


def refusals():
    x = np.ones((2, 4), "float32")
    fresh, by_keyword, by_place, on_a_batch = (TakesTwo(layers.Dense(2)) for _ in range(4))
    by_keyword(inputs(), y=inputs()), by_place(inputs(), inputs()), on_a_batch(x, x)
    shared = layers.Dense(2, name="shared")
    code, p = Takes("code", shared), inputs()
    code(x)
    twins = {}
    for name in "ab":
        q = inputs()
        twins[name] = keras.Model(q, layers.Dense(1, name="end")(shared(q)))
    partly = {name: keras.Model(q := inputs(), layers.ReLU()(shared(q))) for name in "ab"}
    several = "expected a model that receives its tensors in one argument, got m, which takes several"
    return [
        ({"m": fresh}, "m was never called, so that its inputs are not known: call it on a batch before"),
        ({"m": by_keyword}, several),
        ({"m": by_place}, several),
        ({"m": on_a_batch}, several),
        (
            {"m": code, "n": keras.Model(p, shared(p))},
            (
                "m is code (Takes) and shares layers with another of the models, so that no graph can hold both: "
                "bundle it without that one, or make it Functional with as_functional()"
            ),
        ),
        (twins, "two layers named 'end' would be in one model: give one of them another name"),
        (
            {
                "m": keras.Sequential([inputs(), layers.ReLU()], name="n"),
                "n": keras.Sequential([layers.ReLU()], name="n"),
            },
            "n was never called, so that its inputs are not known: call it on a batch before",
        ),
        (
            {"whole": keras.Sequential([inputs(), layers.ReLU()], name="shared"), **partly},
            "two layers named 'shared' would be in one model: give one of them another name",
        ),
        ({"a:b": fresh, "c": fresh}, "expected models by name, without ':' in a name, got ['a:b', 'c']: rename them"),
    ]


def test_what_is_not_bundled_is_said_in_full():
    for models, message in refusals():
        before = {name: [layer.name for layer in model._flatten_layers()] for name, model in models.items()}
        with pytest.raises(graphlint.GraphlintError) as raised:
            graphlint.bundle(models)
        assert str(raised.value).startswith(message) and "\n" not in str(raised.value)
        assert {name: [one.name for one in model._flatten_layers()] for name, model in models.items()} == before


def test_code_that_shares_only_what_has_no_weights_is_bundled():
    relu = layers.ReLU(name="relu")
    code, x = Takes("code", relu), inputs()
    code(np.ones((2, 4), "float32"))
    models = {"code": code, "graph": keras.Model(x, relu(layers.Dense(3, name="dense")(x)))}
    assert list(graphlint.unbundle(graphlint.bundle(models))) == ["code", "graph"]


def test_layers_are_replaced_wherever_they_are_called():
    """In a nested model that is called twice, directly, and not at all: which models are new, and what they hold."""
    step = layers.Dense(4, name="step")
    p, x, y, z = (inputs() for _ in range(4))
    inner = keras.Model(p, step(layers.ReLU()(p)), name="inner")
    models = {
        "twice": keras.Model(x, layers.Add()([inner(x), inner(inner(x))])),
        "direct": keras.Model(y, step(step(y))),
        "without": keras.Model(z, layers.Dense(4, name="other")(z)),
    }
    new = layers.Dense(4, name="new")
    found = graphlint.replace_everywhere(models, "direct:step", new)
    assert list(found) == list(models) and found["without"] is models["without"]
    for name in ("twice", "direct"):
        assert found[name] is not models[name] and variables([found[name]]) == {id(one) for one in new.weights}
    assert variables([models["twice"]]) == variables([models["direct"]]) == {id(one) for one in step.weights}
    one = np.ones((2, 4), "float32")
    (expected,) = outputs(keras.Sequential([inputs(), new, new]), one)
    np.testing.assert_allclose(outputs(found["direct"], one)[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("third", "one:dense"), "expected the name of one of the models, got 'third': it is one of one, other"),
        (("other", "one:dense"), "other does not have the layer at one:dense: name a layer that it shares"),
        (("one", "other:{0}"), "expected a layer, got the operation at other:{0}: it has no weights to copy"),
    ],
)
def test_what_cannot_be_parted_is_said(arguments, message):
    x, y = inputs(), inputs()
    models = {"one": keras.Model(x, layers.Dense(2, name="dense")(x)), "other": keras.Model(y, ops.exp(y))}
    name = models["other"].operations[-1].name
    with pytest.raises(graphlint.GraphlintError) as raised:
        graphlint.unshare(models, *(one.format(name) for one in arguments))
    assert str(raised.value) == message.format(name)
    with pytest.raises(graphlint.GraphlintError) as raised:
        graphlint.replace_everywhere(list(models.values()), "dense", layers.Dense(2))
    assert str(raised.value) == "expected models by name, got list: pass a dict"


def test_a_copy_is_only_of_what_the_model_calls():
    """Of a model that it does not call, one gets copies of the layers with weights, of a nested one as a whole."""
    p, x, y = inputs(), inputs(), inputs()
    body = keras.Model(p, layers.Dense(4, name="deep")(layers.Dense(3, name="deeper")(p)), name="body")
    first, relu, unused = layers.Dense(4, name="first"), layers.ReLU(name="relu"), layers.Dense(2, name="unused")
    whole = keras.Model(x, unused(relu(body(first(x)))), name="whole")
    part = keras.Model(y, layers.Dense(1, name="own")(relu(body(first(y)))), name="part")
    own = part.get_layer("own")
    found = graphlint.unshare({"whole": whole, "part": part}, "part", "whole:")
    assert found["whole"] is whole
    made = found["part"]
    assert variables([made]) & variables([whole, part]) == {id(one) for one in own.weights}
    assert len(made.weights) == len(part.weights)
    assert made.get_layer("relu") is relu and made.get_layer("body") is not body
    data = np.ones((2, 4), "float32")
    np.testing.assert_allclose(outputs(made, data)[0], outputs(part, data)[0], rtol=1e-5)


@pytest.mark.parametrize("nested", [False, True])
def test_what_has_no_weights_is_copied_too(nested):
    relu, p, x, y = layers.ReLU(name="relu"), inputs(), inputs(), inputs()
    if nested:
        relu = keras.Model(p, relu(p), name="relu")
    models = {"one": keras.Model(x, relu(x)), "other": keras.Model(y, relu(y))}
    found = graphlint.unshare(models, "other", "one:relu")
    assert found["one"] is models["one"]
    assert found["other"].get_layer("relu") is not relu and models["other"].get_layer("relu") is relu


def test_a_model_gets_copies_of_what_it_shares_with_one_that_calls_it():
    models = nested()
    found = graphlint.unshare(models, "encoder", "full:")
    assert found["full"] is models["full"] and len(found["encoder"].weights) == 4
    assert not variables([found["encoder"]]) & variables([models["full"]])
    data = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(outputs(found["encoder"], data)[0], outputs(models["encoder"], data)[0])


def test_a_model_that_also_calls_what_lies_inside_what_it_shares():
    p, x, y = inputs(), inputs(), inputs()
    deep = layers.Dense(4, name="deep")
    body = keras.Model(p, deep(layers.ReLU()(p)), name="body")
    models = {"whole": keras.Model(x, layers.Dense(2)(body(x))), "part": keras.Model(y, deep(body(y)))}
    with pytest.raises(graphlint.GraphlintError) as raised:
        graphlint.unshare(models, "part", "whole:")
    assert str(raised.value) == (
        "part also calls layers inside whole: where that is not called: 2 of its variables would still be shared: name "
        "these layers one by one"
    )


def test_what_only_lies_inside_a_wrapper_is_not_the_wrapper():
    dense = layers.Dense(3, name="dense")
    x, y, z = inputs(5, 4), inputs(), inputs(5, 4)
    models = {
        "one": keras.Model(x, layers.TimeDistributed(dense, name="each")(x)),
        "called": keras.Model(y, dense(y)),
        "wrapped": keras.Model(z, layers.TimeDistributed(dense, name="other")(z)),
    }
    for name in ("called", "wrapped"):
        with pytest.raises(graphlint.GraphlintError) as raised:
            graphlint.unshare(models, name, "one:each")
        assert str(raised.value) == f"{name} does not have the layer at one:each: name a layer that it shares"
    found = graphlint.unshare(models, "called", "one:")["called"]
    assert len(found.weights) == 2 and not variables([found]) & variables([models["called"]])
    for change in (
        lambda: graphlint.unshare(models, "wrapped", "one:"),
        lambda: graphlint.unshare(models, "wrapped", "called:dense"),
        lambda: graphlint.replace_everywhere(models, "called:dense", layers.Dense(3)),
    ):
        with pytest.raises(graphlint.GraphlintError):
            change()


class Halves(layers.Layer):
    """Code that calls a layer and halves what that returns."""

    def __init__(self, inner):
        super().__init__(name="halves")
        self.inner = inner

    def call(self, x):
        return self.inner(x) / 2


@pytest.mark.filterwarnings("ignore::graphlint.replay.members.NotStored")
@pytest.mark.parametrize("address", ["graph:", "graph:dense"])
def test_code_gets_copies_of_what_it_shares(address):
    x = inputs()
    dense, data = layers.Dense(3, name="dense"), np.ones((2, 4), "float32")
    models = {"graph": keras.Model(x, dense(x)), "code": Takes("code", dense)}
    before = outputs(models["code"], data)[0]
    found = graphlint.unshare(models, "code", address)
    assert found["graph"] is models["graph"] and len(found["code"].weights) == 2
    assert not variables([found["code"]]) & variables([dense])
    np.testing.assert_array_equal(outputs(found["code"], data)[0], before)


@pytest.mark.filterwarnings("ignore::graphlint.replay.members.NotStored")
def test_a_layer_is_replaced_where_code_calls_it():
    x, y = inputs(), inputs()
    dense = layers.Dense(3, name="dense")
    models = {"graph": keras.Model(x, dense(x)), "code": keras.Model(y, Halves(dense)(y))}
    new = layers.Dense(3, name="new")
    found = graphlint.replace_everywhere(models, "graph:dense", new)
    data = np.ones((2, 4), "float32")
    for key, factor in ("graph", 1), ("code", 0.5):
        assert variables([found[key]]) == {id(one) for one in new.weights}
        np.testing.assert_allclose(outputs(found[key], data)[0], factor * outputs(new, data)[0], rtol=1e-6)
