"""The form of a rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from graphlint.findings.finding import Problem, Severity
    from graphlint.model.graph import ModelGraph, ModelNode


class Need(StrEnum):
    """What a rule needs beyond the configuration; if it is missing, the rule is skipped, and the report says so."""

    WEIGHTS = "weights"
    NUMBERS = "numbers"
    """The values of the weights, not only their shapes: without a rule that needs them, none is read."""
    COMPILE = "compile"
    LIVE = "live"
    DATA = "data"
    """One batch of data, which was run: `graphlint.questions.observed` says what it showed."""
    TARGETS = "targets"
    """Targets in that batch, which a loss compares with outputs."""
    GRADIENTS = "gradients"
    """Gradients from that batch."""
    SEVERAL = "several"
    """Several models that are checked together: with one there is nothing to look at, and nothing is said of that."""
    STEPS = "steps"
    """What steps of training changed, which `graphlint.callbacks.Watch` sees."""
    GRAPH = "graph"
    """Layers and calls: missing in a file of weights only. Every rule needs this unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Option:
    """A threshold of a rule that the configuration can set: ``[tool.graphlint.rules.RULE-NAME] option = value``.

    ``accepts`` raises a `GraphlintError` for a value that the rule cannot use.
    """

    default: float | int | bool | str
    unit: str
    help: str
    minimum: float | None = None
    maximum: float | None = None
    accepts: Callable[[Any], object] | None = None


class Rule(ABC):
    """One check. Subclass it in a separate file; the class docstring is the rule's page.

    ``check`` is a pure query: it reads the graph and yields problems, and never changes it.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity]
    needs: ClassVar[frozenset[Need]] = frozenset({Need.GRAPH})
    preview: ClassVar[bool] = False
    """Only run with ``--preview``, or when selected by its full code or name; a rule on data also if there is some, one
    over several models if there are several."""
    default: ClassVar[bool] = True
    """False: only run when selected by its full code or name."""
    blocks_loading: ClassVar[bool] = False
    """Whether Keras refuses a file with such a finding: where a rule of this kind is selected, `graphlint fix` may make
    the model of a file that does not load as it is."""
    options: ClassVar[Mapping[str, Option]] = {}
    explains: ClassVar[tuple[str, ...]] = ()
    """Of a rule over several models: codes of which a finding in the model where it finds something is said by that."""
    in_code: ClassVar[str] = "As elsewhere: in a body that code makes, a call is a call. No fix is offered there."
    """How the rule reads the bodies of custom layers and subclassed models that were opened, for its page."""

    def __init__(self, **options: Any) -> None:
        self.option: dict[str, Any] = {name: option.default for name, option in self.options.items()} | options

    def settled(self, graph: ModelGraph, member: ModelNode) -> bool:
        """Whether what the rule finds in one of several models is as it should be, in view of the others.

        ``graph`` is that of all of them together.
        """
        return False

    @abstractmethod
    def check(self, graph: ModelGraph) -> Iterator[Problem]:
        """Yield the problems of one model."""
