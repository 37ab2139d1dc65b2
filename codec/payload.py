"""One packet of payload type x-phv, format version 1: groups of tokens with their time, and pieces of the voice.

byte 0   time of the packet's first token in ticks of 20 ms, modulo 256
byte 1.. one range-coded message (`codec.range_coder`, frequencies of `codec.entropy`), in this order:
  flags              bit 0 a talkspurt begins with the first token, 1 it ends with the last one, 2 voice piece, 3 extensions,
                     4 another layer
  redundant_groups   how many earlier groups are repeated
  each group, oldest first, each beginning where the one before it ends:
    group_tokens     number of tokens; then each token:
      phone          context: the two phones before it in this packet
      ticks          duration; context: phone, class of the phone before it
      vowels only:   first_pitch or pitch_change (from the end of the last voiced vowel of this packet),
                     glide (context: duration; only if voiced), first_level or level_change (from the last vowel)
  voice piece        3 bits version, 5 bits index, VOICE_PIECE_BYTES bytes; plain
  extensions         8 bits type, 8 bits length, bytes; plain; then 1 bit: another one follows
  another layer      2 bits kind; kinds 0 and 1 are details of the newest group with one or two codes a segment:
    each segment of each token of the newest group (`codec.wire_token.segment_count`):
      detail_first   context: phone, whether it is the token's first segment
      detail_second  context: class of the phone
                     of other kinds everything that remains belongs to them; who does not know them reads no further

A group is named by the time of its first token: groups of a talkspurt follow one another without a gap, so a gap in time that
no beginning or end of a talkspurt explains is a missing group. A receiver unfolds the time from 8 bits by its own clock.
"""

from dataclasses import dataclass, replace

from codec.entropy import DETAIL_STAGES, MAX_GROUP_TOKENS, MAX_REDUNDANT_GROUPS, UNKNOWN_PHONE, Entropy, glide_context, phone_class
from codec.errors import PayloadError
from codec.phones import VOWELS
from codec.range_coder import FrequencyTable, RangeDecoder, RangeEncoder, uniform
from codec.wire_token import LEVELS, MAX_GLIDE, PITCHES, WireToken, glide_end, segment_count

VERSION = 1
TIME_MODULO = 256
MAX_PAYLOAD = 1024
VOICE_PIECE_BYTES = 4
VOICE_VERSIONS = 8
MAX_VOICE_PIECES = 32
MAX_EXTENSIONS = 3

START, END, VOICE, EXTENSIONS, LAYER = 1, 2, 4, 8, 16
_UNKNOWN_KIND = 3
_KIND = uniform(2)
_BIT, _VERSION, _INDEX, _BYTE = uniform(1), uniform(3), uniform(5), uniform(8)
_NOT_VOICED = PITCHES
_NO_CHANGE = 2 * PITCHES - 1


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
    read. Tokens of the newest group all have details, with as many codes each, or none has; those of other groups have none.
    """

    time: int
    groups: tuple[tuple[WireToken, ...], ...]
    start: bool = False
    end: bool = False
    voice: VoicePiece | None = None
    extensions: tuple[Extension, ...] = ()
    more: bool = False


class _Context:
    """What has been coded so far in this packet; the same on both sides."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._phones = (UNKNOWN_PHONE, UNKNOWN_PHONE)
        self.pitch: int | None = None
        self.level: int | None = None

    def phone(self) -> FrequencyTable:
        return self._entropy.table("phone", *self._phones)

    def ticks(self, phone: int) -> FrequencyTable:
        return self._entropy.table("ticks", phone, phone_class(self._phones[1]))

    def after(self, token: WireToken) -> None:
        self._phones = (self._phones[1], token.phone)
        if token.phone in VOWELS:
            self.level = token.level
            if token.pitch is not None:
                self.pitch = glide_end(token)


def serialize(packet: Packet, entropy: Entropy) -> bytes:
    """Packet -> payload. Raises ValueError where the packet breaks a limit of the format."""
    if not 0 <= packet.time < TIME_MODULO:
        raise ValueError(f"time is 0 to {TIME_MODULO - 1}, got {packet.time}")
    if not 1 <= len(packet.groups) <= MAX_REDUNDANT_GROUPS + 1 or any(len(group) > MAX_GROUP_TOKENS for group in packet.groups):
        raise ValueError(f"a packet has 1 to {MAX_REDUNDANT_GROUPS + 1} groups of at most {MAX_GROUP_TOKENS} tokens")
    if len(packet.extensions) > MAX_EXTENSIONS:
        raise ValueError(f"a packet has at most {MAX_EXTENSIONS} extensions, got {len(packet.extensions)}")
    coder, context = RangeEncoder(), _Context(entropy)
    detailed = [token for token in packet.groups[-1] if token.details]
    flags = START * packet.start | END * packet.end | LAYER * (packet.more or bool(detailed))
    flags |= VOICE * (packet.voice is not None) | EXTENSIONS * bool(packet.extensions)
    coder.encode(flags, entropy.table("flags"))
    coder.encode(len(packet.groups) - 1, entropy.table("redundant_groups"))
    for group in packet.groups:
        coder.encode(len(group), entropy.table("group_tokens"))
        for token in group:
            _encode_token(coder, context, entropy, token)
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
        coder.encode(_UNKNOWN_KIND, _KIND)
    elif detailed:
        _encode_details(coder, entropy, packet.groups[-1], len(detailed[0].details[0]))
    payload = bytes([packet.time]) + coder.finish()
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload has at most {MAX_PAYLOAD} bytes, got {len(payload)}")
    return payload


def _encode_details(coder: RangeEncoder, entropy: Entropy, group: tuple[WireToken, ...], stages: int) -> None:
    coder.encode(stages - 1, _KIND)
    for token in group:
        if len(token.details) != segment_count(token.phone, token.ticks):
            raise ValueError("either all tokens of the newest group have details or none has")
        for place, codes in enumerate(token.details):
            if len(codes) != stages:
                raise ValueError(f"all segments of a packet have as many codes, {stages} here, got {len(codes)}")
            coder.encode(codes[0], entropy.table("detail_first", token.phone, int(place == 0)))
            for code in codes[1:]:
                coder.encode(code, entropy.table("detail_second", phone_class(token.phone)))


def _decode_details(coder: RangeDecoder, entropy: Entropy, group: tuple[WireToken, ...]) -> tuple[WireToken, ...] | None:
    """The group with its details; None where the layer is of another kind."""
    stages = coder.decode(_KIND) + 1
    if stages > DETAIL_STAGES:
        return None
    detailed = []
    for token in group:
        segments = []
        for place in range(segment_count(token.phone, token.ticks)):
            first = coder.decode(entropy.table("detail_first", token.phone, int(place == 0)))
            more = (coder.decode(entropy.table("detail_second", phone_class(token.phone))) for _ in range(stages - 1))
            segments.append((first, *more))
        detailed.append(replace(token, details=tuple(segments)))
    return tuple(detailed)


def _encode_bytes(coder: RangeEncoder, data: bytes) -> None:
    for byte in data:
        coder.encode(byte, _BYTE)


def _encode_token(coder: RangeEncoder, context: _Context, entropy: Entropy, token: WireToken) -> None:
    coder.encode(token.phone, context.phone())
    coder.encode(token.ticks - 1, context.ticks(token.phone))
    if token.phone in VOWELS:
        if context.pitch is None:
            coder.encode(_NOT_VOICED if token.pitch is None else token.pitch, entropy.table("first_pitch"))
        else:
            change = _NO_CHANGE if token.pitch is None else token.pitch - context.pitch + PITCHES - 1
            coder.encode(change, entropy.table("pitch_change"))
        if token.pitch is not None:
            coder.encode(token.glide + MAX_GLIDE, entropy.table("glide", glide_context(token.ticks)))
        if context.level is None:
            coder.encode(token.level, entropy.table("first_level"))
        else:
            coder.encode(token.level - context.level + LEVELS - 1, entropy.table("level_change"))
    context.after(token)


def parse(payload: bytes, entropy: Entropy) -> Packet:
    """Payload -> Packet. Raises PayloadError on anything that `serialize` cannot have made, and never anything else."""
    if not payload:
        raise PayloadError("The payload is empty: at least its time is needed.")
    if len(payload) > MAX_PAYLOAD:
        raise PayloadError(f"The payload has {len(payload)} bytes, more than {MAX_PAYLOAD}: it is not of type x-phv.")
    coder, context = RangeDecoder(payload[1:]), _Context(entropy)
    flags = coder.decode(entropy.table("flags"))
    count = coder.decode(entropy.table("redundant_groups")) + 1
    groups = []
    for _ in range(count):
        tokens = coder.decode(entropy.table("group_tokens"))
        groups.append(tuple(_decode_token(coder, context, entropy) for _ in range(tokens)))
    voice = None
    if flags & VOICE:
        voice = VoicePiece(coder.decode(_VERSION), coder.decode(_INDEX), _decode_bytes(coder, VOICE_PIECE_BYTES))
    extensions = _decode_extensions(coder) if flags & EXTENSIONS else ()
    more = False
    if flags & LAYER:
        newest = _decode_details(coder, entropy, groups[-1])
        more = newest is None
        groups[-1] = newest or groups[-1]
    packet = Packet(payload[0], tuple(groups), bool(flags & START), bool(flags & END), voice, extensions, more)
    # There is one way only to write a packet; what was written otherwise was damaged, and would be heard as babble.
    if not packet.more and serialize(packet, entropy) != payload:
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


def _decode_token(coder: RangeDecoder, context: _Context, entropy: Entropy) -> WireToken:
    phone = coder.decode(context.phone())
    ticks = coder.decode(context.ticks(phone)) + 1
    if phone not in VOWELS:
        token = WireToken(phone, ticks)
    else:
        if context.pitch is None:
            first = coder.decode(entropy.table("first_pitch"))
            pitch = None if first == _NOT_VOICED else first
        else:
            change = coder.decode(entropy.table("pitch_change"))
            pitch = None if change == _NO_CHANGE else context.pitch + change - PITCHES + 1
        glide = 0 if pitch is None else coder.decode(entropy.table("glide", glide_context(ticks))) - MAX_GLIDE
        if context.level is None:
            level = coder.decode(entropy.table("first_level"))
        else:
            level = context.level + coder.decode(entropy.table("level_change")) - LEVELS + 1
        try:
            token = WireToken(phone, ticks, pitch, glide, level)
        except ValueError as error:
            raise PayloadError(f"The payload holds a token that cannot be ({error}): it was damaged.") from None
    context.after(token)
    return token
