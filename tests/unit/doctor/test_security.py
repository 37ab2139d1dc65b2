"""What the doctor says of strangers."""

import json
from pathlib import Path

import pytest

from softphone.config import Config, Network
from softphone.doctor.security import check_deaths, check_guards, check_security, check_ways
from softphone.engine.pjsip.abi import find_library
from softphone.engine.sip.blame import FILE

NOW = 1_000_000.0


def test_the_guards_of_this_wheel_are_in_place(tmp_path: Path) -> None:
    assert check_guards(find_library()).state == "ok"
    (tmp_path / "other.so").write_bytes(b"no library")
    other = check_guards(tmp_path / "other.so")
    assert other.state == "broken" and "end the phone" in other.found and "2.15.1" in other.fix


@pytest.mark.parametrize(("deaths", "said"), [([], "none"), ([1], "1 in the last"), ([1, 2], "refused for 10 more minutes: 192.0.2.7")])
def test_who_ended_the_phone_is_named(tmp_path: Path, deaths: list[int], said: str) -> None:
    (tmp_path / FILE).write_text(json.dumps([{"time": NOW - age, "source": "192.0.2.7"} for age in reversed(deaths)]))
    assert said in check_deaths(tmp_path, NOW).found


def test_what_cannot_be_promised_is_said() -> None:
    assert check_ways(Config()).state == "ok"
    for network in (Network(stun="stun.example.org"), Network(ice=True), Network(turn="turn.example.org")):
        assert "guessed" in check_ways(Config(network=network)).found
    found = {finding.name: finding.found for finding in check_security(Config(network=Network(transport="tls")))}
    assert "no proof of the server" in found["TLS name check"]
