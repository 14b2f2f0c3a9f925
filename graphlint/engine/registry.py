"""Which rules there are: everything in the entry-point group ``graphlint.rules``, and the plugins of a configuration.

Built-in rules are registered in the same way as any others.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from graphlint.engine.rule import Need, Option, Rule
from graphlint.errors import RuleError, UnknownRuleError
from graphlint.findings.finding import Severity
from graphlint.findings.tool_findings import TOOL_FINDINGS

GROUP = "graphlint.rules"
ALL = "ALL"

_CODE = re.compile(r"[A-Z]+[0-9]{3}")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PREFIX = re.compile(r"([A-Z]+)([0-9]{0,3})")

RuleClass = type[Rule]


class Registry:
    """Rules by code and by name, in the order of their codes.

    Raises:
        RuleError: a rule does not have the required form, or two share a code or a name.
    """

    def __init__(self, rules: Iterable[RuleClass]) -> None:
        self._by_code: dict[str, RuleClass] = {}
        self._by_name: dict[str, RuleClass] = {}
        for rule in sorted(dict.fromkeys(rules), key=lambda rule: (str(getattr(rule, "code", "")), _origin(rule))):
            _validate(rule)
            for known, key in ((self._by_code, rule.code), (self._by_name, rule.name)):
                other = known.setdefault(key, rule)
                if other is not rule:
                    raise RuleError(f"{_origin(rule)} and {_origin(other)} are both called {key}: rename one of them")

    def __iter__(self) -> Iterator[RuleClass]:
        return iter(self._by_code.values())

    def __len__(self) -> int:
        return len(self._by_code)

    def get(self, text: str) -> RuleClass:
        """The rule with this full code or name.

        Raises:
            UnknownRuleError: there is none.
        """
        found = self._by_code.get(text) or self._by_name.get(text)
        if found is None:
            raise UnknownRuleError(f"no rule is called {text!r}{self._similar(text)}")
        return found

    def check_selector(self, selector: str) -> None:
        """Reject a selector that can match nothing.

        Raises:
            UnknownRuleError: it is not a code, name, prefix or ``ALL``, or no rule has it.
        """
        if selector == ALL or selector in self._by_name or is_tool_selector(selector):
            return
        if not any(precision(selector, rule) is not None for rule in self):
            raise UnknownRuleError(f"no rule matches {selector!r}{self._similar(selector)}")

    def _similar(self, text: str) -> str:
        known = {name.lower(): name for name in [*self._by_code, *self._by_name]}
        near = difflib.get_close_matches(text.lower(), known, n=3)
        if near:
            return f": did you mean {' or '.join(known[one] for one in near)}?"
        return ": `graphlint rules` lists them all"


def precision(selector: str, rule: RuleClass) -> int | None:
    """How specific a selector is: 0 for ``ALL``, 1 for letters, 5 for a full code or name; None if it does not match.

    Letters match whole, digits by prefix: ``S`` and ``S0`` mean S001 and never SX001.
    """
    if selector == ALL:
        return 0
    if selector in (rule.code, rule.name):
        return 5
    prefix = _PREFIX.fullmatch(selector)
    if prefix is None or prefix[1] != rule.code[:-3] or not rule.code[-3:].startswith(prefix[2]):
        return None
    return 1 + len(prefix[2])


def is_tool_selector(selector: str) -> bool:
    """Whether a selector means findings of the tool itself (``E``, ``E0``, ``E001``, ``unreadable``)."""
    for code, (name, _) in TOOL_FINDINGS.items():
        if selector in (code, name) or (selector.startswith("E") and code.startswith(selector)):
            return True
    return False


def load_registry(plugins: Iterable[str] = (), search: Path | None = None) -> Registry:
    """Every installed rule, and those of the modules named in ``plugins``, which may be in the folder ``search``.

    Raises:
        RuleError: a package of rules cannot be imported, or a rule cannot be used.
    """
    return Registry([*_installed(), *_plugged(tuple(plugins), search)])


@lru_cache(maxsize=1)
def _installed() -> tuple[RuleClass, ...]:
    found: list[RuleClass] = []
    for name, value in sorted({(point.name, point.value) for point in entry_points(group=GROUP)}):
        try:
            point = next(iter(entry_points(group=GROUP, name=name, value=value)))
            found.extend(rules_in(point.load()))
        except RuleError as error:
            raise RuleError(f"the entry point {name} = {value!r} of {GROUP}: {error}") from error
        except (Exception, SystemExit) as error:
            raise RuleError(_broken(f"the entry point {name} = {value!r} of {GROUP}", error)) from error
    if not found:  # Found without its rules, say in the current directory: every model would be clean.
        raise RuleError(f"no rules are installed (nothing in {GROUP}): install keras-graphlint with pip")
    return tuple(found)


@lru_cache(maxsize=8)
def _plugged(plugins: tuple[str, ...], search: Path | None) -> tuple[RuleClass, ...]:
    found: list[RuleClass] = []
    for name in plugins:
        if search is not None:
            sys.path.insert(0, str(search))
        try:
            found.extend(rules_in(importlib.import_module(name)))
        except RuleError as error:
            raise RuleError(f"the plugin {name!r}: {error}") from error
        except (Exception, SystemExit) as error:
            raise RuleError(_broken(f"the plugin {name!r}", error)) from error
        finally:
            if search is not None:
                sys.path.remove(str(search))
    return tuple(found)


def _broken(what: str, error: BaseException) -> str:
    return f"{what} cannot be loaded: {type(error).__name__}: {error}"


def rules_in(source: Any) -> list[RuleClass]:
    """The rules of an entry point: those of a module, of a package and its subpackages, or of an iterable.

    A module contributes the concrete `Rule` classes that are defined in it.

    Raises:
        RuleError: there is no rule in it.
    """
    if isinstance(source, ModuleType):
        found = list(_in_module(source))
    elif isinstance(source, Iterable) and not isinstance(source, str):
        found = list(source)
        for rule in found:
            if not (inspect.isclass(rule) and issubclass(rule, Rule)):
                raise RuleError(f"expected subclasses of graphlint.Rule, got {rule!r}")
    else:
        raise RuleError(f"expected a module or an iterable of Rule classes, got {type(source).__name__}")
    if not found:
        raise RuleError("there is no rule in it: define subclasses of graphlint.Rule")
    return found


def _in_module(module: ModuleType) -> Iterator[RuleClass]:
    for value in vars(module).values():
        concrete = inspect.isclass(value) and issubclass(value, Rule) and not inspect.isabstract(value)
        if concrete and value.__module__ == module.__name__:
            yield value
    for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{module.__name__}."):
        yield from _in_module(importlib.import_module(found.name))


def _origin(rule: RuleClass) -> str:
    return f"{rule.__module__}.{rule.__qualname__}"


def _validate(rule: RuleClass) -> None:
    def refuse(what: str) -> RuleError:
        return RuleError(f"the rule {_origin(rule)}: {what}")

    code, name = getattr(rule, "code", None), getattr(rule, "name", None)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise refuse(f"expected code = letters and three digits such as 'AB001', got {code!r}")
    if code.startswith("E") and code[:-3] == "E":
        raise refuse(f"the letter E belongs to graphlint itself, got code = {code!r}: choose other letters")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refuse(f"expected name = words joined by dashes such as 'unused-input', got {name!r}")
    if not isinstance(getattr(rule, "severity", None), Severity):
        raise refuse(f"expected severity = a graphlint.Severity, got {getattr(rule, 'severity', None)!r}")
    if not isinstance(rule.needs, frozenset) or not all(isinstance(need, Need) for need in rule.needs):
        raise refuse(f"expected needs = a frozenset of graphlint.Need, got {rule.needs!r}")
    for key, option in rule.options.items():
        if not isinstance(option, Option) or not key.replace("-", "_").isidentifier():
            raise refuse(f"expected options = names mapped to graphlint.Option, got {key!r}: {option!r}")
    if inspect.isabstract(rule):
        raise refuse("expected a method check(graph), got none")
