"""Names that do something to whoever prints them, and what no output may hold."""

from __future__ import annotations

import re
import unicodedata

COMMANDS = (
    "::stop-commands::token",
    "::set-env name=PATH::/tmp",
    "::add-mask::e",
    "::error file=a,line=1::spoofed",
    "  ::warning::indented",
    "##[command]rm -rf",
    "##[add-matcher]/tmp/m.json",
    "###[group]three",
    "##vso[task.setvariable variable=PATH]/tmp",
    "##VSO[task.complete result=Succeeded;]",
    "##teamcity[buildStatus status='SUCCESS']",
    "a\n::stop-commands::token",
    "a\r##[error]x",
    "section_start:1:x[collapsed=true]\r\x1b[0Kx",
    ":::: ####[x]",
)
CONTROLS = (
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]8;;https://example.invalid\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31mred",
    "back\x08\x08space",
    "nul\x00nul",
    "line\nfeed",
    "carriage\rreturn",
    "tab\ttab",
    "vertical\x0btab",
    "form\x0cfeed",
    "next\x85line",
    "line\u2028separator",
    "paragraph\u2029separator",
    "bell\x07",
    "delete\x7f",
)
INVISIBLE = (
    "right\u202eto left",
    "isolate\u2066d\u2069",
    "mark\u200e\u200f\u061c",
    "zero\u200bwidth",
    "joined\u200d\u200c",
    "word\u2060joiner",
    "soft\u00adhyphen",
    "byte\ufeffmark",
    "no\u00a0break",
    "wide\u3000space",
    "thin\u2009space",
    "filler\u3164\u115f\u1160\uffa0",
    "braille\u2800blank",
    "variation\ufe0f\ufe00",
    "variation\U000e0100",
    "tags\U000e0041\U000e0042\U000e007f",
    "grapheme\u034fjoiner",
    "mongolian\u180e\u180b",
    "khmer\u17b4\u17b5",
    "music\U0001d159\U0001d173",
    "annotation\ufff9x\ufffa\ufffb",
    "private\ue000\U000f0000",
    "none\ufffe\uffff\U0001ffff",
    "unassigned\u0378\U000e0fff",
    "lone\ud800surrogate",
    "lone\udfffsurrogate",
)
SYNTAX = (
    '"];evil [label="x',
    "\\",
    'quote\\"',
    "<b>bold</b><script>alert(1)</script>",
    "]]><!--&amp;&#0;",
    "`code` ```fence",
    "%%{init: {}}%%",
    "n0 --> n1; end",
    "x\nend\nsubgraph y",
    "%0A%0D%25",
    "a,title=b::c",
    "| table | pipe |",
    "$(reboot) `reboot`",
)
NAMES = (*COMMANDS, *CONTROLS, *INVISIBLE, *SYNTAX)

_RUN = re.compile(r"##\[|##vso\[|##teamcity\[", re.IGNORECASE)
_BLANK = "\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f\U0001d159"


_ISSUE = re.compile(r"##vso\[task\.logissue type=(?:error|warning);sourcepath=[^;\]]*;linenumber=1;code=[A-Z]+\d+;\]")


def harm(output: str, *, own_commands: bool = False, own_issues: bool = False) -> list[str]:
    """What in an output acts on a terminal, or is hidden, or is a command to a service that reads logs.

    ``own_commands``: lines of graphlint itself are such commands; each must be one of three, and hold no other.
    ``own_issues``: likewise, for Azure; each must be the one that reports an issue.
    """
    found = []
    for line in output.split("\n"):
        for one in line:
            category = unicodedata.category(one)
            blank = one in _BLANK or 0xFE00 <= ord(one) <= 0xFE0F or 0xE0000 <= ord(one) <= 0xE0FFF
            if category[0] == "C" or category in ("Zl", "Zp") or (category == "Zs" and one != " ") or blank:
                found.append(f"U+{ord(one):04X} in {line!r}")
        if _RUN.search(_ISSUE.sub("", line, count=1) if own_issues and line.startswith("##vso[") else line):
            found.append(f"a command in {line!r}")
        if line.lstrip().startswith("::"):
            first = line.lstrip()[2:].split(" ", 1)[0]
            if not own_commands or first not in ("error", "warning", "notice") or line.count("::") != 2:
                found.append(f"a command in {line!r}")
    return found
