"""The page as text: what is in it, and that nothing else can be."""

import base64
import hashlib
import html
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import graphlint
import graphlint.reports.html
from graphlint.cli import main
from graphlint.model.expand import expand
from graphlint.reports import render
from graphlint.reports.html.page import embedded
from graphlint.reports.html.picture import picture
from tests.model.definitions import bodies, definition

VENDOR = Path(graphlint.reports.html.__file__).with_name("vendor")
DATA = Path(__file__).parents[2] / "data"


def parts(page):
    """The policy, the style sheet, the data and the script of a page."""
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    return policy, style, json.loads(data), script


@pytest.fixture(scope="module")
def bad():
    return graphlint.check(DATA / "bad.keras")


def test_the_vendored_library_is_what_the_checksums_say():
    listed = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    assert set(listed) == {"dagre.min.js", "dagre.LICENSE"}
    for name, checksum in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == checksum
    assert "MIT" in (VENDOR / "README.md").read_text()


def test_the_policy_allows_the_script_and_the_style_of_the_page_and_nothing_else(bad):
    policy, style, _, script = parts(render(bad, "html"))
    rules = dict(rule.split(None, 1) for rule in policy.split("; "))
    for kind, text in (("script-src", script), ("style-src", style)):
        assert rules[kind] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert rules["default-src"] == rules["connect-src"] == rules["img-src"] == rules["base-uri"] == "'none'"


def test_the_script_makes_no_markup_of_text_and_asks_for_nothing():
    for asset in Path(graphlint.reports.html.__file__).with_name("assets").glob("*.js"):
        source = asset.read_text(encoding="utf-8")
        used = re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function|fetch\(|XMLHttp|"
            r"WebSocket|import\(|sendBeacon|\.src\s*=|setAttribute\(\"style",
            source,
        )
        assert not used, asset.name
        assert "</script" not in source and "<!--" not in source


def test_every_finding_is_in_the_page_and_at_its_place_on_the_graph(bad):
    *_, data, _ = parts(render(bad, "html"))
    shown = data["picture"]
    assert [one["code"] for one in shown["findings"]] == [one.code for one in bad.findings]
    for card, finding in zip(shown["findings"], bad.findings, strict=True):
        nodes, groups = shown["canvas"]["nodes"], shown["canvas"]["groups"]
        places = [nodes[place]["a"] for place in card.get("nodes", ())]
        places += [groups[place]["a"] for place in card.get("groups", ())]
        assert finding.location.layer in {place.partition("#")[0] for place in places}
        assert card["ignore"].startswith("[[tool.graphlint.ignores]]")
    assert "graphlint fix" in shown["findings"][0]["fix"]["command"]


def test_without_scripts_the_findings_are_there_as_text(bad):
    text = re.search(r"<noscript>(.*?)</noscript>", render(bad, "html"), re.DOTALL)[1]
    assert all(finding.code in text for finding in bad.findings)


@settings(deadline=None)
@given(st.text() | st.sampled_from(["</script>", "<!--", "]]>", "\u2028", "\ud800", "&lt;"]))
def test_embedded_data_comes_back_and_holds_no_markup(text):
    written = embedded({"key": text, text: 1})
    assert json.loads(written) == {"key": text, text: 1}
    assert not set("<>&") & set(written)
    assert written.isascii()


@settings(deadline=None)
@given(bodies())
def test_a_picture_has_every_call_and_flow_once(root):
    graph = expand(definition(root))
    canvas = picture(graph)["canvas"]
    assert [node["a"] for node in canvas["nodes"]] == [graph.address(call) for call in graph.calls]
    flows = sum(data["kind"] in ("tensor", "mask") for *_, data in graph.nx.edges(data=True))
    assert len(canvas["edges"]) == flows
    for index, group in enumerate(canvas["groups"]):
        assert group["g"] < index
    assert all(0 <= node["g"] < len(canvas["groups"]) for node in canvas["nodes"])


def test_the_command_writes_one_file_for_one_model(tmp_path):
    page = tmp_path / "report.html"
    command = ["check", "--isolated", "--format", "html", "-o", str(page), str(DATA / "bad.keras")]
    assert CliRunner().invoke(main, command).exit_code == 1
    *_, data, _ = parts(page.read_text())
    assert data["kind"] == "model"
    assert data["numbers"]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_of_several_models_there_is_an_index_and_a_page_for_each_with_findings(tmp_path, jobs):
    for name in ("bad.keras", "good.keras"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    (tmp_path / "broken.keras").write_bytes(b"no")
    page = tmp_path / "all.html"
    command = ["check", "--isolated", "--format", "html", "-o", str(page), "-j", str(jobs), str(tmp_path)]
    assert CliRunner().invoke(main, command).exit_code == 2
    *_, data, _ = parts(page.read_text())
    rows = {Path(row["name"]).name: row for row in data["models"]}
    assert rows["good.keras"]["page"] is None and rows["good.keras"]["found"] == [0, 0, 0]
    *_, inner, _ = parts((tmp_path / rows["bad.keras"]["page"]).read_text())
    assert inner["kind"] == "model" and len(inner["picture"]["findings"]) == sum(rows["bad.keras"]["found"])
    assert rows["broken.keras"]["status"] == "refused"
    assert not data["findings"]


def test_an_index_on_stdout_has_the_findings_itself(tmp_path):
    for name in ("bad.keras", "good.keras"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    result = CliRunner().invoke(main, ["check", "--isolated", "--format", "html", str(tmp_path)])
    *_, data, _ = parts(result.output)
    assert len(data["findings"]) == 3
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_the_wheel_contains_what_the_page_is_made_of():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    packed = project["tool"]["setuptools"]["package-data"]["graphlint"]
    assert {"reports/html/assets/*", "reports/html/vendor/*"} <= set(packed)
