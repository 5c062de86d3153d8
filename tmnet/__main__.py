"""`python -m tmnet` is the `tmnet` command."""

import sys

from tmnet.cli.main import main

sys.exit(main())
