"""The page of one model, in a browser."""

from pathlib import Path

import pytest

import graphlint
from graphlint.engine.linter import Linter
from graphlint.model.definition import VariableDefinition
from graphlint.model.expand import expand
from graphlint.questions.impact import impact
from graphlint.reports import render
from graphlint.reports.impact import page
from graphlint.reports.report import Report
from tests.model.definitions import call, definition, input_call, layer, model

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def bad():
    return render(graphlint.check(DATA / "bad.keras"), "html")


def page_of(root):
    """The page of a model that is given as a definition."""
    linter = Linter()
    return render(linter.report([linter.check_graph(expand(definition(root)), "m.keras")]), "html")


def chain(length, name="m", make=lambda number: layer(f"layer{number}", size=number + 1)):
    calls = [input_call("x")]
    for number in range(length):
        calls.append(call(make(number), number))
    return model(name, calls, [0], [length])


def test_a_card_leads_to_its_box_and_says_so_in_the_address(look, bad):
    with look(bad) as opened:
        page = opened.page
        card = page.locator(".card").first
        card.locator(".go").click()
        assert "current" in card.get_attribute("class")
        assert page.locator(".box.selected .title").text_content() == "is_cat"
        assert page.evaluate("location.hash") == "#is_cat%230"
        assert "softmax" in page.locator("#selection").inner_text()
        box, canvas = (page.locator(one).first.bounding_box() for one in (".box.selected", "#graph"))
        assert abs(box["x"] + box["width"] / 2 - canvas["x"] - canvas["width"] / 2) < 5


@pytest.mark.parametrize("fragment", ["#is_cat%230", "#backbone%2Fnorm%230", "#backbone"])
def test_an_address_in_the_url_is_a_link(look, bad, fragment):
    with look(bad, fragment) as opened:
        assert opened.page.locator("#selection h2").count() == 1
        assert opened.page.locator(".box.selected, .frame.selected").count() == 1
        opened.page.goto(opened.page.url.partition("#")[0] + "#photo%230")
        assert opened.page.locator("#selection h2").inner_text() == "photo"


def test_nested_models_fold_and_unfold(look, bad):
    with look(bad) as opened:
        page, before = opened.page, opened.boxes()
        page.locator(".frame .fold").click()
        assert opened.boxes() == before - 4
        page.locator(".box.group").click()
        assert opened.boxes() == before


def test_the_selection_shows_settings_and_numbers(look, bad):
    with look(bad, "#backbone%2Fconv%230") as opened:
        text = opened.page.locator("#selection").inner_text()
        assert "filters" in text.partition("defaults")[0]
        assert "min -" in text and "std" in text and "216" in text
        assert opened.page.locator("#selection .bars rect").count() == 16
        assert "leaks" in text


def test_filters_and_search(look, bad):
    with look(bad) as opened:
        page = opened.page
        cards = page.locator(".card")
        assert cards.count() == 3
        page.locator(".toggle.sev-error").click()
        assert cards.count() == 2
        page.locator(".toggle.sev-error").click()
        page.locator("#search").fill("trainable-leak")
        assert cards.count() == 1
        page.locator("#search").fill("globalaverage")
        assert cards.count() == 0
        page.locator(".matches button").first.click()
        assert page.locator(".box.selected .title").text_content() == "pool"
        page.locator("#search").fill("")
        page.locator("#family").select_option("T trainable")
        assert cards.count() == 1


def test_the_way_from_the_input_is_shown_on_hover(look, bad):
    with look(bad) as opened:
        opened.page.locator(".box", has_text="norm").last.hover()
        before = set(opened.page.locator(".box.before .title").all_text_contents())
        assert before == {"photo", "image", "conv", "norm"}


def test_themes_follow_the_system_and_the_button(look, bad):
    def background(opened):
        return opened.page.evaluate("getComputedStyle(document.body).backgroundColor")

    with look(bad, color_scheme="dark") as opened:
        dark = background(opened)
        opened.page.locator("#theme").click()
        light = background(opened)
        opened.page.locator("#theme").click()
        assert background(opened) == dark != light
    with look(bad, color_scheme="light") as opened:
        assert background(opened) == light


def test_every_tab_has_something_to_say(look, bad):
    with look(bad) as opened:
        page = opened.page
        for tab in page.locator("[role=tab]").all():
            tab.click()
            panel = page.locator(f"#{tab.get_attribute('aria-controls')}")
            assert panel.is_visible() and len(panel.inner_text()) > 30
        page.locator("#tab-parameters").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator("#panel-compilation").is_visible()


def test_the_keyboard_alone_reaches_every_finding(look, bad):
    with look(bad) as opened:
        page = opened.page
        reached = []
        for _ in range(80):
            page.keyboard.press("Tab")
            text = page.evaluate("document.activeElement.matches('.go') ? document.activeElement.innerText : ''")
            if text:
                reached.append(text)
                page.keyboard.press("Enter")
                assert page.evaluate("document.activeElement.closest('.card').classList.contains('current')")
        assert len(set(reached)) == 3


CONTRAST = Path(__file__).with_name("contrast.js").read_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(look, bad, theme):
    with look(bad, "#is_cat%230", color_scheme=theme) as opened:
        opened.page.locator("summary").first.click()
        for tab in opened.page.locator("[role=tab]").all():
            tab.click()
            measured = opened.page.evaluate(CONTRAST)
            assert len(measured) > 10
            assert [one for one in measured if one[0] < 4.5] == []


def test_it_prints_whole_in_dark_too(look, bad):
    with look(bad, color_scheme="dark") as opened:
        page = opened.page
        page.emulate_media(media="print", color_scheme="dark")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert page.locator(".card").last.is_visible()
        assert page.locator("#panel-releases table").is_visible()
        assert not page.locator("#tabs").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.pdf().startswith(b"%PDF")


def test_repeated_blocks_are_stacked_and_unfold(look):
    def block(number):
        names = ("conv", "norm", "relu")
        return layer(f"{names[number % 3]}_{number // 3}", names[number % 3], config={"units": 4})

    with look(page_of(chain(36, make=block))) as opened:
        stack = opened.page.locator(".box.kind-stack")
        assert "\N{MULTIPLICATION SIGN} 12 · 36 calls" in stack.text_content()
        assert opened.boxes() == 2
        stack.click()
        assert opened.boxes() == 13
        opened.page.locator(".box.kind-block").nth(3).click()
        assert opened.boxes() == 15


@pytest.mark.parametrize("length", [10, 139, 700, 3000])
def test_few_boxes_at_first_and_every_call_can_be_reached(look, length):
    with look(page_of(chain(length)), f"#layer{length // 2}%230") as opened:
        page = opened.page
        assert page.locator(".box.selected .title").text_content() == f"layer{length // 2}"
        assert opened.boxes() <= 300
    with look(page_of(chain(length))) as opened:
        assert 2 <= opened.boxes() <= 150


def test_an_opened_body_is_a_frame_that_says_it_is_code(look):
    inside = model("block", [input_call("x"), call(layer("dense", size=3), 0)], [0], [1])
    inside.class_name, inside.module, inside.is_model = "Block", "my.layers", False
    inside.body.traced, inside.body.arguments = True, ("0",)
    root = model("m", [input_call("x"), call(inside, 0), call(layer("head", size=2), 1)], [0], [2])
    with look(page_of(root)) as opened:
        assert opened.page.locator(".frame.kind-code .fold").count() == 1
        opened.page.locator(".frame.kind-code .fold").click()
        opened.page.locator(".box.kind-code").hover()
        assert "Block" in opened.page.locator(".box.kind-code").text_content()
        opened.page.locator("#tab-security").click()
        assert "my.layers" in opened.page.locator("#panel-security").inner_text()


def test_shared_layers_are_seen_without_colour(look):
    shared = layer("twice", size=3)
    root = model("m", [input_call("x"), call(shared, 0), call(shared, 1), call(layer("once", size=2), 2)], [0], [3])
    with look(page_of(root)) as opened:
        assert opened.page.locator(".box.tied .chain text").all_text_contents() == ["1", "1"]
        opened.page.locator(".box.tied").first.click()
        assert "shared 1" in opened.page.locator("#selection").inner_text()


def test_it_can_be_read_without_scripts(look, browser, bad, tmp_path):
    path = tmp_path / "plain.html"
    path.write_text(bad)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    assert "A001 softmax-on-one" in page.locator("noscript").inner_text()
    context.close()


def test_a_page_without_a_graph_has_the_findings(look, tmp_path):
    (tmp_path / "no.keras").write_bytes(b"no")
    with look(render(graphlint.check(tmp_path / "no.keras"), "html")) as opened:
        assert "E001" in opened.page.locator(".card").inner_text()


def test_an_empty_report_and_an_empty_model(look):
    with look(render(Report(), "html")) as opened:
        assert opened.page.locator("#panel-models").is_visible()
    weights = layer("only")
    weights.variables = [VariableDefinition("kernel", 0, (0,), dtype="float32", trainable=True)]
    with look(page_of(model("m", [input_call("x"), call(weights, 0)], [0], [1]))) as opened:
        assert opened.boxes() == 2


def test_what_depends_on_a_part_is_marked(look):
    graph = expand(definition(chain(4)))
    with look(page(graph, "layer1", impact(graph, "layer1"))) as opened:
        drawn = opened.page
        assert drawn.locator(".toggle").all_text_contents() == ["0 stops training", "1 output changes", "2 changes"]
        assert drawn.locator(".box.selected .title").text_content() == "layer1"
        marked = drawn.locator(".box", has=drawn.locator(".marks", has_text="the part"))
        assert marked.locator(".title").all_text_contents() == ["layer1"]
        drawn.locator(".legend summary").click()
        assert "what the page is about" in drawn.locator(".legend").inner_text()
        drawn.locator(".card .go").first.click()
        assert drawn.locator(".box.selected .title").text_content() == "layer3"
        drawn.locator("#tab-run").click()
        assert "1 of 1 outputs" in drawn.locator("#panel-run").inner_text()
