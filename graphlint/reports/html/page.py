"""The page as text: one file that asks nothing of anybody.

Whatever comes from a model is in one block of JSON, which the script turns into text nodes; a policy in the file
(Content-Security-Policy) allows this script and this style sheet, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from graphlint.findings.finding import Finding, Severity
from graphlint.reports.canvas.captions import name, shown
from graphlint.reports.canvas.marks import MARKS
from graphlint.reports.html.cards import card
from graphlint.reports.safe import in_json
from graphlint.reports.writer import Collecting

if TYPE_CHECKING:
    from graphlint.reports.report import ModelReport, Report

_SCRIPTS = ("text", "base", "model", "layout", "draw", "cards", "panel", "tabs", "index", "main")
FAMILIES = {
    "A": "architecture and loss",
    "B": "one batch of data",
    "D": "disconnected",
    "E": "graphlint's own run",
    "H": "shapes and dtypes",
    "K": "serialization",
    "M": "several models",
    "N": "stored numbers",
    "P": "parameters",
    "R": "redundancy",
    "S": "shared weights",
    "T": "trainable",
    "X": "security",
}
_SEVERITIES = list(Severity)
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f]")
"""Characters inside the strings of the library, which mean the same written as escapes."""
_LONGEST_PLAIN = 200_000


class Html(Collecting):
    """One HTML document: of one model with its graph, of several as an index."""

    def document(self, models: tuple[ModelReport, ...], general: tuple[Finding, ...], notes: tuple[str, ...]) -> str:
        from graphlint.reports.report import Report

        explanations = self.setting.explanations
        if len(models) == 1 and not general:
            return model_page(models[0], explanations, notes)
        return index_page(Report(models, general, notes, explanations=explanations))


def model_page(model: ModelReport, explanations: Any, notes: Any = ()) -> str:
    """The page of one model."""
    from graphlint.reports import render as rendered
    from graphlint.reports.report import Report

    about = [model.format, f"Keras {model.keras_version}" if model.keras_version else None, model.status.value]
    plain = rendered(Report((model,), explanations=explanations).listing("info"), "full")
    data = _model_data(model, explanations, notes)
    return document(model.path, ", ".join(part for part in about if part), data, plain)


def marked_page(
    model: ModelReport,
    about: str,
    labels: dict[str, str],
    notes: Any,
    plain: str,
    *,
    marks: dict[str, str],
    words: dict[str, str],
) -> str:
    """The page of a graph on which something else is marked than findings: changes, or effects.

    ``labels`` names the severities as such, ``marks`` says what marks mean that only such a graph has. Of the
    ``words``, ``what`` is one of those things, ``nothing`` is said where there is none, and ``start`` is the address
    that is selected at first.
    """
    data = {**_model_data(model, {}, notes), "labels": labels, "marks": MARKS | marks, **words}
    return document(model.path, about, data, plain)


def _model_data(model: ModelReport, explanations: Any, notes: Any) -> dict[str, Any]:
    from graphlint.reports.html.picture import of_report

    picture = model.picture if model.picture is not None else of_report(model)
    codes = {finding.code for finding in model.findings}
    return {
        "kind": "model",
        "picture": picture,
        "findings": [] if picture is not None else [card(finding, model.path, {}) for finding in model.findings],
        "explanations": {code: shown(why) for code, why in explanations.items() if code in codes},
        "families": FAMILIES,
        "marks": MARKS,
        "numbers": picture is not None and any("n" in one for layer in picture["layers"] for one in layer.get("v", ())),
        "parameters": None if model.parameters is None else asdict(model.parameters),
        "status": model.status.value,
        "reason": shown(model.reason) if model.reason else None,
        "without": None if picture is not None else "The graph of this model was not kept: check it alone to see it.",
        "skipped": [[rule.code, shown(rule.reason)] for rule in model.skipped_rules],
        "ran": list(model.ran),
        "opaque": [name(path) for path in model.opaque[:200]],
        "opened": [name(path) for path in model.opened[:200]],
        "suppressed": model.suppressed,
        "notes": [shown(note) for note in notes],
    }


def index_page(report: Report) -> str:
    """The index of many models. It has the findings of those that have no page of their own."""
    from graphlint.reports import render as rendered
    from graphlint.reports.text import summary_line

    codes: dict[str, int] = {}
    models = [_row(model, codes) for model in report.models]
    alone = [finding for model in report.models if not (model.picture or {}).get("page") for finding in model.findings]
    listed = [*report.general, *alone]
    cards = [{**card(finding, finding.model, {}), "model": name(finding.model)} for finding in listed]
    skipped: dict[tuple[str, str], int] = {}
    for model in report.models:
        for rule in model.skipped_rules:
            skipped[rule.reason, rule.code] = skipped.get((rule.reason, rule.code), 0) + 1
    data = {
        "kind": "index",
        "models": models,
        "codes": list(codes),
        "findings": cards,
        "explanations": {code: shown(why) for code, why in report.explanations.items()} if cards else {},
        "families": FAMILIES,
        "skipped": [[shown(reason), code, f"{count:,}"] for (reason, code), count in sorted(skipped.items())],
        "notes": [shown(note) for note in report.notes],
    }
    plain = "" if len(models) > 50 else rendered(report.listing("info"), "full")
    return document(f"{len(models):,} models", summary_line(report.listing("info").tally()), data, plain)


def _row(model: ModelReport, codes: dict[str, int]) -> dict[str, Any]:
    counts: dict[int, list[int]] = {}
    for finding in model.findings:
        code = codes.setdefault(f"{finding.code} {finding.name}", len(codes))
        known = counts.setdefault(code, [0, finding.severity.rank])
        known[0] += 1
        known[1] = min(known[1], finding.severity.rank)
    picture = model.picture or {}
    return {
        "name": name(model.path),
        "status": model.status.value,
        "reason": shown(model.reason, 300) if model.reason else None,
        "found": [sum(finding.severity is severity for finding in model.findings) for severity in _SEVERITIES],
        "codes": [[code, *known] for code, known in counts.items()],
        "fixable": sum(finding.fix is not None for finding in model.findings),
        "parameters": None if model.parameters is None else model.parameters.total,
        "class": picture.get("class"),
        "shape": picture.get("shape"),
        "page": picture.get("page"),
    }


def document(title: str, about: str, data: dict[str, Any], plain: str = "") -> str:
    """A page around data; ``plain`` is what it says to a reader without scripts."""
    script, style = _script(), asset("style.css")
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'"
    )
    text = plain if len(plain) <= _LONGEST_PLAIN else f"{plain[:_LONGEST_PLAIN]}\n… (cut)"
    return f"""<!doctype html>
<html lang="en" data-theme="auto">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>graphlint: {_escaped(title)}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{_escaped(title)}</h1><span class="minor">{_escaped(about)}</span>\
<button type="button" id="theme">theme</button></header>
<nav id="tabs" role="tablist" aria-label="views"></nav>
<main id="panels"></main>
<noscript><p>This page draws with a script. What was found, as text:</p>
<pre>{_escaped(text, len(text))}</pre></noscript>
<script type="application/json" id="data">{embedded(data)}</script>
<script>{script}</script>
</body>
</html>"""


def embedded(data: Any) -> str:
    """JSON that no parser of HTML takes for anything else: ASCII, and without ``<``, ``>`` and ``&``.

    >>> embedded({"a": "</script><!--"})
    '{"a":"\\\\u003c/script\\\\u003e\\\\u003c!--"}'
    """
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return in_json(text).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _escaped(text: str, most: int = 500) -> str:
    """Text for HTML; what is not printable is escaped already, but for line ends."""
    safe = "\n".join(shown(line, max(most, 500)) for line in text.split("\n"))
    return html.escape(safe)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def asset(file: str) -> str:
    """A script or style sheet of the page."""
    return files("graphlint.reports.html").joinpath("assets").joinpath(file).read_text(encoding="utf-8")


def layout_library() -> str:
    """The source of dagre, without the comment that would make a browser's tools ask for a file beside the page."""
    source = files("graphlint.reports.html").joinpath("vendor/dagre.min.js").read_text(encoding="utf-8")
    licence = files("graphlint.reports.html").joinpath("vendor/dagre.LICENSE").read_text(encoding="utf-8")
    source = re.sub(r"(?m)^(//#|/\*!).*$\n?", "", source)
    source = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", source)
    return f"/* @dagrejs/dagre 3.1.3\n{licence.strip()}\n*/\n{source}"


@cache
def _script() -> str:
    parts = [layout_library(), *(asset(f"{part}.js").replace('"use strict";\n', "", 1) for part in _SCRIPTS)]
    return '"use strict";\n' + "\n".join(parts)
