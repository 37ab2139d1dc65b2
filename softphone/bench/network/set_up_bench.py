"""How long calls take to be set up over bad networks, and what is sent for it: `softphone bench setup`."""

from collections.abc import Callable, Sequence
from statistics import median_low
from typing import Any

from softphone.bench.impairment.box import Sent
from softphone.bench.impairment.impairment import parse_impairment
from softphone.bench.instruments.markdown import Column, table_of
from softphone.bench.network.live_call import PhonePair, SetUp
from softphone.bench.network.network_systems import NetworkSystem, network_system

SetUpRow = dict[str, Any]
_COLUMNS: tuple[Column, ...] = (
    ("network", "impairment", "{}"),
    ("system", "system", "{}"),
    ("set up, s", "set_up_s", "{:.2f}"),
    ("at worst", "set_up_worst_s", "{:.2f}"),
    ("INVITE, bytes", "invite_bytes", "{}"),
    ("all SIP, bytes", "set_up_bytes", "{}"),
    ("messages", "messages", "{}"),
    ("failed", "calls_failed", "{}"),
)


def bench(
    impairments: Sequence[str], systems: Sequence[str], calls: int, say: Callable[[str], None], *, impair_sip: bool = False
) -> list[SetUpRow]:
    """A row for each impairment and system: medians over `calls` calls of two real phones, None where all of them failed.

    Bytes are with headers of IPv4 and UDP; `sent` is what passed in the call of median length: seconds since the INVITE was sent, arrival
    (None: lost), side, what it was, bytes. Raises SoftphoneError for what is no system or impairment, or when the phones do not start.
    """
    wanted = [(text, parse_impairment(text)) for text in impairments]
    rows = []
    for system in [network_system(name) for name in systems]:
        with PhonePair(system.config, system.codec) as pair:
            for text, impairment in wanted:
                outcomes = []
                for number in range(calls):
                    say(f"{system.name}, {text}: call {number + 1} of {calls}")
                    outcomes.append(pair.set_up(impairment, str(number), impair_sip=impair_sip))
                rows.append(_row(text, system, outcomes))
    return sorted(rows, key=lambda row: impairments.index(row["impairment"]))


def _row(impairment: str, system: NetworkSystem, outcomes: Sequence[tuple[SetUp, tuple[Sent, ...]]]) -> SetUpRow:
    seconds = [one.seconds for one, _ in outcomes if one.seconds is not None]
    middle = median_low(seconds) if seconds else None
    shown, sent = next(outcome for outcome in outcomes if outcome[0].seconds == middle)
    return {
        "impairment": impairment,
        "system": system.name,
        "set_up_s": middle,
        "set_up_worst_s": max(seconds, default=None),
        "invite_bytes": shown.invite_bytes,
        "set_up_bytes": shown.message_bytes,
        "messages": shown.messages,
        "calls": len(outcomes),
        "calls_failed": len(outcomes) - len(seconds),
        "failures": sorted({one.failure for one, _ in outcomes if one.failure}),
        "sent": [_told(one, sent[0].time) for one in sent],
    }


def _told(one: Sent, begin: float) -> dict[str, Any]:
    arrival = None if one.arrival is None else round(one.arrival - begin, 3)
    return {
        "s": round(one.time - begin, 3),
        "arrival_s": arrival,
        "side": one.side,
        "what": one.label or one.kind,
        "ip_bytes": one.ip_bytes,
    }


def table(rows: Sequence[SetUpRow]) -> str:
    """The rows as Markdown."""
    return table_of(_COLUMNS, rows)


def ladder(row: SetUpRow) -> str:
    """What passed in the call of median length, a line each."""
    lines = []
    for one in row["sent"]:
        arrival = "lost   " if one["arrival_s"] is None else f"{one['arrival_s']:6.2f} "
        lines.append(f"  {one['s']:6.2f} -> {arrival} {'->' if one['side'] == 'a' else '<-'} {one['what']:<12} {one['ip_bytes']:5} bytes")
    return "\n".join(lines)
