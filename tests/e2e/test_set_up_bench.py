"""A call over a link of 2400 bit/s: it is set up, in few bytes, and nothing but SIP is in its way."""

import json
from pathlib import Path

import pytest

from softphone.cli.main import main

pytestmark = pytest.mark.alone


@pytest.mark.timeout(300)
def test_a_call_over_2400_bit_s_is_set_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.json"
    systems = ["--systems", "phv", "phv-max2400", "--impairments", "rate 2400"]
    assert main(["bench", "setup", "--calls", "1", "--json", str(file), *systems]) == 0
    usual, tight = json.loads(file.read_text())
    assert [usual["calls_failed"], tight["calls_failed"]] == [0, 0]
    assert usual["invite_bytes"] <= 1000 and tight["invite_bytes"] <= 700
    before = [one["what"] for one in tight["sent"][: 1 + next(n for n, one in enumerate(tight["sent"]) if one["what"] == "ACK")]]
    assert {"INVITE", "200 INVITE", "ACK"} <= set(before), "the way of a call"
    assert "rtcp" not in before and "100 INVITE" not in before, "nothing that nobody needs before the call is up"
    once = [what for what in before if what in ("INVITE", "200 INVITE", "ACK")]
    assert sum(one["ip_bytes"] for one in tight["sent"][: len(before)]) < 1800 * len(once) / 3, "6 s at 300 bytes a second"
    assert "| rate 2400 | phv-max2400 |" in capsys.readouterr().out


def test_bad_arguments_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, why in (
        (["--calls", "0"], "--calls must be 1 or more"),
        (["--impairments", "rat 3"], "'rat 3' is no impairment"),
        (["--systems", "mp3"], "no system 'mp3'"),
    ):
        assert main(["bench", "setup", *arguments]) == 1
        assert why in capsys.readouterr().err
