"""What a faulty program is, and the made-up batches that they are trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

Case = tuple[keras.Model, Any, Any]
"""A compiled model and one batch: what goes in, and the targets."""

LAST = "last activation and loss"
MISSING = "activation missing"
HIDDEN = "hidden activation"
SHAPE = "shape and axes"
STRUCTURE = "order of layers"
INITIAL = "initial values"
METRIC = "metric"
LABELS = "labels"
SCALE = "scale of the data"
TRAINING = "learning rate"
KINDS = (LAST, MISSING, HIDDEN, SHAPE, STRUCTURE, INITIAL, METRIC, LABELS, SCALE, TRAINING)


@dataclass(frozen=True)
class Program:
    """One published program. ``build(False)`` is the program with its fault, ``build(True)`` the corrected one.

    ``rules`` are those that name the cause, any of them; none where no rule does yet. ``source`` is where the program
    is described.
    """

    name: str
    source: str
    kind: str
    rules: tuple[str, ...]
    build: Callable[[bool], Case]

    def made(self, right: bool) -> Case:
        """One version, with the same random numbers each time."""
        keras.utils.clear_session(free_memory=False)
        keras.utils.set_random_seed(1)
        return self.build(right)


PROGRAMS: list[Program] = []


def program(source: str, kind: str, *rules: str) -> Callable[[Callable[[bool], Case]], Callable[[bool], Case]]:
    """Register a program under the name of its function."""

    def register(build: Callable[[bool], Case]) -> Callable[[bool], Case]:
        PROGRAMS.append(Program(build.__name__, source, kind, rules, build))
        return build

    return register


def question(number: int) -> str:
    """The address of a question on Stack Overflow."""
    return f"https://stackoverflow.com/q/{number}"


def sequential(shape: tuple[int | None, ...], *stack: keras.Layer) -> keras.Sequential:
    """A Sequential model on inputs of one shape."""
    return keras.Sequential([keras.Input(shape), *stack])


_random = np.random.default_rng(3)
BATCH = 32


def features(*shape: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Standardised measurements, or others."""
    return (_random.standard_normal((BATCH, *shape)) * scale + shift).astype("float32")


def pixels(*shape: int) -> np.ndarray:
    """Images as they are stored: 0 to 255."""
    return _random.integers(0, 256, (BATCH, *shape)).astype("float32")


def unit(*shape: int) -> np.ndarray:
    """Numbers from 0 to 1, such as pixels divided by 255."""
    return _random.random((BATCH, *shape)).astype("float32")


def classes(count: int, *shape: int) -> np.ndarray:
    """Class numbers, of which each of a few classes occurs."""
    return _random.permutation(np.arange(BATCH * int(np.prod(shape))) % count).reshape((BATCH, *shape)).astype("int32")


def one_hot(count: int, *shape: int) -> np.ndarray:
    """The same as rows of zeros with a single one."""
    return np.eye(count, dtype="float32")[classes(count, *shape)]


def yes_no() -> np.ndarray:
    """A column of zeros and ones."""
    return classes(2)[:, None].astype("float32")


def several(count: int) -> np.ndarray:
    """Rows of independent zeros and ones."""
    return (_random.random((BATCH, count)) < 0.4).astype("float32")


def words(vocabulary: int, length: int) -> np.ndarray:
    """Texts as word numbers."""
    return _random.integers(1, vocabulary, (BATCH, length)).astype("int32")
