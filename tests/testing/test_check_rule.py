"""`check_rule` finds what the examples of a rule do not show."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

import pytest

from graphlint import Problem, Rule, Severity
from graphlint.testing import check_rule
from graphlint.testing.oddities import variants
from graphlint.testing.robustness import odd_graphs, sample_graphs


class Tanh(Rule):
    """A layer squashes its output.

    ## What it does
    Reports layers with the activation tanh.

    ## Why is this bad?
    It is only an example.

    ## Example
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="tanh")])
    ```

    ## Use instead
    ```python
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    ```

    ## Fix
    None: it is only an example.

    ## Not reported
    Anything else.
    """

    code = "ZZ900"
    name = "tanh"
    severity = Severity.WARNING

    def check(self, graph):
        for layer in graph.layers.values():
            if self.squashes(layer.config):
                yield Problem("it squashes", layer.path)

    def squashes(self, config):
        return config.get("activation") == "tanh"


class Careless(Tanh):
    __doc__ = Tanh.__doc__

    def squashes(self, config):
        return config.get("activation", "linear") in {"tanh", "hard_tanh"}


class Numeric(Tanh):
    __doc__ = Tanh.__doc__

    def squashes(self, config):
        return config.get("activation") == "tanh" and config.get("units", 1) > 0


class Lost(Tanh):
    __doc__ = Tanh.__doc__

    def check(self, graph):
        yield from super().check(graph)
        if any(layer.class_name == "LSTM" for layer in graph.layers.values()):
            yield Problem("it is somewhere", "nowhere")


def test_a_careful_rule_passes(tmp_path):
    check_rule(Tanh, tmp_path)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Careless, r"(?s)ZZ900: expected an answer on the sample model layers_as_settings.*in squashes.*unhashable"),
        (Numeric, r"(?s)ZZ900: expected an answer on .*, where config.*units is .* in squashes"),
        (
            Lost,
            r"(?s)ZZ900: expected an answer on the sample model lstm_tagger in memory.*no node of the graph: .nowhere.",
        ),
    ],
)
def test_a_rule_that_raises_on_what_its_examples_do_not_show(rule, message, tmp_path):
    with pytest.raises(AssertionError, match=message):
        check_rule(rule, tmp_path)


class Restless(Tanh):
    __doc__ = Tanh.__doc__
    asked = 0

    def check(self, graph):
        yield from super().check(graph)
        Restless.asked += 1
        if graph.root.class_name == "Functional" and Restless.asked % 2:
            yield Problem("now and then", ".")


def test_a_rule_that_answers_otherwise_when_it_is_asked_again(tmp_path):
    with pytest.raises(AssertionError, match="the same answer when asked again on the sample model"):
        check_rule(Restless, tmp_path)


def test_the_odd_configurations_are_the_same_each_time_and_reach_every_setting():
    dense = {"name": "dense", "units": 3, "use_bias": True, "kernel_initializer": {"class_name": "Zeros", "config": {}}}
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": dense}]}}
    text = json.dumps(config)
    first, second = (list(islice(variants(config, "seed"), 100)) for _ in range(2))
    assert first == second != list(islice(variants(config, "another"), 100))
    assert json.dumps(config) == text and all(json.dumps(one) != text for one, _ in first)
    changed = Counter(what.partition(" ")[0].rpartition(".")[2] for _, what in first)
    assert all(changed[name] > 10 for name in dense) and changed["class_name"]
    assert len({what for what in (what for _, what in first) if ".units " in what}) > 10


def test_there_are_as_many_graphs_as_promised():
    assert len(sample_graphs()) >= 100 and len(odd_graphs()) == 100
    assert len({what for what, _ in odd_graphs()}) > 90
    assert any(graph.variables for _, graph in odd_graphs())
