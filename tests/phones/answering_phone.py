"""A phone that answers at once, for strangers to call."""

from pathlib import Path

from softphone.config import Audio, Codecs, Config, Network
from softphone.control.protocol import AutoAnswer
from tests.phones.phone import Phone


def start(folder: Path, **network: str) -> Phone:
    """A phone that answers at once, without the codec worker."""
    config = Config(
        network=Network(**{"bind": "127.0.0.1", **network}),  # type: ignore[arg-type]
        audio=Audio(input="null", output="null"),
        codecs=Codecs(order=("opus", "PCMU", "PCMA")),
    )
    phone = Phone(folder, config)
    phone.start()
    phone.client.request(AutoAnswer())
    return phone
