"""What one batch of data showed when a model ran on it: plain numbers, which rules read and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The numbers of one tensor. What is said of its values is said of those that are finite."""

    shape: tuple[int, ...]
    dtype: str
    nan: int = 0
    infinite: int = 0
    minimum: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0
    """Standard deviation."""
    zeros: float = 0.0
    """Share of exact zeros."""
    spread: float = 0.0
    """The largest difference that two rows have in one place."""
    whole: bool = False
    """Whether every number is an integer, whatever the dtype."""

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def finite(self) -> bool:
        return not self.nan and not self.infinite

    @property
    def magnitude(self) -> float:
        """The largest absolute value."""
        return max(abs(self.minimum), abs(self.maximum))


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedMask:
    """A mask that a layer attached: rows and steps, how many steps it keeps, and how many rows it masks whole."""

    rows: int
    steps: int
    kept: int
    empty_rows: int
    repeats_at_end: bool = False
    """Whether it keeps every step although rows of what was masked end in one and the same repeated step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedCall:
    """One call of a layer or operation, by the path of the layer and the number of the call."""

    layer: str
    number: int
    inputs: tuple[Numbers, ...] = ()
    """Of layers that rules ask about what they receive, and of calls that returned NaN or infinity."""
    outputs: tuple[Numbers, ...] = ()
    units: int = 0
    """Size of the channel axis of the first output."""
    dead_units: int = 0
    """Units that were 0 in every row and place."""
    rows_per_unit: int = 0
    """Numbers that each unit returned."""
    saturated: float | None = None
    """Of sigmoid, tanh and gates of recurrent layers: the share of numbers with a slope below 1 % of the steepest."""
    mask: ObservedMask | None = None
    innermost: bool = True
    """Whether no other call was seen inside this one."""

    @property
    def finite(self) -> bool:
        return all(one.finite for one in self.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedGradient:
    """The gradient that one variable received; ``numbers`` is None where there was none."""

    variable: str
    numbers: Numbers | None
    norm: float = 0.0
    """Euclidean norm."""
    value_norm: float = 0.0
    """Euclidean norm of the variable itself."""
    value_finite: bool = True
    constant: float | None = None
    """The value that every element of the variable has, if it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedTarget:
    """The targets of one output, as the loss receives them, and what the model returned for them."""

    output: int
    name: str
    loss: str | None
    """The name of a loss of Keras in snake case; None for another, or where there is none."""
    from_logits: bool | None = None
    target: Numbers
    prediction: Numbers
    whole: Numbers | None = None
    """All targets that were given, where these are arrays: more than the batch."""
    uneven_rows: float = 0.0
    """Share of rows of targets whose sum over the last axis is neither 1 nor 0."""
    one_hot: bool = False
    classes: int | None = None
    """How many different numbers the targets are, where all are integers."""
    saturated_wrong: float | None = None
    """Share of rows with a predicted probability that is 0 or 1 within a millionth and far from its target."""

    @property
    def all(self) -> Numbers:
        """All that is known of the targets."""
        return self.whole or self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a run raised: in the ``forward`` pass, in the ``loss``, or in the rest of the ``step``."""

    stage: str
    message: str
    layer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What training did to the variables: ids of those that did not change, and of those that did."""

    steps: int
    moved: frozenset[str]
    still: frozenset[str]
    step: int | None = None
    """The step, counted from 1, whose loss was NaN or infinite."""
    loss_before: float | None = None
    """The loss of the first batch, before the first step."""
    loss_after: float | None = None
    """The mean loss of the last epoch."""


@dataclass(slots=True, kw_only=True)
class Observations:
    """What one batch showed. Without targets or gradients, ``no_targets`` and ``no_gradients`` say why."""

    rows: int
    of_rows: int | None = None
    """How many rows were given, where that is known."""
    inputs: tuple[Numbers, ...] = ()
    calls: list[ObservedCall] = field(default_factory=list)
    all_inputs: tuple[Numbers | None, ...] = ()
    """Of each input all that was given, where that is an array: more than the batch."""
    outputs: tuple[Numbers, ...] = ()
    """What the model returned, in order."""
    targets: tuple[ObservedTarget, ...] = ()
    loss: float | None = None
    gradients: dict[str, ObservedGradient] = field(default_factory=dict)
    """By the id of the variable."""
    flows: tuple[tuple[str, bool], ...] = ()
    """If a gradient is NaN or infinite: the layers in the order of the way back, and whether what reached each is
    finite."""
    failure: Failure | None = None
    no_targets: str | None = None
    no_gradients: str | None = None
    steps: int = 0
    """How many steps the optimizer had run before."""
    loss_scaled: bool = False
    """Whether an optimizer scales the loss, so that infinite gradients are part of its plan."""
    clipped: bool = False
    """Whether the optimizer clips gradients."""
    learning_rate: float | None = None
    optimizer: str | None = None
    """The class of the optimizer."""
    weighted: bool = False
    """Whether rows have weights."""
    odd_variables: tuple[str, ...] = ()
    """Ids of variables that hold NaN or infinity."""
    zero_variables: tuple[str, ...] = ()
    """Ids of variables that hold nothing but zeros."""
    first_loss: float | None = None
    """The loss of the first batch that was looked at, if this is a later one of the same training."""
    movement: Movement | None = None

    @property
    def learns(self) -> bool:
        """Whether the loss is smaller than that of the first batch that was looked at in the same training."""
        return self.loss is not None and self.first_loss is not None and self.loss < self.first_loss
