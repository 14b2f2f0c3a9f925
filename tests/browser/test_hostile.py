"""Texts written to break out, in every place where a model file can put text: none runs, each is shown as text."""

import dataclasses

import pytest

from graphlint.engine.linter import Linter
from graphlint.findings.finding import Finding, Fix, Location, Severity
from graphlint.model.definition import OptimizerDefinition, TensorSpec, VariableDefinition
from graphlint.model.expand import expand
from graphlint.reports import render
from graphlint.reports.canvas.captions import name, shown
from graphlint.reports.html.picture import of_report
from graphlint.reports.report import ModelReport, Report, SkippedRule, Status
from tests.browser.hostile import TEXTS
from tests.model.definitions import call, definition, input_call, layer, model


def hostile_graph():
    """A model in which every text stands in every place, one layer for each text."""
    calls = [input_call(TEXTS[0])]
    for place, text in enumerate(TEXTS):
        one = layer(f"{place}{text}", text if place % 2 else "Dense", config={text: text, "activation": text})
        one.module, one.registered_name, one.dtype_policy = text, text, text
        one.opaque_because = text
        one.variables = [VariableDefinition(text, 0, (2,), dtype=text, trainable=True)]
        made = call(one, place)
        made.outputs = (TensorSpec((None, 2), text),)
        calls.append(made)
    inner = model(TEXTS[3], [input_call(TEXTS[4]), call(layer(TEXTS[5], size=2), 0)], [0], [1])
    calls += [call(inner, len(TEXTS)), call(inner, len(TEXTS) + 1)]
    root = definition(model(TEXTS[1], calls, [0], [len(calls) - 1]))
    root.keras_version = TEXTS[2]
    root.compile_config = {text: text for text in TEXTS}
    root.optimizer = OptimizerDefinition(TEXTS[6], TEXTS[7], {text: text for text in TEXTS})
    return expand(root)


def hostile_findings(model, addresses):
    for place, text in enumerate(TEXTS):
        yield Finding(
            f"ZZ{place:03}",
            text[:1000],
            list(Severity)[place % 3],
            message=text,
            model=model,
            location=Location(addresses[place % len(addresses)] if place % 2 else text, text),
            related=(text, addresses[place % len(addresses)]),
            hint=text,
            fix=Fix.unsafe(text, text),
        )


@pytest.fixture(scope="module")
def graph():
    return hostile_graph()


def report_of(graph, path):
    addresses = [graph.address(one) for one in graph.calls]
    findings = tuple(hostile_findings(path, addresses))
    model = dataclasses.replace(
        Linter().check_graph(graph, path),
        reason=path,
        findings=findings,
        opaque=TEXTS,
        opened=TEXTS,
        skipped_rules=tuple(SkippedRule(f"ZZ{place:03}", text) for place, text in enumerate(TEXTS)),
    )
    return Report((model,), (), TEXTS, explanations={one.code: one.message for one in findings})


def test_nothing_runs_and_everything_is_shown(look, graph):
    assert len(TEXTS) >= 60
    report = report_of(graph, TEXTS[10])
    page = render(report, "html")
    assert len(page) < 3_000_000
    with look(page) as opened:
        for tab in opened.page.locator("[role=tab]").all():
            tab.click()
        for summary in opened.page.locator(".card summary").all()[:40]:
            summary.evaluate("one => one.parentElement.open = true")
        said = opened.page.evaluate("document.body.textContent")
        for text in TEXTS:
            assert shown(text) in said
        for index in range(0, len(TEXTS), 7):
            address = name(graph.address(list(graph.calls)[index + 1]))
            opened.page.evaluate("(text) => { location.hash = encodeURIComponent(text); }", address)
            opened.page.wait_for_function(
                "(text) => document.querySelector('#selection p').textContent.startsWith(text)", arg=address
            )
            selected = opened.page.locator("#selection").inner_text()
            assert " ".join(shown(TEXTS[index], 300).split())[:200] in " ".join(selected.split())
        assert opened.page.locator("h1").text_content() == shown(TEXTS[10], 500)
        assert opened.page.locator("body script, body img, body iframe, body object, body a, body form").count() == 2


def test_an_address_in_the_url_is_only_looked_up(look, graph):
    with look(render(report_of(graph, "m.keras"), "html")) as opened:
        for text in TEXTS[:-1]:
            follow = "(text) => { location.hash = text; location.hash = encodeURIComponent(text.toWellFormed()); }"
            opened.page.evaluate(follow, text.encode("utf-8", "replace").decode())
        assert opened.boxes() > 3


def test_an_index_of_hostile_models(look, graph):
    models = []
    for place, text in enumerate(TEXTS):
        findings = tuple(hostile_findings(text, ["a"]))[place : place + 3]
        picture = {"class": name(text), "shape": "a", "page": text}
        one = ModelReport(text, Status.REFUSED, text, format=text, keras_version=text, findings=findings)
        models.append(dataclasses.replace(one, picture=picture))
    with look(render(Report(tuple(models), (), TEXTS), "html")) as opened:
        for tab in opened.page.locator("[role=tab]").all():
            tab.click()
        said = opened.page.evaluate("document.body.textContent")
        assert all(name(text) in said for text in TEXTS)
        assert opened.page.locator("a[href]").count() == 0


def test_pictures_of_hostile_models_are_plain_data(graph):
    assert of_report(Linter().check_graph(graph, "m")) is not None
