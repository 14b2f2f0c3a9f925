"""Which rules run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphlint.engine.registry import Registry, RuleClass, precision
from graphlint.engine.rule import Need

Selectors = str | Iterable[str] | None
"""A code, a name, a prefix or ``"ALL"``, or several of them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What one place (a configuration, the command line) selects. ``select`` None leaves the choice to others."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, select: Selectors = None, *, extend_select: Selectors = None, ignore: Selectors = None) -> Selection:
        """A selection of what people write in Python: one selector, several, or none."""
        return cls(_several(select), _several(extend_select) or (), _several(ignore) or ())


def _several(value: Selectors) -> tuple[str, ...] | None:
    if value is None:
        return None
    return (value,) if isinstance(value, str) else tuple(value)


def selected(
    registry: Registry, layers: Iterable[Selection], *, preview: bool = False, data: bool = False
) -> list[RuleClass]:
    """The rules that run, by their codes.

    Later places override earlier ones; one with ``select`` starts again from nothing. Within one place the more
    specific selector wins, and ``ignore`` wins a tie. A preview rule needs ``preview`` or its full code or name, a rule
    outside the default set its full code or name. Whoever gives ``data`` asks for the rules on data, and whoever checks
    several models together for those over several models, which have nothing to look at otherwise.
    """
    stack = [Selection(select=("ALL",)), *layers]
    asked = {Need.SEVERAL, Need.DATA, Need.STEPS} if data else {Need.SEVERAL}
    return [rule for rule in registry if _runs(rule, stack, preview or bool(rule.needs & asked))]


def meant(rule: RuleClass, selectors: Iterable[str]) -> bool:
    """Whether one of the selectors means a rule."""
    return any(precision(selector, rule) is not None for selector in selectors)


def _runs(rule: RuleClass, layers: list[Selection], preview: bool) -> bool:
    runs = False
    for layer in layers:
        if layer.select is not None:
            runs = False
        chosen = _best(rule, (*(layer.select or ()), *layer.extend_select))
        ignored = _best(rule, layer.ignore)
        if chosen < 5 and (not rule.default or (rule.preview and not preview)):
            chosen = -1
        if chosen > ignored:
            runs = True
        elif ignored >= 0:
            runs = False
    return runs


def _best(rule: RuleClass, selectors: Iterable[str]) -> int:
    found = (precision(selector, rule) for selector in selectors)
    return max((one for one in found if one is not None), default=-1)
