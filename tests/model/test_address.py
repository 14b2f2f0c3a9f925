import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphlint.errors import AddressError
from graphlint.model.address import Address, Part, escape, inside, join, overlap, parse, unescape


@given(st.text(min_size=1))
def test_escape_is_undone_and_leaves_no_separator(name):
    part = escape(name)
    assert unescape(part) == name
    assert not set(part) & set("#:@/")


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_a_joined_path_parses_to_its_names(names):
    path = "."
    for name in names:
        path = join(path, name)
    assert [part.name for part in parse(path).parts] == names


@pytest.mark.parametrize(
    ("text", "calls", "output", "slot"),
    [
        ("dense", [None], None, None),
        ("enc#1/dense#0:2", [1, 0], 2, None),
        ("enc/dense@kernel", [None, None], None, "kernel"),
    ],
)
def test_parts(text, calls, output, slot):
    address = parse(text)
    assert [part.call for part in address.parts] == calls
    assert (address.output, address.slot) == (output, slot)


@pytest.mark.parametrize("text", ["", "/a", "a/", "a//b", "a#x", "a:", "a:x", "a@", "a@k:0", "#0", 3, None])
def test_what_is_no_address_is_refused_in_one_line(text):
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_address_says_what_an_address_is():
    with pytest.raises(AddressError, match="expected an address such as 'encoder/dense#0:0', got ''"):
        parse("")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a", "a", True),
        ("a/b", "a", True),
        ("a/b/c", "a", True),
        ("a", "ab", False),
        ("a", "b", False),
        ("a/b", "a/c", False),
        (".", "a/b", True),
        ("gan:", "gan:a", True),
        ("gan:", "gan", False),
        ("gan:a", "gan:b", False),
    ],
)
def test_paths_inside_each_other_overlap(one, other, expected):
    assert overlap(one, other) == overlap(other, one) == expected


def test_what_lies_inside_begins_with():
    assert [inside(one) for one in ("", ".", "a", "a/b", "gan:")] == ["", "", "a/", "a/b/", "gan:"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".", Address((Part("."),))),
        (".:1", Address((Part("."),), output=1)),
        (".@kernel", Address((Part("."),), slot="kernel")),
        ("%2E", Address((Part("."),))),
        ("a%2Fb#12/c", Address((Part("a/b", 12), Part("c")))),
        ("a:0", Address((Part("a"),), output=0)),
        ("a@k%40l", Address((Part("a"),), slot="k@l")),
        ("a#0@k", Address((Part("a", 0),), slot="k")),
    ],
)
def test_what_an_address_is_parsed_to(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (3, "expected an address such as 'encoder/dense#0:0', got int 3: pass a string"),
        ("/a", "expected an address such as 'encoder/dense#0:0', got '/a': write path/to/layer#call"),
        ("a@", "expected one slot name after '@', got 'a@': write path/to/layer@kernel"),
        ("a@k#0", "expected one slot name after '@', got 'a@k#0': write path/to/layer@kernel"),
        ("a@k/l", "expected one slot name after '@', got 'a@k/l': write path/to/layer@kernel"),
        ("a@k@l", "expected one slot name after '@', got 'a@k@l': write path/to/layer@kernel"),
        ("a:0@k", "expected one whole number after ':', got 'a:0@k': write path/to/layer#call:0"),
        ("a:", "expected one whole number after ':', got 'a:': write path/to/layer#call:0"),
        ("a//b", "expected name or name#call between slashes, got '' in 'a//b'"),
        ("a/b#", "expected name or name#call between slashes, got 'b#' in 'a/b#'"),
        ("a/#1", "expected name or name#call between slashes, got '#1' in 'a/#1'"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(text, said):
    with pytest.raises(AddressError) as caught:
        parse(text)
    assert str(caught.value) == said
