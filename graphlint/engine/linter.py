"""Runs the selected rules over models, one at a time."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from graphlint.engine import documentation
from graphlint.engine.collection import collection_paused
from graphlint.engine.config import Config, Ignore, RuleSettings
from graphlint.engine.globs import matches
from graphlint.engine.guarding import Guarding
from graphlint.engine.looking import Looking
from graphlint.engine.options import TARGET_KERAS
from graphlint.engine.registry import Registry, RuleClass, load_registry
from graphlint.engine.rule import Need
from graphlint.engine.selection import Selection, meant, selected
from graphlint.errors import GraphlintError, LimitError, NoModelError, UnreadableError
from graphlint.errors import listed as enumerated
from graphlint.findings.finding import Finding, Location, Problem, Severity, is_security
from graphlint.findings.fingerprint import Fingerprints
from graphlint.findings.tool_findings import NOT_BUILT, OVER_LIMIT, RULE_CRASHED, TOOL_FINDINGS, UNREADABLE
from graphlint.model.address import ROOT
from graphlint.model.detach import detach
from graphlint.reports.report import ModelReport, Report, SkippedRule, Status, Suppressed
from graphlint.sources.stored_object import Depth

if TYPE_CHECKING:
    from graphlint.model.definition import ModelDefinition
    from graphlint.model.graph import ModelGraph, Tensor
    from graphlint.reports.writer import RulePage

LIVE = "<live>"
TRACEBACK = "GRAPHLINT_TRACEBACK"
"""Environment variable that prints the traceback of an exception that was reported as a finding or one line."""

_KEPT = 1000
"""Suppressed findings of one model that a report may say more of than their number."""


class Remembered(Protocol):
    """What is known of a file from an earlier time."""

    def definition(self, read: Callable[[], ModelDefinition]) -> ModelDefinition:
        """What ``read`` returns, or would."""

    def recall(self, graph: ModelGraph) -> None:
        """Give its graph what was found of it."""


class Linter:
    """One configuration, ready to check models. ``options`` are set for every rule that has an option of that name.

    With ``data``, models come with a batch, and the rules on data run. ``depth`` says how much of a file is read.

    Raises:
        GraphlintError: a rule cannot be loaded, or the configuration names an unknown rule.
    """

    def __init__(
        self,
        config: Config | None = None,
        overrides: Selection | None = None,
        *,
        preview: bool | None = None,
        registry: Registry | None = None,
        options: Mapping[str, Any] | None = None,
        depth: Depth = Depth.WEIGHTS,
        data: bool = False,
    ) -> None:
        self.config = config or Config()
        self.depth = depth
        self.registry = registry or load_registry(self.config.plugins, self.config.root_of("plugins"))
        self.config.check_rules(self.registry)
        asked = Config(selection=overrides or Selection())
        asked.check_rules(self.registry)
        self.rules = selected(
            self.registry,
            [self.config.selection, asked.selection],
            preview=self.config.preview if preview is None else preview,
            data=data,
        )
        self._settings = {self.registry.get(name): settings for name, settings in self.config.rules.items()}
        self.guarding = Guarding(self.config, self.registry, self.rules, asked.selection, preview)
        self.rules = self.guarding.rules
        self._settings |= self.guarding.settings
        general = {} if self.config.target_keras is None else {TARGET_KERAS: self.config.target_keras}
        for rule in self.registry:
            known = {key.replace("_", "-") for key in rule.options}
            below = {key: value for key, value in general.items() if key in known}
            above = {key: value for key, value in (options or {}).items() if key in known}
            if below or above:
                settings = self.settings(rule)
                self._settings[rule] = replace(settings, options={**below, **settings.options, **above})

    # -- one model ----------------------------------------------------------------------------------------------

    def check_file(self, source: Any, shown: str | None = None, remembered: Remembered | None = None) -> ModelReport:
        """Check a model in a file: a path, a URL, bytes, or a file that is open for reading.

        A file that cannot be read is a finding, never an exception. ``remembered`` knows what was read of it before.

        Raises:
            GraphlintError: ``source`` is none of them.
        """
        from graphlint.sources import located, read
        from graphlint.sources.stored_object import StoredObject

        limits, depth = self.config.limits, self.depth
        try:
            place = located(source, shown)
        except UnreadableError as error:
            return _refused(shown or str(source), error, self.config.fail_on)
        name = shown or (str(place) if isinstance(place, StoredObject) else place.as_posix())
        path = Path(name) if isinstance(place, StoredObject) else place

        def reading() -> ModelDefinition:
            return read(place, limits=limits, by_content=True, verify=False, whole=False, depth=depth)

        with collection_paused():
            if remembered is None:
                return self.check_source(reading, name, path)
            return self.check_source(lambda: remembered.definition(reading), name, path, prepare=remembered.recall)

    def check_model(
        self,
        model: Any,
        shown: str = LIVE,
        *,
        inputs: Any = None,
        open_layers: bool | None = None,
        data: Any = None,
    ) -> ModelReport:
        """Check a ``keras.Model`` in memory.

        With ``open_layers`` (by default as configured) the model is run once, abstractly, to see what is inside custom
        layers and subclassed models; ``inputs`` is what it is called with, where that is not known. ``data`` is run
        through it, one batch, as `fit` would, on a copy of its state.

        Raises:
            GraphlintError: this is not a ``keras.Model``, Keras is not installed, the inputs are none, or the data has
                no batch.
        """
        opened = self.config.open_layers if open_layers is None else open_layers
        if data is not None:
            from graphlint.extras import require_keras

            require_keras("a live model")
            return self._check_with_data(model, shown, inputs, opened, data)
        from graphlint.sources.models import read_model

        definition = read_model(model, open_layers=opened, inputs=inputs)
        return self.check_source(lambda: definition, shown)

    def _check_with_data(self, model: Any, shown: str, inputs: Any, opened: bool, data: Any) -> ModelReport:
        from graphlint.observing.batches import take
        from graphlint.observing.observe import built, fixed_rows, has_graph, observe
        from graphlint.sources.live import read_live, require_model

        require_model(model)
        batch = take(data, fixed_rows(model))
        with built(model, batch):
            given = batch.x if inputs is None and not has_graph(model) else inputs
            definition = read_live(model, open_layers=opened, inputs=given)

            def observed(graph: ModelGraph) -> None:
                graph.observations = observe(graph, model, batch)

            return self.check_source(lambda: definition, shown, prepare=observed)

    def check_source(
        self,
        read: Callable[[], ModelDefinition],
        shown: str,
        path: Path | None = None,
        *,
        prepare: Callable[[ModelGraph], None] | None = None,
    ) -> ModelReport:
        """Check what ``read`` returns. ``shown`` is the name in the report, ``path`` the file that globs match.

        ``prepare`` adds to the graph what is known of it from elsewhere, before the rules ask.
        """
        from graphlint.model.expand import expand

        try:
            definition = read()
            limits = self.config.limits
            graph = expand(definition, limits.graph_calls, limits.graph_characters, limits.graph_tensors)
        except Exception as error:  # Whatever a file does to the reader, the remaining files are still checked.
            return _refused(shown, error, self.config.fail_on)
        if prepare is not None:
            prepare(graph)
        return self.check_graph(graph, shown, path)

    def check_graph(self, graph: ModelGraph, shown: str, path: Path | None = None) -> ModelReport:
        """Check a graph that was read before."""
        return _Run(self, graph, shown, path or Path(shown)).report()

    def check_several(self, models: Mapping[str, ModelReport]) -> list[ModelReport]:
        """Check models together that were checked before, each by the name that addresses have for it.

        Returns:
            Their reports without what is as it should be in view of the other models, and the report on all of them
            together; that one is missing if fewer than two could be read.
        """
        from graphlint.model.expand import expand
        from graphlint.model.several import several

        known = {name: model.graph.definition for name, model in models.items() if model.graph is not None}
        reports = list(models.values())
        if len(known) < 2:
            return reports
        shown = enumerated(list(known), 5)
        try:
            limits = self.config.limits
            graph = expand(several(known), limits.graph_calls, limits.graph_characters, limits.graph_tensors)
        except (GraphlintError, RecursionError) as error:
            return [*reports, _refused(shown, error, self.config.fail_on)]
        whole = self.check_graph(graph, shown)
        rules = {rule.code: rule() for rule in self.rules}
        explained = {
            (one.location.layer, code)
            for one in whole.findings
            if one.location is not None and one.code in rules
            for code in rules[one.code].explains
        }
        for member in graph.members:
            model = models[member.name]
            left = [
                one
                for one in model.findings
                if one.code not in rules
                or not ((member.layer, one.code) in explained or rules[one.code].settled(graph, member))
            ]
            models = {**models, member.name: replace(model, findings=tuple(left))}
        return [*models.values(), whole]

    def settings(self, rule: RuleClass) -> RuleSettings:
        """What the configuration sets for a rule."""
        return self._settings.get(rule, RuleSettings())

    # -- the whole run ------------------------------------------------------------------------------------------

    def explanations(self, codes: Iterable[str]) -> dict[str, str]:
        """Why each of the codes is bad, in one sentence."""
        wanted = set(codes)
        found = {code: TOOL_FINDINGS[code][1] for code in sorted(wanted & set(TOOL_FINDINGS))}
        for rule in self.rules:
            if rule.code in wanted:
                found[rule.code] = documentation.page(rule).first_sentence(documentation.WHY)
        return found

    def pages(self, codes: Iterable[str]) -> dict[str, RulePage]:
        """The pages of the rules with these codes."""
        wanted = set(codes)
        return {rule.code: documentation.rule_page(rule) for rule in self.rules if rule.code in wanted}

    def stale_ignores(self, tried: AbstractSet[int], used: AbstractSet[int]) -> list[str]:
        """Notes on ignores of single objects that were tried and matched nothing, by their places."""
        if "ignores" in self.guarding.not_followed:
            return []
        source = f"{self.config.source.name}: " if self.config.source else ""
        return [f"{source}ignore matches nothing: {self.config.ignores[place]}" for place in sorted(tried - used)]

    def report(self, models: Iterable[ModelReport], general: Iterable[Finding] = ()) -> Report:
        """The report on models that were checked by this linter."""
        models, general = tuple(models), tuple(general)
        codes = {finding.code for model in models for finding in model.findings} | {one.code for one in general}
        said = dict.fromkeys(note for model in models for note in model.protection.notes())
        tried = {place for model in models for place in model.tried_ignores}
        used = {place for model in models for place in model.used_ignores}
        notes = (*said, *self.stale_ignores(tried, used))
        return Report(models, general, notes, explanations=self.explanations(codes), pages=self.pages(codes))


class _Run:
    """One run of all selected rules over one graph."""

    def __init__(self, linter: Linter, graph: ModelGraph, shown: str, path: Path) -> None:
        self.linter = linter
        self.graph = graph
        self.shown = shown
        self.fingerprints = Fingerprints(graph)
        self.missing = dict(missing(graph))
        self.found: list[tuple[tuple[Any, ...], Finding]] = []
        self.refusals: dict[tuple[str, str], Finding] = {}
        self.suppressed = self.counted = self.named = self.characters = 0
        self.suppressions: list[Suppressed] = []
        self.used: set[int] = set()
        self.path = path
        self.looking: Looking | None = None
        self.ignores = linter.config.ignores_at(path)
        self.ignored_here = linter.config.ignored_at(path)
        self.places = {layer: number for number, layer in enumerate(graph.layers)}

    def report(self) -> ModelReport:
        from graphlint.engine.offers import offered
        from graphlint.questions.guessed import guesses_below
        from graphlint.questions.statistics import measure
        from graphlint.questions.together import together
        from graphlint.questions.unbuilt import unbuilt

        graph, definition = self.graph, self.graph.definition
        skipped = []
        runnable: list[RuleClass] = []
        excluded = self.linter.guarding.excluded(self.path)
        for rule in self.linter.rules:
            if (Need.SEVERAL in rule.needs) != graph.several:
                continue
            missing = [reason for need, reason in self.missing.items() if need in rule.needs]
            if excluded is not None and not is_security(rule.code):
                skipped.append(SkippedRule(rule.code, excluded))
            elif missing:
                skipped.append(SkippedRule(rule.code, missing[0]))
            elif definition.is_keras_2 and self.needs_a_release(rule):
                skipped.append(SkippedRule(rule.code, "needs --target-keras, for a model of Keras 2 in memory"))
            else:
                runnable.append(rule)
        try:
            if any(Need.NUMBERS in rule.needs for rule in runnable):
                measure(graph)
            if definition.depth == Depth.CONFIG and not graph.variables:
                self.looking = Looking(graph)
            # If there are too many findings, those of the security rules are among the first.
            runnable.sort(key=lambda rule: not rule.code.startswith("X"))
            ran = []
            for rule in runnable:
                if self.run(rule):
                    ran.append(rule)
                if self.looking is not None and self.looking.asked() and not _is_of_files(rule):
                    skipped.append(SkippedRule(rule.code, "looked for weights, which --depth config leaves out"))
            if definition.unverified is not None:
                definition.unverified.finish()
        except (UnreadableError, LimitError) as error:
            # Then nothing that rules said of the stored numbers can be trusted.
            return _refused(self.shown, error, self.linter.config.fail_on)
        self.found.sort(key=lambda item: item[0])
        not_built = None if graph.several else unbuilt(graph)
        if not_built is not None:
            self.found.insert(0, ((), _tool_finding(NOT_BUILT, not_built.message, self.shown, hint=not_built.hint)))
        findings = [*self.refusals.values(), *(finding for _, finding in self.found)]
        refused = next(iter(self.refusals.values()), None)
        parameters = None
        if graph.has_weights and refused is None and (not_built is None or graph.variables):
            parameters = graph.parameters
        tried = {place for place, ignore in self.ignores if _all_ran(ignore.rules, self.linter.rules, ran)}
        return ModelReport(
            self.shown,
            Status.CHECKED if refused is None else Status.REFUSED,
            None if refused is None else refused.message,
            format=definition.format,
            keras_version=definition.keras_version,
            opaque=() if graph.several else tuple(layer.path for layer in graph.opaque_layers),
            opened=() if graph.several else tuple(layer.path for layer in graph.opened_layers),
            guessed_classes=tuple(guesses_below(graph, ROOT).items()),
            skipped_rules=(*skipped, *_in_part(definition.depth, ran)),
            depth=definition.depth,
            parameters=parameters,
            findings=tuple(offered(graph, findings, ran)),
            suppressed=self.suppressed,
            suppressions=tuple(self.suppressions),
            fail_on=self.linter.config.fail_on,
            severity=self.linter.config.severity,
            security_fail_on=self.linter.guarding.fail_on,
            protection=self.linter.guarding.protection(self.path),
            tried_ignores=frozenset(tried),
            used_ignores=frozenset(self.used),
            graph=graph,
            ran=tuple(rule.code for rule in ran),
            together=together(graph) if graph.several else None,
        )

    def needs_a_release(self, rule: RuleClass) -> bool:
        """Whether a rule asks what a release of Keras can load, and none was named."""
        asks = any(key.replace("_", "-") == TARGET_KERAS for key in rule.options)
        return asks and not self.linter.settings(rule).options.get(TARGET_KERAS)

    def run(self, rule: RuleClass) -> bool:
        """Run one rule; whether it completed."""
        settings = self.linter.settings(rule)
        try:
            named = {key.replace("_", "-"): key for key in rule.options}
            options = {named[key]: value for key, value in settings.options.items()}
            for problem in rule(**options).check(self.graph):
                with nullcontext() if self.looking is None else self.looking.elsewhere():
                    self.add(rule, settings, problem)
                    self.limit()
        except (UnreadableError, LimitError) as error:
            code, message = _refusal(error)
            self.refusals.setdefault((code, message), _tool_finding(code, message, self.shown))
            return False
        except Exception as error:  # A rule may raise anything; the others still run.
            _show_traceback()
            message = f"{rule.code} {rule.name} crashed: {type(error).__name__}: {error}"
            self.found.append(((-1, rule.code), _tool_finding(RULE_CRASHED, message, self.shown, rule.code)))
            return False
        return True

    def add(self, rule: RuleClass, settings: RuleSettings, problem: Problem) -> None:
        location = self.location(problem.node)
        ignored = self.why_ignored(rule, location)
        if ignored is not None:
            self.suppressed += 1
            if len(self.suppressions) >= _KEPT:
                return
        severity = settings.severity or problem.severity or rule.severity
        in_code = location is not None and any(outer.traced for outer in self.graph.enclosing(location.layer))
        finding = Finding(
            rule.code,
            rule.name,
            severity,
            message=problem.message,
            model=self.shown,
            location=location,
            related=tuple(self.location_of(node).address for node in problem.related),
            hint=problem.hint,
            fix=None if in_code else problem.fix,  # Fixes edit graphs, and not the code of a class.
            fingerprint=self.fingerprints.of(rule.code, problem.node, problem.key),
        )
        if ignored is not None:
            self.suppressions.append(Suppressed(finding, ignored))
            return
        place = self.places.get(location.layer, -1) if location else -1
        self.found.append(((severity.rank, rule.code, place, len(self.found)), finding))

    def limit(self) -> None:
        """Count the last finding.

        Raises:
            LimitError: there are too many, or they are too long.
        """
        if len(self.found) == self.counted:
            return
        self.counted = len(self.found)
        finding = self.found[-1][1]
        self.named += len(finding.related)
        self.characters += len(finding.message) + len(finding.hint) + sum(map(len, finding.related))
        self.characters += len(finding.location.address) if finding.location is not None else 0
        limits = self.linter.config.limits
        limits.check("findings", self.counted + self.named // 100, "findings")
        limits.check("finding_characters", self.characters, "characters of findings")

    def location(self, node: str | Tensor | None) -> Location | None:
        return None if node is None else self.location_of(node)

    def location_of(self, node: str | Tensor) -> Location:
        graph = self.graph
        if not isinstance(node, str):
            layer = graph.calls[node.call].layer
        elif node in graph.calls:
            layer = graph.calls[node].layer
        elif node in graph.variables:
            layer = graph.variables[node].layer
        elif node in graph.scopes:
            layer = graph.scopes[node].layer
        else:
            layer = graph.layers[node].path
        return Location(graph.address(node), layer)

    def why_ignored(self, rule: RuleClass, location: Location | None) -> str | None:
        """Why the configuration ignores a rule here; None if it does not."""
        guard = self.linter.config.guard
        if guard is not None and is_security(rule.code):
            return self.ignored_by(rule, location, guard, guard.ignored_at(self.path), guard.ignores_at(self.path))[0]
        reason, used = self.ignored_by(rule, location, self.linter.config, self.ignored_here, self.ignores)
        self.used |= used
        return reason

    def ignored_by(
        self,
        rule: RuleClass,
        location: Location | None,
        config: Config,
        here: list[str],
        ignores: list[tuple[int, Ignore]],
    ) -> tuple[str | None, set[int]]:
        """Why a configuration ignores a rule at a place, and the ignores that do."""
        if meant(rule, here):
            return "per-file-ignores" + (f" in {config.source.name}" if config.source else ""), set()
        found = [
            (place, ignore)
            for place, ignore in ignores
            if meant(rule, ignore.rules) and (ignore.layer is None or self.is_at(location, ignore.layer))
        ]
        return (found[0][1].reason if found else None), {place for place, _ in found}

    def is_at(self, location: Location | None, glob: str) -> bool:
        if location is None:
            return matches(glob, ROOT)
        return any(matches(glob, path) for path in (location.layer, *self.graph.layers[location.layer].aliases))


_WITHOUT_LAYERS = {
    "npz": "an archive of arrays",
    "pickle": "a pickle",
    "saved_model": "a SavedModel without a Keras configuration",
}


def missing(graph: ModelGraph) -> Iterator[tuple[Need, str]]:
    """What a graph lacks that a rule may need, and how the report puts it."""
    definition = graph.definition
    if not definition.has_graph:
        held = _WITHOUT_LAYERS.get(definition.format, "a file of weights")
        yield Need.GRAPH, f"need layers, which {held} does not describe"
    if definition.depth == Depth.CONFIG:
        yield Need.WEIGHTS, "needs the structure of the weights, which --depth config leaves out"
        yield Need.NUMBERS, "needs the numbers of the weights, which --depth config leaves out"
    elif not definition.has_weights:
        yield Need.WEIGHTS, "needs weights"
        yield Need.NUMBERS, "needs weights"
    elif definition.depth == Depth.STRUCTURE:
        yield Need.NUMBERS, "needs the numbers of the weights, which --depth structure leaves out"
    if not definition.compile_config:
        yield Need.COMPILE, "needs a compiled model"
    if not graph.live:
        yield Need.LIVE, "needs a model of Keras 3" if definition.is_keras_2 else "needs a live model"
    observed = graph.observations
    if observed is None or observed.movement is None:
        yield Need.STEPS, "needs graphlint.callbacks.Watch"
    if observed is None:
        yield Need.DATA, "needs a batch of data"
        return
    if not observed.rows:
        yield Need.DATA, "no batch was seen"
    if observed.no_targets is not None:
        yield Need.TARGETS, observed.no_targets
    if observed.no_gradients is not None:
        yield Need.GRADIENTS, observed.no_gradients


def _is_of_files(rule: RuleClass) -> bool:
    """Whether a rule looks at a file as a whole, and what it holds beside the model."""
    return not rule.needs and is_security(rule.code)


def _in_part(depth: str, ran: Iterable[RuleClass]) -> Iterator[SkippedRule]:
    """The rules about a file as a whole that saw a part of it."""
    if depth == Depth.CONFIG:
        for rule in ran:
            if _is_of_files(rule):
                yield SkippedRule(rule.code, "looked at the configuration alone, as --depth config says")


def _all_ran(selectors: Iterable[str], chosen: Iterable[RuleClass], ran: Iterable[RuleClass]) -> bool:
    """Whether all selected rules that the selectors mean ran; otherwise an ignore may have had no chance to match."""
    wanted = {rule for rule in chosen if meant(rule, selectors)}
    return bool(wanted) and wanted <= set(ran)


def _tool_finding(code: str, message: str, shown: str, key: str = "", hint: str = "") -> Finding:
    name = TOOL_FINDINGS[code][0]
    fingerprint = Fingerprints(None).of(code, None, key)
    return Finding(code, name, Severity.ERROR, message=message, model=shown, hint=hint, fingerprint=fingerprint)


def nothing_to_check(shown: str, message: str) -> Finding:
    """The finding for a path below which there is no model."""
    return _tool_finding("E004", message, shown)


def not_searched(shown: str, reason: str) -> Finding:
    """The finding for a folder that could not be searched for models."""
    return _tool_finding(UNREADABLE, f"this folder cannot be searched: {reason}", shown)


def model_name(shown: str) -> str:
    """What addresses call a model in a file, or one that Python code builds.

    >>> model_name("runs/3/encoder.keras"), model_name("models.net:build"), model_name("models.net:build encoder")
    ('encoder', 'build', 'encoder')
    """
    return Path(shown.rpartition(" ")[2].rpartition(":")[2]).stem or shown


def refused(shown: str, error: Exception) -> ModelReport:
    """The report on a model that could not be obtained at all."""
    return _refused(shown, error, "warning")


def _refused(shown: str, error: Exception, fail_on: str) -> ModelReport:
    code, message = _refusal(error)
    finding = _tool_finding(code, message, shown)
    no_model = isinstance(error, NoModelError)
    return ModelReport(shown, Status.REFUSED, message, findings=(finding,), fail_on=fail_on, no_model=no_model)


def skipped(shown: str, reason: str) -> ModelReport:
    """The report on a model that was skipped deliberately."""
    return ModelReport(shown, Status.SKIPPED, reason)


def detached(model: ModelReport) -> ModelReport:
    """The same report with a graph that says what the model is and holds no part of it, so that it can be freed."""
    if model.graph is not None:
        detach(model.graph)
    return model


def without_graph(model: ModelReport) -> ModelReport:
    """The same report without the graph, which may be large and cannot be sent between processes."""
    return replace(model, graph=None)


def _refusal(error: Exception) -> tuple[str, str]:
    if isinstance(error, LimitError):
        return OVER_LIMIT, str(error)
    if isinstance(error, GraphlintError):
        return UNREADABLE, str(error)
    _show_traceback()
    if isinstance(error, OSError):
        return UNREADABLE, f"cannot be read: {error.strerror or error}"
    return UNREADABLE, f"cannot be read: {type(error).__name__}: {error}"


def _show_traceback() -> None:
    if os.environ.get(TRACEBACK):
        traceback.print_exc(file=sys.stderr)
