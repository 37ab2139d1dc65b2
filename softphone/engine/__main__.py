"""`python -m softphone.engine`: the process that holds PJSIP."""

import sys

from softphone.engine.main import main

sys.exit(main())
