"""The rooms of the house: which package may import which."""

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).parents[1]
ROOMS = (
    "errors",
    "knowledge",
    "extras",
    "model",
    "shapes",
    "findings",
    "questions",
    "projections",
    "tracing",
    "sources",
    "observing",
    "portability",
    "reports",
    "engine",
    "fleet",
    "comparison",
    "replay",
    "fixes",
    "api",
    "callbacks",
    "testing",
    "cli",
    "pytest_plugin",
    "__main__",
)
"""From the ground up: a room imports those before it, at the top of a module or later. ``graphlint/__init__.py`` is the
door, which names what is public."""


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in (ROOT / "graphlint").rglob("*.py")}


def imported(path: Path) -> Iterator[str]:
    """The modules of graphlint that a module imports anywhere in it."""
    yield from _imported(path, ast.parse(path.read_text(encoding="utf-8")))


def imported_to_run(path: Path) -> Iterator[str]:
    """The same without what is imported for type annotations alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    ]
    yield from _imported(path, tree)


def _imported(path: Path, tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            for module in (name, name.rpartition(".")[0]):
                if module in MODULES:
                    yield module
                    break


IMPORTS = nx.DiGraph([(module, name) for module, path in MODULES.items() for name in imported(path)])
"""Who imports whom, without the door."""
IMPORTS.remove_node("graphlint")


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_its_place() -> None:
    assert {room_of(module) for module in MODULES if module != "graphlint"} <= set(ROOMS)


def test_no_arrow_between_rooms_points_upward() -> None:
    upward = [
        f"{module} imports {name}"
        for module, name in IMPORTS.edges
        if ROOMS.index(room_of(name)) > ROOMS.index(room_of(module))
    ]
    assert not upward


def test_no_modules_import_each_other_in_a_circle() -> None:
    running = nx.DiGraph([(module, name) for module, path in MODULES.items() for name in imported_to_run(path)])
    circles = [circle for circle in nx.strongly_connected_components(running) if len(circle) > 1]
    assert not circles


def test_what_is_known_of_keras_rests_on_nothing_else() -> None:
    below = {room_of(name) for module, name in IMPORTS.edges if room_of(module) == "knowledge"}
    assert below <= {"errors", "knowledge"}


def test_rules_import_neither_each_other_nor_what_mends_them() -> None:
    rules = list((ROOT / "rules").glob("*/*.py"))
    rooms = {room_of(name) for path in rules for name in imported(path) if name != "graphlint"}
    assert not rooms & {"sources", "reports", "replay", "fixes", "api", "testing", "cli"}
    assert not [path for path in rules if "graphlint_rules" in path.read_text(encoding="utf-8")]
