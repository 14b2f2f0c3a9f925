"""Addresses with attributes, on graphs alone."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from graphlint.model.expand import expand
from graphlint.model.graph import ModelGraph
from graphlint.replay.spelling import add_attributes, canonical
from graphlint.sources.live import read_live
from tests.model.definitions import call, definition, input_call, layer, model


def graph(**aliases: str) -> ModelGraph:
    """Two layers, each with one inside and that again with one, and other names for them."""
    found = [
        layer(name, "Bidirectional", children={"dense": layer("dense", "Bidirectional", children={"cell": layer("c")})})
        for name in ("enc", "encoder")
    ]
    calls = [input_call("x"), *(call(one, place) for place, one in enumerate(found))]
    made = expand(definition(model("net", calls, [0], [2])))
    made.aliases.update({name.replace("__", "/"): path for name, path in aliases.items()})
    return made


@pytest.mark.parametrize(
    ("address", "spelled"),
    [
        ("enc", "enc"),
        ("enc#1/dense#2/cell:3", "enc#1/dense#2/cell:3"),
        (".", "."),
        (".:1", ".:1"),
        ("nothing", "nothing"),
        ("parts/1/nothing", "parts/1/nothing"),
        ("parts", "parts"),
        ("parts/0", "enc"),
        ("parts/0#1:2", "enc#1:2"),
        ("parts/1/dense", "encoder/dense"),
        ("parts/0#1/dense#2/cell#3", "enc#1/dense#2/cell#3"),
        ("enc#1/first#2", "enc#1/dense#2"),
        ("parts/0#1/first#2:0", "enc#1/dense#2:0"),
        ("enc/first#2/cell#1", "enc/dense#2/cell#1"),
        ("enc#1/deep#2", "enc#1/dense/cell#2"),
        ("enc#1/other#2", "encoder/dense#2"),
        ("enc#1/dense#3/other#2:1", "encoder#2:1"),
        ("enc#1/same#2", "enc#1"),
        ("enc#1/same#2/dense#3", "enc#1/dense#3"),
    ],
)
def test_every_part_is_spelled_as_the_graph_has_it(address: str, spelled: str) -> None:
    names = graph(
        parts__0="enc",
        parts__1="encoder",
        enc__first="enc/dense",
        enc__deep="enc/dense/cell",
        enc__other="encoder/dense",
        enc__dense__other="encoder",
        enc__same="enc",
    )
    assert canonical(names, address) == spelled


class Code(layers.Layer):
    """Code that holds layers in attributes, lists and dicts, and some of them twice."""

    def __init__(self) -> None:
        super().__init__(name="code")
        self.own = layers.Dense(4, name="a b")
        inputs = keras.Input((4,), name="i")
        chain = keras.Sequential([keras.Input((4,), name="j"), self.own, layers.Dense(4, name="z")], name="chain")
        self.blocks = [chain, keras.Model(inputs, layers.Dense(4, name="q")(inputs), name="graph")]
        cells = [layers.LSTMCell(2, name="first"), layers.LSTMCell(2, name="second")]
        self.table = {"k:1": layers.RNN(cells, name="recurrent")}

    def call(self, x: object) -> object:
        return self.blocks[1](self.blocks[0](x))

    def compute_output_spec(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape)


class Net(keras.Model):
    """A model of code that calls a layer, which may hold it."""

    def __init__(self, inner: keras.Layer) -> None:
        super().__init__(name="net")
        self.inner = inner

    def call(self, x: object) -> object:
        return self.inner(x)


class Doubles(keras.Operation):
    """No layer, and has one."""

    def __init__(self, held: keras.Layer) -> None:
        super().__init__(name="doubles")
        self.held = held

    def call(self, x: object) -> object:
        return x

    def compute_output_spec(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape)


@pytest.mark.parametrize(("root", "at"), [("graph", "code"), ("code", "inner")])
@pytest.mark.filterwarnings("ignore:.*build.*:UserWarning")
def test_layers_inside_code_have_the_names_of_attributes_too(root: str, at: str) -> None:
    code, x = Code(), keras.Input((4,), name="x")
    whole = keras.Model(x, Doubles(code)(code(x))) if root == "graph" else Net(code)
    vars(code).update(owners=[whole])
    made = expand(read_live(whole, structure_only=True))
    known = set(made.aliases)
    add_attributes(made)
    chain, graph_ = ({id(one.obj): path for path, one in made.layers.items()}[id(block)] for block in code.blocks)
    assert f"{at}/own" in known and made.layers[made.aliases[f"{at}/own"]].obj is code.own
    assert {alias: made.layers[path].obj for alias, path in made.aliases.items() if alias not in known} == {
        f"{at}/blocks/0": code.blocks[0],
        f"{at}/blocks/1": code.blocks[1],
        f"{at}/table/k%3A1": code.table["k:1"],
        f"{chain}/a b": code.own,
        f"{chain}/z": code.blocks[0].layers[-1],
        f"{graph_}/i": code.blocks[1].layers[0],
        f"{graph_}/q": code.blocks[1].layers[1],
    }
