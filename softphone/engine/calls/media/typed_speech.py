"""Typed speech in calls: text goes to the worker, which sends tokens on our codec, and returns sound to play on other codecs."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from softphone.control.protocol import ControlError, Failure, Reply, Say, Spoken, reply_with
from softphone.link import messages as link
from softphone.link.messages import LinkError, NotSaid, Said

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall
    from softphone.engine.phv.worker import CodecWorker

MAX_WAITING = 8
"""Most texts of one call that the worker has not answered yet."""

MAX_WAITING_S = 120.0
"""Typed speech of one call that waits to be heard, on other codecs than ours (on ours the worker sees to it)."""

ANALYSIS_S = 2.0
"""So long the worker takes at most to find out how a text is pronounced."""

CARRY_S = 3.0
"""How long after its estimated end typed speech may still be under way in the worker."""


@dataclass
class _Text:
    """One Say. `answer` is called once."""

    call: int
    request_id: int
    answer: Callable[[Reply], None]
    answered: bool = False

    def result(self, said: Said) -> None:
        if not self.answered:
            self.answered = True
            self.answer(reply_with(self.request_id, Spoken(said.seconds, said.doubts)))

    def refuse(self, sentence: str) -> None:
        if not self.answered:
            self.answered = True
            self.answer(Reply(id=self.request_id, error=Failure(code="not_spoken", message=sentence)))


class TypedSpeech:
    """Main thread only. `find` gives a call that is up by its number, or None."""

    def __init__(self, worker: CodecWorker, find: Callable[[int], PhoneCall | None]) -> None:
        self.on_text: Callable[[PhoneCall, str], None] = lambda _call, _text: None
        """Called with each text that will be spoken."""
        self._worker = worker
        self._find = find
        self._numbers = itertools.count(1)
        self._texts: dict[int, _Text] = {}
        self._copies: dict[int, int] = {}
        """Texts that are spoken as symbols, as sound for a recording, and of which call."""
        self._carried: dict[int, float] = {}
        """Calls on our codec in which typed text is spoken, and until when at least."""
        self._busy_until: dict[int, float] = {}
        self._folder: Path | None = None

    @property
    def ready(self) -> bool:
        """Whether the worker can speak text now."""
        return self._worker.is_ready

    def speaks(self, call: int) -> bool:
        """Whether typed text is, or may still be, spoken in this call."""
        return call in self._carried or call in self._busy_until or any(text.call == call for text in self._texts.values())

    def say(self, command: Say, call: PhoneCall, answer: Callable[[Reply], None]) -> None:
        """Speak the text; `answer` is called once the worker has analysed it. Raises ControlError, CallError."""
        call.check_up("speak typed text")
        codec = call.media.codec_now
        if call.held or not codec:
            raise ControlError(f"call {call.number} has no sound now (it may be on hold); resume it first", "no_sound")
        if self._worker.state == "stopped":
            raise ControlError("typed text needs the codec worker, which is off: put x-phv into codecs.order", "no_worker")
        if not self._worker.is_ready:
            raise ControlError(f"typed text cannot be spoken now: {self._worker.reason}", "no_worker")
        if sum(text.call == call.number for text in self._texts.values()) >= MAX_WAITING:
            raise ControlError(f"{MAX_WAITING} texts wait to be spoken in call {call.number}; wait a little", "busy")
        waiting_s = self._busy_until.get(call.number, 0.0) - time.monotonic()
        if waiting_s > MAX_WAITING_S:
            raise ControlError(f"{waiting_s:.0f} seconds of typed speech wait in call {call.number}; wait a little", "busy")
        number, stream = next(self._numbers), call.media.phv_stream if codec == "x-phv" else None
        if stream is not None and not stream.types_tokens:
            stream = None
        try:
            if stream is None:
                sent = self._worker.say(link.Say(0, number, command.text, str(self._own_folder() / f"{number}.wav")))
            else:
                stream.typed(ANALYSIS_S)
                sent = self._worker.say(link.Say(stream.number, number, command.text))
                if sent and call.audio.recording:
                    self._copy(call, command.text)
        except LinkError:
            raise ControlError("the text is too long for the codec worker; send it in parts", "too_long") from None
        if not sent:
            raise ControlError("typed text cannot be spoken now: the codec worker is being started again", "no_worker")
        self._texts[number] = _Text(call.number, command.id, answer)
        self.on_text(call, command.text)

    def said(self, said: Said | NotSaid) -> None:
        """What the worker answered."""
        if said.id in self._copies:
            self._copied(said)
            return
        text = self._texts.get(said.id)
        call = self._find(text.call) if text is not None else None
        if text is None or call is None or call.over:
            if isinstance(said, Said) and said.path is not None:
                Path(said.path).unlink(missing_ok=True)
            if text is not None:
                text.refuse(f"call {text.call} is over")
        elif isinstance(said, NotSaid):
            text.refuse(said.sentence)
        elif said.path is None:
            self._carried[text.call] = time.monotonic() + said.seconds + CARRY_S
            call.audio.carry(True)
            if (stream := call.media.phv_stream) is not None:
                stream.typed(said.seconds)
            text.result(said)
        else:
            if not text.answered:
                now = time.monotonic()
                self._busy_until[text.call] = max(now, self._busy_until.get(text.call, 0.0)) + said.seconds
            call.audio.say(said.path)
            text.result(said)
        if isinstance(said, NotSaid) or not said.more:
            self._texts.pop(said.id, None)

    def _copy(self, call: PhoneCall, text: str) -> None:
        number = next(self._numbers)
        self._copies[number] = call.number
        self._worker.say(link.Say(0, number, text, str(self._own_folder() / f"{number}.wav")))

    def _copied(self, said: Said | NotSaid) -> None:
        """What cannot be spoken at all was refused for the call, too."""
        call = self._find(self._copies[said.id])
        if isinstance(said, NotSaid) or not said.more:
            del self._copies[said.id]
        if isinstance(said, Said) and said.path is not None:
            if call is None or call.over:
                Path(said.path).unlink(missing_ok=True)
            else:
                call.audio.say_into_recording(said.path)

    def tick(self) -> None:
        """Each second: the silence under typed speech ends with it."""
        for number in [number for number, until in self._carried.items() if self._is_done(number, until)]:
            del self._carried[number]
        for number in [number for number, until in self._busy_until.items() if until < time.monotonic()]:
            del self._busy_until[number]

    def worker_gone(self, reason: str) -> None:
        """Refuse the texts that wait: the worker is gone."""
        texts, self._texts = self._texts, {}
        self._copies.clear()
        for text in texts.values():
            text.refuse(f"the text was not spoken: {reason}")

    def close(self) -> None:
        """Calls are over."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _is_done(self, number: int, until: float) -> bool:
        call = self._find(number)
        if call is None or call.over:
            return True
        stream = call.media.phv_stream
        left = stream.statistics.typed_s if stream is not None else 0.0
        if left or time.monotonic() < until:
            return False
        call.audio.carry(False)
        return True

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="softphone-say-"))  # 0700
        return self._folder
