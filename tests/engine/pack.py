"""A small pack of rules, as somebody else would write it, and models for them."""

from typing import ClassVar

from graphlint import Need, Option, Problem, Rule, Severity
from graphlint.engine.linter import Linter
from graphlint.engine.registry import Registry
from graphlint.engine.selection import Selection
from tests.model.definitions import call, definition, input_call, layer, model


class BigLayer(Rule):
    """A layer holds many numbers.

    ## Why is this bad?
    It is big. It is slow too.
    """

    code = "ZZ001"
    name = "big-layer"
    severity = Severity.WARNING
    options: ClassVar = {
        "min_elements": Option(10, "elements", "from here on", minimum=1, maximum=1000),
        "share": Option(0.5, "of all", "a share"),
        "word": Option("x", "", "a word"),
        "strict": Option(False, "", "a switch"),
    }

    def check(self, graph):
        for variable in graph.variables.values():
            if variable.size >= self.option["min_elements"]:
                yield Problem(f"{variable.size} numbers", variable.id, "Make it smaller.", related=(variable.layer,))


class Crash(Rule):
    """Raises after its first problem."""

    code = "ZZ002"
    name = "crash"
    severity = Severity.INFO
    default = False

    def check(self, graph):
        yield Problem("found before the crash")
        raise ValueError("boom")


class Preview(Rule):
    """Not in the default set yet."""

    code = "ZZ101"
    name = "preview-rule"
    severity = Severity.ERROR
    preview = True

    def check(self, graph):
        yield Problem("previewed", graph.outputs[0])


class Note(Rule):
    """Every model gets a note."""

    code = "Z001"
    name = "a-note"
    severity = Severity.INFO

    def check(self, graph):
        yield Problem("a note", ".")


class LiveOnly(Rule):
    """Looks at live models."""

    code = "Z002"
    name = "live-only"
    severity = Severity.ERROR
    needs = frozenset({Need.GRAPH, Need.LIVE})

    def check(self, graph):
        yield Problem("live")


RULES = [BigLayer, Crash, Preview, Note, LiveOnly]


def network(*sizes, name="net", prefix="dense", first=0):
    """A chain of layers that hold so many numbers each, named as Keras names them."""
    calls = [input_call("x")]
    for number, size in enumerate(sizes, first):
        automatic = f"{prefix}_{number}" if number else prefix
        calls.append(call(layer(automatic, size=size), len(calls) - 1))
    return model(name, calls, [0], [len(calls) - 1])


def linter(config=None, rules=RULES, preview=None, **selection):
    return Linter(config, Selection(**selection), preview=preview, registry=Registry(rules))


def check(root, config=None, shown="m.keras", **arguments):
    made = linter(config, **arguments)
    return made.report([made.check_source(lambda: definition(root), shown)])


def codes(report):
    return [finding.code for finding in report.findings]
