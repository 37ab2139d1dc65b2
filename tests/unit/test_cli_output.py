"""What the commands print: harmless, not twice, and JSON only where JSON was asked for."""

import io
import json

import pytest

from softphone.cli.output import Output, event_sentence
from softphone.control.protocol import CallState, CallStatistics, Direction, Media, Registration, Worker


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def call(state: str, **fields: object) -> CallState:
    return CallState(call=1, state=state, direction="incoming", **fields)  # type: ignore[arg-type]


def test_names_from_the_network_cannot_drive_the_terminal() -> None:
    people = io.StringIO()
    Output(False, people).event(call("incoming", remote="\x1b]0;owned\x07<sip:m@x>\r\n"))
    assert people.getvalue() == "incoming call from ␛]0;owned␇<sip:m@x>␍␊\n"


def test_json_goes_to_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    people = Terminal()
    output = Output(True, people)
    output.event(call("confirmed"))
    output.event(CallStatistics(call=1, codec="x-phv"))
    output.say("a sentence")
    output.progress("a line")
    assert people.getvalue() == ""
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["call_state", "statistics"]


def test_the_progress_line_is_replaced_on_a_terminal_and_left_out_of_files() -> None:
    statistics = CallStatistics(
        call=1, codec="x-phv", seconds=65, tx=Direction(payload_bps=210, ip_bps=2000), rx=Direction(loss_percent=1.5)
    )
    people, file = Terminal(), io.StringIO()
    for where in (people, file):
        output = Output(False, where)
        output.event(statistics)
        output.event(call("disconnected", reason="the other side hung up", duration_s=65.2))
    assert "1:05 x-phv  sent 210 bit/s (2000 with headers)" in people.getvalue()
    assert "loss 1.5 %" in people.getvalue()
    assert people.getvalue().endswith("\rcall ended after 65.2 s: the other side hung up\n")
    assert file.getvalue() == "call ended after 65.2 s: the other side hung up\n"


def test_what_matters_to_people_is_a_sentence() -> None:
    assert (
        event_sentence(Registration(account="a", state="failed", reason="401: no", retry_s=4))
        == "a: registration failed: 401: no; next try in 4 s"
    )
    assert event_sentence(Media(call=1, state="active", codec="opus", note="why")) == "codec opus (why)"
    assert event_sentence(Worker(state="died", reason="it ended")) == "codec: it ended"
    assert event_sentence(Worker(state="ready")) == ""
