"""The page of a difference: one graph of both models, changes where the page of one model has findings."""

from graphlint.comparison.comparing import Comparison
from graphlint.comparison.page import render
from graphlint.model.address import escape
from graphlint.model.definition import Format
from graphlint.model.expand import expand
from graphlint.reports.canvas.captions import shown
from tests.browser.hostile import TEXTS
from tests.comparison.configurations import chain, graph
from tests.model.definitions import call, definition, input_call, layer, model

DENSE, DROPOUT, NORM = "Dense", "Dropout", "LayerNormalization"
OLD = chain(("a", DENSE, {"units": 4}), ("b", DROPOUT, {"rate": 0.5}), ("c", DENSE, {"units": 2}))
NEW = chain(("a", DENSE, {"units": 8}), ("c", DENSE, {"units": 2}), ("n", NORM, {}))


def test_what_changed_is_marked_in_one_graph(look):
    comparison = Comparison(graph(OLD), graph(NEW), ("old.keras", "new.keras"))
    with look(render(comparison)) as opened:
        page = opened.page
        assert opened.boxes() == 5
        assert page.locator("h1").text_content() == "old.keras -> new.keras"
        toggles = page.locator(".toggle").all_inner_texts()
        assert toggles == ["1 removed", "1 changed", "1 added"]
        assert page.locator(".box.sev-error.mark-removed").get_attribute("aria-label").startswith("b#0, Dropout")
        assert page.locator(".box.sev-info").get_attribute("aria-label").startswith("n#0, LayerNormalization")
        assert page.locator(".card").count() == 3
        page.locator(".card", has_text="units 4 -> 8").locator("button").click()
        assert "units 4 -> 8" in page.locator("#selection").inner_text()
        said = page.evaluate("document.body.innerText")
        assert not any(word in said for word in ("finding", "fixable", "ignore", "dead"))
        page.locator("[role=tab]").last.click()
        assert page.locator("#panel-run p").count() == 1


def test_no_difference_is_said(look):
    with look(render(Comparison(graph(OLD), graph(OLD)))) as opened:
        assert opened.page.locator(".count").inner_text() == "No difference."


def hostile(numbers):
    calls = [input_call(TEXTS[0])]
    for place, number in enumerate(numbers):
        text = TEXTS[number]
        one = layer(f"{number}{text}", text if number % 2 else "Dense", config={text: f"{len(numbers)}{text}"})
        calls.append(call(one, place))
    root = definition(model(TEXTS[1], calls, [0], [len(calls) - 1]))
    root.format = Format.KERAS
    root.compile_config = {"loss": f"{len(numbers)}{TEXTS[2]}"}
    return expand(root)


def test_hostile_names_are_shown_as_text(look):
    old, new = hostile(range(len(TEXTS))), hostile(range(0, len(TEXTS), 2))
    comparison = Comparison(old, new, (TEXTS[3], TEXTS[4]))
    assert len(comparison.changes) > 40
    with look(render(comparison)) as opened:
        for tab in opened.page.locator("[role=tab]").all():
            tab.click()
        said = opened.page.evaluate("document.body.textContent")
        for number in range(1, len(TEXTS) - 1, 2):
            assert shown(escape(f"{number}{TEXTS[number]}"), 500)[:60] in said
