"""Which fixes a report offers: those that `graphlint fix` will make, each with what it needs for that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from graphlint.findings.finding import Finding, Severity, is_security
from graphlint.portability.rewriting import needs

if TYPE_CHECKING:
    from graphlint.engine.registry import RuleClass
    from graphlint.model.graph import ModelGraph


def untrustworthy(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with which a file is not fixed: it may endanger who loads it, or could not be read."""
    return [one for one in findings if one.code.startswith("E") or is_security(one.code)]


def offered(graph: ModelGraph, findings: Iterable[Finding], rules: Iterable[RuleClass]) -> list[Finding]:
    """The findings of a file, with the fixes that can be made, and on which condition.

    A file that is not trusted is not fixed; one that does not load, and cannot be rewritten, has no model to fix; one
    that needs classes of somebody's own is fixed with the modules that register them.
    """
    findings = list(findings)
    if graph.definition.is_keras_2:
        return [replace(one, fix=None) for one in findings]
    if graph.live or not any(one.fix is not None for one in findings):
        return findings
    blocking = {rule.code for rule in rules if rule.blocks_loading}
    hopeless = bool(untrustworthy(findings)) or any(
        one.code in blocking and one.severity is Severity.ERROR and one.fix is None for one in findings
    )
    if hopeless:
        return [replace(one, fix=None) if one.fix is not None else one for one in findings]
    condition = needs(graph)
    if not condition:
        return findings
    return [replace(one, fix=replace(one.fix, condition=condition)) if one.fix is not None else one for one in findings]
