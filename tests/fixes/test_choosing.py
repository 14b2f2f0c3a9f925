"""Which fixes are made together, in which order, and what is said; without Keras: a model is what is found in it."""

from dataclasses import replace

import pytest

from graphlint.errors import FixError, UnknownAddress
from graphlint.findings.edits import Remove, Rewrite, SaveAgain, ShareIdentity
from graphlint.findings.finding import Finding, Fix, Location, Severity
from graphlint.fixes.fixer import MAX_ROUNDS, Fixer
from graphlint.fixes.report import Applied, FixReport, Left
from graphlint.model.expand import expand
from graphlint.model.parameters import Parameters
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
    fixer = Findings(stays=("B1", "A1"))
    with pytest.raises(FixError, match=f"fixes of A1, B1 still found work after {MAX_ROUNDS} rounds"):
        fixer.run([found("B1", "b"), found("A1", "a")])
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
    fixer.targets = ("twice", "absent")
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
