"""What this phone takes from strangers, at most: each limit with the RFC, or the fault of the bundled PJSIP 2.15.1, that it is for.

The wheel has no newer release, so what PJSIP cannot take must not reach it. `pjsip/` below names the file of that version. A limit that
no RFC gives is well above what phones and servers send.
"""

from __future__ import annotations

# One message (engine/sip/unparsed/inspection.py)

MAX_PJSIP_MESSAGE = 4000
"""PJSIP_MAX_PKT_LEN: of a datagram PJSIP reads no more, and of a connection it drops a message that is larger."""
MAX_REPEATED = 2500
"""Bytes of the fields of a request that its answer repeats (RFC 3261, 8.2.6): with our own fields and description they must fit into
MAX_PJSIP_MESSAGE, or PJSIP sends nothing at all (CVE-2026-57160 is of "Allow" or "Supported" that
reach exactly to the end of a buffer of that size)."""
HEADER_LINES = 128
HEADER_LINE_BYTES = 3500
"""Folded lines counted as one."""
LIST_ELEMENTS = 32
"""Of one Allow, Supported, Require, Unsupported or Accept: PJSIP_GENERIC_ARRAY_MAX_COUNT (pjsip/sip_msg.h)."""
REQUIRED_BYTES = 256
"""Of Require and Proxy-Require, which a 420 repeats as Unsupported: CVE-2026-57160."""
SERVICE_ROUTES = 8
"""RFC 3608; PJSUA_ACC_MAX_PROXIES: the ninth is written past an array on the stack (CVE-2026-57161; pjsua_acc.c, update_service_route)."""
ROUTES = 16
"""Of Route, Record-Route or Path (RFC 3261, 16.12; RFC 3327)."""
VIAS = 70
"""RFC 3261, 8.1.1.6: no message passes more servers."""
CHALLENGES = 16
"""Of WWW-Authenticate and Proxy-Authenticate (RFC 8760)."""
MOST_REPEATS = 5
"""Redirections (RFC 3261, 8.1.3.4), 422 and 423 in a row on which a request is sent again at once."""
BODY_PARTS = 16
"""Of a multipart body, which PJSIP never sees (CVE-2026-33069, CVE-2026-41415; 568be8ec2)."""
XML_DEPTH = 32
"""12306eaf9: PJLIB-UTIL's XML parser calls itself for each level."""
XML_BYTES = 16384

# Session descriptions (engine/sdp/acceptable.py, description.py, native.py)

MAX_BYTES = 65535
"""One datagram, or what TCP may bring of one message."""
MAX_LINES = 2000
MAX_MEDIA = 16
"""PJMEDIA_MAX_SDP_MEDIA; an answer must have as many media lines as the offer (RFC 3264, 6)."""
MAX_FORMATS = 32
"""PJMEDIA_MAX_SDP_FMT."""
MAX_CRYPTO = 16
"""CVE-2026-57162: PJSIP has room for 64 tags."""
MAX_CANDIDATES = 24
"""PJ_ICE_MAX_CAND is 16 a component; with all attributes of a media line they must stay below PJMEDIA_MAX_SDP_ATTR, 68."""
MAX_ICE_WORD = 256
"""Of ice-ufrag and ice-pwd (RFC 8839, 5.4; CVE-2026-25994)."""
MAX_PACKET_MS = 1000
"""Of ptime and maxptime (CVE-2026-41416)."""
MAX_SOUND_PACKET_MS = 160
"""Of G.711 that is 1280 bytes; PJMEDIA sends no packet that is longer than its buffer, and so none at all at a ptime of 1000."""
MAX_CLOCK_HZ = 192000
MAX_CHANNELS = 8

# How many at a time (engine/calls/admission/)

MAX_CALLS = 4
"""At once, ringing ones counted: the wheel is built with PJSUA_MAX_CALLS of 4."""
MAX_RINGING = 2
"""Incoming ones that nobody has answered: who else calls finds the user busy, who can still call and take up what waits."""
MAX_UNCERTAIN = 3
"""Of others' calls, those that ring or that were answered and not yet acknowledged: whoever sends them, one place is left."""
PLACES = 29
"""Calls whose sockets fit: 64 places (PJ_IOQUEUE_MAX_HANDLES), less those of SIP itself; without one, PJLIB asserts."""
OWN_PLACES = 4
"""Of these, the ones that no flood of others' calls can take."""
LINGER_S = 0.75
"""How long a closed socket keeps its place, and some more (PJ_IOQUEUE_KEY_FREE_DELAY)."""

# What we print

MAX_URI_BYTES = 768
"""PJSUA copies a URI into a pool of 1024 bytes, and ends the process when it does not fit (pjsua_core.c, pjsua_verify_sip_url)."""

# Sources whose messages ended the engine (engine/sip/blame.py)

DEATHS_FORGIVEN = 1
"""Twice is no accident."""
DEATHS_WITHIN_S = 3600.0
REFUSED_S = 600.0
