"""`python -m softphone.engine`: the process that holds PJSIP."""

import gc
import sys

# Nothing that is imported becomes garbage, and looking for it is a tenth of the start.
gc.disable()

from softphone.engine.main import main  # noqa: E402

sys.exit(main())
