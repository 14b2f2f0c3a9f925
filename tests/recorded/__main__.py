"""Write again what is said of the recorded models."""

from tests.recorded import RECORDED, SAID, line, recorded

lines = [line(case["model"], *(kind for kind in SAID if kind in case)) for case in recorded()]
RECORDED.write_text("".join(lines))
