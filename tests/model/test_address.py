import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphlint.errors import AddressError
from graphlint.model.address import escape, join, parse, unescape


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
