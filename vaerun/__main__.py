"""`python -m vaerun`, the same program as `vaerun`."""

import sys

from vaerun.cli import main

if __name__ == "__main__":
    sys.exit(main())
