"""The index of many models, in a browser."""

import dataclasses

import pytest
from click.testing import CliRunner

from graphlint.cli import main
from graphlint.reports import render
from tests.benchmarks.report_pages import index_of
from tests.browser.test_model_page import DATA


@pytest.fixture
def index(tmp_path):
    for name in ("bad.keras", "good.keras", "again.keras"):
        (tmp_path / name).write_bytes((DATA / name.replace("again", "bad")).read_bytes())
    (tmp_path / "broken.keras").write_bytes(b"no")
    path = tmp_path / "all models.html"
    assert (
        CliRunner().invoke(main, ["check", "--isolated", "--format", "html", "-o", str(path), str(tmp_path)]).exit_code
        == 2
    )
    return path


def names(page):
    return [text.rpartition("/")[2] for text in page.locator("#panel-models tbody tr td:first-child").all_inner_texts()]


def test_it_sorts_and_filters(look, index):
    with look(index) as opened:
        page = opened.page
        assert len(names(page)) == 4
        page.locator("button.sort", has_text="errors").click()
        assert names(page)[-1] == "good.keras"
        page.locator("button.sort", has_text="errors").click()
        assert names(page)[0] == "good.keras"
        page.locator("button.sort", has_text="model").click()
        assert names(page) == sorted(names(page))
        page.locator("#search").fill("trainable-leak")
        assert set(names(page)) == {"again.keras", "bad.keras"}
        page.locator("#search").fill("")
        page.locator("select").select_option("clean")
        assert names(page) == ["good.keras"]
        page.locator("select").select_option("refused")
        assert names(page) == ["broken.keras"]


def test_a_row_leads_to_the_page_of_its_model(look, index):
    with look(index) as opened:
        opened.page.locator("a", has_text="again.keras").first.click()
        opened.ready()
        assert opened.page.locator("h1").inner_text().endswith("again.keras")
        assert opened.boxes() == 8


def test_rules_against_models_and_groups_of_one_architecture(look, index):
    with look(index) as opened:
        page = opened.page
        page.locator("#tab-heat").click()
        assert page.locator(".heatmap td.sev-error").count() == 3
        page.locator("#tab-groups").click()
        first = page.locator("#panel-groups tbody tr").first.inner_text()
        assert "bad.keras" in first and "again.keras" in first
        page.locator("#tab-run").click()
        assert "K012" in page.locator("#panel-run").inner_text()


def test_a_thousand_models_are_a_small_page(look):
    page = index_of(1000)
    assert len(page) < 2_000_000
    with look(page) as opened:
        assert "1,000 of 1,000 models" in opened.page.locator("#panel-models .count[role=status]").inner_text()
        opened.page.locator("#search").fill("experiment_0123")
        assert len(names(opened.page)) == 1


def test_without_pages_the_findings_are_in_the_index(look):
    from graphlint.engine.linter import Linter, without_graph

    linter = Linter()
    models = [
        dataclasses.replace(without_graph(linter.check_file(DATA / "bad.keras")), path=path) for path in ("a", "b")
    ]
    with look(render(linter.report(models), "html")) as opened:
        opened.page.locator("#tab-findings").click()
        assert opened.page.locator("#panel-findings .card").count() == 6
