"""What a rule reports."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from graphlint.findings.edits import Edit

if TYPE_CHECKING:
    from graphlint.model.graph import Tensor


_SECURITY = re.compile(r"X[0-9]{3}")


def is_security(code: str) -> bool:
    """Whether a rule is about what a file does to who loads it.

    >>> is_security("X001"), is_security("XY001")
    (True, False)
    """
    return _SECURITY.fullmatch(code) is not None


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for error, 1 for warning, 2 for info."""
        return list(Severity).index(self)


class Applicability(StrEnum):
    """Whether a fix keeps what the model computes and how it trains."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True)
class Fix:
    """A fix that a finding offers. ``edits`` are classes of `graphlint.findings.edits`; `graphlint.fix` makes them."""

    title: str
    applicability: Applicability
    edits: tuple[Edit, ...] = ()
    changes: str | None = None
    """For an unsafe fix: what changes, in one sentence."""
    condition: str = ""
    """What `graphlint fix` has to be given to make it, such as ``--import tcn``."""

    @classmethod
    def safe(cls, title: str, *edits: Edit) -> Fix:
        """A fix that changes neither outputs nor training.

        >>> from graphlint.findings.edits import Remove
        >>> Fix.safe("remove it", Remove(calls=("dropout#0",))).applicability.value
        'safe'
        """
        return cls(title, Applicability.SAFE, edits)

    @classmethod
    def unsafe(cls, title: str, changes: str, *edits: Edit) -> Fix:
        """A fix that changes outputs or training; ``changes`` says what, in one sentence."""
        return cls(title, Applicability.UNSAFE, edits, changes)


@dataclass(frozen=True, slots=True)
class Location:
    """Where: an address (call, tensor, variable or layer) and the path of the layer there."""

    address: str
    layer: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule yields: one problem of one model. The engine turns it into a `Finding`.

    ``node`` is the id of a graph node (call, layer or variable) or a `Tensor`; None if the model as a whole is meant.
    ``message`` says what is wrong, with figures, but without the address (which the report prints before it); ``hint``
    is one imperative sentence that says what to do. ``related`` are nodes or tensors that are also involved.
    ``severity`` overrides the rule's, for a rule with two. ``key`` distinguishes two problems of one rule at one node.
    """

    message: str
    node: str | Tensor | None = None
    hint: str = ""
    _: KW_ONLY
    related: tuple[str | Tensor, ...] = ()
    severity: Severity | None = None
    fix: Fix | None = None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One reported problem."""

    code: str
    name: str
    severity: Severity
    _: KW_ONLY
    message: str
    model: str
    location: Location | None = None
    related: tuple[str, ...] = ()
    hint: str = ""
    fix: Fix | None = None
    fingerprint: str = field(default="", compare=False)
