"""Hand-made and random model definitions, without Keras."""

from hypothesis import strategies as st

from graphlint.model.definition import (
    Body,
    CallDefinition,
    LayerDefinition,
    ModelDefinition,
    TensorRef,
    TensorSpec,
    VariableDefinition,
)

SPEC = TensorSpec((None, 4), "float32")


def layer(name, class_name="Dense", size=0, **fields):
    variables = [VariableDefinition("kernel", 0, (size,), dtype="float32", trainable=True)] if size else []
    return LayerDefinition(name, class_name, "keras.layers", variables=variables, **fields)


def input_call(name):
    return CallDefinition(layer(name, "InputLayer"), outputs=(SPEC,))


def call(target, *sources, outputs=1):
    args = tuple(TensorRef(*source) if isinstance(source, tuple) else TensorRef(source, 0) for source in sources)
    return CallDefinition(target, args, outputs=(SPEC,) * outputs)


def model(name, calls, inputs, outputs):
    layers = list({id(one.layer): one.layer for one in calls}.values())
    body = Body(layers, calls, [TensorRef(i, 0) for i in inputs], outputs=[TensorRef(i, 0) for i in outputs])
    return LayerDefinition(name, "Functional", "keras.src.models.functional", is_model=True, body=body)


def definition(root):
    return ModelDefinition(root, "static", "keras", has_weights=True)


@st.composite
def bodies(draw, depth=2):
    """A model of random topology: skips, shared layers, wrappers, masks, nested models, dead ends."""
    classes = st.sampled_from(["Dense", "Dense", "Masking", "Add"])
    pool = [layer(f"layer{i}", draw(classes), size=i + 1) for i in range(draw(st.integers(1, 3)))]
    if draw(st.booleans()):
        held = [layer("cell", size=5)] + ([pool[0]] if draw(st.booleans()) else [])
        children = {f"part{i}": one for i, one in enumerate(held)}
        pool.append(layer("wrapper", "Bidirectional", size=draw(st.integers(0, 1)), children=children))
    if depth:
        pool += [draw(bodies(depth=depth - 1)) for _ in range(draw(st.integers(0, 2)))]
        for number, one in enumerate(pool):
            one.name = f"layer{number}"
    width = draw(st.integers(1, 2))
    calls = [input_call(f"input{i}") for i in range(width)]
    for _ in range(draw(st.integers(1, 5))):
        target = draw(st.sampled_from(pool))
        source = st.integers(0, len(calls) - 1)
        if target.body is None:
            sources = draw(st.lists(source, min_size=1, max_size=2))
            calls.append(call(target, *sources))
        else:
            passed = [TensorRef(draw(source), 0) for _ in target.body.inputs]
            calls.append(CallDefinition(target, (passed,), outputs=(SPEC,) * len(target.body.outputs)))
    outputs = draw(st.lists(st.integers(0, len(calls) - 1), min_size=1, max_size=2, unique=True))
    return model("model", calls, range(width), outputs)
