"""What all of a graph is, of four models that have about everything: one text each."""

from __future__ import annotations

import pytest

from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    Effect,
    TensorRef,
    VariableDefinition,
)
from graphlint.model.expand import expand
from graphlint.model.several import several
from tests.model.definitions import SPEC, call, definition, input_call, layer, model
from tests.model.pictures import picture

R = TensorRef


def nested_models():
    """Inputs and outputs in other orders, names that collide, a layer in a wrapper too, arguments that are missing."""
    shared = layer("shared", size=3)
    join = call(layer("join", "Add"), 0, 1)
    wide = model("wide", [input_call("p"), input_call("q"), join, call(shared, 2, outputs=2)], [1, 0], [3])
    wide.body.outputs = {"b": R(3, 1), "a": [R(2, 0), None, R(3, 7)]}
    wide.body.layers.append(layer("idle", size=1))
    inner = model("held", [input_call("i"), call(layer("deep/er", size=2), 0), call(shared, 1)], [0], [2])
    inner.body.layers.append(layer("deep/er", size=4))
    wrapper = layer("wrap", "TimeDistributed", children={"layer": inner, "extra/one": layer("plain", size=1)})
    twins = [layer("twin", size=size) for size in (5, 6, 0)]
    masked = {"inputs": [R(5, 0), Constant(ConstantKind.TENSOR)], "mask": [None, R(4, 0)]}
    calls = [
        input_call("x"),
        input_call("y"),
        CallDefinition(wide, ((R(0, 0), R(1, 0)),), outputs=(SPEC,) * 2),
        CallDefinition(wrapper, (R(2, 3),), {"training": False}, outputs=(SPEC,)),
        CallDefinition(twins[0], (R(3, 0), Constant(ConstantKind.NUMPY)), outputs=(SPEC,)),
        CallDefinition(twins[1], (), {"inputs": R(4, 0), "value": [R(2, 0), 2]}),
        CallDefinition(wide, (), masked, outputs=(SPEC,) * 2),
        call(twins[2], 7),
        call(twins[0], (0, 5)),
    ]
    return definition(model("net", calls, [0, 1], [6, 5]))


def opened_code():
    """Code that reads a variable, receives masks and captured tensors, and calls layers it holds and others."""
    obj = object()
    held, other, loose = layer("held", size=1), layer("other", size=2), layer("loose", size=3)
    clash = layer("held", size=4)
    part = model("part", [input_call("i"), call(layer("d", size=1), 0)], [0], [1])

    def operation(name, *args, captured=()):
        return CallDefinition(layer(name, name.title(), is_operation=True), args, outputs=(SPEC,), captured=captured)

    body = Body(
        [loose, clash],
        [
            *map(input_call, "abcm"),
            call(held, 0),
            call(loose, 4),
            call(clash, 5),
            CallDefinition(part, (R(6, 0),), outputs=(SPEC,)),
            operation("mul", R(7, 0), Constant(ConstantKind.VARIABLE, obj=obj), captured=(R(2, 0),)),
            operation("mul", R(8, 0), R(1, 0)),
            CallDefinition(layer("norm"), (R(9, 0),), {"mask": R(3, 0)}, outputs=(SPEC,)),
        ],
        [R(place, 0) for place in range(4)],
        outputs=[R(10, 0)],
        traced=True,
        arguments=("0", "value", "captured/0", "mask:0"),
        effects=(
            Effect("loss", (R(4, 0), None, R(77, 0))),
            Effect("update", (R(5, 0),), obj),
            Effect("metric", (), object()),
        ),
    )
    own = layer("own", "Mine", children={"held": held, "block/other": other, "part": part}, body=body)
    own.variables.append(VariableDefinition("scale", 0, (2,), dtype="float32", trainable=True, obj=obj))
    calls = [
        input_call("x"),
        input_call("z"),
        CallDefinition(own, (R(0, 0),), {"value": R(1, 0)}, captured=(R(1, 0),), outputs=(SPEC,)),
        CallDefinition(own, (R(2, 0),), outputs=(SPEC,)),
        call(clash, 3),
    ]
    return definition(model("net", calls, [0, 1], [4]))


def closed_layers():
    """A model inside a wrapper in a custom layer, inside a wrapper of its own, and called itself."""
    plus = layer("sum", "Add", is_operation=True)
    ends = [layer("a", size=1), layer("b", size=2)]
    inner = model("inner", [input_call("i"), call(ends[0], 0), call(plus, 1), call(ends[1], 2)], [0], [3])
    deep = layer("deep", "Wrapper", children={"model": inner, "cell": layer("cell", size=3)})
    own = layer("own", "Mine", children={"deep": deep}, opaque=True)
    wrapper = layer("open", "Bidirectional", children={"forward_layer": inner})
    calls = [input_call("x"), call(own, 0), call(wrapper, 1), call(inner, 2)]
    return definition(model("net", calls, [0], [3]))


def several_models():
    """Two models, one of both, and one of code that holds the first."""
    first = model("gen", [input_call("z"), call(layer("g", size=1), 0)], [0], [1])
    second = model("dis", [input_call("i"), call(layer("d", size=2), 0)], [0], [1])
    code = layer("sub", "MyModel", is_model=True, opaque=True, children={"g": first, "own": layer("own", size=3)})
    both = model("gan", [input_call("z"), call(first, 0), call(second, 1)], [0], [2])
    return several(
        {"a:b": definition(code), "gan": definition(both), "gen": definition(first), "dis": definition(second)}
    )


NESTED = {
    "layers": [
        ".",
        "x in .",
        "y in .",
        "wide in .",
        "wide/q in wide",
        "wide/p in wide",
        "wide/join in wide",
        "wide/shared in wide =wrap/layer/shared",
        "wide/idle in wide",
        "wrap in .",
        "wrap/layer in wrap",
        "wrap/layer/i in wrap/layer",
        "wrap/layer/deep%2Fer in wrap/layer",
        "wrap/layer/deep%2Fer~1 in wrap/layer",
        "wrap/extra/one in wrap",
        "twin in .",
        "twin~1 in .",
        "twin~2 in .",
    ],
    "children": {
        ".": ["x", "y", "wide", "wrap", "twin", "twin~1", "twin~2"],
        "wide": ["wide/q", "wide/p", "wide/join", "wide/shared", "wide/idle"],
        "wrap": ["wrap/layer", "wrap/extra/one"],
        "wrap/layer": ["wrap/layer/i", "wrap/layer/deep%2Fer", "wide/shared", "wrap/layer/deep%2Fer~1"],
    },
    "variables": [
        "wide/shared@kernel 0 (3,) held by wide/shared",
        "wide/idle@kernel 0 (1,) held by wide/idle",
        "wrap/layer/deep%2Fer@kernel 0 (2,) held by wrap/layer/deep%2Fer",
        "wrap/layer/deep%2Fer~1@kernel 0 (4,) held by wrap/layer/deep%2Fer~1",
        "wrap/extra/one@kernel 0 (1,) held by wrap/extra/one",
        "twin@kernel 0 (5,) held by twin",
        "twin~1@kernel 0 (6,) held by twin~1",
    ],
    "aliases": {"wrap/layer/shared": "wide/shared"},
    "calls": [
        "x#0 x in . 0 >1",
        "y#0 y in . 0 >1",
        "wide#0/q#0 wide/q in wide#0 0 0<x#0:0 >1",
        "wide#0/p#0 wide/p in wide#0 0 0<y#0:0 >1",
        "wide#0/join#0 wide/join in wide#0 0 0<wide#0/p#0:0 1<wide#0/q#0:0 >1",
        "wide#0/shared#0 wide/shared in wide#0 0 0<wide#0/join#0:0 >2",
        "wrap#0 wrap in . 0 0<wide#0/shared#0:1 >1",
        "twin#0 twin in . 0 0<wrap#0:0 >1",
        "twin~1#0 twin~1 in . 0 inputs<twin#0:0 value/0<wide#0/join#0:0 >1",
        "wide#1/q#0 wide/q in wide#1 0 0<twin~1#0:0 >1",
        "wide#1/p#0 wide/p in wide#1 0 >1",
        "wide#1/join#0 wide/join in wide#1 0 0<wide#1/p#0:0 1<wide#1/q#0:0 >1",
        "wide#1/shared#0 wide/shared in wide#1 0 0<wide#1/join#0:0 >2",
        "twin~2#0 twin~2 in . 0 >1",
        "twin#1 twin in . 1 >1",
    ],
    "scopes": [
        ". . in None 0 () {} x#0 y#0 > (wide#1/join#0:0, twin~1#0:0)",
        "wide#0 wide in . 0 ((x#0:0, y#0:0)) {} wide#0/q#0 wide#0/p#0 > (wide#0/join#0:0, wide#0/shared#0:1)",
        (
            "wide#1 wide in . 1 () {inputs=(twin~1#0:0, tensor), mask=(None, twin#0:0)} wide#1/q#0 wide#1/p#0 "
            "> (wide#1/join#0:0, wide#1/shared#0:1)"
        ),
    ],
    "inputs": ["x#0", "y#0"],
    "outputs": ["wide#1/join#0:0", "twin~1#0:0"],
    "calls of": {
        "x": ["x#0"],
        "y": ["y#0"],
        "wide/q": ["wide#0/q#0", "wide#1/q#0"],
        "wide/p": ["wide#0/p#0", "wide#1/p#0"],
        "wide/join": ["wide#0/join#0", "wide#1/join#0"],
        "wide/shared": ["wide#0/shared#0", "wide#1/shared#0"],
        "wrap": ["wrap#0"],
        "twin": ["twin#0", "twin#1"],
        "twin~1": ["twin~1#0"],
        "twin~2": ["twin~2#0"],
    },
    "runs inside": {
        "wrap": ("wrap",),
        "wrap/layer": ("wrap",),
        "wrap/layer/i": ("wrap",),
        "wrap/layer/deep%2Fer": ("wrap",),
        "wide/shared": ("wide/shared", "wrap"),
        "wrap/layer/deep%2Fer~1": ("wrap",),
        "wrap/extra/one": ("wrap",),
    },
    "running": {
        "wrap": (
            "wrap",
            "wrap/layer",
            "wrap/layer/i",
            "wrap/layer/deep%2Fer",
            "wide/shared",
            "wrap/layer/deep%2Fer~1",
            "wrap/extra/one",
        )
    },
    "constants": ["twin#0", "wide#1/p#0", "twin~2#0", "twin#1"],
    "members": [("net", ".", ".")],
}

CODED = {
    "layers": [
        ".",
        "x in .",
        "z in .",
        "own in .",
        "own/held in own",
        "own/block/other in own",
        "own/part in own",
        "own/part/layers/input_layer in own/part",
        "own/part/layers/dense in own/part",
        "own/a in own",
        "own/b in own",
        "own/c in own",
        "own/m in own",
        "own/loose in own",
        "own/held~1 in own =held",
        "own/mul in own",
        "own/mul~1 in own",
        "own/norm in own",
    ],
    "children": {
        ".": ["x", "z", "own", "own/held~1"],
        "own": [
            "own/held",
            "own/block/other",
            "own/part",
            "own/a",
            "own/b",
            "own/c",
            "own/m",
            "own/loose",
            "own/held~1",
            "own/mul",
            "own/mul~1",
            "own/norm",
        ],
        "own/part": ["own/part/layers/input_layer", "own/part/layers/dense"],
    },
    "variables": [
        "own@scale 0 (2,) held by own",
        "own/held@kernel 0 (1,) held by own/held",
        "own/block/other@kernel 0 (2,) held by own/block/other",
        "own/part/layers/dense@kernel 0 (1,) held by own/part/layers/dense",
        "own/loose@kernel 0 (3,) held by own/loose",
        "own/held~1@kernel 0 (4,) held by own/held~1",
    ],
    "aliases": {"held": "own/held~1"},
    "calls": [
        "x#0 x in . 0 >1",
        "z#0 z in . 0 >1",
        "own#0/a#0 own/a in own#0 0 0<x#0:0 >1",
        "own#0/b#0 own/b in own#0 0 0<z#0:0 >1",
        "own#0/c#0 own/c in own#0 0 0<z#0:0 >1",
        "own#0/m#0 own/m in own#0 0 ~mask<x#0:0 >1",
        "own#0/held#0 own/held in own#0 0 0<own#0/a#0:0 >1",
        "own#0/loose#0 own/loose in own#0 0 0<own#0/held#0:0 >1",
        "own#0/held~1#0 own/held~1 in own#0 0 0<own#0/loose#0:0 >1",
        "own#0/part#0/layers/input_layer#0 own/part/layers/input_layer in own#0/part#0 0 0<own#0/held~1#0:0 >1",
        "own#0/part#0/layers/dense#0 own/part/layers/dense in own#0/part#0 0 0<own#0/part#0/layers/input_layer#0:0 >1",
        "own#0/mul#0 own/mul in own#0 0 0<own#0/part#0/layers/dense#0:0 captured/0<own#0/c#0:0 >1",
        "own#0/mul~1#0 own/mul~1 in own#0 0 0<own#0/mul#0:0 1<own#0/b#0:0 >1",
        "own#0/norm#0 own/norm in own#0 0 0<own#0/mul~1#0:0 ~mask<own#0/m#0:0 >1",
        "own#1/a#0 own/a in own#1 0 0<own#0/norm#0:0 ~mask<own#0/norm#0:0 >1",
        "own#1/b#0 own/b in own#1 0 >1",
        "own#1/c#0 own/c in own#1 0 >1",
        "own#1/m#0 own/m in own#1 0 ~mask<own#0/norm#0:0 >1",
        "own#1/held#0 own/held in own#1 0 0<own#1/a#0:0 ~mask<own#1/a#0:0 >1",
        "own#1/loose#0 own/loose in own#1 0 0<own#1/held#0:0 ~mask<own#1/held#0:0 >1",
        "own#1/held~1#0 own/held~1 in own#1 0 0<own#1/loose#0:0 ~mask<own#1/loose#0:0 >1",
        (
            "own#1/part#0/layers/input_layer#0 own/part/layers/input_layer in own#1/part#0 0 0<own#1/held~1#0:0 "
            "~mask<own#1/held~1#0:0 >1"
        ),
        (
            "own#1/part#0/layers/dense#0 own/part/layers/dense in own#1/part#0 0 "
            "0<own#1/part#0/layers/input_layer#0:0 ~mask<own#1/part#0/layers/input_layer#0:0 >1"
        ),
        "own#1/mul#0 own/mul in own#1 0 0<own#1/part#0/layers/dense#0:0 captured/0<own#1/c#0:0 >1",
        "own#1/mul~1#0 own/mul~1 in own#1 0 0<own#1/mul#0:0 1<own#1/b#0:0 >1",
        "own#1/norm#0 own/norm in own#1 0 0<own#1/mul~1#0:0 ~mask<own#1/m#0:0 >1",
        "held#0 own/held~1 in . 0 0<own#1/norm#0:0 ~mask<own#1/norm#0:0 >1",
    ],
    "scopes": [
        ". . in None 0 () {} x#0 z#0 > (held#0:0)",
        "own#0 own in . 0 (x#0:0) {value=z#0:0} own#0/a#0 own#0/b#0 own#0/c#0 own#0/m#0 > (own#0/norm#0:0)",
        (
            "own#0/part#0 own/part in own#0 0 (own#0/held~1#0:0) {} own#0/part#0/layers/input_layer#0 > "
            "(own#0/part#0/layers/dense#0:0)"
        ),
        "own#1 own in . 1 (own#0/norm#0:0) {} own#1/a#0 own#1/b#0 own#1/c#0 own#1/m#0 > (own#1/norm#0:0)",
        (
            "own#1/part#0 own/part in own#1 0 (own#1/held~1#0:0) {} own#1/part#0/layers/input_layer#0 > "
            "(own#1/part#0/layers/dense#0:0)"
        ),
    ],
    "inputs": ["x#0", "z#0"],
    "outputs": ["held#0:0"],
    "calls of": {
        "x": ["x#0"],
        "z": ["z#0"],
        "own/a": ["own#0/a#0", "own#1/a#0"],
        "own/b": ["own#0/b#0", "own#1/b#0"],
        "own/c": ["own#0/c#0", "own#1/c#0"],
        "own/m": ["own#0/m#0", "own#1/m#0"],
        "own/held": ["own#0/held#0", "own#1/held#0"],
        "own/loose": ["own#0/loose#0", "own#1/loose#0"],
        "own/held~1": ["own#0/held~1#0", "own#1/held~1#0", "held#0"],
        "own/part/layers/input_layer": ["own#0/part#0/layers/input_layer#0", "own#1/part#0/layers/input_layer#0"],
        "own/part/layers/dense": ["own#0/part#0/layers/dense#0", "own#1/part#0/layers/dense#0"],
        "own/mul": ["own#0/mul#0", "own#1/mul#0"],
        "own/mul~1": ["own#0/mul~1#0", "own#1/mul~1#0"],
        "own/norm": ["own#0/norm#0", "own#1/norm#0"],
    },
    "constants": ["own#0/mul#0", "own#1/b#0", "own#1/c#0", "own#1/mul#0"],
    "read by": {"own@scale": ["own#0/mul#0", "own#1/mul#0"]},
    "effects": [
        ("loss", "own#0", "(own#0/held#0:0)", None),
        ("update", "own#0", "(own#0/loose#0:0)", "own@scale"),
        ("metric", "own#0", "()", None),
        ("loss", "own#1", "(own#1/held#0:0)", None),
        ("update", "own#1", "(own#1/loose#0:0)", "own@scale"),
        ("metric", "own#1", "()", None),
    ],
    "members": [("net", ".", ".")],
}

OPAQUE = {
    "layers": [
        ".",
        "x in .",
        "own in .",
        "own/deep in own hidden",
        "own/deep/model in own/deep hidden =open/forward_layer =inner",
        "own/deep/model/layers/input_layer in own/deep/model hidden",
        "own/deep/model/layers/dense in own/deep/model hidden",
        "own/deep/model/sum in own/deep/model hidden",
        "own/deep/model/layers/dense_1 in own/deep/model hidden",
        "own/deep/cell in own/deep hidden",
        "open in .",
    ],
    "children": {
        ".": ["x", "own", "open", "own/deep/model"],
        "own": ["own/deep"],
        "own/deep": ["own/deep/model", "own/deep/cell"],
        "own/deep/model": [
            "own/deep/model/layers/input_layer",
            "own/deep/model/layers/dense",
            "own/deep/model/sum",
            "own/deep/model/layers/dense_1",
        ],
        "open": ["own/deep/model"],
    },
    "variables": [
        "own/deep/model/layers/dense@kernel 0 (1,) held by own/deep/model/layers/dense",
        "own/deep/model/layers/dense_1@kernel 0 (2,) held by own/deep/model/layers/dense_1",
        "own/deep/cell@kernel 0 (3,) held by own/deep/cell",
    ],
    "aliases": {"open/forward_layer": "own/deep/model", "inner": "own/deep/model"},
    "calls": [
        "x#0 x in . 0 >1",
        "own#0 own in . 0 0<x#0:0 >1",
        "open#0 open in . 0 0<own#0:0 >1",
        "inner#0/layers/input_layer#0 own/deep/model/layers/input_layer in inner#0 0 0<open#0:0 >1",
        "inner#0/layers/dense#0 own/deep/model/layers/dense in inner#0 0 0<inner#0/layers/input_layer#0:0 >1",
        "inner#0/sum#0 own/deep/model/sum in inner#0 0 0<inner#0/layers/dense#0:0 >1",
        "inner#0/layers/dense_1#0 own/deep/model/layers/dense_1 in inner#0 0 0<inner#0/sum#0:0 >1",
    ],
    "scopes": [
        ". . in None 0 () {} x#0 > (inner#0/layers/dense_1#0:0)",
        "inner#0 own/deep/model in . 0 (open#0:0) {} inner#0/layers/input_layer#0 > (inner#0/layers/dense_1#0:0)",
    ],
    "inputs": ["x#0"],
    "outputs": ["inner#0/layers/dense_1#0:0"],
    "calls of": {
        "x": ["x#0"],
        "own": ["own#0"],
        "open": ["open#0"],
        "own/deep/model/layers/input_layer": ["inner#0/layers/input_layer#0"],
        "own/deep/model/layers/dense": ["inner#0/layers/dense#0"],
        "own/deep/model/sum": ["inner#0/sum#0"],
        "own/deep/model/layers/dense_1": ["inner#0/layers/dense_1#0"],
    },
    "runs inside": {
        "own": ("own",),
        "own/deep": ("own",),
        "own/deep/model": ("own", "open"),
        "own/deep/model/layers/input_layer": ("own", "open", "own/deep/model/layers/input_layer"),
        "own/deep/model/layers/dense": ("own", "open", "own/deep/model/layers/dense"),
        "own/deep/model/sum": ("own", "open", "own/deep/model/sum"),
        "own/deep/model/layers/dense_1": ("own", "open", "own/deep/model/layers/dense_1"),
        "own/deep/cell": ("own",),
        "open": ("open",),
    },
    "running": {
        "own": (
            "own",
            "own/deep",
            "own/deep/model",
            "own/deep/model/layers/input_layer",
            "own/deep/model/layers/dense",
            "own/deep/model/sum",
            "own/deep/model/layers/dense_1",
            "own/deep/cell",
        ),
        "open": (
            "open",
            "own/deep/model",
            "own/deep/model/layers/input_layer",
            "own/deep/model/layers/dense",
            "own/deep/model/sum",
            "own/deep/model/layers/dense_1",
        ),
        "own/deep/model/layers/input_layer": ("own/deep/model/layers/input_layer",),
        "own/deep/model/layers/dense": ("own/deep/model/layers/dense",),
        "own/deep/model/sum": ("own/deep/model/sum",),
        "own/deep/model/layers/dense_1": ("own/deep/model/layers/dense_1",),
    },
    "members": [("net", ".", ".")],
}

SEVERAL = {
    "layers": [
        ".",
        "a%3Ab: in .",
        "gan: in .",
        "gen: in . =a%3Ab:g =gan:gen",
        "dis: in . =gan:dis",
        "a%3Ab:own in a%3Ab: hidden",
        "gan:z in gan:",
        "gen:z in gen:",
        "gen:g in gen:",
        "dis:i in dis:",
        "dis:d in dis:",
    ],
    "children": {
        ".": ["a%3Ab:", "gan:", "gen:", "dis:"],
        "a%3Ab:": ["gen:", "a%3Ab:own"],
        "gan:": ["gan:z", "gen:", "dis:"],
        "gen:": ["gen:z", "gen:g"],
        "dis:": ["dis:i", "dis:d"],
    },
    "variables": [
        "a%3Ab:own@kernel 0 (3,) held by a%3Ab:own",
        "gen:g@kernel 0 (1,) held by gen:g",
        "dis:d@kernel 0 (2,) held by dis:d",
    ],
    "aliases": {"a%3Ab:g": "gen:", "gan:gen": "gen:", "gan:dis": "dis:"},
    "calls": [
        "a%3Ab:#0 a%3Ab: in . 0 >1",
        "gan:z#0 gan:z in gan: 0 >1",
        "gan:gen#0/z#0 gen:z in gan:gen#0 0 0<gan:z#0:0 >1",
        "gan:gen#0/g#0 gen:g in gan:gen#0 0 0<gan:gen#0/z#0:0 >1",
        "gan:dis#0/i#0 dis:i in gan:dis#0 0 0<gan:gen#0/g#0:0 >1",
        "gan:dis#0/d#0 dis:d in gan:dis#0 0 0<gan:dis#0/i#0:0 >1",
        "gen:z#0 gen:z in gen: 0 >1",
        "gen:g#0 gen:g in gen: 0 0<gen:z#0:0 >1",
        "dis:i#0 dis:i in dis: 0 >1",
        "dis:d#0 dis:d in dis: 0 0<dis:i#0:0 >1",
    ],
    "scopes": [
        ". . in None 0 () {} gan:z#0 gen:z#0 dis:i#0 > (a%3Ab:#0:0, gan:dis#0/d#0:0, gen:g#0:0, dis:d#0:0)",
        "gan: gan: in . 0 () {} gan:z#0 > (gan:dis#0/d#0:0)",
        "gan:gen#0 gen: in gan: 0 (gan:z#0:0) {} gan:gen#0/z#0 > (gan:gen#0/g#0:0)",
        "gan:dis#0 dis: in gan: 0 (gan:gen#0/g#0:0) {} gan:dis#0/i#0 > (gan:dis#0/d#0:0)",
        "gen: gen: in . 0 () {} gen:z#0 > (gen:g#0:0)",
        "dis: dis: in . 0 () {} dis:i#0 > (dis:d#0:0)",
    ],
    "inputs": ["gan:z#0", "gen:z#0", "dis:i#0"],
    "outputs": ["a%3Ab:#0:0", "gan:dis#0/d#0:0", "gen:g#0:0", "dis:d#0:0"],
    "calls of": {
        "a%3Ab:": ["a%3Ab:#0"],
        "gan:z": ["gan:z#0"],
        "gen:z": ["gan:gen#0/z#0", "gen:z#0"],
        "gen:g": ["gan:gen#0/g#0", "gen:g#0"],
        "dis:i": ["gan:dis#0/i#0", "dis:i#0"],
        "dis:d": ["gan:dis#0/d#0", "dis:d#0"],
    },
    "runs inside": {
        "a%3Ab:": ("a%3Ab:",),
        "gen:": ("a%3Ab:",),
        "a%3Ab:own": ("a%3Ab:",),
        "gen:z": ("gen:z", "a%3Ab:"),
        "gen:g": ("gen:g", "a%3Ab:"),
    },
    "running": {"a%3Ab:": ("a%3Ab:", "gen:", "a%3Ab:own", "gen:z", "gen:g")},
    "members": [("a:b", "a%3Ab:", "a%3Ab:"), ("gan", "gan:", "gan:"), ("gen", "gen:", "gen:"), ("dis", "dis:", "dis:")],
}


@pytest.mark.parametrize(
    ("of", "expected"),
    [(nested_models, NESTED), (opened_code, CODED), (closed_layers, OPAQUE), (several_models, SEVERAL)],
)
def test_all_of_a_graph(of, expected):
    assert picture(expand(of())) == expected
