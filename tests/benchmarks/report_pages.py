"""Pages as files and in a browser: size, boxes at first, seconds until it can be used, console messages and requests.

python tests/benchmarks/report_pages.py model.keras ...       # a page for each
python tests/benchmarks/report_pages.py --index 1000          # an index of that many models, made from one
"""

import argparse
import dataclasses
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))

from graphlint.engine.linter import Linter
from graphlint.reports import render
from graphlint.reports.html.picture import of_report
from tests.browser.found import chromium

BAD = Path(__file__).parents[1] / "data" / "bad.keras"


def index_of(count):
    """An index of many models, each with a page, as the command writes one."""
    linter = Linter()
    one = linter.check_file(BAD)
    picture = of_report(one)
    models = [
        dataclasses.replace(
            one,
            path=f"models/team_{number % 17}/experiment_{number:04}/checkpoint.keras",
            graph=None,
            findings=one.findings * (1 + number % 4),
            picture={
                "class": picture["class"],
                "shape": f"{number % 60:012}",
                "page": f"report.models/{number:05}.html",
            },
        )
        for number in range(count)
    ]
    return render(linter.report(models), "html")


def look(browser, name, page, seconds):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(page, encoding="utf-8")
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        said, requests = [], []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        start = time.perf_counter()
        tab.goto(path.as_uri())
        tab.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60_000)
        ready = time.perf_counter() - start
        boxes = tab.locator("#graph .box").count()
        print(
            f"{name:<28} {len(page) / 1e3:>8.0f} kB  made in {seconds:4.1f} s  ready {ready:5.2f} s  {boxes:>4} boxes"
            f"  {len(said)} messages  {len(requests) - 1} requests",
            flush=True,
        )
        tab.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path)
    parser.add_argument("--index", type=int)
    options = parser.parse_args()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for path in options.models:
            linter = Linter()
            checked = linter.check_file(path)
            start = time.perf_counter()
            page = render(linter.report([checked]), "html")
            look(browser, path.name, page, time.perf_counter() - start)
        if options.index:
            start = time.perf_counter()
            page = index_of(options.index)
            look(browser, f"index of {options.index:,}", page, time.perf_counter() - start)
        browser.close()


if __name__ == "__main__":
    main()
