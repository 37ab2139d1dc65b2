"""Engines as processes: two of them call each other, wrong commands get sentences, every end is clean."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from codec.wire.packet import VERSION
from softphone.config import Audio, Codecs, Config, Network, to_toml
from softphone.control.client import ControlClient
from softphone.control.protocol import (
    Answer,
    AutoAnswer,
    Call,
    CallState,
    CallStatistics,
    Command,
    ControlError,
    Engine,
    Hangup,
    Play,
    Record,
    Register,
    Registration,
    Shutdown,
    Status,
    Unregister,
)
from softphone.engine.sip.status_text import explain_call, explain_registration, plain
from tests.phones.phone import Phone
from tests.places import ROOT
from tests.waiting import until

MakePhone = Callable[..., Phone]


def loudness(path: Path) -> float:
    sound, rate = soundfile.read(path, dtype="int16")
    assert rate == 16000
    return float(np.sqrt(np.mean(sound.astype(float) ** 2)))


def test_a_call_on_our_codec_with_files_at_both_ends(make_phone: MakePhone, speech: Path, tmp_path: Path) -> None:
    alice, bob = make_phone("alice"), make_phone("bob")
    alice.wait_worker()
    bob.wait_worker()
    bob.client.request(AutoAnswer(wav_in=str(speech), wav_out=str(tmp_path / "bob-{call}.wav")))
    call = alice.call(bob.uri, wav_in=speech, wav_out=tmp_path / "alice.wav")
    media = alice.wait_media(call)
    assert media.codec == "x-phv" and media.note == ""
    assert media.rtpmap_local and media.rtpmap_local.endswith("x-phv/16000")
    assert media.fmtp_remote and f"version={VERSION}" in media.fmtp_remote and "model=" in media.fmtp_remote
    played = alice.wait_file(call, "played")
    # Until all was sent, and a whole second went by in which nothing was.
    sent = 5
    alice.wait(CallStatistics, lambda event: event.monotonic > played.monotonic and event.tx.packets > sent and event.tx.payload_bps == 0)
    alice.client.request(Hangup(call=call))
    ended = alice.wait_state(call, "disconnected")
    assert ended.reason == "you hung up" and 4 < ended.duration_s < 30
    assert bob.wait(CallState, lambda event: event.state == "disconnected").reason == "the other side hung up"
    assert alice.events.index(alice.wait_file(call, "recorded")) < alice.events.index(ended), "the file is whole when the call is over"
    bob_file = tmp_path / f"bob-{bob.wait(CallState).call}.wav"
    for heard in (tmp_path / "alice.wav", bob_file):
        assert loudness(heard) > 100, "nothing was heard"
        assert 4 < soundfile.info(heard).duration < 30
    counted = alice.last_statistics(call)
    assert counted.codec == "x-phv" and counted.worker == "ready"
    assert counted.tx.packets > sent and counted.rx.packets > 5
    # Each group four times, until the far end says that nothing is lost. All was sent when the last report came, a second before the end.
    assert 8 * counted.tx.bytes / ended.duration_s < 1650
    assert counted.codec_counters.packets > 0
    assert alice.client.request(Status()).calls == []


def test_ip_rate_counts_headers(make_phone: MakePhone, speech: Path) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU",)), make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    call = alice.call(bob.uri, wav_in=speech)
    alice.wait_file(call, "played")
    counted = alice.last_statistics(call)
    assert counted.codec == "PCMU"
    assert counted.tx.payload_bps == pytest.approx(64000, rel=0.1)
    assert counted.tx.ip_bps == pytest.approx(80000, rel=0.1)  # 50 packets/s x (160 + 40) bytes x 8
    assert counted.rx.loss_percent < 5
    assert alice.wait(CallStatistics, lambda event: event.rtt_ms is not None).rtt_ms


def test_without_our_codec_the_media_event_says_why(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice"), make_phone("bob", codecs=("opus", "PCMU"))
    alice.wait_worker()
    bob.client.request(AutoAnswer())
    media = alice.wait_media(alice.call(bob.uri))
    assert media.codec == "opus" and "did not agree to x-phv" in media.note
    answered = bob.wait_media(bob.wait(CallState).call)
    assert "x-phv is switched off in the settings" in answered.note


def test_ring_answer_refuse_and_cancel(make_phone: MakePhone, speech: Path, tmp_path: Path) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU",)), make_phone("bob", codecs=("PCMU",))
    refused = alice.call(bob.uri)
    incoming = bob.wait(CallState, lambda event: event.state == "incoming")
    assert incoming.direction == "incoming"
    alice.wait_state(refused, "early")
    bob.client.request(Hangup(call=incoming.call, code=486))
    over = alice.wait_state(refused, "disconnected")
    assert over.code == 486 and "busy" in over.reason

    after = len(bob.events)
    cancelled = alice.call(bob.uri)
    ringing = bob.wait(CallState, lambda event: event.state == "incoming", after=after)
    alice.wait_state(cancelled, "early")
    alice.client.request(Hangup(call=cancelled))
    assert "cancelled" in bob.wait_state(ringing.call, "disconnected").reason

    after = len(bob.events)
    taken = alice.call(bob.uri)
    ringing = bob.wait(CallState, lambda event: event.state == "incoming", after=after)
    bob.client.request(Answer(call=ringing.call))
    alice.wait_state(taken, "confirmed")
    with pytest.raises(ControlError, match="only an incoming call that rings"):
        bob.client.request(Answer(call=ringing.call))
    bob.client.request(Record(call=ringing.call, wav=str(tmp_path / "part.wav")))
    alice.client.request(Play(call=taken, wav=str(speech)))
    alice.wait_file(taken, "played")
    bob.client.request(Record(call=ringing.call))
    bob.wait_file(ringing.call, "recorded")
    assert loudness(tmp_path / "part.wav") > 100
    bob.client.request(Hangup())
    assert alice.wait_state(taken, "disconnected").reason == "the other side hung up"


def test_two_calls_at_once(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice"), make_phone("bob")
    alice.wait_worker()
    bob.wait_worker()
    bob.client.request(AutoAnswer())
    calls = [alice.call(bob.uri), alice.call(bob.uri)]
    for call in calls:
        assert alice.wait_media(call).codec == "x-phv"
        alice.wait_state(call, "confirmed")
    assert len(bob.client.request(Status()).calls) == 2
    alice.client.request(Hangup())
    for call in calls:
        alice.wait_state(call, "disconnected")


def test_wrong_commands_get_their_sentence_and_the_engine_goes_on(make_phone: MakePhone, tmp_path: Path) -> None:
    alice = make_phone("alice", codecs=("PCMU",))
    stereo, short, text = tmp_path / "stereo.wav", tmp_path / "short.wav", tmp_path / "text.wav"
    soundfile.write(stereo, np.zeros((16000, 2), np.int16), 16000)
    soundfile.write(short, np.zeros(10, np.int16), 16000)
    text.write_text("not sound")
    good = "sip:nobody@127.0.0.1:9"
    wrong: list[tuple[Command, str]] = [
        (Call(uri="sip:"), "is no SIP address"),
        (Call(uri="<<<"), "is no SIP address"),
        (Call(uri="http://example.org"), "is no SIP address|cannot be called"),
        (Call(uri=good, account="nobody"), "there is no account nobody"),
        (Call(uri=good, wav_in="/nowhere/x.wav"), "is not a file"),
        (Call(uri=good, wav_in=str(text)), "is no WAV file"),
        (Call(uri=good, wav_in=str(stereo)), "2 channels"),
        (Call(uri=good, wav_in=str(short)), "shorter than 20 ms"),
        (Call(uri=good, wav_out="/nowhere/x.wav"), "cannot be written"),
        (Call(uri=good, wav_out=str(tmp_path / "x.mp3")), "does not end in .wav"),
        (Answer(call=1), "there is no call 1"),
        (Hangup(call=77), "there is no call 77"),
        (Play(call=1, wav="x"), "there is no call 1"),
        (Record(call=1, wav="x"), "there is no call 1"),
        (Unregister(account="nobody"), "there is no account nobody"),
        (Unregister(account="local"), "not registered anywhere"),
        (Register(account="local", uri="sip:a@example.org"), "taken"),
        (Register(account="a", uri="nonsense"), "is no SIP address"),
        (Register(account="a", uri="sip:a@example.org", registrar="nonsense"), "is no SIP address"),
        (AutoAnswer(wav_in="/nowhere/x.wav"), "is not a file"),
    ]
    for command, words in wrong:
        with pytest.raises(ControlError, match=words):
            alice.client.request(command)
    status = alice.client.request(Status())
    assert status.calls == [] and status.auto_answer is False
    assert [account.account for account in status.accounts] == ["local"]


def unused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


@pytest.fixture
def tcp_phone(tmp_path: Path) -> Iterator[Phone]:
    network = Network(bind="127.0.0.1", transport="tcp")
    phone = Phone(tmp_path / "tcp", Config(network=network, audio=Audio("null", "null"), codecs=Codecs(("PCMU",))))
    phone.start()
    yield phone
    phone.stop()


def test_an_address_where_nobody_is(tcp_phone: Phone) -> None:
    over = tcp_phone.wait_state(tcp_phone.call(f"127.0.0.1:{unused_port()}"), "disconnected")
    assert over.code in (502, 503) and "check" in over.reason


def test_a_registrar_that_is_not_there_is_tried_again(tcp_phone: Phone) -> None:
    phone = tcp_phone
    phone.client.request(
        Register(account="work", uri="sip:a@example.org", registrar=f"sip:127.0.0.1:{unused_port()}", password="secret-word")
    )
    first = phone.wait(Registration, lambda event: event.state == "failed")
    assert first.account == "work" and first.code in (502, 503, 408) and first.retry_s and "check" in first.reason
    again = phone.wait(Registration, lambda event: event.state == "failed", after=phone.events.index(first) + 1)
    assert again.monotonic - first.monotonic > 0.9
    phone.client.request(Unregister(account="work"))
    phone.wait(Registration, lambda event: event.state == "unregistered")
    until(lambda: len(phone.client.request(Status()).accounts) == 1, wanted="an end of the account")
    assert phone.client.request(Status()).accounts[0].account == "local"
    assert "secret-word" not in phone.log()


def test_a_transport_that_is_not_there_is_said(make_phone: MakePhone) -> None:
    alice = make_phone("alice", codecs=("PCMU",))
    with pytest.raises(ControlError, match=r"network\.transport"):
        alice.call("sip:nobody@127.0.0.1:9;transport=tcp")
    alice.client.request(Register(account="work", uri="sip:a@example.org", registrar="sip:127.0.0.1;transport=tcp"))
    assert "network.transport" in alice.wait(Registration, lambda event: event.state == "failed").reason


def test_an_account_with_a_call_is_not_taken_away(make_phone: MakePhone) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU",)), make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    register = Register(account="work", uri="sip:a@127.0.0.1", registrar=f"sip:127.0.0.1:{unused_port()}")
    alice.client.request(register)
    call = alice.client.request(Call(uri=bob.uri, account="work")).call
    alice.wait_state(call, "confirmed")
    for command in (register, Unregister(account="work")):
        with pytest.raises(ControlError, match="hang up first"):
            alice.client.request(command)
    alice.client.request(Hangup())
    alice.wait_state(call, "disconnected")
    time.sleep(0.1)
    alice.client.request(register)
    alice.client.request(Unregister(account="work"))


def start(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "softphone.engine", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "XDG_RUNTIME_DIR": str(folder)}, stderr=subprocess.PIPE, text=True)


def config_file(folder: Path, **network: object) -> Path:
    path = folder / "engine.toml"
    settings = {"bind": "127.0.0.1", **network}
    path.write_text(to_toml(Config(network=Network(**settings), audio=Audio("null", "null"))))  # type: ignore[arg-type]
    return path


def connect(path: Path, seconds: float = 20) -> ControlClient:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ControlClient(path)
        except ControlError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_in_a_call(make_phone: MakePhone, tmp_path: Path, number: signal.Signals) -> None:
    bob = make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    process = start(["--config", str(config_file(tmp_path))], tmp_path)
    path = tmp_path / "softphone" / "engine.sock"
    with connect(path) as client:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        worker = client.request(Status()).worker.pid
        client.request(Call(uri=bob.uri, wav_out=str(tmp_path / "half.wav")))
        bob.wait(CallState, lambda event: event.state == "confirmed")
        process.send_signal(number)
        states = [event.state for event in client.events(15) if isinstance(event, Engine)]
    assert process.wait(15) == 0
    assert states[-2:] == ["stopping", "stopped"]
    assert bob.wait(CallState, lambda event: event.state == "disconnected").reason == "the other side hung up"
    assert not path.exists()
    assert worker and not Path(f"/proc/{worker}").exists()
    assert soundfile.info(tmp_path / "half.wav").frames >= 0
    assert "Assertion" not in str(process.stderr and process.stderr.read())


def test_what_keeps_it_from_starting_is_one_sentence(make_phone: MakePhone, tmp_path: Path) -> None:
    running = make_phone("alice", codecs=("PCMU",))
    port = int(running.uri.rpartition(":")[2])
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[network]\nport = 70000\n")
    cases = [
        (["--config", str(config_file(tmp_path, port=port))], "another phone"),
        (["--config", str(tmp_path / "missing.toml")], "missing.toml"),
        (["--config", str(wrong)], "network.port"),
        (["--config", str(running.config_file), "--socket", str(running.socket)], "already serves"),
        (["--config", str(running.config_file), "--socket", "/nowhere/x.sock"], "/nowhere/x.sock"),
    ]
    for arguments, words in cases:
        process = start(arguments, tmp_path)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 2, said
        last = said.strip().splitlines()[-1]
        assert last.startswith("softphone engine: ") and words in last
        assert "Traceback" not in said
    assert running.client.request(Status()).version
    assert not (tmp_path / "softphone" / "engine.sock").exists()


def test_shutdown_by_command(tmp_path: Path) -> None:
    process = start(["--config", str(config_file(tmp_path))], tmp_path)
    with connect(tmp_path / "softphone" / "engine.sock") as client:
        client.request(Shutdown())
        assert [event.state for event in client.events(15) if isinstance(event, Engine)][-1] == "stopped"
    assert process.wait(15) == 0


def test_no_sound_device_is_said_and_harms_no_call(make_phone: MakePhone, tmp_path: Path) -> None:
    path = tmp_path / "engine.toml"
    path.write_text(to_toml(Config(network=Network(bind="127.0.0.1"), audio=Audio(input="A Microphone That Is Not There"))))
    bob = make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer())
    process = start(["--config", str(path)], tmp_path)
    with connect(tmp_path / "softphone" / "engine.sock") as client:
        assert client.request(Status()).sound
        client.request(Call(uri=bob.uri))
        assert any(isinstance(event, CallStatistics) for event in client.events(4))
        client.request(Shutdown())
    assert process.wait(15) == 0


@pytest.mark.parametrize("code", [301, 401, 404, 408, 480, 486, 488, 499, 500, 503, 603, 699])
def test_every_status_code_is_a_sentence(code: int) -> None:
    for explain in (explain_call, explain_registration):
        for reason in ("", "Some Reason", "two\r\nlines " * 50):
            sentence = explain(code, reason)
            assert sentence.endswith(f"({code})") and len(sentence) < 500 and "\n" not in sentence


@pytest.mark.parametrize(
    "reason",
    [
        "gethostbyname() has returned error (PJ_ERESOLVE)",
        "Invalid URI (PJSIP_EINVALIDURI)",
        "Connection refused [status=120111]",
        "Unknown error 999 (PJSIP_ESOMETHING)",
        "Unsupported transport (PJSIP_EUNSUPTRANSPORT)",
    ],
)
def test_pjsips_own_words_reach_nobody(reason: str) -> None:
    for sentence in (plain(reason), explain_call(503, reason, host="exmaple.org"), explain_registration(502, reason)):
        assert "PJ" not in sentence and "gethostbyname" not in sentence and "status=" not in sentence, sentence
    assert "cannot find host exmaple.org; check the spelling" in explain_call(502, "PJ_ERESOLVE", host="exmaple.org")


def test_a_call_that_was_up_lost_contact() -> None:
    assert "lost contact" in explain_call(408, "Request Timeout", up=True)
    assert "no answer" in explain_call(408, "Request Timeout")


def test_many_short_calls_leave_nothing_behind(make_phone: MakePhone, speech: Path, tmp_path: Path) -> None:
    alice, bob = make_phone("alice", codecs=("PCMU",)), make_phone("bob", codecs=("PCMU",))
    bob.client.request(AutoAnswer(wav_out=str(tmp_path / "{call}.wav")))
    for number in range(30):
        call = alice.call(bob.uri, wav_in=speech)
        if number % 3:
            alice.wait_state(call, "confirmed")
        (bob if number % 2 else alice).client.request(Hangup())
        alice.client.request(Hangup())
        alice.wait_state(call, "disconnected", seconds=40)
        if number == 5:
            before = [open_files(phone) for phone in (alice, bob)]
    for phone, then in zip((alice, bob), before, strict=True):
        until(lambda phone=phone: not phone.client.request(Status()).calls, wanted="the end of all calls")
        until(lambda phone=phone, then=then: open_files(phone) <= then + 2, wanted="no more open files than before")


def open_files(phone: Phone) -> int:
    return len(os.listdir(f"/proc/{phone.client.request(Status()).pid}/fd"))
