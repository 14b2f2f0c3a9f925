"""What a notebook shows: run by nbclient, and its output looked at in the browser."""

import html
import re

import nbformat
import pytest
from nbclient import NotebookClient

CODE = """
import keras
import graphlint
a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
shared = keras.layers.Dense(4, name="shared")
model = keras.Model([a, b], keras.layers.Dense(1, activation="softmax", name="head")(shared(shared(a))))
"""


@pytest.fixture(scope="module")
def outputs():
    """The HTML that each of the expressions shows."""
    shown = [
        "graphlint.check(model)",
        "graphlint.show(model)",
        "graphlint.check(model).graph",
        "graphlint.to_networkx(model)",
    ]
    cells = [nbformat.v4.new_code_cell(text) for text in (CODE, *shown)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return [cell.outputs[-1].data["text/html"] for cell in notebook.cells[1:]]


def test_each_output_is_a_frame_that_draws_the_model(browser, outputs, tmp_path):
    for text in outputs:
        assert re.fullmatch(r'<iframe sandbox="allow-scripts" [^>]*></iframe>', text)
    notebook = tmp_path / "notebook.html"
    notebook.write_text("<!doctype html><body>" + "".join(outputs))
    page = browser.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(notebook.as_uri())
    for index, findings in enumerate((True, True, False, False)):
        frame = page.frame_locator("iframe").nth(index)
        frame.locator(".box .title").first.wait_for()
        assert {"a", "b", "head"} <= set(frame.locator(".box .title").all_text_contents())
        assert (frame.locator(".card").count() > 0) is findings
        if findings:
            frame.locator(".card .go", has_text="softmax-on-one").click()
            assert frame.locator(".box.selected .title").text_content() == "head"
    assert page.frame_locator("iframe").nth(1).locator(".bars rect").count() == 16
    assert said == []
    assert all(url.startswith(("file:", "about:")) for url in requests)
    page.close()


def test_the_page_in_a_frame_is_the_page(outputs):
    assert html.unescape(outputs[0]).count("Content-Security-Policy") == 1
