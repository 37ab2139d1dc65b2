"""How a token, and the details of a group of tokens, are written into the range-coded message of a packet (`codec.wire.packet`)."""

from dataclasses import replace

from codec.units.errors import PayloadError
from codec.units.phones import VOWELS
from codec.wire.detail_contexts import UNKNOWN_PHONE, places_of
from codec.wire.range_coder import FrequencyTable, RangeDecoder, RangeEncoder
from codec.wire.tables import Entropy, glide_context, phone_class
from codec.wire.token import LEVELS, MAX_GLIDE, PITCHES, SegmentCodes, WireToken, glide_end, segment_count

Group = tuple[WireToken, ...]
_NOT_VOICED = PITCHES
_NO_CHANGE = 2 * PITCHES - 1


class PacketContext:
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


def encode_token(coder: RangeEncoder, context: PacketContext, entropy: Entropy, token: WireToken) -> None:
    """Append a token, without its details."""
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


def decode_token(coder: RangeDecoder, context: PacketContext, entropy: Entropy) -> WireToken:
    """Raises PayloadError for a token that cannot be."""
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


def stages_of(group: Group) -> int:
    """Codes that each segment of a group has; 0 where it has no details, or only silence."""
    return next((len(token.details[0]) for token in group if token.details), 0)


def segments_of(group: Group) -> int:
    """Segments of a group that could have codes."""
    return sum(segment_count(token.phone, token.ticks) for token in group)


def coarser(group: Group, stages: int) -> Group:
    """The group with at most `stages` codes a segment."""
    if stages_of(group) <= stages:
        return group
    return tuple(replace(token, details=tuple(codes[:stages] for codes in token.details) if stages else ()) for token in group)


def encode_details(coder: RangeEncoder, entropy: Entropy, group: Group) -> None:
    """Append the details of a group. Raises ValueError unless all of its segments have as many codes."""
    stages, places = stages_of(group), places_of(group)
    previous: SegmentCodes = ()
    for token in group:
        if len(token.details) != segment_count(token.phone, token.ticks):
            raise ValueError("either all tokens of a group have details or none has")
        for codes in token.details:
            if len(codes) != stages:
                raise ValueError(f"all segments of a group have as many codes, {stages} here, got {len(codes)}")
            place = next(places)
            for stage, code in enumerate(codes):
                coder.encode(code, entropy.details.table(place, previous, codes[:stage]))
            previous = codes


def decode_details(coder: RangeDecoder, entropy: Entropy, group: Group, stages: int) -> Group:
    """The group with its details, `stages` codes a segment."""
    detailed = []
    previous: SegmentCodes = ()
    places = places_of(group)
    for token in group:
        segments = []
        for _ in range(segment_count(token.phone, token.ticks)):
            place = next(places)
            codes: SegmentCodes = ()
            for _ in range(stages):
                codes = (*codes, coder.decode(entropy.details.table(place, previous, codes)))
            segments.append(codes)
            previous = codes
        detailed.append(replace(token, details=tuple(segments)))
    return tuple(detailed)
