"""How much of a session description is read."""

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
MAX_PJSIP_MESSAGE = 4000
"""PJSIP_MAX_PKT_LEN: of a datagram PJSIP reads no more, and of a connection it drops a message that is larger."""
MAX_REPEATED = 2500
"""Bytes of the fields of a request that its answer repeats (RFC 3261, 8.2.6): with our own fields and description they must fit into
MAX_PJSIP_MESSAGE, or PJSIP sends nothing at all (CVE-2026-57160 is of headers printed there)."""
