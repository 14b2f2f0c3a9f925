"""Why `load_model` cannot compile a model, as far as its configuration shows; without compiling, it loads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from graphlint.knowledge.loading import KERAS_3, OLD_OPTIMIZERS, SHORT_LOSSES
from graphlint.knowledge.releases import RELEASES, class_names, has_class, is_known_class, releases_with, takes_argument
from graphlint.model.definition import Format
from graphlint.model.graph import ModelGraph


def compile_obstacles(graph: ModelGraph, release: int) -> Iterator[str]:
    """What a Keras release (an index into `RELEASES`) rejects in the compile configuration, one message each."""
    if release < KERAS_3:
        return
    yield from _optimizer(graph, release)
    config = graph.compile_config
    if graph.definition.format in (Format.KERAS, Format.H5) and config is not None:
        loss, by_name = config.get("loss"), graph.definition.format == Format.H5
        if by_name and isinstance(loss, str) and has_class(loss, release, "functions") is False:
            since = releases_with(loss, "functions")
            yield f"the loss {loss!r} exists in Keras {since} only, not in {RELEASES[release]}"
        yield from dict.fromkeys(_losses(loss, by_name, release))
        for key in ("metrics", "weighted_metrics"):
            yield from dict.fromkeys(_metrics(config.get(key), release))


def _optimizer(graph: ModelGraph, release: int) -> Iterator[str]:
    optimizer = graph.optimizer
    if optimizer is None:
        return
    if graph.definition.format == Format.KERAS and optimizer.module == "keras.optimizers":
        name: str | None = optimizer.class_name
    elif graph.definition.format == Format.KERAS and (optimizer.module or "").startswith(OLD_OPTIMIZERS):
        what = f"the optimizer {optimizer.class_name} is in {optimizer.module}"
        yield f"{what}, which Keras {RELEASES[release]} does not have"
        return
    elif graph.definition.format == Format.H5:
        name = _optimizers().get(optimizer.class_name.lower())
    else:
        return
    if name is not None:
        yield from _class("optimizer", "optimizers", name, optimizer.config, release)
    schedule = optimizer.config.get("learning_rate")
    if isinstance(schedule, dict) and "class_name" in schedule and "module" not in schedule:
        yield f"the learning rate is a {schedule['class_name']} without a module, as Keras 2 wrote it"


@cache
def _optimizers() -> dict[str, str]:
    """By their names in lower case, by which Keras looks up the optimizer of an HDF5 file."""
    return {name.lower(): name for name in class_names(("optimizers",))}


def _losses(value: Any, by_name: bool, release: int) -> Iterator[str]:
    for one in _leaves(value):
        if isinstance(one, str):
            if by_name and one.lower() in SHORT_LOSSES:
                yield f"the loss {one!r} is a short name, which Keras {RELEASES[release]} cannot read from an .h5 file"
            continue
        name, config = one["class_name"], one["config"]
        reduction = config.get("reduction")
        if is_known_class(name, ("losses",)) and has_class(str(reduction), release, "reductions") is False:
            since = releases_with(str(reduction), "reductions")
            yield f"the loss {name} has the reduction {reduction!r}, which Keras has {since}"
        yield from _class("loss", "losses", name, config, release)


def _metrics(value: Any, release: int) -> Iterator[str]:
    for one in _leaves(value):
        if not isinstance(one, str):
            yield from _class("metric", "metrics", one["class_name"], one["config"], release)


def _class(word: str, kind: str, name: str, config: dict[str, Any], release: int) -> Iterator[str]:
    if has_class(name, release, kind) is False:
        yield f"the {word} {name} exists in Keras {releases_with(name, kind)}, not in {RELEASES[release]}"
    refused = [key for key in config if takes_argument(name, key, release, kind) is False]
    if refused:
        yield f"the {word} {name} of Keras {RELEASES[release]} does not accept {', '.join(map(repr, refused))}"


def _leaves(value: Any) -> Iterator[Any]:
    """Names and serialized objects in lists and dictionaries of them."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            stack.extend(reversed(one))
        elif isinstance(one, dict):
            if not isinstance(one.get("class_name"), str):
                stack.extend(reversed(one.values()))
            elif isinstance(one.get("config"), dict) and one.get("module") in (None, "keras.losses", "keras.metrics"):
                yield one
