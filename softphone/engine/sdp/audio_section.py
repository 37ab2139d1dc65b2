"""The audio line of a session description that PJSIP printed, with its place in the text, so that its lines can be changed."""

import re

from softphone.codecs import PHV
from softphone.engine.sdp.description import MediaSection, SdpError, parse

_LINE_END = re.compile(r"\r\n|\n|\r")


def read_media(text: str) -> list[MediaSection]:
    """All media lines; none where the text is no session description, or too long for one."""
    try:
        return parse(text).media
    except SdpError:
        return []


def split_lines(text: str) -> list[str]:
    """The lines of a text, without the empty one after its last line end."""
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


class AudioSection:
    """The first live audio line: its lines in the text (`begin` up to, not including, `end`), its formats in order, their names in lower
    case, clock rates and parameters. Without formats where there is none."""

    def __init__(self, text: str) -> None:
        section = next((media for media in read_media(text) if media.kind.lower() == "audio" and media.port), MediaSection())
        self.begin, self.end, self.formats = section.begin, section.end, section.formats
        maps = {number: found[0] for number, found in section.rtpmaps().items()}
        self.names = {number: mapping.name.lower() for number, mapping in maps.items()}
        self.rates = {number: mapping.clock_rate for number, mapping in maps.items()}
        self.fmtp = section.fmtp()

    @property
    def codecs(self) -> list[str]:
        """Payload types that carry speech, in the order of preference."""
        return [number for number in self.formats if self.names.get(number) not in ("telephone-event", "cn")]

    @property
    def phv(self) -> str | None:
        """Payload type of x-phv, if it is there."""
        return next((number for number in self.formats if self.names.get(number) == PHV.name), None)
