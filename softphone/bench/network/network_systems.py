"""What `softphone bench network` lets talk: configurations of the phone, each by its name in the tables."""

import re
from dataclasses import asdict, dataclass, replace

from softphone.config import Codecs, Config, Opus, Phv, from_dict
from softphone.config.fields import ConfigError
from softphone.errors import SoftphoneError

_FIXED = re.compile(r"phv(-base|-coarse)?(?:-(\d{2,3}))?(?:-r(\d))?")
_CEILING = re.compile(r"phv-max(\d{3,6})")
_OPUS = re.compile(r"opus-(\d{1,2})k-(20|40|60)ms(-fec)?")
_DETAIL = {"-base": 0, "-coarse": 1}
_FEC_LOSS_PERCENT = 30
DEFAULT = ("phv", "opus-6k-60ms", "opus-6k-60ms-fec", "opus-6k-20ms", "opus-6k-20ms-fec", "pcmu")
_KNOWN = (
    "phv (which adapts), phv-tokens (which never sends sound), phv-maxRATE (below a ceiling in bit/s), phv[-base|-coarse][-INTERVAL][-rN] "
    "(fixed) such as phv-base-r1 or phv-320-r2, opus-6k-60ms, opus-6k-20ms (both also with -fec), pcmu"
)


class NetworkSystemError(SoftphoneError):
    """There is no such system."""


@dataclass(frozen=True)
class NetworkSystem:
    """codec: as the engine names it; dtx: whether it is silent on the wire while nobody speaks; own: it needs the codec worker."""

    name: str
    config: Config
    codec: str
    dtx: bool = True

    @property
    def own(self) -> bool:
        return self.codec == "x-phv"

    @property
    def settings(self) -> tuple[object, ...]:
        """Those on which its sound depends."""
        return self.config.codecs, self.config.phv if self.own else self.config.opus


def network_system(name: str, config: Config | None = None) -> NetworkSystem:
    """By its name. config: what `phv` takes its settings from; fixed profiles and other codecs do not. Raises NetworkSystemError."""
    if name == "phv":
        return NetworkSystem(name, config or Config(), "x-phv")
    if name == "phv-tokens":
        own = config or Config()
        return NetworkSystem(name, replace(own, phv=replace(own.phv, sound="never")), "x-phv")
    if name == "pcmu":
        return NetworkSystem(name, Config(codecs=Codecs(order=("PCMU",))), "PCMU", dtx=False)
    if match := _CEILING.fullmatch(name):
        own = config or Config()
        return NetworkSystem(name, replace(own, phv=_checked(name, replace(own.phv, max_rate=int(match[1])))), "x-phv")
    if match := _FIXED.fullmatch(name):
        return NetworkSystem(name, Config(phv=_fixed(name, *match.groups())), "x-phv")
    if match := _OPUS.fullmatch(name):
        bitrate, fec = 1000 * int(match[1]), match[3] is not None
        opus = Opus(bitrate=bitrate, ptime_ms=int(match[2]), fec=fec, expected_loss_percent=_FEC_LOSS_PERCENT if fec else 0)
        if 6000 <= bitrate <= 64000:
            return NetworkSystem(name, Config(codecs=Codecs(order=("opus",)), opus=opus), "opus")
    raise NetworkSystemError(f"there is no system {name!r}; there are {_KNOWN}")


def _fixed(name: str, detail: str | None, interval: str | None, redundancy: str | None) -> Phv:
    usual = Phv()
    settings = replace(
        usual,
        profile="fixed",
        detail=_DETAIL.get(detail or "", usual.detail),
        interval_ms=int(interval or usual.interval_ms),
        redundancy=int(redundancy or usual.redundancy),
    )
    return _checked(name, settings)


def _checked(name: str, settings: Phv) -> Phv:
    try:
        return from_dict({"phv": asdict(settings)}).phv
    except ConfigError as error:
        raise NetworkSystemError(f"{name!r} cannot be: {error}") from None
