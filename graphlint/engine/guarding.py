"""Security rules as the user's own configuration has them, where another may have come with the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path

from graphlint.engine.config import Config, RuleSettings
from graphlint.engine.registry import Registry, RuleClass
from graphlint.engine.selection import Selection, meant, selected
from graphlint.findings.finding import is_security
from graphlint.reports.report import Protection
from graphlint.sources.limits import DEFAULT


class Guarding:
    """Which security rules run, and what the report says of those that do not.

    ``rules`` are those that ``config`` selects, ``asked`` and ``preview`` what the command line says. Without a guard
    the configuration is the user's own: it is followed, and what it switches off is said.
    """

    def __init__(
        self,
        config: Config,
        registry: Registry,
        rules: Iterable[RuleClass],
        asked: Selection,
        preview: bool | None,
    ) -> None:
        self._config, self._guard = config, config.guard
        self._own = own = config.guard or config
        self._known = [rule for rule in registry if is_security(rule.code)]
        chosen = set(rules)
        runs = chosen
        if self._guard is not None:
            own_preview = own.preview if preview is None else preview
            runs = set(selected(registry, [own.selection, asked], preview=own_preview))
        self.rules = [rule for rule in registry if rule in (runs if rule in self._known else chosen)]
        """The rules that run."""
        self.settings = {} if self._guard is None else {rule: _settings(own, rule) for rule in self._known}
        """Settings of security rules that are not those of the configuration."""
        by_default = selected(registry, [asked], preview=bool(preview))
        self._off = {rule for rule in by_default if rule in self._known} - set(self.rules)
        self.not_followed = () if self._guard is None else tuple(self._unheeded(chosen, runs, self._guard))
        """Keys of the configuration that would change security rules or limits."""
        self._raised = tuple(
            one.name.replace("_", "-")
            for one in fields(own.limits)
            if getattr(own.limits, one.name) > getattr(DEFAULT, one.name)
        )

    def _unheeded(self, chosen: set[RuleClass], runs: set[RuleClass], guard: Config) -> Iterator[str]:
        config, known = self._config, set(self._known)
        if chosen & known != runs & known:
            yield from (key for key in ("select", "extend-select", "ignore", "preview") if key in config.given)
        selectors = {"per-file-ignores": [selector for _, several in config.per_file_ignores for selector in several]}
        selectors["ignores"] = [selector for ignore in config.ignores for selector in ignore.rules]
        selectors["rules"] = list(config.rules)
        for key, several in selectors.items():
            if any(meant(rule, several) for rule in known):
                yield key
        if "limits" in config.given:
            yield "limits"
        if config.fail_on != guard.fail_on:
            yield "fail-on"

    @property
    def fail_on(self) -> str | None:
        """The user's ``fail-on``, if that of the configuration may be another's."""
        return None if self._guard is None else self._guard.fail_on

    def excluded(self, path: Path) -> str | None:
        """Why only security rules look at a file: a configuration that may have come with it excludes it."""
        return None if self._guard is None else self._config.excluded(path)

    def protection(self, path: Path) -> Protection:
        """What the report on a file says of it."""
        own = self._own
        off = self._off | {rule for rule in self._known if meant(rule, own.ignored_at(path))}
        not_followed = (*self.not_followed, *(["exclude"] if self.excluded(path) else []))
        return Protection(
            own.source.as_posix() if own.source and (off or self._raised) else None,
            tuple(sorted(rule.code for rule in off)),
            self._raised,
            self._config.source.as_posix() if self._config.source and not_followed else None,
            not_followed,
        )


def _settings(config: Config, rule: RuleClass) -> RuleSettings:
    return config.rules.get(rule.code) or config.rules.get(rule.name) or RuleSettings()
