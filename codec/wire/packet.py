"""One packet of payload type x-phv, format version 4: groups of tokens with their time, and pieces of the voice.

docs/payload-format.md is the whole description. In short:

byte 0   time of the packet's first token in ticks of 20 ms, modulo 256
byte 1.. one range-coded message (`codec.wire.range_coder`, frequencies of `codec.wire.tables`), in this order:
  flags              bit 0 a talkspurt begins with the first token, 1 it ends with the last one, 2 voice piece, 3 extensions,
                     4 another layer
  redundant_groups   how many earlier groups are repeated; of four or more, 3 bits say how many more than four
  each group, oldest first, each beginning where the one before it ends:
    group_tokens     number of tokens; then each token (`codec.wire.token_coding`):
      phone          context: the two phones before it in this packet
      ticks          duration; context: phone, class of the phone before it
      vowels only:   first_pitch or pitch_change (from the end of the last voiced vowel of this packet),
                     glide (context: duration; only if voiced), first_level or level_change (from the last vowel)
  voice piece        3 bits version, 5 bits index, VOICE_PIECE_BYTES bytes; plain
  extensions         8 bits type, 8 bits length, bytes; plain; then 1 bit: another one follows
  another layer      each group, newest first:
    detail_codes     number of codes a segment has; context: that of the group before it here; another symbol begins a layer of a later
                     version, to which everything that remains belongs
    each code of each segment of each token of the group (`codec.wire.token.segment_count`): `codec.wire.detail_contexts`

A group is named by the time of its first token: groups of a talkspurt follow one another without a gap, so a gap in time that
no beginning or end of a talkspurt explains is a missing group. A receiver unfolds the time from 8 bits by its own clock.
A packet whose only group is empty carries pieces and extensions alone; its time is that of its sending.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from codec.units.errors import PayloadError
from codec.units.limits import MAX_REDUNDANCY
from codec.wire.range_coder import RangeDecoder, RangeEncoder, uniform
from codec.wire.tables import MANY_GROUPS, MAX_GROUP_TOKENS, NO_NUMBER, OTHER_LAYER, Entropy
from codec.wire.token_coding import (
    Group,
    PacketContext,
    decode_details,
    decode_token,
    encode_details,
    encode_token,
    segments_of,
    stages_of,
)

VERSION = 4
TIME_MODULO = 256
MAX_PAYLOAD = 1024
VOICE_PIECE_BYTES = 4
VOICE_VERSIONS = 8
MAX_EXTENSIONS = 3
MAX_CODES = 1024
"""Codes of detail in a packet; each costs a receiver some time, and bytes that are few can say many."""

START, END, VOICE, EXTENSIONS, LAYER = 1, 2, 4, 8, 16
_BIT, _VERSION, _INDEX, _BYTE, _MANY = uniform(1), uniform(3), uniform(5), uniform(8), uniform(3)


@dataclass(frozen=True, slots=True)
class VoicePiece:
    """version: 0..7, counts up with each better estimate of the voice; index: 0..31, coarse first; data: VOICE_PIECE_BYTES."""

    version: int
    index: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Extension:
    """type: 0..255; data: up to 255 bytes."""

    type: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """time: ticks modulo 256 of the first token; groups: oldest first, the last one is the newest and may be empty.

    start: a talkspurt begins with the first token; end: it ends with the last one; more: a layer follows which this version does not
    read. Segments of a group all have details, with as many codes each, or none has.
    """

    time: int
    groups: tuple[Group, ...]
    start: bool = False
    end: bool = False
    voice: VoicePiece | None = None
    extensions: tuple[Extension, ...] = ()
    more: bool = False


def serialize(packet: Packet, entropy: Entropy) -> bytes:
    """Packet -> payload. Raises ValueError where the packet breaks a limit of the format."""
    if not 0 <= packet.time < TIME_MODULO:
        raise ValueError(f"time is 0 to {TIME_MODULO - 1}, got {packet.time}")
    if not 1 <= len(packet.groups) <= MAX_REDUNDANCY + 1 or any(len(group) > MAX_GROUP_TOKENS for group in packet.groups):
        raise ValueError(f"a packet has 1 to {MAX_REDUNDANCY + 1} groups of at most {MAX_GROUP_TOKENS} tokens")
    if len(packet.extensions) > MAX_EXTENSIONS:
        raise ValueError(f"a packet has at most {MAX_EXTENSIONS} extensions, got {len(packet.extensions)}")
    coder, context = RangeEncoder(), PacketContext(entropy)
    detailed = any(token.details for group in packet.groups for token in group)
    flags = START * packet.start | END * packet.end | LAYER * (packet.more or detailed)
    flags |= VOICE * (packet.voice is not None) | EXTENSIONS * bool(packet.extensions)
    coder.encode(flags, entropy.table("flags"))
    redundant = len(packet.groups) - 1
    coder.encode(min(redundant, MANY_GROUPS), entropy.table("redundant_groups"))
    if redundant >= MANY_GROUPS:
        coder.encode(redundant - MANY_GROUPS, _MANY)
    for group in packet.groups:
        coder.encode(len(group), entropy.table("group_tokens"))
        for token in group:
            encode_token(coder, context, entropy, token)
    if packet.voice is not None:
        if len(packet.voice.data) != VOICE_PIECE_BYTES:
            raise ValueError(f"a voice piece has {VOICE_PIECE_BYTES} bytes, got {len(packet.voice.data)}")
        coder.encode(packet.voice.version, _VERSION)
        coder.encode(packet.voice.index, _INDEX)
        _encode_bytes(coder, packet.voice.data)
    for place, extension in enumerate(packet.extensions):
        coder.encode(extension.type, _BYTE)
        coder.encode(len(extension.data), _BYTE)
        _encode_bytes(coder, extension.data)
        coder.encode(int(place + 1 < len(packet.extensions)), _BIT)
    if packet.more:
        coder.encode(OTHER_LAYER, entropy.table("detail_codes", NO_NUMBER))
    elif detailed:
        _encode_layer(coder, entropy, packet.groups)
    payload = bytes([packet.time]) + coder.finish()
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload has at most {MAX_PAYLOAD} bytes, got {len(payload)}")
    return payload


def codes_in(groups: Sequence[Group]) -> int:
    """Codes of detail of groups."""
    return sum(stages_of(group) * segments_of(group) for group in groups)


def _encode_layer(coder: RangeEncoder, entropy: Entropy, groups: tuple[Group, ...]) -> None:
    if codes_in(groups) > MAX_CODES:
        raise ValueError(f"a packet has at most {MAX_CODES} codes of detail")
    before = NO_NUMBER
    for group in reversed(groups):
        stages = stages_of(group)
        coder.encode(stages, entropy.table("detail_codes", before))
        if stages:
            encode_details(coder, entropy, group)
        before = stages


def _decode_layer(coder: RangeDecoder, entropy: Entropy, groups: list[Group]) -> bool:
    """Adds details to the groups; False where the rest is of a layer that this version does not know."""
    before, codes = NO_NUMBER, 0
    for place in reversed(range(len(groups))):
        stages = coder.decode(entropy.table("detail_codes", before))
        if stages == OTHER_LAYER:
            return False
        codes += stages * segments_of(groups[place])
        if codes > MAX_CODES:
            raise PayloadError(f"The payload has more than {MAX_CODES} codes of detail: it was damaged, or it is not of type x-phv.")
        if stages:
            groups[place] = decode_details(coder, entropy, groups[place], stages)
        before = stages
    return True


def _encode_bytes(coder: RangeEncoder, data: bytes) -> None:
    for byte in data:
        coder.encode(byte, _BYTE)


def parse(payload: bytes, entropy: Entropy) -> Packet:
    """Payload -> Packet. Raises PayloadError on anything that `serialize` cannot have made, and never anything else."""
    if not payload:
        raise PayloadError("The payload is empty: at least its time is needed.")
    if len(payload) > MAX_PAYLOAD:
        raise PayloadError(f"The payload has {len(payload)} bytes, more than {MAX_PAYLOAD}: it is not of type x-phv.")
    coder, context = RangeDecoder(payload[1:]), PacketContext(entropy)
    flags = coder.decode(entropy.table("flags"))
    redundant = coder.decode(entropy.table("redundant_groups"))
    if redundant == MANY_GROUPS:
        redundant += coder.decode(_MANY)
    groups: list[Group] = []
    for _ in range(redundant + 1):
        tokens = coder.decode(entropy.table("group_tokens"))
        groups.append(tuple(decode_token(coder, context, entropy) for _ in range(tokens)))
    voice = None
    if flags & VOICE:
        voice = VoicePiece(coder.decode(_VERSION), coder.decode(_INDEX), _decode_bytes(coder, VOICE_PIECE_BYTES))
    extensions = _decode_extensions(coder) if flags & EXTENSIONS else ()
    more = bool(flags & LAYER) and not _decode_layer(coder, entropy, groups)
    packet = Packet(payload[0], tuple(groups), bool(flags & START), bool(flags & END), voice, extensions, more)
    # There is one way only to write a packet; what was written otherwise was damaged, and would be heard as babble.
    try:
        whole = packet.more or serialize(packet, entropy) == payload
    except ValueError:  # longer than a payload may be, where bytes beyond its end were read as zeros
        whole = False
    if not whole:
        raise PayloadError("The payload does not end where its tokens do: it was damaged, or it is not of type x-phv.")
    return packet


def _decode_bytes(coder: RangeDecoder, count: int) -> bytes:
    return bytes(coder.decode(_BYTE) for _ in range(count))


def _decode_extensions(coder: RangeDecoder) -> tuple[Extension, ...]:
    extensions: list[Extension] = []
    while True:
        kind, length = coder.decode(_BYTE), coder.decode(_BYTE)
        extensions.append(Extension(kind, _decode_bytes(coder, length)))
        if not coder.decode(_BIT):
            return tuple(extensions)
        if len(extensions) == MAX_EXTENSIONS:
            raise PayloadError(f"The payload has more than {MAX_EXTENSIONS} extensions: it was damaged, or it is not of type x-phv.")
