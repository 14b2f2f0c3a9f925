import json

import pytest

from graphlint.errors import LimitError, UnreadableError
from graphlint.sources import json_text
from graphlint.sources.json_text import parse_config
from graphlint.sources.limits import Limits


def kinds(data: bytes) -> list[str]:
    return [kind for kind, _ in parse_config(data).problems]


def test_plain_text_has_no_problems():
    text = '{"name": "caf\u00e9 \\"[{\\\\", "shape": [null, 3], "rate": 1e-07, "n": 123456789012}'
    document = parse_config(text.encode())
    assert document.value == json.loads(text)
    assert document.problems == []


def test_byte_order_mark_is_no_problem():
    assert parse_config(b"\xef\xbb\xbf{}").value == {}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_read_and_reported(encoding):
    document = parse_config('{"class_name": "Lambda"}'.encode(encoding))
    assert document.value == {"class_name": "Lambda"}
    assert [kind for kind, _ in document.problems] == ["encoding"]


def test_last_duplicate_key_counts():
    document = parse_config(b'{"a": 1, "a": 2, "b": {"c": 0, "c": 1}}')
    assert document.value == {"a": 2, "b": {"c": 1}}
    assert len(document.problems) == 2


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1E+400"])
def test_shapes_that_are_not_finite(number):
    assert kinds(b'{"batch_shape": [null, ' + number + b"]}") == ["number"]
    assert kinds(b'{"build_config": {"input_shape": {"x": [' + number + b"]}}}") == ["number"]


@pytest.mark.parametrize("number", [b"1e999", b"-1E+400"])
def test_numbers_that_overflow_are_written_by_nobody(number):
    assert kinds(b'{"max_value": ' + number + b"}") == ["number"]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_arguments_that_are_not_finite_are_what_keras_writes(number):
    assert kinds(b'{"input_shape": [4], "max_value": ' + number + b"}") == []


def test_large_finite_exponent_is_no_problem():
    assert kinds(b"[1e300, 1e-400]") == []


def test_lone_surrogate_is_kept():
    assert parse_config(b'"\\ud800"').value == "\ud800"
    assert parse_config('"\ud800"'.encode("utf-8", "surrogatepass")).value == "\ud800"


def test_text_encoded_twice():
    document = parse_config(json.dumps('{"a": 1}').encode())
    assert document.value == {"a": 1}
    assert [kind for kind, _ in document.problems] == ["twice"]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\x00\xfe", b"<html>", b"[1 2]", b'"\\x"', b"nul", b"]", b'{"a":1}x'])
def test_not_json(data):
    with pytest.raises(UnreadableError, match=r"config\.json"):
        parse_config(data)


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        (b"[" * 5000 + b"]" * 5000, "json-depth"),
        (b"[" * 5000, "json-depth"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "json-depth"),
        (b"1" * 5000, "json-integer-digits"),
        (b"[9223372036854775808]", "json-integer-digits"),
        (b"[-" + b"9" * 30 + b"]", "json-integer-digits"),
        (b'"' + b"x" * 101 + b'"', "json-string-bytes"),
        (b'"' + b"\\n" * 51 + b'"', "json-string-bytes"),
        (b"[" + b"0," * 200 + b"0]", "json-nodes"),
        (b" " * 20_000, "json-bytes"),
    ],
)
def test_over_a_limit(data, limit):
    limits = Limits(json_bytes=15_000, json_string_bytes=100, json_nodes=20_000 if limit == "json-depth" else 200)
    with pytest.raises(LimitError, match=limit):
        parse_config(data, limits)


def test_brackets_in_strings_are_no_nesting():
    assert parse_config(json.dumps(["[{" * 1000]).encode()).value == ["[{" * 1000]


def test_largest_integers():
    assert parse_config(b"[9223372036854775807, -9223372036854775808]").value == [2**63 - 1, -(2**63)]


def test_only_common_builtin_objects_are_kept_once():
    zeros = {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None}
    custom = {**zeros, "module": "os", "class_name": "system"}
    numbers = [{**zeros, "config": {"seed": seed}} for seed in (1, True, 1.0)]
    value = [zeros, zeros, custom, custom, *numbers]
    parsed = parse_config(json.dumps(value).encode()).value
    assert parsed == value
    assert parsed[0] is parsed[1]
    assert parsed[2] is not parsed[3]
    assert [type(one["config"]["seed"]) for one in parsed[4:]] == [int, bool, float]


def test_what_lies_across_the_seam_of_two_pieces():
    for pad in range(json_text._PIECE - 40, json_text._PIECE + 3):
        with pytest.raises(LimitError, match="json-integer-digits"):
            parse_config(b"[" + b" " * pad + b"123456789012345678901]")
        assert kinds(b'{"shape": [' + b" " * pad + b"1e999]}") == ["number"]
        text = b'{"' + b"a" * pad + b'\\\\\\"b": "[[[{{{", "c": 1}'
        assert parse_config(text, Limits(json_depth=1)).value == json.loads(text)
