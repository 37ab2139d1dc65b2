"""The impairment box by hand: `softphone bench relay`."""

import ipaddress
import threading
from collections.abc import Callable, Sequence

from softphone.bench.impairment.box import Box, BoxError, Sent
from softphone.bench.impairment.gateway import Addresses
from softphone.bench.impairment.impairment import parse_impairment

_TOLD_EVERY_S = 10.0


def relay(
    text: str,
    phones: Sequence[str],
    seen_at: Sequence[str],
    seed: str,
    *,
    impair_sip: bool,
    say: Callable[[str], None],
    ended: threading.Event | None = None,
) -> None:
    """Stand between two phones until `ended` is set, or Ctrl-C.

    phones: ADDRESS:PORT of SIP, both; seen_at: an address of this machine for each, where the other one sees it. Raises ImpairmentError,
    BoxError.
    """
    impairment = parse_impairment(text)
    (a, port_a), (b, port_b) = (_address(phone) for phone in phones)
    a_seen, b_seen = (_ip(address) for address in seen_at)
    if len({a, b, a_seen, b_seen}) < 4:
        raise BoxError("the two phones and the two addresses of the box must all be different; name four with --phones and --seen-at")
    ended = ended or threading.Event()
    with Box(Addresses(a, b, a_seen, b_seen)) as box:
        box.connect(port_a, port_b)
        box.impair(impairment, seed, sip=impair_sip)
        say(f"between two phones: {text}; end it with Ctrl-C")
        for own, own_port, other, other_port in ((a, port_a, b_seen, port_b), (b, port_b, a_seen, port_a)):
            say(f'  the phone with [network] bind = "{own}", port = {own_port}, transport = "udp" calls sip:phone@{other}:{other_port}')
        told = 0
        try:
            while not ended.wait(_TOLD_EVERY_S):
                record = box.record()
                if len(record) != told:
                    told = len(record)
                    say(_summary(record))
        except KeyboardInterrupt:
            pass
        say(_summary(box.record()))


def _summary(record: Sequence[Sent]) -> str:
    parts = []
    for side, arrow in (("a", "first to second"), ("b", "second to first")):
        sent = [one for one in record if one.side == side]
        lost = sum(one.copies == 0 for one in sent)
        parts.append(f"{arrow}: {len(sent)} packets, {sum(one.ip_bytes for one in sent)} bytes with headers, {lost} lost")
    return "; ".join(parts)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise BoxError(f"{text!r} is no ADDRESS:PORT such as 127.0.0.2:5060; give both with --phones")
    return _ip(host), int(port)


def _ip(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ipaddress.AddressValueError:
        raise BoxError(f"{text!r} is no IPv4 address such as 127.0.0.2") from None
