from pathlib import Path

import pytest

from graphlint.engine.config import Config, Ignore, RuleSettings, effective, find_config, load_config
from graphlint.errors import ConfigError

FULL = """
select = ["ALL"]
extend-select = ["preview-rule"]
ignore = ["S003"]
preview = true
fail-on = "info"
exclude = ["archive/**"]
plugins = ["my_rules"]

[per-file-ignores]
"legacy/*.h5" = ["K"]

[[ignores]]
rules = ["bias-before-batchnorm"]
model = "models/det.keras"
layer = "backbone/**"
reason = "frozen, pretrained"

[rules.oversized-dense]
severity = "info"
min-elements = 5

[limits]
json-bytes = 1000
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def in_table(text):
    """The same keys below ``[tool.graphlint]``."""
    return "[tool.graphlint]\n" + text.replace("[[", "[[tool.graphlint.").replace("\n[", "\n[tool.graphlint.").replace(
        "[tool.graphlint.[tool.graphlint.", "[[tool.graphlint."
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [("graphlint.toml", FULL), ("graphlint.toml", in_table(FULL)), ("pyproject.toml", in_table(FULL))],
)
def test_every_key(tmp_path, name, text):
    path = write(tmp_path / name, text)
    config = load_config(path)
    assert (config.source, config.root) == (path, tmp_path)
    assert config.selection.select == ("ALL",)
    assert config.selection.extend_select == ("preview-rule",)
    assert config.selection.ignore == ("S003",)
    assert (config.preview, config.fail_on) == (True, "info")
    assert (config.exclude, config.plugins) == (("archive/**",), ("my_rules",))
    assert config.per_file_ignores == (("legacy/*.h5", ("K",)),)
    assert config.ignores == (
        Ignore(("bias-before-batchnorm",), "frozen, pretrained", "models/det.keras", layer="backbone/**"),
    )
    assert config.rules == {"oversized-dense": RuleSettings("info", {"min-elements": 5})}
    assert config.limits.json_bytes == 1000
    assert config.limits.json_depth == Config().limits.json_depth


def test_the_effective_configuration_reads_as_it_was_written(tmp_path):
    values = effective(load_config(write(tmp_path / "graphlint.toml", FULL)))
    assert values["rules"] == {"oversized-dense": {"severity": "info", "min-elements": 5}}
    assert values["ignores"][0]["reason"] == "frozen, pretrained"
    assert values["limits"]["json-bytes"] == 1000
    assert effective(Config())["select"] == ["ALL"]


def test_the_closest_wins_and_nothing_cascades(tmp_path):
    write(tmp_path / "graphlint.toml", 'ignore = ["S003"]')
    write(tmp_path / "a" / "pyproject.toml", "[tool.graphlint]\npreview = true")
    write(tmp_path / "a" / "b" / "pyproject.toml", "[tool.other]")
    near = find_config(tmp_path / "a" / "b")
    assert near.source == tmp_path / "a" / "pyproject.toml"
    assert (near.preview, near.selection.ignore) == (True, ())
    assert find_config(tmp_path).selection.ignore == ("S003",)


def test_the_own_file_wins_over_pyproject_in_one_folder(tmp_path):
    write(tmp_path / "graphlint.toml", "")
    write(tmp_path / "pyproject.toml", "[tool.graphlint]")
    assert find_config(tmp_path).source.name == "graphlint.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('selct = ["ALL"]', "selct: unknown key: did you mean select?"),
        ("fail_on = 'info'", "fail_on: unknown key: did you mean fail-on?"),
        ('select = "ALL"', "select: expected a list of strings, got 'ALL'"),
        ("ignore = [1]", "ignore: expected a list of strings"),
        ("preview = 1", "preview: expected true or false, got 1"),
        ("fail-on = 'notice'", "fail-on: expected error, warning, info, never, got 'notice'"),
        ("per-file-ignores = ['K']", "per-file-ignores: expected a table"),
        ("[per-file-ignores]\n'*.h5' = 'K'", "per-file-ignores.'*.h5': expected a list of strings"),
        ("ignores = {}", "ignores: expected tables [[ignores]]"),
        ("[[ignores]]\nreason = 'x'", "ignores[0]: expected a key 'rules'"),
        ("[[ignores]]\nrules = ['S001']", "ignores[0]: expected a key 'reason', to say why"),
        ("[[ignores]]\nrules = ['S001']\nreason = ' '", "ignores[0].reason: expected a non-empty string"),
        ("[[ignores]]\nrules = ['S001']\nreason = 'x'\npath = 'y'", "ignores[0].path: unknown key"),
        ("rules = ['S001']", "rules: expected a table for each rule"),
        ("[rules]\nS001 = 'info'", "rules.S001: expected a table"),
        ("[rules.S001]\nseverity = 'bad'", "rules.S001.severity: expected error, warning, info"),
        ("[limits]\njson-byte = 1", "limits.json-byte: unknown key: did you mean json-bytes?"),
        ("[limits]\njson-bytes = -1", "limits.json-bytes: expected a whole number, got -1"),
        ("[limits]\njson-bytes = true", "limits.json-bytes: expected a whole number, got True"),
        ("select = [", "not valid TOML"),
    ],
)
def test_errors_name_the_file_and_the_key(tmp_path, text, message):
    path = write(tmp_path / "graphlint.toml", text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert str(error.value).startswith(f"{path.as_posix()}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_files_without_a_configuration(tmp_path):
    with pytest.raises(ConfigError, match=r"expected a table \[tool\.graphlint\], got none"):
        load_config(write(tmp_path / "pyproject.toml", "[tool.other]"))
    with pytest.raises(ConfigError, match="to be a table"):
        load_config(write(tmp_path / "pyproject.toml", "[tool]\ngraphlint = 1"))
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="not valid TOML"):
        bad = tmp_path / "bad.toml"
        bad.write_bytes(b"\xff\xfe")
        load_config(bad)


def test_exclusion(tmp_path):
    config = load_config(write(tmp_path / "graphlint.toml", 'exclude = ["archive/**", "*.h5"]'))
    assert config.excluded(tmp_path / "archive" / "m.keras") == "excluded by 'archive/**' in graphlint.toml"
    assert config.excluded(tmp_path / "m.h5") == "excluded by '*.h5' in graphlint.toml"
    assert config.excluded(tmp_path / "m.keras") is None
    assert Config(exclude=("a",)).excluded(Path("a")) == "excluded by 'a'"
