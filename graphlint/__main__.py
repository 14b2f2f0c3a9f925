"""``python -m graphlint``.

Python puts the current directory first on its path, and whoever filled that directory may have named a file like a
module that graphlint needs. So it is taken off again, before anything else is imported. What Python itself imports
before this module can only be protected by ``python -P -m graphlint``, or by the command ``graphlint``.
"""

import os
import sys

# pathlib would be imported from there.
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
if not sys.flags.safe_path and sys.path[0] != _HOME:
    del sys.path[0]

from graphlint.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
