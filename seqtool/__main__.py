"""``python -m seqtool``."""

import sys

from seqtool.cli import main

sys.exit(main())
