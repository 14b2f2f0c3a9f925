"""A graph that is cut off holds nothing of the model it was made of, and says the same."""

from __future__ import annotations

from graphlint.model.definition import (
    Body,
    CallDefinition,
    Constant,
    ConstantKind,
    Effect,
    FrontEnd,
    LayerDefinition,
    Member,
    ModelDefinition,
    OptimizerDefinition,
    TensorRef,
    VariableDefinition,
)
from graphlint.model.detach import detach
from graphlint.model.expand import expand
from tests.model.definitions import SPEC, input_call, layer


class Held:
    """An object in memory."""


def variable(slot="kernel"):
    return VariableDefinition(slot, 0, (2,), dtype="float32", trainable=True, values=Held(), obj=Held())


def constant(value=1.0):
    return Constant(ConstantKind.TENSOR, value, (2,), dtype="float32", obj=Held())


def body(*calls, traced=False, **fields):
    made = Body([one.layer for one in calls], list(calls), [TensorRef(0, 0)], outputs=[TensorRef(len(calls) - 1, 0)])
    made.traced, made.arguments = traced, ("0",) if traced else ()
    for key, value in fields.items():
        setattr(made, key, value)
    return made


def used(one, source, **fields):
    fields = {"kwargs": {"scale": [constant(2.0)]}, "captured": (constant(3.0),), **fields}
    return CallDefinition(one, (TensorRef(source, 0), constant()), outputs=(SPEC,), obj=Held(), **fields)


def made_of():
    """A model in memory that has an object in every place that may hold one."""
    deep = layer("deep", obj=Held())
    deep.variables.append(variable())
    wrapper = layer("wrapper", "TimeDistributed", children={"layer": deep}, obj=Held())
    first = body(input_call("i"), used(layer("op", "Add", is_operation=True, obj=Held()), 0), traced=True)
    outside = layer("outside", "Mul", is_operation=True, obj=Held())
    first.calls.append(used(outside, 1))
    first.effects = (Effect("update", (TensorRef(1, 0),), Held()),)
    other = body(input_call("i"), used(layer("other", "Mul", is_operation=True, obj=Held()), 0), traced=True)
    other.outputs = [TensorRef(1, 0), constant()]
    code = layer("code", "Mine", registered_name="x>Mine", body=first, obj=Held())
    code.variables.append(variable("v"))
    calls = [input_call("x"), used(wrapper, 0), used(code, 1), used(code, 2, form=other)]
    root = LayerDefinition("net", "Functional", "keras", is_model=True, body=body(*calls), obj=Held())
    optimizer = OptimizerDefinition("Adam", None, {}, variables=[variable("m")])
    return ModelDefinition(root, FrontEnd.LIVE, "live", has_weights=True, optimizer=optimizer, obj=Held())


def reachable(value):
    """Every object of the model that can be reached from something."""
    found, stack, seen = [], [value], set()
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Held):
            found.append(one)
        elif isinstance(one, dict):
            stack += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            stack += one
        elif type(one).__module__.startswith("graphlint.model"):
            names = [*getattr(one, "__dict__", ()), *(slot for cls in type(one).__mro__ for slot in _slots(cls))]
            stack += [getattr(one, name) for name in names if hasattr(type(one), "__slots__") or name in vars(one)]
    return found


def _slots(cls):
    return getattr(cls, "__slots__", ())


def test_nothing_of_the_model_is_left():
    graph = expand(made_of())
    assert reachable(graph) and reachable(graph.definition)
    before = [(one.id, one.args, one.kwargs) for one in graph.calls.values()]
    scopes = [(one.id, one.args, one.kwargs) for one in graph.scopes.values()]
    detach(graph)
    assert reachable(graph) == [] and reachable(graph.definition) == []
    assert [(one.id, one.args, one.kwargs) for one in graph.calls.values()] == before
    assert [(one.id, one.args, one.kwargs) for one in graph.scopes.values()] == scopes
    assert set(graph.variables) == {"wrapper/layer@kernel", "code@v"}


def test_the_members_of_several_models_are_cut_off_too():
    one, root = made_of(), LayerDefinition("both", None, body=Body([], [], [], outputs=[]))
    several = ModelDefinition(root, FrontEnd.LIVE, "live", has_weights=True, members=(Member("a", one),))
    root.body.layers.append(one.root)
    graph = expand(several)
    detach(graph)
    assert reachable(graph.definition) == []


def test_second_definitions_are_cut_off_too():
    """The graph has nodes of the first ones alone."""
    objects = [Held() for _ in range(4)]

    def inner():
        cell = layer("cell", "LSTM", obj=objects[0])
        wrap = layer("wrap", "Bidirectional", obj=objects[1], children={"forward_layer": cell})
        own, apart = (layer(name, obj=one) for name, one in (("idle", objects[2]), ("apart", objects[3])))
        calls = [input_call("i"), used(wrap, 0), used(apart, 1)]
        made = LayerDefinition("inner", "Functional", "keras", is_model=True, body=body(*calls))
        made.body.layers = [*made.body.layers[:2], own]
        made.obj = objects
        return made

    calls = [input_call("x"), used(inner(), 0), used(inner(), 1)]
    graph = expand(ModelDefinition(LayerDefinition("net", "Functional", "keras", body=body(*calls)), "live", "live"))
    assert [one for one in graph.layers if "/" in one] == [
        f"inner/{name}" for name in ("i", "wrap", "wrap/forward_layer", "apart", "idle")
    ]
    detach(graph)
    assert reachable(graph.definition) == []


def test_each_form_of_a_call_is_cut_off_though_some_are_equal():
    forms = [body(input_call("i"), used(layer("d", obj=Held()), 0), traced=True) for _ in range(3)]
    own = layer("own", "Mine", registered_name="x>Mine", body=forms[0])
    calls = [input_call("x"), *(used(own, place, form=forms[one]) for place, one in enumerate((1, 2, 2)))]
    graph = expand(ModelDefinition(LayerDefinition("net", "Functional", "keras", body=body(*calls)), "live", "live"))
    detach(graph)
    assert reachable(graph.definition) == []


def test_a_layer_that_holds_itself():
    own = layer("own", "Mine", registered_name="x>Mine", opaque=True, obj=Held())
    own.children["me"] = own
    graph = expand(ModelDefinition(own, "live", "live", has_weights=True))
    detach(graph)
    assert reachable(graph.definition) == []
