"""A real browser, which may read the file that it is given and nothing else."""

import contextlib
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.browser.found import chromium


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield started
        started.close()


class Opened:
    """A page that is open, and what it did: console messages, errors, requests, dialogs."""

    def __init__(self, page):
        self.page = page
        self.said = []
        self.requests = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.requests.append(request.url))

    def ready(self):
        self.page.wait_for_selector("html[data-ready=yes]", state="attached")

    def boxes(self):
        return self.page.locator("#graph .box").count()


@pytest.fixture
def look(browser, tmp_path):
    """Open a page, given as text or as a path; at the end it must have said nothing and asked for nothing else."""

    @contextlib.contextmanager
    def looking(page, fragment="", **options):
        if isinstance(page, str):
            path = tmp_path / "page.html"
            path.write_text(page, encoding="utf-8", errors="surrogatepass")
        else:
            path = Path(page)
        context = browser.new_context(viewport={"width": 1300, "height": 850}, **options)
        opened = Opened(context.new_page())
        opened.page.goto(path.as_uri() + fragment)
        opened.ready()
        yield opened
        assert opened.page.evaluate("window.ran") is None
        assert opened.said == []
        folder = path.parent.as_uri()
        assert all(url.startswith(folder) and url.partition("#")[0].endswith(".html") for url in opened.requests)
        context.close()

    return looking
