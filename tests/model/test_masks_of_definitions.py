"""Which masks travel where, by definitions alone: both sides of each rule of Keras."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from graphlint.model.definition import Body, CallDefinition, Constant, ConstantKind, TensorRef, TensorSpec
from graphlint.model.expand import expand
from graphlint.model.graph import MASK, Tensor
from graphlint.model.masks import masked, still_masked
from tests.model.definitions import definition, input_call, layer, model

SEQUENCE = TensorSpec((None, 5, 8), "float32")
HALF = TensorSpec((None, 5, 8), "float16")
UNKNOWN = TensorSpec(None, "float32")
STATE = TensorSpec((None, 8), "float32")
X, M, N, A, B, C = (TensorRef(place, 0) for place in range(6))
ARRAY, SLICE = Constant(ConstantKind.NUMPY, [1]), Constant(ConstantKind.SLICE)


def step(class_name, *args, outputs=(SEQUENCE,), children=None, operation=False, obj=None, name=None, **rest):
    """A call of a layer named after its class; what begins with ``c_`` belongs to its configuration."""
    config = {key.removeprefix("c_"): value for key, value in rest.items() if key.startswith("c_")}
    kwargs = {key: value for key, value in rest.items() if not key.startswith("c_")}
    one = layer(
        name or class_name.lower(), class_name, config=config, children=children or {}, is_operation=operation, obj=obj
    )
    if obj is not None:
        one.module, one.registered_name = "mine", f"mine>{class_name}"
    return CallDefinition(one, args, kwargs, outputs=outputs)


def net(*steps, output=None, masks=2):
    """A model whose call 0 is an Input, 1 and 2 are masked, and the steps follow from 3 on."""
    start = [
        CallDefinition(layer("x", "InputLayer"), outputs=(SEQUENCE,)),
        step("Masking", X, name="m"),
        step("Masking", X, name="n"),
    ]
    calls = [*start, *steps]
    return expand(definition(model("net", calls, [0], [len(calls) - 1] if output is None else output)))


def travelled(graph):
    """The mask edges and the masked tensors of a graph, but for those that `net` begins with."""
    edges = [
        f"{one} {edge.argument}<{edge.source}:{edge.output}" + f" {edge.spec.shape}" * (edge.spec.shape != (None, 5))
        for one in graph.calls
        for edge in graph.in_edges(one, MASK)
    ]
    found = {f"{tensor.call}:{tensor.output}": maker for tensor, maker in masked(graph).items()}
    return edges, {tensor: maker for tensor, maker in found.items() if tensor not in ("m#0:0", "n#0:0")}


def child(class_name="LSTM", **config):
    return layer("inside", class_name, config=config)


CASES = {
    "dense": ([step("Dense", M)], ["dense#0 mask<m#0:0"], {"dense#0:0": "m#0"}),
    "dense not masked": ([step("Dense", X)], [], {}),
    "dense named argument": ([step("Dense", inputs=M)], ["dense#0 mask<m#0:0"], {"dense#0:0": "m#0"}),
    "named sequences": (
        [step("LSTM", sequences=M, c_return_sequences=True)],
        ["lstm#0 mask<m#0:0"],
        {"lstm#0:0": "m#0"},
    ),
    "named x": ([step("Dense", training=True, x=M, other=X)], ["dense#0 mask<m#0:0"], {"dense#0:0": "m#0"}),
    "named query": ([step("Dense", other=X, query=M)], ["dense#0 mask<m#0:0"], {"dense#0:0": "m#0"}),
    "named otherwise": ([step("Dense", first=3, second=ARRAY, third=M)], [], {}),
    "named otherwise first": (
        [step("Dense", first=3, second=[M, None], third=X)],
        ["dense#0 mask/0<m#0:0"],
        {"dense#0:0": "m#0"},
    ),
    "nothing": ([step("Dense", training=True)], [], {}),
    "several tensors": (
        [step("Dropout", [X, M, N], outputs=(SEQUENCE,) * 3)],
        ["dropout#0 mask/1<m#0:0", "dropout#0 mask/2<n#0:0"],
        {"dropout#0:1": "m#0", "dropout#0:2": "n#0"},
    ),
    "fewer outputs": (
        [step("Dropout", [M, N])],
        ["dropout#0 mask/0<m#0:0", "dropout#0 mask/1<n#0:0"],
        {"dropout#0:0": "m#0"},
    ),
    "mapping": (
        [step("Dropout", {"b": M, "a": X}, outputs=(SEQUENCE,) * 2)],
        ["dropout#0 mask/b<m#0:0"],
        {"dropout#0:1": "m#0"},
    ),
    "chain": (
        [step("Dense", M), step("Dropout", A), step("LSTM", B)],
        ["dense#0 mask<m#0:0", "dropout#0 mask<dense#0:0", "lstm#0 mask<dropout#0:0"],
        {"dense#0:0": "m#0", "dropout#0:0": "m#0"},
    ),
    "convolution": ([step("Conv1D", M), step("Dense", A)], [], {}),
    "pooling": (
        [step("GlobalAveragePooling1D", M, outputs=(STATE,)), step("Dense", A)],
        ["globalaveragepooling1d#0 mask<m#0:0"],
        {},
    ),
    "masking again": (
        [step("Masking", M), step("Dense", A)],
        ["dense#0 mask<masking#0:0"],
        {"masking#0:0": "masking#0", "dense#0:0": "masking#0"},
    ),
    "embedding": (
        [step("Embedding", X, c_mask_zero=True), step("Dense", A)],
        ["dense#0 mask<embedding#0:0"],
        {"embedding#0:0": "embedding#0", "dense#0:0": "embedding#0"},
    ),
    "embedding of unknown shape": (
        [step("Embedding", X, outputs=(UNKNOWN,), c_mask_zero=True), step("Dense", A)],
        ["dense#0 mask<embedding#0:0 None"],
        {"embedding#0:0": "embedding#0", "dense#0:0": "embedding#0"},
    ),
    "embedding without": (
        [step("Embedding", M, c_mask_zero=False), step("Dense", A)],
        ["embedding#0 mask<m#0:0", "dense#0 mask<embedding#0:0"],
        {"embedding#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "embedding truthy": ([step("Embedding", X, c_mask_zero=1)], [], {}),
    "reversed": ([step("ReversibleEmbedding", X, c_mask_zero=True, reverse=True)], [], {}),
    "reversed by position": ([step("ReversibleEmbedding", X, True, c_mask_zero=True)], [], {}),
    "not reversed": (
        [step("ReversibleEmbedding", X, False, True, c_mask_zero=True, reverse=False)],
        [],
        {"reversibleembedding#0:0": "reversibleembedding#0"},
    ),
    "recurrent": ([step("LSTM", M, outputs=(STATE,))], ["lstm#0 mask<m#0:0"], {}),
    "recurrent sequences": (
        [step("LSTM", M, outputs=(SEQUENCE, STATE, STATE), c_return_sequences=True)],
        ["lstm#0 mask<m#0:0"],
        {"lstm#0:0": "m#0"},
    ),
    "recurrent not quite": ([step("LSTM", M, c_return_sequences=1)], ["lstm#0 mask<m#0:0"], {}),
    "recurrent unmasked": ([step("LSTM", X, c_return_sequences=True)], [], {}),
    "recurrent given": (
        [step("LSTM", M, mask=[None, N], c_return_sequences=True)],
        ["lstm#0 mask/1<n#0:0 (None, 5, 8)"],
        {"lstm#0:0": "n#0"},
    ),
    "recurrent given none": (
        [step("LSTM", M, mask=None, c_return_sequences=True)],
        ["lstm#0 mask<m#0:0"],
        {"lstm#0:0": "m#0"},
    ),
    "recurrent states": ([step("LSTM", M, initial_state=[X, X], c_return_sequences=True)], [], {"lstm#0:0": "m#0"}),
    "recurrent states by position": ([step("LSTM", M, [N, None], c_return_sequences=True)], [], {"lstm#0:0": "m#0"}),
    "recurrent array": ([step("LSTM", M, ARRAY, c_return_sequences=True)], [], {"lstm#0:0": "m#0"}),
    "recurrent slice": ([step("LSTM", M, SLICE, c_return_sequences=True)], ["lstm#0 mask<m#0:0"], {"lstm#0:0": "m#0"}),
    "recurrent variable": (
        [step("LSTM", M, Constant(ConstantKind.VARIABLE), c_return_sequences=True)],
        [],
        {"lstm#0:0": "m#0"},
    ),
    "recurrent baked": (
        [step("LSTM", M, Constant(ConstantKind.TENSOR), c_return_sequences=True)],
        [],
        {"lstm#0:0": "m#0"},
    ),
    "recurrent mixed": ([step("LSTM", M, [X, 3], c_return_sequences=True)], ["lstm#0 mask<m#0:0"], {"lstm#0:0": "m#0"}),
    "recurrent empty": ([step("LSTM", M, [], {}, c_return_sequences=True)], ["lstm#0 mask<m#0:0"], {"lstm#0:0": "m#0"}),
    "recurrent mapping": ([step("LSTM", M, {"a": X}, c_return_sequences=True)], [], {"lstm#0:0": "m#0"}),
    "recurrent tuple": ([step("LSTM", M, (X, 3), c_return_sequences=True)], [], {"lstm#0:0": "m#0"}),
    "both ways": (
        [step("Bidirectional", M, outputs=(SEQUENCE,) * 3, children={"forward_layer": child(return_sequences=True)})],
        ["bidirectional#0 mask<m#0:0"],
        {"bidirectional#0:0": "m#0"},
    ),
    "both ways apart": (
        [
            step(
                "Bidirectional",
                M,
                outputs=(SEQUENCE,) * 3,
                c_merge_mode=None,
                children={"forward_layer": child(return_sequences=True)},
            )
        ],
        ["bidirectional#0 mask<m#0:0"],
        {"bidirectional#0:0": "m#0", "bidirectional#0:1": "m#0"},
    ),
    "both ways summed": (
        [
            step(
                "Bidirectional",
                M,
                outputs=(SEQUENCE,) * 3,
                c_merge_mode="sum",
                children={"forward_layer": child(return_sequences=True)},
            )
        ],
        ["bidirectional#0 mask<m#0:0"],
        {"bidirectional#0:0": "m#0"},
    ),
    "both ways last": (
        [step("Bidirectional", M, c_return_sequences=True, children={"forward_layer": child(return_sequences=False)})],
        ["bidirectional#0 mask<m#0:0"],
        {},
    ),
    "both ways unknown": ([step("Bidirectional", M, c_return_sequences=True)], ["bidirectional#0 mask<m#0:0"], {}),
    "each step": ([step("TimeDistributed", M)], ["timedistributed#0 mask<m#0:0"], {"timedistributed#0:0": "m#0"}),
    "attention": ([step("Attention", [M, X])], ["attention#0 mask/0<m#0:0"], {"attention#0:0": "m#0"}),
    "attention scores": (
        [step("Attention", [M, N], outputs=(SEQUENCE, SEQUENCE))],
        ["attention#0 mask/0<m#0:0", "attention#0 mask/1<n#0:0"],
        {"attention#0:0": "m#0"},
    ),
    "attention query": ([step("Attention", [X, M])], ["attention#0 mask/1<m#0:0"], {}),
    "attention given": (
        [step("Attention", [X, M], mask=[N, None])],
        ["attention#0 mask/0<n#0:0 (None, 5, 8)"],
        {"attention#0:0": "n#0"},
    ),
    "heads": (
        [step("MultiHeadAttention", M, X)],
        ["multiheadattention#0 query_mask<m#0:0"],
        {"multiheadattention#0:0": "m#0"},
    ),
    "heads value": ([step("MultiHeadAttention", X, M)], ["multiheadattention#0 value_mask<m#0:0"], {}),
    "heads key": ([step("MultiHeadAttention", X, X, M)], ["multiheadattention#0 key_mask<m#0:0"], {}),
    "heads named": (
        [step("MultiHeadAttention", query=M, value=N, key=M)],
        [
            "multiheadattention#0 query_mask<m#0:0",
            "multiheadattention#0 value_mask<n#0:0",
            "multiheadattention#0 key_mask<m#0:0",
        ],
        {"multiheadattention#0:0": "m#0"},
    ),
    "heads scores": (
        [step("MultiHeadAttention", X, M, outputs=(SEQUENCE, UNKNOWN))],
        ["multiheadattention#0 value_mask<m#0:0"],
        {"multiheadattention#0:1": "multiheadattention#0"},
    ),
    "heads scores unmasked": ([step("MultiHeadAttention", X, X, outputs=(SEQUENCE, UNKNOWN))], [], {}),
    "heads given": (
        [step("MultiHeadAttention", M, N, query_mask=X, value_mask=None)],
        ["multiheadattention#0 query_mask<x#0:0 (None, 5, 8)", "multiheadattention#0 value_mask<n#0:0"],
        {"multiheadattention#0:0": "m#0"},
    ),
    "heads all given": (
        [step("MultiHeadAttention", M, N, N, key_mask=X, value_mask=X)],
        [
            "multiheadattention#0 key_mask<x#0:0 (None, 5, 8)",
            "multiheadattention#0 value_mask<x#0:0 (None, 5, 8)",
            "multiheadattention#0 query_mask<m#0:0",
        ],
        {"multiheadattention#0:0": "m#0"},
    ),
    "groups": (
        [step("GroupedQueryAttention", M, N), step("Dense", M), step("Add", [A, B])],
        [
            "groupedqueryattention#0 query_mask<m#0:0",
            "groupedqueryattention#0 value_mask<n#0:0",
            "dense#0 mask<m#0:0",
            "add#0 mask/0<groupedqueryattention#0:0",
            "add#0 mask/1<dense#0:0",
        ],
        {"groupedqueryattention#0:0": "m#0", "dense#0:0": "m#0", "add#0:0": "m#0"},
    ),
    "stripped": (
        [step("MultiHeadAttention", M, M), step("Dense", M), step("Add", [A, B])],
        ["multiheadattention#0 query_mask<m#0:0", "multiheadattention#0 value_mask<m#0:0"],
        {"multiheadattention#0:0": "m#0"},
    ),
    "stripped later": (
        [step("Dense", M), step("Dense", A, name="next"), step("MultiHeadAttention", M, M), step("Add", [B, C])],
        [
            "dense#0 mask<m#0:0",
            "next#0 mask<dense#0:0",
            "multiheadattention#0 query_mask<m#0:0",
            "multiheadattention#0 value_mask<m#0:0",
            "add#0 mask/0<next#0:0",
            "add#0 mask/1<multiheadattention#0:0",
        ],
        {"dense#0:0": "m#0", "next#0:0": "m#0", "multiheadattention#0:0": "m#0", "add#0:0": "m#0"},
    ),
    "stripped copy": (
        [step("MultiHeadAttention", M, M, outputs=(HALF,)), step("Dense", M), step("Add", [A, B])],
        [
            "multiheadattention#0 query_mask<m#0:0",
            "multiheadattention#0 value_mask<m#0:0",
            "dense#0 mask<m#0:0",
            "add#0 mask/0<multiheadattention#0:0",
            "add#0 mask/1<dense#0:0",
        ],
        {"multiheadattention#0:0": "m#0", "dense#0:0": "m#0", "add#0:0": "m#0"},
    ),
    "stripped same": (
        [step("Dropout", M), step("MultiHeadAttention", A, A), step("LSTM", M), step("Add", [B, C])],
        [
            "dropout#0 mask<m#0:0",
            "multiheadattention#0 query_mask<dropout#0:0",
            "multiheadattention#0 value_mask<dropout#0:0",
        ],
        {"dropout#0:0": "m#0", "multiheadattention#0:0": "m#0"},
    ),
    "stripped linear": (
        [
            step("Dense", M, c_activation="linear"),
            step("MultiHeadAttention", A, A),
            step("LSTM", M),
            step("Add", [B, C]),
        ],
        [
            "dense#0 mask<m#0:0",
            "multiheadattention#0 query_mask<dense#0:0",
            "multiheadattention#0 value_mask<dense#0:0",
        ],
        {"dense#0:0": "m#0", "multiheadattention#0:0": "m#0"},
    ),
    "stripped curved": (
        [step("Dense", M, c_activation="relu"), step("MultiHeadAttention", A, A), step("LSTM", M), step("Add", [B, C])],
        [
            "dense#0 mask<m#0:0",
            "multiheadattention#0 query_mask<dense#0:0",
            "multiheadattention#0 value_mask<dense#0:0",
            "lstm#0 mask<m#0:0",
        ],
        {"dense#0:0": "m#0", "multiheadattention#0:0": "m#0"},
    ),
    "stripped cast": (
        [
            step("Dropout", M, outputs=(HALF,)),
            step("MultiHeadAttention", A, A, outputs=(HALF,)),
            step("LSTM", M),
            step("Add", [B, C]),
        ],
        [
            "dropout#0 mask<m#0:0",
            "multiheadattention#0 query_mask<dropout#0:0",
            "multiheadattention#0 value_mask<dropout#0:0",
            "lstm#0 mask<m#0:0",
        ],
        {"dropout#0:0": "m#0", "multiheadattention#0:0": "m#0"},
    ),
    "stripped other": (
        [step("MultiHeadAttention", M, X), step("Dense", N), step("Add", [A, B])],
        [
            "multiheadattention#0 query_mask<m#0:0",
            "dense#0 mask<n#0:0",
            "add#0 mask/0<multiheadattention#0:0",
            "add#0 mask/1<dense#0:0",
        ],
        {"multiheadattention#0:0": "m#0", "dense#0:0": "n#0", "add#0:0": "m#0"},
    ),
    "stripped with given": (
        [
            step("BatchNormalization", M, mask=N, c_activation="linear"),
            step("MultiHeadAttention", A, A),
            step("LSTM", M),
            step("Add", [B, C]),
        ],
        [
            "batchnormalization#0 mask<n#0:0 (None, 5, 8)",
            "multiheadattention#0 query_mask<batchnormalization#0:0 (None, 5, 8)",
            "multiheadattention#0 value_mask<batchnormalization#0:0 (None, 5, 8)",
            "lstm#0 mask<m#0:0",
        ],
        {"batchnormalization#0:0": "n#0", "multiheadattention#0:0": "n#0"},
    ),
    "add": (
        [step("Add", [M, N]), step("Dense", A)],
        ["add#0 mask/0<m#0:0", "add#0 mask/1<n#0:0", "dense#0 mask<add#0:0"],
        {"add#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "add one": ([step("Add", [X, M]), step("Dense", A)], [], {}),
    "add alone": ([step("Add", [M])], ["add#0 mask/0<m#0:0"], {"add#0:0": "m#0"}),
    "add none": ([step("Add", [X, X])], [], {}),
    "add differing": (
        [
            step("Embedding", X, outputs=(TensorSpec((None, 1, 8), "float32"),), c_mask_zero=True),
            step("Add", [A, M]),
            step("Dense", B),
        ],
        ["add#0 mask/0<embedding#0:0 (None, 1)", "add#0 mask/1<m#0:0", "dense#0 mask<add#0:0"],
        {"embedding#0:0": "embedding#0", "add#0:0": "embedding#0", "dense#0:0": "embedding#0"},
    ),
    "add apart": (
        [
            step("Embedding", X, outputs=(TensorSpec((None, 3, 8), "float32"),), c_mask_zero=True),
            step("Add", [M, A]),
            step("Dense", B),
        ],
        ["add#0 mask/0<m#0:0", "add#0 mask/1<embedding#0:0 (None, 3)", "dense#0 mask<add#0:0 None"],
        {"embedding#0:0": "embedding#0", "add#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "add unknown": (
        [step("Embedding", X, outputs=(UNKNOWN,), c_mask_zero=True), step("Add", [A, M]), step("Dense", B)],
        ["add#0 mask/0<embedding#0:0 None", "add#0 mask/1<m#0:0", "dense#0 mask<add#0:0 None"],
        {"embedding#0:0": "embedding#0", "add#0:0": "embedding#0", "dense#0:0": "embedding#0"},
    ),
    "add unknown second": (
        [step("Embedding", X, outputs=(UNKNOWN,), c_mask_zero=True), step("Add", [M, A, N]), step("Dense", B)],
        ["add#0 mask/0<m#0:0", "add#0 mask/1<embedding#0:0 None", "add#0 mask/2<n#0:0", "dense#0 mask<add#0:0 None"],
        {"embedding#0:0": "embedding#0", "add#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "multiply": (
        [step("Multiply", [M, N]), step("Dense", A)],
        ["multiply#0 mask/0<m#0:0", "multiply#0 mask/1<n#0:0", "dense#0 mask<multiply#0:0"],
        {"multiply#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "multiply one": ([step("Multiply", [X, M])], ["multiply#0 mask/1<m#0:0"], {}),
    "multiply unknown": (
        [step("Multiply", [M, N], outputs=(UNKNOWN,)), step("Dense", A)],
        ["multiply#0 mask/0<m#0:0", "multiply#0 mask/1<n#0:0", "dense#0 mask<multiply#0:0 None"],
        {"multiply#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "concatenate": (
        [step("Concatenate", [M, N]), step("Dense", A)],
        ["concatenate#0 mask/0<m#0:0", "concatenate#0 mask/1<n#0:0", "dense#0 mask<concatenate#0:0"],
        {"concatenate#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "concatenate one": (
        [step("Concatenate", [X, M]), step("Dense", A)],
        ["concatenate#0 mask/1<m#0:0", "dense#0 mask<concatenate#0:0"],
        {"concatenate#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "concatenate none": ([step("Concatenate", [X, X])], [], {}),
    "dot": ([step("Dot", [M, N])], [], {}),
    "lambda": (
        [step("Lambda", X, c_mask="made"), step("Dense", A)],
        ["dense#0 mask<lambda#0:0 None"],
        {"lambda#0:0": "lambda#0", "dense#0:0": "lambda#0"},
    ),
    "lambda without": ([step("Lambda", X, c_mask=None), step("Dense", A)], [], {}),
    "spectral": (
        [step("SpectralNormalization", M, children={"layer": child("Dense")}), step("Dense", A)],
        ["spectralnormalization#0 mask<m#0:0", "dense#0 mask<spectralnormalization#0:0"],
        {"spectralnormalization#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "spectral dropped": (
        [step("SpectralNormalization", M, children={"layer": child("Conv1D")}), step("Dense", A)],
        [],
        {},
    ),
    "spectral cast": ([step("SpectralNormalization", M, outputs=(HALF,), children={"layer": child("Dense")})], [], {}),
    "spectral of nothing": ([step("SpectralNormalization", ARRAY, children={"layer": child("Dense")})], [], {}),
    "spectral unknown": (
        [step("SpectralNormalization", M), step("Dense", A)],
        ["spectralnormalization#0 mask<m#0:0", "dense#0 mask<spectralnormalization#0:0"],
        {"spectralnormalization#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "cast": (
        [step("Cast", M, operation=True), step("Dense", A)],
        ["dense#0 mask<cast#0:0"],
        {"cast#0:0": "m#0", "dense#0:0": "m#0"},
    ),
    "cast to half": ([step("Cast", M, operation=True, outputs=(HALF,)), step("Dense", A)], [], {}),
    "cast of an array": ([step("Cast", ARRAY, operation=True), step("Cast", operation=True, x=M)], [], {}),
    "operation": ([step("Add", M, X, operation=True), step("Dense", A)], [], {}),
    "custom": (
        [step("Mine", M, obj=SimpleNamespace(supports_masking=False, call=lambda x: x)), step("Dense", A)],
        [],
        {},
    ),
    "custom takes": (
        [step("Mine", M, obj=SimpleNamespace(supports_masking=False, call=lambda x, mask=None: x)), step("Dense", A)],
        ["mine#0 mask<m#0:0"],
        {},
    ),
    "custom takes of two": (
        [step("Mine", M, X, obj=SimpleNamespace(call=lambda x, y, mask=None: x)), step("Dense", A)],
        [],
        {},
    ),
    "custom takes a list": (
        [step("Mine", [X, M], obj=SimpleNamespace(call=lambda x, mask=None: x)), step("Dense", A)],
        ["mine#0 mask/1<m#0:0"],
        {},
    ),
    "custom takes nothing": (
        [step("Mine", X, obj=SimpleNamespace(call=lambda x, mask=None: x)), step("Dense", A)],
        [],
        {},
    ),
    "custom given": (
        [step("Mine", M, mask=N, obj=SimpleNamespace(call=lambda x, mask=None: x)), step("Dense", A)],
        ["mine#0 mask<n#0:0 (None, 5, 8)"],
        {},
    ),
}


@pytest.mark.parametrize(("steps", "edges", "carried"), CASES.values(), ids=CASES)
def test_what_travels(steps, edges, carried):
    graph = net(*steps)
    assert travelled(graph) == (edges, carried)
    for one in graph.calls:
        places = [edge.position for edge in (*graph.in_edges(one), *graph.in_edges(one, MASK))]
        assert sorted(places) == list(range(len(places)))


LONG = TensorSpec((None, 8, 8), "float32")
SHORT = TensorSpec((None, 3, 8), "float32")


@pytest.mark.parametrize(
    ("steps", "edges", "carried"),
    [
        ([step("Dense", X, c_mask_zero=True), step("LSTM", A)], [], {}),
        ([step("Dense", M, mask=N)], ["dense#0 mask<n#0:0 (None, 5, 8)"], {"dense#0:0": "n#0"}),
        (
            [step("TimeDistributed", M, children={"layer": child("Conv1D")})],
            ["timedistributed#0 mask<m#0:0"],
            {"timedistributed#0:0": "m#0"},
        ),
        (
            [
                step("Embedding", X, outputs=(SHORT,), c_mask_zero=True),
                step("Concatenate", [M, A], outputs=(LONG,)),
                step("LSTM", B),
            ],
            [
                "concatenate#0 mask/0<m#0:0",
                "concatenate#0 mask/1<embedding#0:0 (None, 3)",
                "lstm#0 mask<concatenate#0:0 (None, 8)",
            ],
            {"embedding#0:0": "embedding#0", "concatenate#0:0": "m#0"},
        ),
        (
            [step("MultiHeadAttention", M, ARRAY)],
            ["multiheadattention#0 query_mask<m#0:0"],
            {"multiheadattention#0:0": "m#0"},
        ),
        (
            [step("Dropout", [ARRAY, M], outputs=(SEQUENCE,) * 2)],
            ["dropout#0 mask/1<m#0:0"],
            {"dropout#0:1": "m#0"},
        ),
        (
            [step("MultiHeadAttention", M, M), step("Dropout", M), step("Add", [A, B])],
            ["multiheadattention#0 query_mask<m#0:0", "multiheadattention#0 value_mask<m#0:0"],
            {"multiheadattention#0:0": "m#0"},
        ),
    ],
)
def test_what_does_not_travel(steps, edges, carried):
    assert travelled(net(*steps)) == (edges, carried)


def test_a_mask_that_one_layer_alone_makes():
    """No layer of the model but one makes a mask, or no layer does and one call records some."""

    def of(*steps):
        calls = [input_call("x"), *steps]
        return travelled(expand(definition(model("net", calls, [0], [len(steps)]))))

    second = TensorRef(1, 0)
    assert of(step("Lambda", X, c_mask="made")) == ([], {"lambda#0:0": "lambda#0"})
    assert of(step("Lambda", X, c_mask=None)) == of(step("Dense", X, c_mask="made")) == ([], {})
    assert of(step("LSTM", X, mask=[None, X], c_return_sequences=True), step("Dropout", second)) == (
        ["lstm#0 mask/1<x#0:0 (None, 4)", "dropout#0 mask<lstm#0:0 (None, 4)"],
        {"lstm#0:0": "x#0", "dropout#0:0": "x#0"},
    )
    assert of(step("Masking", X)) == ([], {"masking#0:0": "masking#0"})


def test_code_that_is_the_whole_model_and_code_that_is_given_a_mask():
    made = opened(((None, 5),), step("Masking", X), step("LSTM", M, name="reader"))
    graph = expand(definition(made.layer))
    assert travelled(graph) == (["reader#0 mask<masking#0:0"], {"masking#0:0": "masking#0"})
    given = opened((), step("Dense", X))
    given.kwargs["mask"] = N
    assert travelled(net(given)) == (
        ["own#0/i#0 mask<m#0:0", "own#0/dense#0 mask<own#0/i#0:0"],
        {"own#0/i#0:0": "m#0", "own#0/dense#0:0": "m#0"},
    )


def test_nothing_travels_where_nothing_makes_or_records_a_mask():
    """A mask that only a call records makes the difference: of a layer, or of a model."""
    calls = [input_call("x"), input_call("given")]
    inner = model("inner", [input_call("i"), step("LSTM", X, c_return_sequences=True)], [0], [1])

    def of(*more):
        graph = expand(definition(model("net", [*calls, *more], [0, 1], [1 + len(more)])))
        return travelled(graph)

    given = TensorRef(1, 0)
    assert of(step("LSTM", X), step("Dense", TensorRef(2, 0))) == ([], {})
    assert of(step("LSTM", X, mask=None)) == of(step("LSTM", X, mask=[])) == ([], {})
    assert of(step("LSTM", X, mask=given, c_return_sequences=True), step("Dense", TensorRef(2, 0))) == (
        ["lstm#0 mask<given#0:0 (None, 4)", "dense#0 mask<lstm#0:0 (None, 4)"],
        {"lstm#0:0": "given#0", "dense#0:0": "given#0"},
    )
    assert of(CallDefinition(inner, (X,), {"mask": given}, outputs=(SEQUENCE,))) == (
        ["inner#0/i#0 mask<given#0:0 (None, 4)", "inner#0/lstm#0 mask<inner#0/i#0:0 (None, 4)"],
        {"inner#0/i#0:0": "given#0", "inner#0/lstm#0:0": "given#0"},
    )
    assert of(CallDefinition(inner, (X,), {"mask": None}, outputs=(SEQUENCE,))) == ([], {})


@pytest.mark.parametrize(
    ("passed", "given", "edges", "carried"),
    [
        ([M, X], {}, ["inner#0/a#0 mask<m#0:0"], {"inner#0/a#0:0": "m#0", "inner#0/dense#0:0": "m#0"}),
        ([X, N], {}, ["inner#0/b#0 mask<n#0:0"], {"inner#0/b#0:0": "n#0"}),
        (
            [M, X],
            {"mask": [None, N]},
            ["inner#0/a#0 mask<m#0:0", "inner#0/b#0 mask<n#0:0 (None, 5, 8)"],
            {"inner#0/a#0:0": "m#0", "inner#0/b#0:0": "n#0", "inner#0/dense#0:0": "m#0"},
        ),
        (
            [M, N],
            {"mask": [X]},
            ["inner#0/a#0 mask<x#0:0 (None, 5, 8)", "inner#0/b#0 mask<n#0:0"],
            {"inner#0/a#0:0": "x#0", "inner#0/b#0:0": "n#0", "inner#0/dense#0:0": "x#0"},
        ),
        ([X, ARRAY], {"mask": [None, N]}, [], {}),
    ],
    ids=["first", "second", "one given", "too few given", "an array"],
)
def test_masks_of_what_a_nested_model_receives(passed, given, edges, carried):
    inner = model("inner", [input_call("a"), input_call("b"), step("Dense", X), step("Conv1D", M)], [0, 1], [2])
    graph = net(CallDefinition(inner, (passed,), given, outputs=(SEQUENCE,)))
    found, tensors = travelled(graph)
    assert [one for one in found if not one.startswith("inner#0/dense")] == edges
    assert tensors == carried


def test_what_is_masked_without_some_calls():
    graph = net(step("Dense", M), step("Dense", A, name="next"), step("Add", [A, N]))

    def left(*without):
        return {tensor.call for tensor in still_masked(graph, without)}

    assert left() == {"m#0", "n#0", "dense#0", "next#0", "add#0"}
    assert left("m#0") == {"n#0"}
    assert left("n#0") == {"m#0", "dense#0", "next#0"}
    assert left("dense#0") == {"m#0", "n#0"}
    assert left("next#0", "add#0") == {"m#0", "n#0", "dense#0"}
    stripped = net(step("MultiHeadAttention", M, M), step("Dense", N), step("Add", [A, B]))
    assert {tensor.call for tensor in still_masked(stripped, ())} == {
        "n#0",
        "multiheadattention#0",
        "dense#0",
        "add#0",
    }


def opened(masks, *inner, outputs=(1,)):
    """A layer of code whose body is an Input and some calls, and that puts masks on what it returns."""
    calls = [input_call("i"), *inner]
    body = Body(
        [one.layer for one in calls],
        calls,
        [X],
        outputs=[TensorRef(place, 0) for place in outputs],
        traced=True,
        arguments=("0",),
    )
    own = layer("own", "Mine", registered_name="mine>Mine", body=body)
    own.module = "mine"
    return CallDefinition(own, (M,), outputs=(SEQUENCE,) * len(outputs), masks=masks)


def test_code_puts_masks_on_what_it_returns():
    convolution = step("Conv1D", X)
    cases = {
        "one": opened(((None, 5),), convolution),
        "none": opened((None,), convolution),
        "fewer": opened((), convolution),
        "second": opened((None, (None, 7)), convolution, step("Conv1D", M, name="last"), outputs=(1, 2)),
        "kept": opened(((None, 7),), step("Dense", X)),
    }
    found = {
        name: travelled(net(case, step("LSTM", A), step("LSTM", TensorRef(3, 1), name="other")))
        for name, case in cases.items()
    }
    entry = "own#0/i#0 mask<m#0:0"
    assert {name: edges for name, (edges, _) in found.items()} == {
        "one": [entry, "lstm#0 mask<own#0/conv1d#0:0"],
        "none": [entry],
        "fewer": [entry],
        "second": [entry, "other#0 mask<own#0/last#0:0 (None, 7)"],
        "kept": [entry, "own#0/dense#0 mask<own#0/i#0:0", "lstm#0 mask<own#0/dense#0:0"],
    }
    assert found["one"][1] == {"own#0/i#0:0": "m#0", "own#0/conv1d#0:0": "own#0/conv1d#0"}
    assert found["kept"][1] == {"own#0/i#0:0": "m#0", "own#0/dense#0:0": "m#0"}


def test_a_cast_to_the_same_number_of_bits_is_the_array_itself():
    same, other = (
        net(
            step("Cast", M, operation=True, outputs=(spec,)),
            step("MultiHeadAttention", A, A, outputs=(spec,)),
            step("LSTM", M),
            step("Add", [B, C]),
        )
        for spec in (SEQUENCE, HALF)
    )
    assert "lstm#0 mask<m#0:0" not in travelled(same)[0]
    assert "lstm#0 mask<m#0:0" in travelled(other)[0]


def receives(*steps, output=None, target="lstm#0"):
    """Whether a call still finds its mask, whatever else ran before it."""
    return any(edge.startswith(f"{target} mask") for edge in travelled(net(*steps, output=output))[0])


def test_the_farther_from_the_output_the_earlier_a_call_runs():
    heads, reader = step("MultiHeadAttention", M, M), step("LSTM", M)
    conv = [step("Conv1D", TensorRef(place, 0), name=f"c{place}") for place in (3, 4, 5, 6)]
    assert not receives(heads, reader, step("Add", [A, B]))
    assert receives(reader, heads, step("Add", [A, B]))
    assert not receives(heads, reader, conv[0], step("Add", [B, C]))
    assert receives(heads, reader, conv[1], step("Add", [A, C]))
    assert receives(heads, reader, conv[1], step("Add", training=[A, {"z": C}]))
    assert not receives(reader, heads, conv[1], step("Add", [A, C]))
    last = TensorRef(6, 0)
    assert receives(heads, reader, conv[1], conv[2], step("Add", [A, last]))
    assert not receives(heads, reader, conv[0], conv[2], step("Add", [B, last]))


def test_all_calls_of_a_layer_are_as_far_away_as_the_farthest():
    """The reader's second call is far from the output, so that its first one runs early too."""
    reader = layer("lstm", "LSTM", config={"return_sequences": True})
    heads = step("MultiHeadAttention", M, M)
    near = CallDefinition(reader, (M,), outputs=(SEQUENCE,))
    far = CallDefinition(reader, (N,), outputs=(SEQUENCE,))
    far_steps = [step("Conv1D", TensorRef(5, 0), name="c5"), step("Conv1D", TensorRef(6, 0), name="c6")]
    joined = step("Add", [A, B, TensorRef(7, 0)])
    assert receives(heads, near, far, *far_steps, joined)
    other = step("LSTM", N, name="other")
    assert not receives(heads, near, other, *far_steps, joined)


def test_calls_that_reach_no_output_run_last():
    heads, reader = step("MultiHeadAttention", M, M), step("LSTM", M)
    assert receives(heads, reader, output=[4])
    assert not receives(reader, heads, output=[4])


def test_code_runs_in_the_order_in_which_it_calls():
    """Heads in a body of code take the mask off before or after its other reader, whatever the outputs are."""
    heads = step("MultiHeadAttention", X, X)
    reader = step("LSTM", X)
    for calls, expected in (([heads, reader], False), ([reader, heads], True)):
        graph = net(opened((), *calls, outputs=(2,)))
        edges = travelled(graph)[0]
        assert ("own#0/lstm#0 mask<own#0/i#0:0" in edges) == expected


def test_heads_in_a_nested_model_take_the_mask_off_outside():
    inner = model("inner", [input_call("i"), step("MultiHeadAttention", X, X)], [0], [1])
    nested = CallDefinition(inner, (M,), outputs=(SEQUENCE,))
    assert not receives(nested, step("LSTM", M), step("Add", [A, B]))
    assert receives(step("LSTM", M), nested, step("Add", [A, B]))
    twice = [nested, CallDefinition(inner, (N,), outputs=(SEQUENCE,)), step("LSTM", N), step("Add", [A, B, C])]
    assert not receives(*twice)


@pytest.mark.parametrize("name", ["inputs", "sequences", "query", "x"])
def test_names_under_which_layers_receive_their_first_argument(name):
    assert travelled(net(step("Dense", other=X, **{name: M}))) == (["dense#0 mask<m#0:0"], {"dense#0:0": "m#0"})


def test_an_empty_argument_holds_no_tensors():
    assert travelled(net(step("LSTM", M, (), c_return_sequences=True)))[0] == ["lstm#0 mask<m#0:0"]


def test_a_model_of_code_has_no_order_of_its_own():
    held = {name: layer(name, name) for name in ("Masking", "MultiHeadAttention")}
    graph = expand(definition(layer("sub", "MyModel", is_model=True, opaque=True, children=held)))
    assert travelled(graph) == ([], {})


def test_classes_of_others_are_not_known_to_pass_masks_on():
    own = step("Mine", M)
    own.layer.module, own.layer.registered_name = "mine", "mine>Mine"
    assert travelled(net(own, step("Dense", A))) == ([], {})


def test_the_order_of_a_run_is_found_on_many_paths():
    """Each call receives the one before it twice, so that there are more paths than can be walked."""
    doubled = [step("Add", [TensorRef(place, 0)] * 2, name=f"add_{place}") for place in range(2, 62)]
    graph = net(*doubled, step("MultiHeadAttention", TensorRef(62, 0), TensorRef(62, 0)))
    assert len(travelled(graph)[1]) == 61


def test_an_output_that_is_no_tensor():
    root = model("net", [input_call("x"), step("Masking", X), step("MultiHeadAttention", M, M)], [0], [2])
    root.body.outputs.insert(0, None)
    graph = expand(definition(root))
    assert graph.outputs == [Tensor("multiheadattention#0", 0)]
    assert travelled(graph)[1] == {"masking#0:0": "masking#0", "multiheadattention#0:0": "masking#0"}
