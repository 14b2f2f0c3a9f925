"""Addresses that lead into code: what is opened for them, and what is said where that is not enough."""

from __future__ import annotations

from typing import Any

from keras import ops

from graphlint.errors import AddressError
from graphlint.replay.extract import extract, features
from graphlint.replay.split import split
from tests.replay.invariants import assert_same
from tests.replay.test_opened import DRAWN, Block, Shaped, around, by_value, called, dense, drawn, net, numbers, told


def chain(self: Any, x: Any) -> Any:
    return self.second(self.first(x))


def two() -> dict[str, Any]:
    return {"first": dense("first"), "second": dense("second", 2)}


def test_a_part_has_the_outputs_of_the_model_and_no_others() -> None:
    model, x = net(chain, **two()), numbers(2, 3)
    part = extract(model, "first")
    assert len(part.outputs) == 1 and part.output_shape == (None, 2)
    assert_same(part(x), model.second(x))
    part = extract(model, None, ["first", "second"])
    assert [one.shape[1] for one in part.outputs] == [3, 2]
    assert_same(features(model, ".")(x)["."], model(x))


def test_what_a_model_returns_cannot_be_called_again() -> None:
    model = net(lambda self, x: drawn(self.dense(x)), dense=dense())
    x = numbers(2, 3)
    said = f"what net returns cannot be called again: normal#0 {DRAWN}"
    assert told(lambda: extract(model, "dense")) == told(lambda: split(model, "dense")) == said
    assert told(lambda: extract(model)) == said
    assert_same(features(model, "dense")(x)["dense"], model.dense(x))
    assert_same(extract(model, None, "dense")(x), model.dense(x))


def test_what_comes_after_a_part_inside_one_body_is_not_called() -> None:
    block = Block(lambda self, x: drawn(chain(self, x)), first=dense("first"), second=dense("second"))
    model, x = around(block), numbers(2, 3)
    assert_same(extract(model, "block/first", "block/second")(x), block.second(x))
    said = f"what follows the cut inside block cannot be called again: block/normal#0 {DRAWN}"
    assert told(lambda: extract(model, "block/first", ["block/second", "block"])) == said


def test_what_a_body_does_besides_matters_only_to_whole_models() -> None:
    def with_loss(self: Any, x: Any) -> Any:
        self.add_loss(ops.sum(x))
        return chain(self, x)

    model, x = around(Block(with_loss, **two())), numbers(2, 3)
    assert_same(extract(model, "block/first")(x), model.layers[-1].second(x))
    assert told(lambda: split(model, "block/first")).startswith("block#0 adds a loss")


def test_an_address_that_only_the_code_shows() -> None:
    block = Block(lambda self, x: ops.relu(self.dense(x)) * 2.0, dense=dense())
    model, x = around(block), numbers(2, 3)
    found = features(model, "block/relu")(x)["block/relu"]
    assert_same(found, ops.relu(block.dense(x)))


def test_an_address_that_nothing_has() -> None:
    code = around(Block(lambda self, x: self.dense(drawn(x)), dense=dense()))
    plain = around(dense())
    for model, address in ((code, "nothing"), (code, "block/nothing"), (plain, "nothing"), (plain, "dense/relu")):
        said = told(lambda model=model, address=address: features(model, address), AddressError)
        assert address.rpartition("/")[2] in said


def test_an_address_inside_code_that_cannot_be_seen() -> None:
    block = Shaped(by_value, dense=dense())
    called(block, numbers(2, 3))
    model = around(block)
    said = told(lambda: features(model, "block/dense"))
    assert said.startswith("block/dense lies in block#0, a Shaped, whose inside cannot be seen (")
    assert said.endswith("): cut at what it receives or returns")
    assert "relu" in told(lambda: features(model, "block/dense/relu"), AddressError)
