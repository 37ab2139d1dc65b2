"""Payloads that carry sound as Opus (RFC 6716), reports and tokens beside it: docs/payload-format.md, section 3.8.

byte 0   time of the first sample of the Opus packet, or of sending where there is none, in ticks of 20 ms by the clock of the tokens
byte 1   flags: 1 report, 2 tokens, 4 Opus, 8 no tokens please, 16 probe, 32 copies, 64 tokens please
then     the report (5 bytes); the tokens (a byte of length, a payload of tokens); the copies (a byte with their number, then each: a byte
         with the ticks from its time to that of this payload, a byte of length, an earlier Opus packet); the Opus packet, or the padding
         of a probe
last     0

No payload of tokens of more than one byte ends with 0: the range coder's message is the shortest one, and zeros at its end are not written.
"""

import math
from dataclasses import dataclass

from codec.units.errors import PayloadError
from codec.wire.link_report import SIZE as LINK_REPORT_SIZE
from codec.wire.link_report import LinkReport
from codec.wire.packet import MAX_PAYLOAD, TIME_MODULO

REPORT, TOKENS, OPUS, DEAF, PROBE, COPIES, WORDS = 1, 2, 4, 8, 16, 32, 64
_KNOWN = REPORT | TOKENS | OPUS | DEAF | PROBE | COPIES | WORDS
MAX_COPIES, MAX_COPY, MAX_COPY_TICKS = 4, 255, 100
"""Copies in a payload; the longest, in bytes; the oldest, in ticks."""
MAX_TOKENS = 255
"""Longest payload of tokens that goes along, in bytes; a longer one goes alone."""
_MARK = b"\0"
_SHORTEST = 3
_REPORT_SIZE = LINK_REPORT_SIZE + 1
_LOWEST_BPS, _STEPS = 256.0, 8


@dataclass(frozen=True, slots=True)
class SoundReport:
    """How the packets of the other direction fare. rate_bps: what the path seems to carry, 0 where that is not known, to 9 % exact."""

    path: LinkReport
    rate_bps: float = 0.0

    def to_bytes(self) -> bytes:
        rate = 0 if self.rate_bps <= 0 else max(1, min(255, round(_STEPS * math.log2(max(self.rate_bps, _LOWEST_BPS) / _LOWEST_BPS))))
        return self.path.extension().data + bytes([rate])

    @classmethod
    def read(cls, data: bytes) -> "SoundReport":
        path = LinkReport.read(data)
        if path is None or len(data) < _REPORT_SIZE:
            raise PayloadError("The report of the path is cut off: the payload was damaged.")
        rate = data[LINK_REPORT_SIZE]
        return cls(path, _LOWEST_BPS * 2 ** (rate / _STEPS) if rate else 0.0)


@dataclass(frozen=True, slots=True)
class SoundPayload:
    """time: 0..255. tokens: a payload of tokens of 1..255 bytes, or nothing. opus: one packet, or nothing. deaf: the sender of this cannot
    speak tokens now. padding: of a probe, in bytes; excludes opus. copies: of Opus packets sent earlier (RFC 2198 calls that redundant
    data), each with the ticks by which its time lies before `time`; only where there is opus. words: the sender of this wants tokens even
    beside sound, because it writes down the words."""

    time: int
    opus: bytes = b""
    tokens: bytes = b""
    report: SoundReport | None = None
    deaf: bool = False
    padding: int = 0
    copies: tuple[tuple[int, bytes], ...] = ()
    words: bool = False


def is_sound(payload: bytes) -> bool:
    """Whether a payload of x-phv is of this kind; else it is one of tokens."""
    return len(payload) >= _SHORTEST and payload.endswith(_MARK)


def serialize_sound(sound: SoundPayload) -> bytes:
    """Raises ValueError where the parts do not fit a payload."""
    if not 0 <= sound.time < TIME_MODULO or len(sound.tokens) > MAX_TOKENS or (sound.opus and sound.padding):
        raise ValueError("a payload of sound has a time of 8 bits, at most 255 bytes of tokens, and Opus or padding")
    if len(sound.copies) > (MAX_COPIES if sound.opus else 0) or not all(map(_may_be_copied, sound.copies)):
        raise ValueError(f"at most {MAX_COPIES} copies of 1..{MAX_COPY} bytes and 1..{MAX_COPY_TICKS} ticks go with Opus")
    flags = REPORT * (sound.report is not None) | TOKENS * bool(sound.tokens) | OPUS * bool(sound.opus)
    flags |= DEAF * sound.deaf | PROBE * bool(sound.padding) | COPIES * bool(sound.copies) | WORDS * sound.words
    payload = bytes([sound.time, flags])
    if sound.report is not None:
        payload += sound.report.to_bytes()
    if sound.tokens:
        payload += bytes([len(sound.tokens)]) + sound.tokens
    if sound.copies:
        payload += bytes([len(sound.copies)]) + b"".join(bytes([ticks, len(packet)]) + packet for ticks, packet in sound.copies)
    payload += (sound.opus or bytes(sound.padding)) + _MARK
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload has at most {MAX_PAYLOAD} bytes, got {len(payload)}")
    return payload


def parse_sound(payload: bytes) -> SoundPayload:
    """Raises PayloadError on anything that `serialize_sound` cannot have made, and never anything else. Opus is not looked into."""
    if not is_sound(payload) or len(payload) > MAX_PAYLOAD:
        raise PayloadError("The payload is not one of sound.")
    flags, at, end = payload[1], 2, len(payload) - 1
    if flags & ~_KNOWN or (flags & OPUS and flags & PROBE) or (flags & COPIES and not flags & OPUS):
        raise PayloadError("The payload of sound has parts that this version does not know.")
    report = None
    if flags & REPORT:
        report = SoundReport.read(payload[at : min(at + _REPORT_SIZE, end)])
        at += _REPORT_SIZE
    tokens = b""
    if flags & TOKENS:
        length = payload[at] if at < end else 0
        tokens = payload[at + 1 : at + 1 + length]
        at += 1 + length
        if not length or at > end:
            raise PayloadError("The tokens beside the sound are cut off: the payload was damaged.")
    copies: tuple[tuple[int, bytes], ...] = ()
    if flags & COPIES:
        copies, at = _read_copies(payload, at, end)
    rest = payload[at:end]
    if bool(rest) != bool(flags & (OPUS | PROBE)) or (flags & PROBE and rest.strip(_MARK)):
        raise PayloadError("The payload of sound does not end where its parts do: it was damaged.")
    return SoundPayload(
        payload[0],
        rest if flags & OPUS else b"",
        tokens,
        report,
        bool(flags & DEAF),
        len(rest) if flags & PROBE else 0,
        copies,
        bool(flags & WORDS),
    )


def _may_be_copied(copy: tuple[int, bytes]) -> bool:
    return 1 <= copy[0] <= MAX_COPY_TICKS and 1 <= len(copy[1]) <= MAX_COPY


def _read_copies(payload: bytes, at: int, end: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """The copies that begin at `at`, and where they end."""
    count, at, copies = payload[at] if at < end else 0, at + 1, []
    for _ in range(count):
        ticks, length = payload[at : at + 2] if at + 2 <= end else (0, 0)
        copies.append((ticks, payload[at + 2 : at + 2 + length]))
        at += 2 + length
    if not 1 <= count <= MAX_COPIES or at > end or not all(map(_may_be_copied, copies)):
        raise PayloadError("The copies of earlier sound are cut off: the payload was damaged.")
    return tuple(copies), at
