"""Run ``python -m imaging`` as ``pennate``."""

import sys

from imaging.cli.app import main

sys.exit(main())
