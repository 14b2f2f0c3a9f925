"""What is left of errors that Keras raises."""

from __future__ import annotations

import pytest

from graphlint.errors import ReplayError
from graphlint.knowledge.raised import innermost, told

BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def _calling(name: str) -> str:
    return f"Exception encountered when calling {name}.call().\n\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("\n \n", ""),
        ("bad shape", "bad shape"),
        ("\n  bad shape  \nworse", "bad shape"),
        (
            f"Exception encountered when calling A.call().\n\n{BOLD}bad{PLAIN}\n\nArguments received by A.call():\n",
            "bad",
        ),
        (f"Exception encountered when calling A.\n\n{BOLD}one\ntwo{PLAIN}\n\nArguments received by A:\n  a=1", "one"),
        (f"{_calling('B')}{BOLD}{_calling('A')}{BOLD}bad{PLAIN}\n\nArguments received by A{PLAIN}\n\nArguments", "bad"),
        ("Exception encountered when calling A.call().\n\nbad\n\nArguments received by A.call():\n  a=1", "bad"),
        ("Exception encountered when calling A.call().\n\nArguments received by A.call():", ""),
        ("Could not infer 'a'. Error encountered:\n\nbad\nworse", "bad"),
        (f"Could not infer. Error encountered:\n\nException encountered when calling A.\n\n{BOLD}bad{PLAIN}", "bad"),
        (f"Exception encountered when calling A.\n\n{BOLD}Cannot. Error encountered:\n\nbad{PLAIN}\n\nArgum", "bad"),
    ],
)
def test_the_innermost_words(text: str, said: str) -> None:
    assert innermost(ValueError(text)) == said


def test_in_one_line_with_the_class() -> None:
    assert told(ValueError("bad\nworse")) == "ValueError: bad" and told(KeyError()) == "KeyError"
    assert told(ValueError(f"{_calling('A')}{BOLD}bad{PLAIN}")) == "ValueError: bad"
    assert told(ReplayError("bad\nworse")) == "bad worse" and told(TypeError("abcdef"), 3) == "TypeError: abc"
    assert told(ReplayError("abcdef"), 3) == "abc"
