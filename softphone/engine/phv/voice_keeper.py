"""Voices from call to call: what earlier calls learned goes to the worker when a call begins on our codec, what this one learned is kept
when it ends. A thread of its own does all disk access. Voices are in no event and no log.
"""

from __future__ import annotations

import logging
import queue
import shlex
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from softphone import config
from softphone.config.fields import ConfigError
from softphone.control.protocol import CallState, Event, Log, Media
from softphone.files.errors import StoreError
from softphone.link.messages import KnownVoice, Memory, OwnVoice
from softphone.store.voices import OWN, KeptVoices

if TYPE_CHECKING:
    from softphone.engine.calls.call import PhoneCall
    from softphone.engine.phv.stream import PhvStream

ASK = (
    "Voices can be remembered, so that the next call sounds right at once. To decide: "
    "softphone voices allow{0}, or softphone voices refuse{0}. Until then they are forgotten."
)
log = logging.getLogger(__name__)
V = TypeVar("V", OwnVoice, KnownVoice)


def voices_refused(file: Path | None) -> bool:
    """Whether the configuration, as it is now, says "never"; file: None for the XDG path. An unreadable one counts as "never"."""
    try:
        return config.load(file).privacy.voices == "never"
    except ConfigError:
        return True


class VoiceKeeper:
    """consent: "ask", "always" or "never", of the configuration; refused: whether the user has taken it back since, asked on the keeper's
    thread. Main thread only, but for its own."""

    def __init__(
        self,
        consent: str,
        calls: Mapping[int, PhoneCall],
        publish: Callable[[Event], None],
        kept: KeptVoices | None = None,
        refused: Callable[[], bool] = lambda: False,
        file: Path | None = None,
    ) -> None:
        """file: the configuration that the user named, for the question."""
        self._consent = consent
        self._refused = refused
        self._ask = ASK.format("" if file is None else f" --config {shlex.quote(str(file))}")
        self._calls, self._publish = calls, publish
        self._kept = kept or KeptVoices()
        self._asked = False
        self._began: dict[int, set[str]] = {}
        """Whose voices were kept when a stream, by its number, began; the keeper's thread."""
        self._streams: dict[int, tuple[PhvStream, str]] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="voice-keeper", daemon=True)

    def start(self) -> None:
        """Before the first call."""
        self._thread.start()

    def stop(self) -> None:
        """When all calls have ended: what is to be kept is written."""
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(3)

    def take(self, event: Event) -> None:
        """An event of a call."""
        match event:
            case Media(call=number, codec="x-phv", state="active"):
                call = self._calls.get(number)
                stream = call.media.phv_stream if call else None
                if stream is not None and call is not None and self._streams.get(number, (None,))[0] is not stream:
                    if (old := self._streams.pop(number, None)) is not None:
                        self._end(*old)
                    remote = call.describe().remote
                    self._streams[number] = stream, remote
                    self._begin(stream, remote)
            case CallState(call=number, state="disconnected"):
                known = self._streams.pop(number, None)
                if known is not None:
                    self._end(*known)

    def _begin(self, stream: PhvStream, remote: str) -> None:
        if self._consent == "always":
            self._jobs.put(lambda: self._remind(stream, remote))

    def _remind(self, stream: PhvStream, remote: str) -> None:
        if not self._refused():
            self._began[stream.number] = {who for who in (remote, OWN) if self._kept.get(who) is not None}
            stream.remember(self._memory(remote))

    def _memory(self, remote: str) -> Memory:
        contact, own = self._kept.get(remote), self._kept.get(OWN)
        known = {} if contact is None else contact.voices
        return Memory(
            permit=True,
            own=_read({} if own is None else own.voices, "own", OwnVoice),
            mine=_read(known, "mine", KnownVoice),
            theirs=_read(known, "theirs", KnownVoice),
        )

    def _end(self, stream: PhvStream, remote: str) -> None:
        if self._consent == "ask" and not self._asked:
            self._asked = True
            self._publish(Log(level="warning", message=self._ask, about="voices"))
        voices = stream.voices
        if self._consent != "always" or voices is None:
            return
        theirs = voices.theirs if voices.permitted else None
        written = {remote: {"mine": _stored(voices.mine), "theirs": _stored(theirs)}, OWN: {"own": _stored(voices.own)}}
        self._jobs.put(lambda: self._write_all(stream.number, written))

    def _write_all(self, number: int, written: dict[str, dict[str, Any]]) -> None:
        began = self._began.pop(number, set())
        for who, voices in written.items():
            # A voice that was there and is gone was deleted by the user during the call.
            if who not in began or self._kept.get(who) is not None:
                self._write(who, voices)

    def _write(self, remote: str, voices: dict[str, Any]) -> None:
        if self._refused():
            return
        try:
            self._kept.keep(remote, voices)
        except StoreError as error:
            log.warning("a voice was not kept: %s", error)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                log.exception("a voice could not be remembered")


def _stored(voice: OwnVoice | KnownVoice | None) -> dict[str, Any] | None:
    """As the file of a contact has it."""
    return None if voice is None else msgspec.structs.asdict(voice)


def _read(stored: Mapping[str, Any], name: str, kind: type[V]) -> V | None:
    """None where there is none, or it cannot be read: it is learned again."""
    if (voice := stored.get(name)) is None:
        return None
    try:
        return msgspec.convert(voice, kind)
    except msgspec.ValidationError as error:
        log.warning("a remembered voice cannot be read (%s); it is learned again", error)
        return None
