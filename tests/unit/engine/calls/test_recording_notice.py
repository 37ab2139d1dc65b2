"""Whoever records on our codec learns when the remote party could not be told."""

from types import SimpleNamespace
from typing import Any

import pytest

from softphone.control.protocol import ControlError, Failure, Log, Reply
from softphone.engine.calls.media.recording_notice import RECORDED, RecordingNotice


def a_call(codec: str = "x-phv") -> Any:
    return SimpleNamespace(
        number=3, over=False, state="confirmed", held=False, audio=SimpleNamespace(notice_due=True), media=SimpleNamespace(codec_now=codec)
    )


class TypedSpeech:
    def __init__(self, reply: Reply | None = None) -> None:
        self.said: list[str] = []
        self._reply = reply

    def say(self, command: Any, _call: Any, answer: Any) -> None:
        self.said.append(command.text)
        if self._reply is None:
            raise ControlError("the worker is away", "no_worker")
        answer(self._reply)


REFUSED = Reply(id=0, error=Failure(code="failed", message="the worker died"))


@pytest.mark.parametrize(("reply", "why"), [(Reply(id=0), ""), (REFUSED, "the worker died"), (None, "the worker is away")])
def test_the_words_are_said_once_and_a_failure_is_told(reply: Reply | None, why: str) -> None:
    speech, told, call = TypedSpeech(reply), list[Log](), a_call()
    notice = RecordingNotice(speech, told.append)  # type: ignore[arg-type]
    notice.update({3: call})
    notice.update({3: call})
    assert speech.said == [RECORDED]
    assert [why in each.message and "tell them yourself" in each.message for each in told] == ([True] if why else [])


def test_a_tone_does_it_on_other_codecs_and_nobody_is_told_of_a_call_that_ended() -> None:
    speech, told, call = TypedSpeech(REFUSED), list[Log](), a_call("opus")
    notice = RecordingNotice(speech, told.append)  # type: ignore[arg-type]
    notice.update({3: call})
    assert not speech.said
    ending = a_call()

    def end_and_answer(*arguments: Any) -> None:
        ending.over = True
        arguments[2](REFUSED)

    speech.say = end_and_answer  # type: ignore[assignment,method-assign]
    notice.update({3: ending})
    assert not told
