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
