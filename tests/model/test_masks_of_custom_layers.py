"""Masks and layers of other classes, on definitions: only the object says whether it takes and passes on masks."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import pytest

from graphlint.model.definition import Body, CallDefinition, TensorRef
from graphlint.model.expand import expand
from graphlint.model.masks import masked
from tests.model.definitions import definition, input_call, layer, model
from tests.model.test_masks_of_definitions import HALF, SEQUENCE, A, M, N, X, net, step, travelled


class Passing(keras.Layer):
    def __init__(self):
        super().__init__()
        self.supports_masking = True

    def call(self, inputs):
        return inputs


class Taking(Passing):
    def call(self, inputs, other=None, mask=None):
        return inputs


class Ruling(Passing):
    def compute_mask(self, inputs, previous_mask=None):
        return None


def node(*shapes):
    """A node of Keras whose outputs carry masks of some shapes."""
    masks = [None if shape is None else SimpleNamespace(shape=list(shape)) for shape in shapes]
    return SimpleNamespace(outputs=[SimpleNamespace(_keras_mask=mask) for mask in masks])


def custom(obj, *args, outputs=(SEQUENCE,), found=None, **kwargs):
    made = step("Mine", *args, outputs=outputs, obj=obj, name="own", **kwargs)
    made.obj = found
    return made


TWO = (SEQUENCE, HALF)


@pytest.mark.parametrize(
    ("made", "edges", "carried"),
    [
        (custom(Passing(), M), ["own#0 mask<m#0:0"], {"own#0:0": "m#0"}),
        (custom(Passing(), X), [], {}),
        (custom(Passing(), [X, M], outputs=TWO), ["own#0 mask/1<m#0:0"], {"own#0:1": "m#0"}),
        (custom(Passing(), [M, N]), ["own#0 mask/0<m#0:0", "own#0 mask/1<n#0:0"], {"own#0:0": "m#0"}),
        (custom(Passing(), M, outputs=TWO), ["own#0 mask<m#0:0"], {"own#0:0": "m#0"}),
        (custom(Taking(), M, N), ["own#0 mask<m#0:0"], {"own#0:0": "m#0"}),
        (custom(Taking(), M, mask=N), ["own#0 mask<n#0:0 (None, 5, 8)"], {"own#0:0": "n#0"}),
        (custom(Taking(), X, mask=N), ["own#0 mask<n#0:0 (None, 5, 8)"], {"own#0:0": "n#0"}),
        (custom(Taking(), M, mask=None), ["own#0 mask<m#0:0"], {"own#0:0": "m#0"}),
        (custom(Ruling(), M), ["own#0 mask<m#0:0"], {}),
        (custom(Ruling(), M, found=node(None)), ["own#0 mask<m#0:0"], {}),
        (custom(Ruling(), X, found=node((None, 9))), [], {"own#0:0": "own#0"}),
        (custom(Ruling(), X, outputs=TWO, found=node(None, (None, 9))), [], {"own#0:1": "own#0"}),
        (custom(Ruling(), M, outputs=TWO, found=node((None, 9))), ["own#0 mask<m#0:0"], {"own#0:0": "own#0"}),
    ],
)
def test_what_layers_of_other_classes_do_with_masks(made, edges, carried):
    assert travelled(net(made)) == (edges, carried)


def test_a_rule_of_its_own_gives_the_mask_that_was_computed():
    edges, carried = travelled(
        net(custom(Ruling(), M, found=node((None, 9))), step("LSTM", A, c_return_sequences=True))
    )
    assert edges == ["own#0 mask<m#0:0", "lstm#0 mask<own#0:0 (None, 9)"]
    assert carried == {"own#0:0": "own#0", "lstm#0:0": "own#0"}


@pytest.mark.parametrize(("traced", "supports", "expected"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_only_code_can_make_masks_without_a_layer_of_keras(traced, supports, expected):
    """Where nothing else makes a mask, a model is only run for layers that may: of code that was opened, too."""
    calls = [input_call("i"), step("Conv1D", X)]
    body = Body([], calls, [X], outputs=[TensorRef(1, 0)], traced=traced, arguments=("0",))
    own = layer("own", "Mine", registered_name="mine>Mine", body=body, obj=SimpleNamespace(supports_masking=supports))
    own.module = "mine"
    entered = CallDefinition(own, (X,), outputs=(SEQUENCE,), masks=((None, 5),))
    graph = expand(definition(model("net", [input_call("x"), entered], [0], [1])))
    assert len(masked(graph)) == expected


def test_a_layer_that_supports_masks_is_run_where_nothing_of_keras_makes_one():
    for obj, expected in ((Ruling(), {"own#0": "own#0"}), (Passing(), {})):
        made = custom(obj, X, found=node((None, 9)))
        graph = expand(definition(model("net", [input_call("x"), made], [0], [1])))
        assert {tensor.call: maker for tensor, maker in masked(graph).items()} == expected
