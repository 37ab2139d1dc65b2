"""The doctor's checks of what strangers can do: the guards around the bundled PJSIP, and what it can promise nobody (docs/security.md)."""

import time
from collections.abc import Iterator
from pathlib import Path

from softphone import paths
from softphone.config import Config
from softphone.doctor.finding import Finding
from softphone.engine.pjsip.abi import find_library
from softphone.engine.pjsip.errors import AbiError
from softphone.engine.sip.blame import read_deaths, refused_sources
from softphone.engine.sip.detours.call_table import find_slot

GUARDED = ("pjsip_parse_rdata", "pjmedia_sdp_neg_negotiate", "pjmedia_sdp_neg_modify_local_offer2")
"""The functions of PJSIP whose calls are led through ours."""
_WITHIN_S = 7 * 86400.0


def check_security(config: Config) -> Iterator[Finding]:
    yield check_guards(find_library())
    yield check_deaths(paths.data_dir(), time.time())
    yield check_ways(config)
    if config.network.transport == "tls":
        yield Finding(
            "TLS name check",
            "missing",
            "a certificate with a NUL in its name passes PJSIP's check of the name (43d3bd77b), so TLS here is no proof of the server",
            "name only your own authority in network.tls_ca_file, or reach the server through a VPN",
        )


def check_guards(library: Path) -> Finding:
    try:
        for function in GUARDED:
            find_slot(library, function)
    except AbiError as error:
        fix = "install pjsua2-python==2.15.1.post1"
        return Finding("guards of PJSIP", "broken", f"{error}, so some messages of strangers can end the phone", fix)
    return Finding(
        "guards of PJSIP", "ok", "each message is looked at before PJSIP 2.15.1, whose known holes are listed in docs/security.md"
    )


def check_deaths(folder: Path, now: float) -> Finding:
    deaths = [source for when, source in read_deaths(folder) if now - _WITHIN_S < when <= now]
    if not deaths:
        return Finding("messages that end the phone", "ok", "none in the last seven days")
    refused = refused_sources(read_deaths(folder), now)
    found = f"{len(deaths)} in the last seven days, the last one from {deaths[-1]}"
    if refused:
        left = max(until - now for until in refused.values()) / 60
        found += f"; refused for {left:.0f} more minutes: {', '.join(sorted(refused))}"
    return Finding(
        "messages that end the phone", "missing", found, "report it with the file errors.log and this line; keep that source away"
    )


def check_ways(config: Config) -> Finding:
    network = config.network
    if not (network.stun or network.with_ice):
        return Finding("STUN and ICE", "ok", "not used")
    return Finding(
        "STUN and ICE",
        "missing",
        "PJSIP's STUN transaction ids can be guessed (082948b0a): who can send to this machine may tell it a wrong public address",
        "leave network.stun, network.turn and network.ice empty where the phone works without them",
    )
