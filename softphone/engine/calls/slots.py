"""PJSUA's slots of calls, and whose they are.

PJSUA gives the slot of a call that is over to the next one. PJSUA2 2.15.1 does not: a pj::Call keeps the number of its slot, and `~Call()`
takes the call that has the slot by then from its owner and hangs it up (call.cpp); a caller who came within milliseconds was answered with
603. So a call that is over is parted from its slot before it is deleted.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import pjsua2 as pj
from cffi import FFI

from softphone.engine.pjsip.abi import find_library

log = logging.getLogger(__name__)
_DECLARATIONS = """
typedef struct { void *methods; void *account; int id; } pj_call;
int pjsua_call_set_user_data(int call_id, void *user_data);
void *pjsua_call_get_user_data(int call_id);
unsigned pjsua_call_get_max_count(void);
"""


@cache
def _library() -> tuple[FFI, Any]:
    ffi = FFI()
    ffi.cdef(_DECLARATIONS)
    return ffi, ffi.dlopen(str(find_library()))


def is_of_another(call: pj.Call) -> bool:
    """Whether PJSUA has given the slot of this call to another one."""
    slot = call.getId()
    if slot == pj.PJSUA_INVALID_ID:
        return False
    ffi, lib = _library()
    owner = int(ffi.cast("uintptr_t", lib.pjsua_call_get_user_data(slot)))
    return owner not in (0, int(call.this))


def release(call: pj.Call) -> None:
    """Part a call that is over from its slot, and each slot from it: after a REFER `~Call()` would leave one behind, and the next callback
    of a transaction that outlives the call would end the process."""
    ffi, lib = _library()
    address = int(call.this)
    for slot in range(lib.pjsua_call_get_max_count()):
        if int(ffi.cast("uintptr_t", lib.pjsua_call_get_user_data(slot))) == address:
            lib.pjsua_call_set_user_data(slot, ffi.NULL)
    native = ffi.cast("pj_call *", address)
    if native.id == call.getId():
        native.id = pj.PJSUA_INVALID_ID
    if call.getId() != pj.PJSUA_INVALID_ID:
        log.warning("this build of PJSUA2 keeps the slot of a call elsewhere; calls that are over are not deleted")
        call.this.disown()
