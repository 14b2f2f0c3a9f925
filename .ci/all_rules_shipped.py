"""Fails when a rule file of the folder is not among the rules that an installed graphlint lists.

Usage: all_rules_shipped.py RULES_FOLDER OUTPUT_OF_GRAPHLINT_RULES_AS_JSON
"""

import json
import sys
from pathlib import Path

folder, listing = Path(sys.argv[1]), Path(sys.argv[2])
written = {path.stem.replace("_", "-") for path in folder.glob("*/*.py") if not path.stem.startswith("_")}
listed = {rule["name"] for rule in json.loads(listing.read_text(encoding="utf-8"))}
if missing := written - listed:
    raise SystemExit(f"not in the wheel: {', '.join(sorted(missing))}")
