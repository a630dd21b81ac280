"""`python -m bridge` is `chatbridge`."""

import sys

from bridge.cli import main

sys.exit(main())
