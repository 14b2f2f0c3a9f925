import tomllib
from pathlib import Path

import pytest

from graphlint.engine.config import Config, Ignore, RuleSettings, effective
from graphlint.engine.configuring import _Reader, find_config, load_config, with_settings
from graphlint.engine.registry import load_registry
from graphlint.engine.schema import schema
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
RUN = """
target-keras = "3.9"
output-format = "json-lines"
baseline = "known/findings.txt"
respect-gitignore = false
required-version = ">=0.1"
open-layers = false
severity = "info"
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


# -- keys of a run, and of the command line -------------------------------------------------------------------------


def test_every_other_key(tmp_path):
    config = load_config(write(tmp_path / "graphlint.toml", RUN))
    assert (config.target_keras, config.output_format) == ("3.9", "json-lines")
    assert config.baseline == tmp_path / "known" / "findings.txt"
    assert (config.respect_gitignore, config.open_layers, config.severity) == (False, False, "info")
    assert load_config(write(tmp_path / "graphlint.toml", "baseline = ''")).baseline is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("target-keras = '9.9'", "target-keras: expected a Keras release"),
        ("target-keras = 3.10", 'target-keras: expected a release in quotes, such as "3.9", got the number 3.1'),
        ("output-format = 'xml'", "output-format: expected full, concise"),
        ("required-version = '>=99'", "required-version: expected graphlint >=99, and this is"),
        ("required-version = 'new'", "required-version: expected a version or conditions on it"),
        ("required-version = '>=99'\nunheard-of = 1", "required-version: expected graphlint >=99"),
        ("respect-gitignore = 'no'", "respect-gitignore: expected true or false"),
        ("extend = 'none.toml'", "none.toml: cannot be read"),
        ("extend = 'graphlint.toml'", "extend: a file extends itself"),
    ],
)
def test_errors_in_the_other_keys(tmp_path, text, message):
    path = write(tmp_path / "graphlint.toml", text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert (message in str(error.value) and "graphlint.toml" in str(error.value)) or "none.toml" in message


def test_settings_of_the_command_line_count_over_every_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(write(tmp_path / "far" / "graphlint.toml", FULL))
    settings = {"fail-on": "error", "rules": {"oversized-dense": {"min-elements": 9}}, "exclude": ["*.h5"]}
    over = with_settings(config, settings | {"limits": {"json-depth": 7}})
    assert (over.fail_on, over.preview, over.selection) == ("error", True, config.selection)
    assert over.rules["oversized-dense"] == RuleSettings("info", {"min-elements": 9})
    assert (over.limits.json_bytes, over.limits.json_depth) == (1000, 7)
    assert over.excluded(Path("a.h5")) == "excluded by '*.h5' in --config"
    with pytest.raises(ConfigError, match="--config: fail-on: expected error"):
        with_settings(config, {"fail-on": "bad"})
    assert with_settings(config, {}) is config


# -- extending ------------------------------------------------------------------------------------------------------


def test_a_file_extends_another_and_has_the_last_word(tmp_path):
    write(tmp_path / "house" / "base.toml", FULL + "\n[rules.S001]\nseverity = 'info'\n")
    own = write(
        tmp_path / "project" / "pyproject.toml",
        "[tool.graphlint]\nextend = '../house/base.toml'\nfail-on = 'error'\n"
        "[tool.graphlint.rules.oversized-dense]\nmin-elements = 6\n[tool.graphlint.limits]\njson-depth = 9\n",
    )
    config = load_config(own)
    assert (config.source, config.root) == (own, own.parent)
    assert (config.fail_on, config.preview, config.selection.ignore) == ("error", True, ("S003",))
    assert config.rules == {"S001": RuleSettings("info"), "oversized-dense": RuleSettings("info", {"min-elements": 6})}
    assert (config.limits.json_bytes, config.limits.json_depth) == (1000, 9)
    assert {config.origins[key].name for key in ("fail-on", "rules", "limits")} == {"pyproject.toml"}
    assert config.origins["exclude"].name == "base.toml"


def test_globs_and_paths_stay_relative_to_the_file_they_are_in(tmp_path):
    base = "exclude = ['old/**']\nbaseline = 'known.txt'\n[per-file-ignores]\n'a/*' = ['S']\n"
    write(tmp_path / "house" / "base.toml", base)
    config = load_config(write(tmp_path / "project" / "graphlint.toml", "extend = '../house/base.toml'"))
    assert config.excluded(tmp_path / "house" / "old" / "m.h5") == "excluded by 'old/**' in base.toml"
    assert config.excluded(tmp_path / "project" / "old" / "m.h5") is None
    assert config.ignored_at(tmp_path / "house" / "a" / "m.h5") == ["S"]
    assert config.baseline == tmp_path / "house" / "known.txt"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("/dev/zero", "expected a file, got a folder or a device"),
        (".", "expected a file, got a folder or a device"),
        ("large.toml", "got more than 1,048,576 bytes"),
        ("deep.toml", "not valid TOML"),
    ],
)
def test_a_file_that_is_extended_may_be_anything(tmp_path, other, message):
    write(tmp_path / "large.toml", "#" * 2_000_000)
    write(tmp_path / "deep.toml", "a = " + "[" * 100_000)
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path / "graphlint.toml", f"extend = '{other}'"))


def test_files_extend_one_another_but_not_in_a_circle(tmp_path):
    write(tmp_path / "a.toml", "preview = true")
    write(tmp_path / "b.toml", "extend = 'a.toml'\nfail-on = 'info'")
    config = load_config(write(tmp_path / "graphlint.toml", "extend = 'b.toml'"))
    assert (config.preview, config.fail_on) == (True, "info")
    write(tmp_path / "a.toml", "extend = 'graphlint.toml'")
    with pytest.raises(ConfigError, match="a file extends itself"):
        load_config(tmp_path / "graphlint.toml")


# -- the schema -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validator():
    import jsonschema

    found = schema(load_registry())
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def read_and_run(path):
    """Read a configuration as a check does: also what it says of rules."""
    config = load_config(path)
    config.check_rules(load_registry())
    return config


@pytest.mark.parametrize("text", ["", RUN, FULL.replace('"preview-rule"', '"S001"').partition("[rules")[0]])
def test_the_schema_accepts_what_is_read(tmp_path, validator, text):
    path = write(tmp_path / "graphlint.toml", text)
    read_and_run(path)
    assert list(validator.iter_errors(tomllib.loads(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "selct = []",
        "select = 'ALL'",
        "ignore = [1]",
        "preview = 1",
        "fail-on = 'notice'",
        "severity = 'never'",
        "per-file-ignores = ['K']",
        "[per-file-ignores]\n'*.h5' = 'K'",
        "ignores = {}",
        "[[ignores]]\nreason = 'x'",
        "[[ignores]]\nrules = []\nreason = 'x'",
        "[[ignores]]\nrules = ['S001']\nreason = ' '",
        "[[ignores]]\nrules = ['S001']\nreason = 'x'\npath = 'y'",
        "rules = ['S001']",
        "[rules]\nS001 = 'info'",
        "[rules.S001]\nseverity = 'bad'",
        "[rules.S001]\nunheard-of = 1",
        "[rules.unheard-of]",
        "[limits]\njson-byte = 1",
        "[limits]\njson-bytes = -1",
        "[limits]\njson-bytes = true",
        "target-keras = 3.9",
        "target-keras = 'new'",
        "output-format = 'xml'",
        "respect-gitignore = 'no'",
        "required-version = ''",
        "extend = ''",
        "baseline = 1",
    ],
)
def test_the_schema_refuses_what_is_refused(tmp_path, validator, text):
    with pytest.raises(ConfigError):
        read_and_run(write(tmp_path / "graphlint.toml", text))
    assert not validator.is_valid(tomllib.loads(text))


def test_the_schema_has_every_key_and_every_option_with_its_kind(tmp_path, validator):
    properties = validator.schema["properties"]
    assert set(properties) == set(_Reader("", tmp_path).keys())
    for rule in load_registry():
        for key, option in rule.options.items():
            name = key.replace("_", "-")
            for value in (option.default, [], option.minimum, None if option.minimum is None else option.minimum - 1):
                if value is None or isinstance(option.default, str):
                    continue
                config = Config(rules={rule.name: RuleSettings(None, {name: value})})
                try:
                    config.check_rules(load_registry())
                    accepted = True
                except ConfigError:
                    accepted = False
                assert validator.is_valid({"rules": {rule.name: {name: value}}}) == accepted, (rule.code, name, value)
