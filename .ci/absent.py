"""Fails when one of the named packages can be imported."""

import importlib.util
import sys

present = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
if present:
    raise SystemExit(f"installed, and must not be: {', '.join(present)}")
