"""Our engine with shorter waits for others, for tests that are about such a wait: `python -m tests.phones.hasty_engine`.

All is as in the real one, but SIP gives up after 64 * T1 = 6.4 s instead of 32 s (RFC 3261, 17.1.1.2), and what the engine itself waits
for is shortened in the same measure.
"""

import ctypes
import sys
from dataclasses import replace

from softphone import codecs
from softphone.engine import lifetime
from softphone.engine.accounts import account
from softphone.engine.calls import call
from softphone.engine.main import main
from softphone.engine.pjsip.abi import find_library

T1_MS, T2_MS, T4_MS, TD_MS = 500, 4000, 5000, 32000
HASTE = 5
MEDIA_TIMEOUT_S = 12.0
"""More than twice the time between two RTCP reports of PJMEDIA, which are all that a silent far end sends."""
IDLE_S = 3


def hurry() -> None:
    """Must be called before PJSIP is initialised. The timers lie together in `pjsip_sip_cfg_var` (sip_config.h)."""
    words = (ctypes.c_uint * 64).in_dll(ctypes.CDLL(str(find_library())), "pjsip_sip_cfg_var")
    place = next(n for n in range(60) if list(words[n : n + 4]) == [T1_MS, T2_MS, T4_MS, TD_MS])
    words[place : place + 4] = [value // HASTE for value in (T1_MS, T2_MS, T4_MS, TD_MS)]
    for module, name, value in (
        (codecs, "CODECS", tuple(replace(codec, media_timeout_s=MEDIA_TIMEOUT_S) for codec in codecs.CODECS)),
        (call, "RTCP_INTERVAL_S", 0.0),
        (account, "FIRST_RETRY_S", 1),
        (account, "RETRY_S", 2),
        (lifetime, "IDLE_S", IDLE_S),
    ):
        assert hasattr(module, name)
        setattr(module, name, value)


if __name__ == "__main__":
    hurry()
    sys.exit(main())
