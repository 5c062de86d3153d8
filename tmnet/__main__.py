"""`python -m tmnet` is the `tmnet` command."""

import sys

from tmnet.cli import main

sys.exit(main())
