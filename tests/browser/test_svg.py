"""Pictures (SVG) of graphs, in the browser."""

import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

import graphlint
from graphlint.cli import main
from graphlint.engine.linter import Linter
from graphlint.reports.html.svg import svg
from tests.browser.test_hostile import hostile_findings, hostile_graph
from tests.browser.test_model_page import DATA


@pytest.mark.parametrize("options", [{}, {"depth": 0}, {"only_findings": True}])
def test_pictures_of_hostile_models_are_pictures(browser, tmp_path, options):
    graph = hostile_graph()
    findings = list(hostile_findings("m", [graph.address(one) for one in graph.calls]))
    text = svg(graph, findings, **options)
    root = ElementTree.fromstring(text)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= set(
        "svg title style defs marker path rect g text circle".split()
    )
    path = tmp_path / "graph.svg"
    path.write_text(text)
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("window.ran") is None
    page.close()


def test_a_picture_says_what_was_found_and_where(tmp_path):
    path = tmp_path / "graph.svg"
    command = ["graph", "--isolated", "--format", "svg", "-o", str(path), str(DATA / "bad.keras")]
    assert CliRunner().invoke(main, command).exit_code == 0
    root = ElementTree.fromstring(path.read_text())
    said = [element.text for element in root.iter() if element.text]
    assert {"is_cat", "E", "W", "leaks", "dead", "is_cat#0"} <= set(said)
    assert any(one.startswith("backbone") and one.endswith("warning") for one in said)


def test_depth_and_findings_make_pictures_smaller():
    report = Linter().check_file(DATA / "bad.keras")
    sizes = [
        svg(report.graph, report.findings, **options).count("<title>")
        for options in ({}, {"depth": 0}, {"depth": 0, "only_findings": True})
    ]
    assert sizes[0] > sizes[1] >= sizes[2]


def test_show_writes_the_page(tmp_path):
    shown = graphlint.show(DATA / "bad.keras")
    assert "1 error, 2 warnings" in repr(shown)
    assert json.dumps("is_cat#0") in shown.save(tmp_path / "page.html").read_text()


def test_what_show_returns_prints_as_the_command_does():
    printed = CliRunner().invoke(main, ["show", str(DATA / "bad.keras")]).output
    assert f"{graphlint.show(DATA / 'bad.keras')}\n" == printed
