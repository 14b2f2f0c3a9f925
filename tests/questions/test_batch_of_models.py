"""Which tensors certainly have the batch on axis 0, of models as Keras makes and saves them."""

import keras
import pytest
from keras import layers, ops

from graphlint.model.expand import expand
from graphlint.questions.batch import batched
from graphlint.sources import read
from graphlint.sources.live import read_live

KEEPS = {
    "layer": lambda x: layers.LSTM(3)(x),
    "elementwise": lambda x: ops.exp(x) * 2.0,
    "two operands": lambda x: x + layers.Dense(4)(x),
    "a table that has no batch": lambda x: x + ops.reshape(ops.arange(20, dtype="float32"), (5, 4)),
    "reduction": lambda x: ops.mean(x, axis=-1),
    "squeeze": lambda x: ops.squeeze(ops.sum(x, axis=1, keepdims=True), axis=1),
    "expand": lambda x: ops.expand_dims(x, -1),
    "transpose": lambda x: ops.transpose(x, (0, 2, 1)),
    "swap": lambda x: ops.swapaxes(x, 1, 2),
    "slice": lambda x: x[:, 0],
    "ellipsis": lambda x: x[..., :2],
    "reshape": lambda x: ops.reshape(x, (-1, 20)),
    "concatenate": lambda x: ops.concatenate([x, x], axis=1),
    "matmul": lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    "split": lambda x: ops.split(x, 2, axis=-1)[1],
}
KEEPS |= {
    name: lambda x, name=name: getattr(ops, name)(x)
    for name in "tril triu signbit isposinf isneginf isreal i0 sparse_plus fabs".split()
    if hasattr(ops, name)  # fabs came with Keras 3.15
}
KEEPS |= {
    name: lambda x, name=name: getattr(ops, name)(x, axis=1)
    for name in "nanstd nanvar nanmedian nanprod nancumsum nancumprod nanargmax sort argsort diff logsumexp".split()
}
KEEPS |= {name: lambda x, name=name: getattr(ops, name)(x, x) for name in "isclose nextafter logaddexp2 fmod".split()}
LOSES = {
    "running sum of all": lambda x: ops.cumsum(x),
    "sorted along it": lambda x: ops.sort(x, axis=0),
    "stacked in front": lambda x: ops.stack([x, x]),
    "stacked in front, from the end": lambda x: ops.stack([x, x], axis=-4),
    "reduction over it": lambda x: ops.mean(x, axis=0),
    "reduction of all": lambda x: ops.sum(x),
    "negative axis": lambda x: ops.max(x, axis=-3),
    "expand in front": lambda x: ops.expand_dims(x, 0),
    "transpose": lambda x: ops.transpose(x, (1, 0, 2)),
    "slice of it": lambda x: x[0],
    "merged with it": lambda x: ops.reshape(x, (-1, 4)),
    "concatenated along it": lambda x: ops.concatenate([x, x], axis=0),
    "lambda": lambda x: layers.Lambda(lambda t: t, output_shape=(5, 4))(x),
    "unknown operation": lambda x: ops.einsum("bij,bkj->ik", x, x),
}


@pytest.mark.parametrize(
    ("function", "keeps"),
    [*((function, True) for function in KEEPS.values()), *((function, False) for function in LOSES.values())],
    ids=[*KEEPS, *LOSES],
)
def test_where_the_batch_stays(function, keeps, tmp_path):
    x = keras.Input((5, 4))
    model = keras.Model(x, function(x))
    graph = expand(read_live(model))
    assert (graph.outputs[0] in batched(graph)) is keeps
    path = tmp_path / "model.keras"
    model.save(path)
    graph = expand(read(path))
    assert (graph.outputs[0] in batched(graph)) is keeps


def test_nested_models_hand_it_on():
    x = keras.Input((5, 4))
    inner = keras.Sequential([keras.Input((5, 4)), layers.Dense(2)])
    graph = expand(read_live(keras.Model(x, inner(x))))
    assert graph.outputs[0] in batched(graph)
