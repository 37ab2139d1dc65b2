"""What can be chosen about sending; the receiver needs none of it."""

from dataclasses import dataclass

from codec.units.errors import CodecError
from codec.units.limits import DETAIL_STAGES, MAX_INTERVAL_MS, MAX_REDUNDANCY, MIN_INTERVAL_MS


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Raises CodecError where a value is out of range."""

    interval_ms: int = 160
    """Time between packets while somebody speaks, 40..640; the headers of a packet cost more than what is in it."""

    redundancy: int = 1
    """How many earlier groups each packet repeats, 0..11."""

    voice: bool = True
    """Describe the speaker's voice to the listener; without it a neutral voice is heard."""

    detail: int = 3
    """Codes for how each 40 ms of speech sounded, 0 to 8: about 150 bit/s each. The first ones make many more words understood, the
    others make the voice more like the speaker's."""

    repeated_detail: int = 0
    """How many of these codes the repeated groups keep, 0 to 8."""

    comfort_noise: bool = True
    """Describe the background where it can be heard, so that the listener does not fall into silence between words."""

    wait: bool = False
    """Let phones wait about a second for the words they belong to: far more of them are right then."""

    def __post_init__(self) -> None:
        if not MIN_INTERVAL_MS <= self.interval_ms <= MAX_INTERVAL_MS:
            raise CodecError(f"interval_ms is {self.interval_ms}; choose {MIN_INTERVAL_MS} to {MAX_INTERVAL_MS} ms")
        if not 0 <= self.redundancy <= MAX_REDUNDANCY:
            raise CodecError(f"redundancy is {self.redundancy}; choose 0 to {MAX_REDUNDANCY} earlier groups")
        for name, codes in (("detail", self.detail), ("repeated_detail", self.repeated_detail)):
            if not 0 <= codes <= DETAIL_STAGES:
                raise CodecError(f"{name} is {codes}; choose 0 to {DETAIL_STAGES} codes")
