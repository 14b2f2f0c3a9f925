"""The JSON schema of the configuration, for editors that complete and check TOML: with the options of all rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from graphlint.engine.config import FAIL_ON
from graphlint.engine.documentation import page
from graphlint.findings.finding import Severity
from graphlint.reports import FORMATS
from graphlint.sources.limits import Limits

if TYPE_CHECKING:
    from graphlint.engine.registry import RuleClass
    from graphlint.engine.rule import Option

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string", "pattern": r"\S"}
_SELECTORS = {"type": "array", "items": {"type": "string"}}
_SEVERITIES = [one.value for one in Severity]


def schema(rules: Iterable[RuleClass]) -> dict[str, Any]:
    """The schema of ``graphlint.toml``, and of ``[tool.graphlint]``, with these rules."""
    known = list(rules)
    settings = {key: _rule(rule) for rule in known for key in (rule.code, rule.name)}
    return {
        "$schema": DIALECT,
        "title": "graphlint",
        "description": "The configuration of graphlint: graphlint.toml, or [tool.graphlint] in pyproject.toml.",
        **_table(_keys(settings)),
    }


def _keys(rules: dict[str, Any]) -> dict[str, Any]:
    ignore = _table(
        {
            "rules": {**_SELECTORS, "minItems": 1, "description": "Codes, prefixes or names of rules."},
            "reason": {**_TEXT, "description": "Why this is acceptable."},
            "model": {**_TEXT, "description": "Glob on the path of the model; without it, any."},
            "layer": {**_TEXT, "description": "Glob on the path of the layer; without it, any."},
        },
        required=("rules", "reason"),
    )
    limits = {
        limit.name.replace("_", "-"): {"type": "integer", "minimum": 0, "default": limit.default}
        for limit in fields(Limits)
    }
    return {
        "extend": {**_TEXT, "description": "Another configuration, whose keys count where this one has none."},
        "required-version": {**_TEXT, "description": "The versions of graphlint this is for, such as >=0.2,<1."},
        "select": {**_SELECTORS, "description": "Run only these rules: codes, prefixes, names or ALL."},
        "extend-select": {**_SELECTORS, "description": "Also run these rules."},
        "ignore": {**_SELECTORS, "description": "Do not run these rules."},
        "preview": {"type": "boolean", "default": False, "description": "Also run rules that are in preview."},
        "fail-on": {"enum": [str(one) for one in FAIL_ON], "default": "warning", "description": _FAILS},
        "severity": {"enum": _SEVERITIES, "default": "warning", "description": "The lowest severity that is listed."},
        "target-keras": {
            "type": "string",
            "pattern": r"^\d+\.\d+(\.\w+)*$",
            "description": "The Keras release that should load the models; without it, the installed one.",
        },
        "output-format": {"enum": list(FORMATS), "default": "full", "description": "What check writes."},
        "baseline": {"type": "string", "description": "The file of known findings; empty for none."},
        "exclude": {**_SELECTORS, "description": "Globs of files that a search skips."},
        "respect-gitignore": {"type": "boolean", "default": True, "description": "A search skips what git ignores."},
        "open-layers": {
            "type": "boolean",
            "default": True,
            "description": "Run a model in memory once, abstractly, to see what is inside its code.",
        },
        "plugins": {**_SELECTORS, "description": "Python modules with rules; they run only with --allow-plugins."},
        "per-file-ignores": {
            "type": "object",
            "additionalProperties": _SELECTORS,
            "description": "Rules that are ignored in files, by a glob on their path.",
        },
        "ignores": {"type": "array", "items": ignore, "description": "Single objects on which rules are ignored."},
        "rules": {**_table(rules), "description": "Severity and options of single rules."},
        "limits": {**_table(limits), "description": "What a model file may ask for before it is refused."},
    }


_FAILS = "The lowest severity that makes the exit code 1."


def _rule(rule: RuleClass) -> dict[str, Any]:
    options = {key.replace("_", "-"): _option(option) for key, option in rule.options.items()}
    severity = {"enum": _SEVERITIES, "default": rule.severity.value, "description": "The severity of its findings."}
    return {"description": page(rule).summary, **_table({"severity": severity, **options})}


def _option(option: Option) -> dict[str, Any]:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    found: dict[str, Any] = {"type": kinds[type(option.default)], "default": option.default}
    bounds = (("minimum", option.minimum), ("maximum", option.maximum))
    found |= {key: value for key, value in bounds if value is not None and not isinstance(option.default, str)}
    return {**found, "description": option.help}


def _table(properties: dict[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    found = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**found, "required": list(required)} if required else found
