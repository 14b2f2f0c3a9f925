"""What the rescue makes of small files, layer by layer, and what it says of those that it cannot make a model of."""

import json
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from graphlint.errors import Unmendable
from graphlint.fixes.rescue import rescue
from graphlint.sources import read
from tests.hostile.files import dense, functional, h5_model, input_layer, keras_archive, layer, tensor


@pytest.fixture(autouse=True)
def names():
    keras.utils.clear_session(free_memory=False)


def of(tmp_path, content, name="model.keras"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read(path)


def stored(**layers):
    """Weights of a `.keras` file: by group the variables of a layer."""

    def write(path: Path):
        with h5py.File(path, "w") as file:
            for group, variables in layers.items():
                for place, value in enumerate(variables):
                    file[f"layers/{group}/vars/{place}"] = value
        return path.read_bytes()

    return write


def rescued(tmp_path, config, **layers):
    return rescue(of(tmp_path, keras_archive(config, stored(**layers)(tmp_path / "weights.h5"))))


def of_keras_2(*entries, inputs=("x",), outputs=(), name="net"):
    """The text of a Functional model of Keras 2; each entry is a class, a name, a source and settings."""
    first = [
        {
            "class_name": "InputLayer",
            "name": one,
            "config": {"name": one, "batch_input_shape": [None, 4]},
            "inbound_nodes": [],
        }
        for one in inputs
    ]
    layers = [
        {"class_name": kind, "name": own, "config": {"name": own, **config}, "inbound_nodes": [[[source, 0, 0, {}]]]}
        for kind, own, source, config in entries
    ]
    ends = [[one, 0, 0] for one in outputs or (entries[-1][1],)]
    starts = [[one, 0, 0] for one in inputs]
    config = {"name": name, "layers": [*first, *layers], "input_layers": starts, "output_layers": ends}
    return {"class_name": "Functional", "config": config, "keras_version": "2.12.0"}


KERNEL, BIAS = np.arange(16, dtype="f4").reshape(4, 4), np.ones(4, "f4")


# -- names and structures -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        (["a/b", "c"], ["a_b", "c"]),
        (["a/b", "a_b"], ["a_b_", "a_b"]),
        (["a/b", "a_b", "a_b_"], ["a_b__", "a_b", "a_b_"]),
        (["a/b_c", "a_b/c"], ["a_b_c", "a_b_c_"]),
        (["c", "a/b/d", "e/f"], ["c", "a_b_d", "e_f"]),
    ],
)
def test_names_have_no_slash(tmp_path, given, expected):
    steps = zip(given, ("x", *given), strict=False)
    entries = [("Dense", name, source, {"units": 2}) for name, source in steps]
    model = rescue(of(tmp_path, of_keras_2(*entries), "model.json")).model
    assert [one.name for one in model.layers[1:]] == expected


def test_names_inside_layers_and_of_layers_that_are_called_twice(tmp_path):
    inner = {"class_name": "Dense", "config": {"name": "in/side", "units": 2}}
    entries = [
        ("Reshape", "first", "x", {"target_shape": [2, 2]}),
        ("TimeDistributed", "each", "first", {"layer": inner}),
        ("Flatten", "end", "each", {}),
        ("Dense", "twice/a", "end", {"units": 4}),
    ]
    config = of_keras_2(*entries)
    config["config"]["layers"][-1]["inbound_nodes"].append([["twice/a", 0, 0, {}]])
    config["config"]["output_layers"] = [["twice/a", 1, 0]]
    model = rescue(of(tmp_path, config, "model.json")).model
    assert [one.name for one in model.layers] == ["x", "first", "each", "end", "twice_a"]
    assert model.get_layer("each").layer.name == "in_side"
    assert len(model.get_layer("twice_a")._inbound_nodes) == 2


@pytest.mark.parametrize(
    ("inputs", "outputs", "received", "returned"),
    [
        (("x",), ("a",), "KerasTensor", "KerasTensor"),
        (("x", "y"), ("a",), "list", "KerasTensor"),
        (("x",), ("a", "b"), "KerasTensor", "list"),
    ],
)
def test_a_single_input_or_output_is_the_tensor_itself(tmp_path, inputs, outputs, received, returned):
    entries = [("Dense", "a", "x", {"units": 2}), ("Dense", "b", "x", {"units": 2})]
    model = rescue(of(tmp_path, of_keras_2(*entries, inputs=inputs, outputs=outputs), "model.json")).model
    assert type(model._inputs_struct).__name__ == received and type(model._outputs_struct).__name__ == returned


def test_a_list_of_one_stays_one_in_a_file_of_keras_3(tmp_path):
    config = functional([input_layer(), dense("d", tensor("in"))], inputs=[["in", 0, 0]], outputs=[["d", 0, 0]])
    model = rescued(tmp_path, config, dense=(KERNEL, BIAS)).model
    assert isinstance(model._inputs_struct, list) and isinstance(model._outputs_struct, list)


# -- weights --------------------------------------------------------------------------------------------------------


def test_weights_are_carried_over(tmp_path):
    odd = KERNEL * np.float32(np.nan)
    config = functional([input_layer(), dense("d", tensor("in")), dense("e", tensor("d"))])
    done = rescued(tmp_path, config, dense=(KERNEL, BIAS), dense_1=(odd, 2 * BIAS))
    assert done.notes == ()
    for one, expected in zip(done.model.weights, (KERNEL, BIAS, odd, 2 * BIAS), strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(one), expected)


def test_what_normalizes_computes_with_its_weights(tmp_path):
    """Also where other layers come first."""
    config = functional(
        [input_layer(), dense("d", tensor("in")), layer("Normalization", "n", {"axis": [-1]}, [tensor("d")])]
    )
    config["config"]["layers"][-1]["build_config"] = {"input_shape": [None, 4]}
    numbers = (BIAS * 3, BIAS * 4, np.int32(7))
    model = rescued(tmp_path, config, dense=(KERNEL, BIAS), normalization=numbers).model
    norm = model.get_layer("n")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(norm.mean).ravel(), BIAS * 3)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(norm.variance).ravel(), BIAS * 4)


def test_a_file_without_weights(tmp_path):
    done = rescue(of(tmp_path, of_keras_2(("Dense", "d", "x", {"units": 2})), "model.json"))
    assert done.notes == ("the file has no weights: the new one has freshly initialized ones",)


def chain(*names, **config):
    before = ("in", *names)
    return functional(
        [input_layer(), *(dense(one, tensor(source), **config) for one, source in zip(names, before, strict=False))]
    )


@pytest.mark.parametrize(
    ("config", "layers", "message"),
    [
        (
            chain("d", use_bias=False),
            {"dense": (KERNEL, BIAS)},
            "d@1 is in the file, but the model that Keras builds has no such variable",
        ),
        (
            chain("d"),
            {"dense": (KERNEL,)},
            "the file has no values for d@bias: save the model again, or initialize them in code",
        ),
        (
            chain("d", "c", "b", "a"),
            {"dense": (KERNEL, BIAS), "dense_1": (KERNEL,), "dense_2": (KERNEL,), "dense_3": ()},
            "the file has no values for a@bias, a@kernel, b@bias: save the model again, or initialize them in code",
        ),
        (chain("d"), {"dense": (KERNEL[:3], BIAS)}, "d@kernel is stored with shape (3, 4), but Keras expects (4, 4)"),
    ],
)
def test_weights_that_do_not_fit(tmp_path, config, layers, message):
    with pytest.raises(Unmendable) as caught:
        rescued(tmp_path, config, **layers)
    assert str(caught.value) == message


def test_values_that_are_not_there_or_do_not_arrive(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    path.write_bytes(keras_archive(chain("d"), stored(dense=(KERNEL, BIAS))(tmp_path / "weights.h5")))
    definition = read(path)
    definition.root.body.layers[1].variables[1].values = None
    with pytest.raises(Unmendable, match=r"^the values of d@bias are not in this file$"):
        rescue(definition)
    real = keras.ops.convert_to_numpy
    monkeypatch.setattr(keras.ops, "convert_to_numpy", lambda value: real(value) + 1)
    with pytest.raises(Unmendable, match=r"^d@kernel could not be carried over bit for bit$"):
        rescue(read(path))


# -- what Keras says ------------------------------------------------------------------------------------------------


def own(class_name="Mine", **more):
    return functional([input_layer(), layer(class_name, "m", {"units": 3}, [tensor("in")]) | more])


NO_MODULE = "pass --import with the module that defines and registers it, which the file does not name"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            own(module="mine", registered_name="my>Mine"),
            "pass --import mine, which the file names, if that module registers it",
        ),
        (
            own(module=None, registered_name="my>Mine"),
            "pass --import my, which the file names, if that module registers it",
        ),
        (own(module=None, registered_name="Custom>Mine"), NO_MODULE),
        (own(module="__main__", registered_name="Mine"), NO_MODULE),
    ],
)
def test_a_class_that_is_not_registered(tmp_path, config, message):
    with pytest.raises(Unmendable) as caught:
        rescue(of(tmp_path, config, "model.json"))
    assert "Mine' is not part of Keras: " in str(caught.value) and str(caught.value).endswith(message)


def test_settings_that_keras_refuses(tmp_path):
    """The last line of what Keras says, which names the cause, and not the whole configuration."""
    for units, expected in ((-1, "Received an invalid value for `units`"), ("x" * 400, "")):
        with pytest.raises(Unmendable) as caught:
            rescue(of(tmp_path, functional([input_layer(), dense("d", tensor("in"), units)]), "model.json"))
        assert str(caught.value).startswith(expected) and len(str(caught.value)) <= 300
        assert "\n" not in str(caught.value) and "Exception encountered" not in str(caught.value)
        assert "build_config" not in str(caught.value)
    assert len(str(caught.value)) == 300


def test_a_class_that_makes_no_model(tmp_path):
    @keras.saving.register_keras_serializable("odd")
    class Odd:
        def get_config(self):
            return {}

        @classmethod
        def from_config(cls, config):
            return cls()

    config = chain("d") | {"module": "odd", "class_name": "Odd", "registered_name": "odd>Odd"}
    with pytest.raises(Unmendable, match=r"^expected a model, got Odd$"):
        rescue(of(tmp_path, config, "model.json"))


def test_what_cannot_be_rewritten_is_not_tried(tmp_path):
    subclassed = {
        "module": "mine",
        "class_name": "Net",
        "registered_name": "my>Net",
        "config": {},
        "compile_config": {},
    }
    with pytest.raises(Unmendable, match=r"^Net is a subclassed model: register its class and load with that code$"):
        rescue(of(tmp_path, subclassed, "model.json"))


def test_a_loss_with_code_is_not_loaded(tmp_path):
    code = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
    definition = of(tmp_path, h5_model(chain("d")), "model.h5")
    definition.compile_config = {"optimizer": "sgd", "loss": code}
    (note,) = rescue(definition).notes
    assert note.startswith("not compiled: ") and "lambda" in note
