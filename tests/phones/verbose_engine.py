"""Our engine with all that it can log: `python -m tests.phones.verbose_engine <engine's arguments>`."""

import sys

from softphone.engine import main

if __name__ == "__main__":
    sys.exit(main.main([*sys.argv[1:], "--verbose"]))
