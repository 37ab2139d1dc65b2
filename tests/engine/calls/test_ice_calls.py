"""Own calls with ICE, and what strangers offer to a phone that has it."""

from pathlib import Path

from softphone.control.protocol import CallState
from tests.peers.sockets.stranger import PLAIN, SESSION, Stranger
from tests.phones.answering_phone import start


def test_own_calls_with_ice_on_the_loopback_interface(tmp_path: Path) -> None:
    """PJSIP finds no candidates there, and the calls are made without them."""
    phones = [start(tmp_path / name, ice=True) for name in ("one", "other")]  # type: ignore[arg-type]
    try:
        one, other = phones
        call = one.call(other.uri)
        one.wait_state(call, "confirmed")
        assert one.wait_media(call).state == "active"
    finally:
        for phone in phones:
            phone.stop()


def test_own_calls_with_ice(tmp_path: Path) -> None:
    """The offer of one's own passes 1024 bytes there. On the loopback interface PJSIP finds no candidates."""
    phones = [start(tmp_path / name, bind="0.0.0.0", ice=True, srtp="offer") for name in ("one", "other")]  # type: ignore[arg-type]
    try:
        one, other = phones
        call = one.call(other.uri)
        one.wait_state(call, "confirmed")
        assert one.wait_media(call).srtp
        answered = other.wait(CallState, lambda event: event.state == "confirmed")
        other.wait_media(answered.call)
        with Stranger(other.uri.partition("@")[2]) as stranger:
            words = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n"
            candidates = "a=candidate:1 1 UDP 2130706431 127.0.0.1 PORT typ host\r\na=candidate:2 1 UDP 1 x.local 9 typ host\r\n" * 20
            assert stranger.invite(SESSION + words + PLAIN + candidates + PLAIN).ports()[1:] == [0]
            assert stranger.invite(SESSION + PLAIN + "a=ice-ufrag:" + "a" * 300 + "\r\na=ice-pwd:" + "b" * 300 + "\r\n").status == 200
    finally:
        for phone in phones:
            phone.stop()
