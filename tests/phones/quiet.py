"""Phones of our own without sound devices and, with Opus and G.711 alone, without a codec worker."""

from pathlib import Path

import pytest

from softphone.config import Account, Audio, Codecs, Config, Network
from tests.phones.phone import Phone


def quiet_settings(
    account: Account | None = None, network: Network | None = None, codecs: tuple[str, ...] = ("opus", "PCMU", "PCMA")
) -> Config:
    """On loopback, where nothing else is said."""
    return Config(
        account=account or Account(),
        network=network or Network(bind="127.0.0.1"),
        audio=Audio(input="null", output="null"),
        codecs=Codecs(order=("opus", "PCMU", "PCMA")),
    )


def start(folder: Path, network: Network | None = None, account: Account | None = None, strict_memory: bool = False) -> Phone:
    """A quiet phone, started. strict_memory: freed memory is overwritten (mallopt(3)), so that a later use of it shows."""
    phone = Phone(folder, quiet_settings(account, network))
    with pytest.MonkeyPatch.context() as patch:
        if strict_memory:
            patch.setenv("MALLOC_PERTURB_", "165")
        phone.start()
    return phone
