"""Transcripts: not a word is written before the other side was told, nor where it cannot be told."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from softphone.control.protocol import Log
from softphone.engine.calls.media.transcript import Transcripts
from softphone.link.messages import Observed, VoiceProgress
from softphone.store.transcripts import KeptTranscripts


class Notice:
    """Keeps what it would be answered with."""

    ready = True

    def __init__(self) -> None:
        self.answers: list[Callable[[str], None]] = []

    def speak(self, _call: Any, _words: str, answered: Callable[[str], None]) -> None:
        self.answers.append(answered)


def a_call() -> Any:
    return SimpleNamespace(
        number=3,
        transcript="",
        media=SimpleNamespace(codec_now="x-phv"),
        check_up=lambda _what: None,
        describe=lambda: SimpleNamespace(remote="sip:bob@example.org"),
        tell=lambda: None,
    )


def heard(words: str) -> Any:
    return Observed(1, [], [], VoiceProgress(), heard=words)


@pytest.mark.parametrize("ends_first", [False, True])
@pytest.mark.parametrize("why", ["", "the worker is away"])
def test_nothing_is_written_before_the_other_side_was_told(why: str, ends_first: bool, tmp_path: Path) -> None:
    notice, told, call = Notice(), list[Log](), a_call()
    typed: Any = SimpleNamespace(on_text=None, speaks=lambda _number: False)
    kept = KeptTranscripts(tmp_path / "transcripts")
    transcripts = Transcripts(False, notice, typed, told.append, kept)  # type: ignore[arg-type]
    path = Path(transcripts.begin(call))
    assert not transcripts.wants(call)
    transcripts.take(call, heard("before"))
    transcripts.typed(call, "typed before")
    if ends_first:
        transcripts.end(call)
    notice.answers[0](why)
    transcripts.take(call, heard("after"))
    transcripts.stop()
    if why or ends_first:
        assert not path.exists() and not call.transcript
        assert [why in each.message for each in told] == ([True] if why and not ends_first else [])
    else:
        text = path.read_text()
        assert "them: after" in text and "before" not in text and "sip:bob@example.org" in text
