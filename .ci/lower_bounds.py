"""Prints the lower bounds of pyproject.toml as pip constraints."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
for requirement in project["dependencies"] + project["optional-dependencies"]["tensorflow"]:
    name, bound = re.split(">=|==", requirement.split(",")[0])
    print(f"{name}=={bound}.*" if bound.count(".") < 2 else f"{name}=={bound}")
