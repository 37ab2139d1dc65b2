"""`python -m softphone.worker --fd N`: the process that runs the codec, at the other end of an engine's link."""

import sys

from softphone.worker.main import main

sys.exit(main())
