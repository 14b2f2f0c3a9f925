"""How many parameters a model holds, trains, counts twice and never uses; on hand-made graphs."""

import pytest

from graphlint.model.definition import VariableDefinition
from graphlint.model.expand import expand
from graphlint.model.parameters import Parameters, audit, trained
from graphlint.model.several import several
from tests.model.definitions import call, definition, input_call, layer, model


def held(name, *sizes, **fields):
    """A layer with variables of some sizes, those that are negative not trainable."""
    one = layer(name, **fields)
    one.variables = [
        VariableDefinition(f"v{place}", place, (abs(size),), dtype="float32", trainable=size > 0)
        for place, size in enumerate(sizes)
    ]
    return one


def chain(name, *steps, **fields):
    """A model of layers one after another."""
    root = model(name, [input_call("x"), *(call(one, place) for place, one in enumerate(steps))], [0], [len(steps)])
    for key, value in fields.items():
        setattr(root, key, value)
    return root


def counted(root, never_called=()):
    root.body.layers += never_called
    return audit(expand(definition(root)))


def numbers(total, trainable, per_layer=None, twice=0, unreachable=0):
    per_layer = total if per_layer is None else per_layer
    return Parameters(
        total, trainable, total - trainable, counted_per_layer=per_layer, counted_twice=twice, unreachable=unreachable
    )


def test_trainable_or_not():
    assert counted(chain("net")) == numbers(0, 0)
    assert counted(chain("net", held("a", 3, -5), held("b", 7))) == numbers(15, 10)
    assert counted(chain("net", held("a", 3, -5), held("b", 7), trainable=False)) == numbers(15, 0)


def test_layers_between_the_model_and_the_variable_are_not_asked():
    inner = chain("inner", held("a", 3, trainable=False), held("b", 7, -1), trainable=False)
    assert counted(chain("net", inner)) == numbers(11, 10)


def test_what_several_layers_hold_is_counted_for_each():
    shared = held("shared", 5, -2)
    first, second = chain("first", shared, held("a", 3)), chain("second", held("b", 11), shared)
    assert counted(chain("net", first, second, shared)) == numbers(21, 19, per_layer=35, twice=14)


def test_variables_of_the_model_itself():
    own = held("own", 4, -6).variables
    assert counted(chain("net", held("a", 3), variables=own)) == numbers(13, 7, unreachable=10)
    own = held("own", 4).variables
    inner = chain("inner", held("a", 3), variables=own)
    assert counted(chain("net", inner, variables=own)) == numbers(7, 7, per_layer=11, twice=4, unreachable=4)


def test_what_no_output_needs():
    spare = held("spare", 9)
    assert counted(chain("net", held("a", 3)), never_called=[spare]) == numbers(12, 12, unreachable=9)
    calls = [input_call("x"), call(held("a", 3), 0), call(held("dead", 20, -1), 0), call(held("b", 5), 1)]
    assert counted(model("net", calls, [0], [3])) == numbers(29, 28, unreachable=21)


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(True, True, True), (True, False, True), (False, False, False)]
)
def test_a_variable_is_trained_if_any_model_that_holds_it_trains(first, second, expected):
    shared = held("shared", 5, -2)
    one, other = chain("one", shared, trainable=first), chain("other", shared, trainable=second)
    graph = expand(several({"one": definition(one), "other": definition(other)}))
    assert [trained(graph, variable) for variable in graph.variables.values()] == [expected, False]
