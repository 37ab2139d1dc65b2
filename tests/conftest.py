"""Fixtures: real peers and phones of our own, each in a folder of the test's, and stopped after it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from codec.units.rates import SAMPLE_RATE
from softphone import paths, sound_file
from softphone.config import Account, Audio, Codecs, Config, Network, Phv, Presence, to_toml
from tests.alone import pytest_runtest_protocol
from tests.interop import pytest_runtest_makereport, pytest_sessionfinish
from tests.peers.programs.baresip import Baresip
from tests.peers.programs.kamailio import DOMAIN, PASSWORDS, Kamailio
from tests.phones.phone import HASTY, Phone
from tests.phones.quiet import quiet_settings
from tests.places import ROOT

__all__ = ["pytest_runtest_makereport", "pytest_runtest_protocol", "pytest_sessionfinish"]

# A shell starts what it puts into the background with Ctrl-C ignored, and so would be all commands under test.
signal.signal(signal.SIGINT, signal.default_int_handler)
# On a loaded machine any example may take long; what hangs is pytest-timeout's.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")
TESTS = Path(__file__).parent


def pytest_itemcollected(item: pytest.Item) -> None:
    """Each test is marked with the folder of tests/ that it lies in."""
    item.add_marker(item.path.relative_to(TESTS).parts[0])


@pytest.fixture(scope="session", autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no process that it starts, touches contacts, history, settings and keyring of the user who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        yield


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 4.5 seconds of the bundled recording, a WAV file of 16 kHz."""
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    sound_file.write_wav(path, sound_file.read(paths.demo_recording()[0])[: int(4.5 * SAMPLE_RATE)])
    return path


@pytest.fixture
def kamailio(tmp_path: Path) -> Iterator[Kamailio]:
    """A registrar and proxy that knows alice, bob and carol."""
    server = Kamailio(tmp_path / "kamailio", PASSWORDS)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_phone(tmp_path: Path) -> Iterator[Callable[..., Phone]]:
    """`make_phone(name, codecs=..., server=..., user=..., password=...)`: an engine on loopback without sound devices, started.

    `hasty`: it waits less for others (tests/phones/hasty_engine.py); `prepare` is given its
    folder before it starts; what else is given belongs to the section [network].
    """
    phones: list[Phone] = []
    with ExitStack() as running:

        def make(
            name: str,
            codecs: tuple[str, ...] = ("x-phv", "opus", "PCMU", "PCMA"),
            server: Kamailio | None = None,
            user: str | None = None,
            password: str | None = None,
            expires_s: int = 300,
            root: Path = ROOT,
            hasty: bool = False,
            backups: str = "",
            presence: Presence = Presence(),  # noqa: B008 - it is frozen
            phv: Phv = Phv(wait="quick", sound="never"),  # noqa: B008 - it is frozen
            prepare: Callable[[Path], None] = lambda _folder: None,
            **network: Any,
        ) -> Phone:
            folder = tmp_path / name
            folder.mkdir()
            prepare(folder)
            config = Config(
                network=Network(**{"bind": "127.0.0.1", **network}),
                audio=Audio(input="null", output="null"),
                codecs=Codecs(order=codecs),
                presence=presence,
                # Words are waited for in the tests that are about them: two word models in each call are much for two processors. On
                # loopback the phones would send sound: tests that are about it say so.
                phv=phv,
            )
            if server is not None:
                secret = folder / "password"
                secret.touch(mode=0o600)
                secret.write_text(password or PASSWORDS[name])
                account = Account(
                    id=f"sip:{user or name}@{DOMAIN}",
                    proxy=server.proxy_over(config.network.transport),
                    password_file=str(secret),
                    register_seconds=expires_s,
                    backups=backups,
                )
                config = replace(config, account=account)
            phone = Phone(folder, config, root, HASTY if hasty else "softphone.engine")
            phones.append(phone)
            running.callback(phone.stop)
            phone.start()
            return phone

        yield make
        # At the same time: each takes a second or two.
        for phone in phones:
            phone.terminate()


@pytest.fixture
def quiet_config(tmp_path: Path) -> Path:
    """The configuration file of a phone that needs neither sound device nor codec worker."""
    path = tmp_path / "quiet.toml"
    path.write_text(to_toml(quiet_settings()))
    return path


@pytest.fixture
def make_baresip(tmp_path: Path, speech: Path) -> Iterator[Callable[..., Baresip]]:
    """`make_baresip(codecs, options)`: a baresip that says `speech`, started; options: of its account, such as ";mediaenc=srtp"."""
    # It hangs up where its sound file ends, so silence follows.
    says = tmp_path / "says.wav"
    sound_file.write_wav(says, np.concatenate([sound_file.read(speech), np.zeros(40 * SAMPLE_RATE, dtype=np.int16)]))
    with ExitStack() as running:

        def make(codecs: tuple[str, ...], options: str = "") -> Baresip:
            peer = Baresip(tmp_path / "baresip", codecs, says, options=options)
            running.callback(peer.stop)
            peer.start()
            return peer

        yield make
