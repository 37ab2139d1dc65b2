"""Transcripts: what both sides of a call said, in words, into private files. The worker finds the words; a thread of its own writes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from softphone.control.protocol import ControlError, Log
from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.media.recording_notice import TRANSCRIBED, RecordingNotice
from softphone.engine.calls.media.typed_speech import TypedSpeech
from softphone.files.errors import StoreError
from softphone.link.messages import Observed
from softphone.plain_text import visible
from softphone.store.transcripts import KeptTranscripts

HEAD = """Call with {remote}, {when}
Words are looked up from the speech sounds that x-phv carried, so some are wrong; sounds that make no word stand between slashes.
What was typed stands as it was typed. While a call carries sound in place of symbols, the other side may be missing.

"""
STOP_S = 3.0


@dataclass
class _Open:
    path: Path
    began: float
    told: bool = False
    """Whether the other side was told: until then nothing is asked of the worker and nothing is written."""


class Transcripts:
    """`always`: every call on x-phv is transcribed from its beginning. While typed text is spoken, the sounds sent are those of a text
    that is known already. Main thread only; files are written on a thread of its own."""

    def __init__(
        self,
        always: bool,
        notice: RecordingNotice,
        typed_speech: TypedSpeech,
        publish: Callable[[Log], None],
        kept: KeptTranscripts | None = None,
    ) -> None:
        self._always = always
        self._notice = notice
        self._typed_speech = typed_speech
        typed_speech.on_text = self.typed
        self._publish = publish
        self._kept = kept or KeptTranscripts()
        self._open: dict[int, _Open] = {}
        self._begun: set[int] = set()
        """Calls in which it began by itself: switched off by hand it stays off."""
        self._lines: queue.SimpleQueue[tuple[Path, str] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self, call: PhoneCall) -> str:
        """The path of the transcript that is written once the other side was told. Raises ControlError, CallError."""
        call.check_up("be transcribed")
        if call.media.codec_now != "x-phv":
            raise ControlError(f"call {call.number} is not on x-phv: only that codec carries the words", "no_sound")
        if call.number not in self._open:
            now = time.time()
            remote = call.describe().remote
            opened = self._open[call.number] = _Open(self._kept.path(remote, now), time.monotonic())
            head = HEAD.format(remote=visible(remote), when=time.strftime("%Y-%m-%d %H:%M", time.localtime(now)))
            call.transcript = str(opened.path)
            self._notice.speak(call, TRANSCRIBED, lambda why: self._answered(call, opened, head, why))
        return call.transcript

    def end(self, call: PhoneCall) -> None:
        """Write no more."""
        self._open.pop(call.number, None)
        call.transcript = ""

    def wants(self, call: PhoneCall) -> bool:
        return (opened := self._open.get(call.number)) is not None and opened.told

    def take(self, call: PhoneCall, report: Observed) -> None:
        """What the worker reported of a call."""
        if report.said and not self._typed_speech.speaks(call.number):
            self._line(call.number, "me", report.said)
        if report.heard:
            self._line(call.number, "them", report.heard)

    def typed(self, call: PhoneCall, text: str) -> None:
        """This text is spoken to the other side."""
        self._line(call.number, "me, typed", visible(text))

    def update(self, calls: Mapping[int, PhoneCall]) -> None:
        """Call it on each turn of the main loop."""
        for number in [number for number in self._open if number not in calls]:
            del self._open[number]
        self._begun &= calls.keys()
        if not self._always:
            return
        for call in calls.values():
            if call.number not in self._begun and call.state == "confirmed" and call.media.codec_now == "x-phv" and not call.held:
                if not self._notice.ready:
                    continue  # words need the worker, and so does the notice
                self._begun.add(call.number)
                self.begin(call)
                call.tell()

    def stop(self) -> None:
        """Write what is left."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(STOP_S)

    def _answered(self, call: PhoneCall, opened: _Open, head: str, why: str) -> None:
        """The notice is being spoken, or `why` not."""
        if self._open.get(call.number) is not opened:
            return
        if not why:
            if not opened.told:
                opened.told = True
                self._write(opened.path, head)
            return
        self.end(call)
        call.tell()
        text = f"call {call.number} is not transcribed, because the other side cannot be told ({why})"
        self._publish(Log(level="warning", message=text))

    def _line(self, number: int, who: str, text: str) -> None:
        if (opened := self._open.get(number)) is not None and opened.told:
            minutes, seconds = divmod(int(time.monotonic() - opened.began), 60)
            self._write(opened.path, f"[{minutes:02}:{seconds:02}] {who}: {text}\n")

    def _write(self, path: Path, text: str) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="transcripts", daemon=True)
            self._thread.start()
        self._lines.put((path, text))

    def _run(self) -> None:
        complained = False
        while (item := self._lines.get()) is not None:
            try:
                self._kept.append(*item)
                complained = False
            except StoreError as error:
                if not complained:
                    self._publish(Log(level="error", message=str(error)))
                complained = True
