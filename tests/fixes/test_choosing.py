"""Which fixes are made together, in which order, and what is said; without Keras: a model is what is found in it."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from graphlint.errors import FixError, GraphlintError, UnknownAddress
from graphlint.findings.edits import Remove, Rewrite, SaveAgain, ShareIdentity
from graphlint.findings.finding import Finding, Fix, Location, Severity
from graphlint.fixes.fixer import MAX_ROUNDS, Fixer, fix
from graphlint.fixes.report import Applied, FixReport, Left
from graphlint.model.expand import expand
from graphlint.model.parameters import Parameters
from graphlint.reports.report import ModelReport, Status
from tests.model.definitions import call, definition, input_call, layer, model


def found(code, *at, safe=True, severity=Severity.WARNING, edits=None, hint="", name=""):
    """A finding at a layer, with a fix that removes the calls at some layers."""
    edits = (Remove(calls=tuple(f"{one}#0" for one in at)),) if edits is None else edits
    fix = Fix.safe("remove it", *edits) if safe else Fix.unsafe("remove it", "the outputs change", *edits)
    location = Location(f"{at[0]}#0", at[0]) if at else None
    return Finding(
        code,
        name or code.lower(),
        severity,
        message="it is there",
        model="m",
        location=location,
        hint=hint,
        fix=fix,
        fingerprint=f"{code}-{at}",
    )


class Findings(Fixer):
    """A fixer of models that are nothing but the findings in them."""

    def __init__(self, *, broken=(), clashing=(), measured=(), notes=(), stays=(), **options):
        super().__init__(None, **options)
        self.broken, self.clashing, self.stays = broken, set(clashing), stays
        self.measured, self.notes = list(measured), notes
        self.made = []

    def findings(self, model):
        self.parameters = len(model)
        self.opaque = any(one.code == "O1" for one in model)
        return [one for one in model if (one.code, one.location) not in self.ignored]

    def in_code(self, model, findings):
        return [Left(found("C1", "c"), f"in code, beside {len(findings)}")] if self.opaque else [], []

    def apply(self, model, batch, safe):
        self.made.append(" ".join(one.code for one in batch))
        codes = {one.code for one in batch}
        if codes & set(self.broken) or (self.clashing and self.clashing <= codes):
            raise FixError(f"{batch[0].code} does not work")
        assert safe == (batch[0].fix.applicability == "safe")
        gone = [one for one in batch if one.code not in self.stays]
        return (
            [one for one in model if one not in gone],
            self.measured.pop(0) if self.measured else None,
            list(self.notes),
        )


def reasons(report):
    return {one.finding.code: one.reason for one in report.left}


def test_safe_fixes_come_first_and_those_of_one_layer_one_after_another():
    given = [
        found("U1", "a", safe=False),
        found("S1", "b"),
        found("S2", "b/c"),
        found("S3", "d"),
        found("U2", "e", safe=False),
        found("S4", "bc"),
    ]
    fixer = Findings(unsafe=True)
    left, report = fixer.run(given)
    assert fixer.made == ["S1 S3 S4", "S2", "U1 U2"]
    assert left == [] and [one.finding.code for one in report.applied] == ["S1", "S3", "S4", "S2", "U1", "U2"]
    assert (report.before, report.after) == (6, 0)


def test_fixes_that_fail_together_are_tried_alone():
    given = [found("A1", "a"), found("B1", "b"), found("C1", "c"), found("D1", "d", safe=False)]
    fixer = Findings(broken=("B1",), unsafe=True)
    left, report = fixer.run(given)
    assert fixer.made == ["A1 B1 C1", "A1", "B1", "C1", "D1"]
    assert [one.code for one in left] == ["B1"]
    assert reasons(report) == {"B1": "not fixed: B1 does not work"}
    assert [one.finding.code for one in report.applied] == ["A1", "C1", "D1"]


def test_one_that_failed_with_others_does_not_join_a_batch_again():
    given = [found("A1", "a"), found("B1", "b"), found("C1", "a"), found("D1", "d")]
    fixer = Findings(broken=("B1",))
    fixer.run(given)
    assert fixer.made == ["A1 B1 D1", "A1", "B1", "C1", "D1"]
    given = [found("A1", "a"), found("C1", "a"), found("B1", "b"), found("D1", "b")]
    fixer = Findings(clashing=("A1", "B1"))
    left, report = fixer.run(given)
    assert fixer.made == ["A1 B1", "A1", "C1 D1", "B1"] and left == []
    assert [one.finding.code for one in report.applied] == ["A1", "C1", "D1", "B1"] and report.left == ()


@pytest.mark.parametrize(
    ("measured", "largest", "each"),
    [
        ([0.0, 0.25, 0.5, 0.75], 0.25, [0.0, 0.25, 0.5, 0.75]),
        ([0.25, 0.0, None, 1.0], 0.25, [0.25, 0.0, None, 1.0]),
        ([None, None, 0.5, None], None, [None, None, 0.5, None]),
    ],
)
def test_the_largest_difference_is_that_of_safe_fixes(measured, largest, each):
    """Every fix touches the layer of the one before, so that each is measured alone."""
    given = [found("A1", "a"), found("B1", "a"), found("C1", "a", safe=False), found("D1", "a", safe=False)]
    report = Findings(measured=measured, unsafe=True).run(given)[1]
    assert report.difference == largest
    assert [one.difference for one in report.applied] == each


def test_what_several_unsafe_fixes_change_together_is_that_of_none():
    several = [found("A1", "a", safe=False), found("B1", "b", safe=False)]
    report = Findings(measured=[0.5], unsafe=True).run(several)[1]
    assert [one.difference for one in report.applied] == [None, None] and report.difference is None
    report = Findings(measured=[0.5]).run([found("A1", "a"), found("B1", "b")])[1]
    assert [one.difference for one in report.applied] == [0.5, 0.5] and report.difference == 0.5


def test_findings_of_the_file_alone_are_fixed_in_memory_where_that_can_be():
    both, of_file = found("A1", "a"), found("F1", "f")
    stored = found("K1", "k", edits=(ShareIdentity(layer="k", copy="c"),))
    mixed = found("K2", "k", edits=(SaveAgain(), Rewrite()))
    unsafe = found("U1", "u", safe=False)
    fixer = Findings()
    whole = found("S1", edits=(SaveAgain(),))
    left, report = fixer.run([both, whole], [both, of_file, stored, mixed, unsafe, whole])
    assert fixer.made == ["A1 S1 F1"] and left == []
    assert [one.finding.code for one in report.applied] == ["A1", "S1", "F1"] and report.left == ()


def test_what_only_loading_brings_is_neither_fixed_nor_left():
    of_file, loading = found("A1", "a"), found("L1", "l")
    kept = found("N1", "n", safe=False)
    fixer = Findings()
    _, report = fixer.run([of_file, loading, kept], [of_file, kept], as_loaded=True)
    assert fixer.made == ["A1"] and set(reasons(report)) == {"N1"}
    _, report = fixer.run([of_file, loading, kept], [of_file, kept])
    assert fixer.made == ["A1", "A1 L1"] and set(reasons(report)) == {"N1"}


def test_what_is_in_code_is_left_but_for_what_comes_from_loading():
    opaque = found("O1", "o", edits=())
    assert reasons(Findings().run([opaque])[1]) == {"O1": "no fix", "C1": "in code, beside 1"}
    assert reasons(Findings().run([opaque], [opaque], as_loaded=True)[1]) == {"O1": "no fix"}


def test_notes_are_said_once():
    report = Findings(notes=["the state is reset", "and more"]).run([found("A1", "a"), found("B1", "a")])[1]
    assert report.notes == ("the state is reset", "and more")


def test_fixes_that_undo_each_other_are_named():
    fixer = Findings(stays=("B1", "A1", "D1", "E1", "C1"))
    with pytest.raises(FixError, match="fixes of A1, B1, C1, D1, E1 still found work after 50 rounds"):
        fixer.run([found(f"{one}1", one.lower()) for one in "BADEC"])
    assert len(fixer.made) == MAX_ROUNDS


INFO = Severity.INFO


@pytest.mark.parametrize(
    ("finding", "options", "made"),
    [
        (found("A1", "a"), {}, True),
        (found("A1", "a", severity=INFO), {}, True),
        (found("A1", "a", edits=()), {}, False),
        (found("A1", "a", safe=False), {}, False),
        (found("A1", "a", safe=False), {"asked": ["A1"]}, False),
        (found("A1", "a", safe=False), {"unsafe": True}, True),
        (found("A1", "a", safe=False, severity=INFO), {"unsafe": True}, False),
        (found("A1", "a", safe=False, severity=INFO), {"unsafe": True, "asked": ["A"]}, False),
        (found("A1", "a", safe=False, severity=INFO), {"unsafe": True, "asked": ["B1", "A1"]}, True),
        (found("A1", "a", safe=False, severity=INFO, name="long-name"), {"unsafe": True, "asked": ["long-name"]}, True),
        (found("A1", "a", safe=False, severity=INFO), {"unsafe": True, "targets": ["a"]}, True),
        (found("A1", "a", safe=False, severity=INFO), {"targets": ["a"], "asked": ["A1"]}, False),
        (found("A1", "a"), {"targets": ["b", "a#0"]}, True),
        (found("A1", "a"), {"targets": ["a"]}, True),
        (found("A1", "a"), {"targets": ["a#1"]}, False),
        (found("A1", edits=(SaveAgain(),)), {}, True),
        (found("A1", edits=(SaveAgain(),)), {"targets": ["a"]}, False),
    ],
)
def test_which_fixes_are_made(finding, options, made):
    fixer = Findings(**options)
    assert list(fixer.fixable([finding])) == [finding] * made
    left, report = fixer.run([finding])
    assert (left == []) == bool(report) == made


def test_every_target_has_to_be_there():
    inputs = [input_call("x"), call(layer("a"), 0), call(layer("a"), 1), call(layer("twice"), 0)]
    graph = expand(definition(model("net", [*inputs, call(inputs[3].layer, 3)], [0], [4])))
    fixer = Findings()
    fixer.targets = ("x", "twice", "a#0")
    fixer.require_targets(graph)
    fixer.targets = ("x", "a:0", "absent")
    with pytest.raises(UnknownAddress, match="absent"):
        fixer.require_targets(graph)


def test_what_is_left_says_why():
    meant = found("I1", "i", safe=False, severity=INFO)
    given = [
        found("N1", "a", edits=(), hint="do it by hand"),
        found("N2", "a", edits=()),
        replace(found("N3", "a", hint="think"), fix=None),
        found("U1", "a", safe=False),
        meant,
    ]
    assert reasons(Findings().run(given)[1]) == {
        "N1": "no fix: do it by hand",
        "N2": "no fix",
        "N3": "no fix: think",
        "U1": "unsafe fix (the outputs change): pass --unsafe",
        "I1": "unsafe fix (the outputs change): pass --unsafe --select I1",
    }
    assert reasons(Findings(targets=["b"]).run([found("A1", "a")])[1]) == {"A1": "not requested"}


# -- a model and what is in its code --------------------------------------------------------------------------------


class Checks:
    """A linter of models that are the findings in them; with their code opened there are more."""

    def __init__(self, *in_code, opaque=("code",), graph=None):
        self.in_code, self.opaque, self.graph = in_code, opaque, graph

    def check_model(self, model, shown, *, open_layers=True):
        opened = (*model, *self.in_code) if open_layers else tuple(model)
        graph = self.graph if open_layers else None
        numbers = counts(len(model), 0)
        return ModelReport(shown, Status.CHECKED, opaque=self.opaque, parameters=numbers, findings=opened, graph=graph)


def with_code():
    """A layer, a model in code with a model inside, and layers that could not be opened, not all with a reason."""
    inner = model("inner", [input_call("i"), call(layer("deep"), 0)], [0], [1])
    code = model("code", [input_call("i"), call(inner, 0), call(layer("step"), 1)], [0], [2])
    code.body.traced, code.body.arguments = True, ("0",)
    closed = layer("closed", "Mine", opaque=True, opaque_because="it asks for a file")
    other = layer("other", "Mine", opaque=True)
    again = layer("again", "Mine", opaque=True, opaque_because="it fails")
    calls = [input_call("x"), call(layer("d"), 0), call(code, 1), call(closed, 2), call(other, 3), call(again, 4)]
    return expand(definition(model("net", calls, [0], [5])))


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ((), {"C1": "no fix, as it is in code: ask its author", "C2": "no fix, as it is in code"}),
        (["code/step"], {"C1": "no fix, as it is in code: ask its author"}),
    ],
)
def test_what_is_found_in_code_alone_is_left(targets, expected):
    known = found("K1", "code/inner", edits=(), hint="h")
    inside = [
        found("N1"),
        known,
        found("P1", "d"),
        found("C1", "code/step", hint="ask its author"),
        found("C2", "code/inner/layers/dense"),
    ]
    fixer = Fixer(Checks(*inside, graph=with_code()), targets=targets)
    _, report = fixer.run([known])
    assert reasons(report) == {"K1": "no fix: h", **expected}
    closed = ["not looked inside 'closed': it asks for a file", "not looked inside 'again': it fails"]
    assert list(report.notes) == closed
    assert (report.before, report.after) == (counts(1, 0), counts(1, 0))


def test_code_is_not_opened_where_there_is_none_or_no_graph():
    inside = found("C1", "code/step")
    for linter in (Checks(inside, opaque=(), graph=with_code()), Checks(inside)):
        _, report = Fixer(linter).run([])
        assert report.left == () and report.notes == ()


def test_what_loading_brought_does_not_come_back_with_a_fix():
    """Found before, and after each fix."""
    a, b, loading = found("A1", "a"), found("B1", "a"), found("L1", "l", edits=())

    class Removes(Fixer):
        def apply(self, model, batch, safe):
            return [one for one in model if one not in batch], None, []

    left, report = Removes(Checks(opaque=())).run([loading, a, b], [a, b], as_loaded=True)
    assert left == [loading] and report.left == () and [one.finding.code for one in report.applied] == ["A1", "B1"]
    assert (report.before, report.after) == (counts(3, 0), counts(1, 0))


# -- how it is proven -----------------------------------------------------------------------------------------------


@pytest.fixture
def proving(monkeypatch):
    """What edits and comparisons of models in memory come to, as functions that a test says."""

    def says(edited, proof):
        live, verify = SimpleNamespace(apply_edits=edited), SimpleNamespace(verify=proof)
        monkeypatch.setitem(sys.modules, "graphlint.fixes.live", live)
        monkeypatch.setitem(sys.modules, "graphlint.replay.verify", verify)

    return says


def fails(error):
    def function(*_):
        raise error

    return function


@pytest.mark.parametrize(
    ("safe", "proof", "expected"),
    [
        (True, {}, 0.125),
        (False, {}, 0.125),
        (True, {"differences": ()}, "the outputs cannot be compared, so their equality cannot be verified"),
        (False, {"differences": ()}, None),
        (True, {"close": False}, "the outputs would differ by 0.12"),
        (False, {"close": False}, 0.125),
        (True, {"ties": ["a"]}, "it would change a"),
        (True, {"flags": ["b"]}, "it would change b"),
        (True, {"specs": ["c"]}, "it would change c"),
        (True, {"ties": ["a", "b"], "flags": ["c"], "specs": ["d"]}, "it would change a, b, c"),
        (False, {"ties": ["a"], "flags": ["c"], "specs": ["d"]}, 0.125),
    ],
)
def test_what_a_fix_may_change(proving, safe, proof, expected):
    same = {"differences": (0.125,), "close": True, "largest": 0.125, "ties": [], "flags": [], "specs": []}
    seen = []
    proving(lambda *given: seen.append(given) or ("new", ["note"]), lambda *given: SimpleNamespace(**same | proof))
    given = [found("A1", "a"), found("B1", "b", edits=(SaveAgain(), SaveAgain()))]
    if isinstance(expected, str):
        with pytest.raises(FixError) as caught:
            Fixer.apply("old", given, safe)
        assert str(caught.value) == expected
    else:
        assert Fixer.apply("old", given, safe) == ("new", expected, ["note"])
    assert seen == [("old", [Remove(calls=("a#0",)), SaveAgain(), SaveAgain()])]


def test_what_fails_is_said(proving):
    def raised(safe=True):
        with pytest.raises(FixError) as caught:
            Fixer.apply("old", [found("A1", "a")], safe)
        return str(caught.value)

    for error, said in (
        (FixError("as it is"), "as it is"),
        (KeyError("k"), "Keras rejects the changed model: KeyError: 'k'"),
    ):
        proving(fails(error), None)
        assert raised() == raised(safe=False) == said
    proving(lambda *_: ("new", []), fails(ValueError("no numbers")))
    assert raised() == "the outputs cannot be compared: ValueError: no numbers"
    assert Fixer.apply("old", [found("A1", "a")], False) == ("new", None, [])


def test_fixing_needs_keras(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(GraphlintError, match=r"^fixing a model needs Keras, and keras is not installed"):
        fix("model")


# -- the report -----------------------------------------------------------------------------------------------------


def counts(total, trainable):
    return Parameters(total, trainable, total - trainable, counted_per_layer=total, counted_twice=0, unreachable=0)


@pytest.mark.parametrize(
    ("finding", "difference", "text"),
    [
        (found("A1", "a"), None, "A1 a1 at a#0: remove it"),
        (found("A1", edits=()), 0.0, "A1 a1: remove it (outputs equal)"),
        (found("A1", "a"), 0.126, "A1 a1 at a#0: remove it (outputs differ by at most 0.13)"),
        (found("A1", "a", safe=False), 0, "A1 a1 at a#0: remove it (outputs equal); the outputs change"),
        (replace(found("A1", "a"), fix=Fix("t", "safe", (), "unsaid")), None, "A1 a1 at a#0: t"),
        (replace(found("A1", "a"), fix=Fix.unsafe("t", "")), None, "A1 a1 at a#0: t"),
    ],
)
def test_a_line_of_a_report(finding, difference, text):
    assert str(Applied(finding, difference)) == text
    assert str(Left(finding, "why")) == f"{text.partition(':')[0]}: why"


def test_a_report_as_text():
    done, left = (Applied(found("A1", "a"), 0.0),), (Left(found("B1", "b"), "not requested"),)
    both = {"before": counts(2000, 1000), "after": counts(1500, 500)}
    whole = FixReport(done, left, 0.05, **both, notes=("the state is reset",))
    lines = [
        "fixed A1 a1 at a#0: remove it (outputs equal)",
        "left B1 b1 at b#0: not requested",
        "note: the state is reset",
        "largest output difference: 0.05",
        "parameters: 2,000 (1,000 trainable) before, 1,500 (500 trainable) after",
    ]
    assert whole and str(whole) == "\n".join(lines)
    assert whole.text(planned=True).split("\n") == [f"would fix{lines[0].removeprefix('fixed')}", *lines[1:]]
    assert str(FixReport(done)) == lines[0]
    assert str(FixReport(done, difference=0.0)) == f"{lines[0]}\nlargest output difference: 0"
    assert str(replace(whole, before=None)) == str(replace(whole, after=None)) == "\n".join(lines[:-1])
    nothing = FixReport(left=left, difference=0.05, **both)
    assert not nothing and str(nothing) == f"nothing to fix\n{lines[1]}"
