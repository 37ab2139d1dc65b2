"""What a codec for calls is to everything that names one: settings, commands, screens, SDP, statistics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Parameters = Mapping[str, str]
"""A parsed `a=fmtp` line; see fmtp.py."""


def always_fits(_ours: Parameters, _theirs: Parameters) -> bool:
    """For codecs without parameters that could keep two phones apart."""
    return True


@dataclass(frozen=True)
class CallCodec:
    """The facts about one codec. How it is encoded and decoded is in the function that `implementation` names."""

    name: str
    """Encoding name in `a=rtpmap`, and the codec's name in the settings, commands and events."""
    clock_rate: int
    """RTP clock in `a=rtpmap`, Hz."""
    label: str
    """What a screen calls it."""
    summary: str
    """One line for a list to choose from."""
    channels: int = 1
    payload_type: int | None = None
    """The static payload type of RFC 3551; None where SDP assigns a dynamic one."""
    look_ahead_ms: float = 0.0
    """Delay of the encoder beyond its packet."""
    media_timeout_s: float = 30.0
    """A remote party of which neither RTP nor RTCP came for so long is gone."""
    needs_worker: bool = False
    """Offered only while the codec worker is ready."""
    fits: Callable[[Parameters, Parameters], bool] = always_fits
    """Whether (our fmtp, their fmtp) understand each other, asked by PJSIP's SDP negotiator. Symmetrical; may raise FmtpError, which means
    no."""
    implementation: str = ""
    """`module:function`: gets a `CodecSetup` and returns the `CodecDescriptor` (implementation.py). A name, so that screens
    and settings load no encoder. Empty for codecs of the PJSIP wheel."""

    @property
    def codec_id(self) -> str:
        """The name by which PJSIP knows it: `name/clock_rate/channels`."""
        return f"{self.name}/{self.clock_rate}/{self.channels}"
