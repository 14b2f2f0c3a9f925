"""Random changes of the configuration of a model: values, classes, wires, calls, shapes and compilations of others."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

Config = dict[str, Any]
NUMBERS = (0, 1, 2, 3, -1, 10, 0.0, 0.5, 1.0, -1.0, 2.0, None, True, False)


class Changes:
    """Changes that take what they put in from other models, and from the words of the code that is tested."""

    def __init__(self, chance: random.Random, models: list[Config], words: list[str]) -> None:
        self.chance, self.words = chance, words
        self.values: dict[str, dict[str, Any]] = defaultdict(dict)
        self.objects: dict[str, list[Config]] = defaultdict(list)
        self.compilations: list[Config] = []
        for model in models:
            self.learn(model)

    def learn(self, model: Config) -> None:
        """Take what a model has into what is put into others."""
        for one in _objects(model):
            self.objects[one["class_name"]].append(one)
            for key, value in one["config"].items():
                text = json.dumps(value)
                if len(text) < 400:
                    self.values[key][text] = value
        if isinstance(compiled := model.get("compile_config"), dict):
            self.compilations.append(compiled)

    def changed(self, model: Config) -> Config:
        """A copy of a model with one to four changes."""
        found: Config = copied(model)
        for _ in range(self.chance.choice((1, 1, 1, 2, 2, 3, 4))):
            change = self.chance.choice(CHANGES)
            try:
                change(self, found)
            except (LookupError, TypeError, AttributeError, ValueError):  # There is nothing of that kind to change.
                continue
        return found

    def other(self, key: str, value: Any) -> Any:
        """Another value for a key: of a model, or one beside this."""
        kind = self.chance.random()
        if kind < 0.5 and self.values[key]:
            return copied(self.chance.choice(list(self.values[key].values())))
        if isinstance(value, str):
            return self.chance.choice((*self.words, f"my_{value}", value.upper(), ""))
        if isinstance(value, list) and value:
            found = copied(value)
            place = self.chance.randrange(len(found))
            found[place : place + 1] = self.chance.choice(([self.other(key, found[place])], [], found[place:] * 2))
            return found
        if isinstance(value, dict) and value:
            inner = self.chance.choice(list(value))
            return {**copied(value), inner: self.other(inner, value[inner])}
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return self.chance.choice(NUMBERS if not number else (*NUMBERS, value + 1, value - 1, value * 2))

    # -- one kind of change each, in place ------------------------------------------------------------------------

    def value(self, model: Config) -> None:
        config = self.layer(model)["config"]
        key = self.chance.choice([one for one in config if one != "name"])
        config[key] = self.other(key, config[key])

    def setting(self, model: Config) -> None:
        layer = self.layer(model)
        key = self.chance.choice(list(self.chance.choice(self.objects[layer["class_name"]])["config"]))
        layer["config"][key] = self.other(key, layer["config"].get(key))

    def without(self, model: Config) -> None:
        config = self.layer(model)["config"]
        del config[self.chance.choice(list(config))]

    def kind(self, model: Config) -> None:
        layer = self.layer(model)
        other = self.any_object()
        for key in ("class_name", "module", "registered_name"):
            layer[key] = other.get(key)
        if self.chance.random() < 0.7:
            layer["config"] = {**other["config"], "name": layer["config"].get("name")}

    def origin(self, model: Config) -> None:
        layer = self.layer(model)
        layer["module"] = self.chance.choice(("my.module", "keras.layers", None))
        layer["registered_name"] = self.chance.choice((None, f"my>{layer['class_name']}"))

    def name(self, model: Config) -> None:
        old = json.dumps(self.layer(model)["config"]["name"])
        new = json.dumps(self.chance.choice((*self.words, "a/b", "")))
        text = json.dumps(model).replace(old, new)
        model.clear()
        model.update(json.loads(text))

    def frozen(self, model: Config) -> None:
        config = self.layer(model)["config"]
        config["trainable"] = not config.get("trainable", True)

    def wire(self, model: Config) -> None:
        tensors = _tensors(self.body(model))
        tensor = self.chance.choice(tensors)["config"]
        tensor["keras_history"] = copied(self.chance.choice(tensors)["config"]["keras_history"])
        if self.chance.random() < 0.2:
            tensor["keras_history"][self.chance.choice((1, 2))] = self.chance.choice((0, 1, 2))

    def call(self, model: Config) -> None:
        body = self.body(model)
        nodes = self.chance.choice([one for one in body["layers"] if one.get("inbound_nodes")])["inbound_nodes"]
        if self.chance.random() < 0.4:
            nodes.pop(self.chance.randrange(len(nodes)))
            return
        node = copied(self.chance.choice(nodes))
        self.chance.choice(_tensors(node))["config"] = copied(self.chance.choice(_tensors(body))["config"])
        nodes.append(node)

    def argument(self, model: Config) -> None:
        layer = self.chance.choice([one for one in self.body(model)["layers"] if one.get("inbound_nodes")])
        key = self.chance.choice(("training", "mask", "initial_state", "use_causal_mask", "axis"))
        self.chance.choice(layer["inbound_nodes"])["kwargs"][key] = self.chance.choice((True, False, None, 0, 1, -1))

    def insertion(self, model: Config) -> None:
        layers = self.body(model)["layers"]
        layer = copied(self.any_object())
        layer["config"]["name"] = layer["name"] = f"inserted_{len(layers)}"
        after = self.chance.choice(layers)
        if after.get("inbound_nodes"):
            tensor = self.chance.choice(_tensors(after["inbound_nodes"]))
            layer["inbound_nodes"] = [{"args": [copied(tensor)], "kwargs": {}}]
            tensor["config"]["keras_history"] = [layer["name"], 0, 0]
        layers.insert(layers.index(after), layer)

    def removal(self, model: Config) -> None:
        layers = self.body(model)["layers"]
        layers.pop(self.chance.randrange(len(layers)))

    def end(self, model: Config) -> None:
        body = self.body(model)
        key = self.chance.choice(("output_layers", "input_layers"))
        ends = body[key] if body[key] and isinstance(body[key][0], list) else [body[key]]
        if self.chance.random() < 0.6:
            body[key] = [*ends, copied(self.chance.choice(_tensors(body))["config"]["keras_history"])]
        else:
            body[key] = ends[1:] or ends

    def shape(self, model: Config) -> None:
        key = "batch_shape"
        shape = self.chance.choice([one["config"] for one in _objects(model) if key in one["config"]])[key]
        shape[self.chance.randrange(len(shape))] = self.chance.choice((None, 1, 2, 3, 4, 8, 28, 224))

    def traced(self, model: Config) -> None:
        config = self.chance.choice(_tensors(model))["config"]
        config["shape"] = self.other("shape", config["shape"])

    def compilation(self, model: Config) -> None:
        other = copied(self.chance.choice(self.compilations))
        if self.chance.random() < 0.4:
            model["compile_config"] = other
            return
        compiled = model.setdefault("compile_config", other)
        key = self.chance.choice(("loss", "optimizer", "metrics", "weighted_metrics"))
        compiled[key] = other.get(key) if self.chance.random() < 0.5 else self.other(key, compiled.get(key))

    # -- choices --------------------------------------------------------------------------------------------------

    def layer(self, model: Config) -> Config:
        return self.chance.choice([one for one in _objects(model) if one is not model])

    def any_object(self) -> Config:
        return self.chance.choice(self.objects[self.chance.choice(list(self.objects))])

    def body(self, model: Config) -> Config:
        return self.chance.choice([one for one in _dicts(model) if isinstance(one.get("layers"), list)])


CHANGES: tuple[Callable[[Changes, Config], None], ...] = (
    *(Changes.value, Changes.setting, Changes.kind) * 3,
    *(Changes.insertion, Changes.compilation, Changes.call, Changes.wire, Changes.shape, Changes.frozen) * 2,
    *(Changes.without, Changes.origin, Changes.name, Changes.argument, Changes.removal, Changes.end, Changes.traced),
)


def _dicts(value: Any) -> Iterator[Config]:
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dicts(one)


def _objects(value: Any) -> list[Config]:
    """Layers, initializers, optimizers and all else that is written with its class."""
    found = [one for one in _dicts(value) if isinstance(one.get("config"), dict)]
    return [one for one in found if isinstance(one.get("class_name"), str) and one["class_name"] != "__keras_tensor__"]


def _tensors(value: Any) -> list[Config]:
    return [one for one in _dicts(value) if one.get("class_name") == "__keras_tensor__"]


def copied(value: Any) -> Any:
    """A copy of plain data."""
    return json.loads(json.dumps(value))
