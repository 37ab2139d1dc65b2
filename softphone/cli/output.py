"""What a command shows while it runs: JSON lines for machines, or sentences and one progress line for people."""

import shutil
import sys
from typing import TextIO

from softphone.control.protocol import AnyEvent, CallState, CallStatistics, Engine, Log, Media, Registration, Worker, to_line


class Output:
    """Events in, text out. JSON goes to standard output; everything for people to standard error, so that it can be told apart."""

    def __init__(self, as_json: bool, people: TextIO = sys.stderr) -> None:
        self._json = as_json
        self._people = people
        self._live = people.isatty()
        self._line = ""
        self._last = ""

    def event(self, event: AnyEvent) -> None:
        """Show an event."""
        if self._json:
            sys.stdout.write(to_line(event).decode())
            sys.stdout.flush()
        elif isinstance(event, CallStatistics):
            self.progress(statistics_line(event))
        elif (sentence := event_sentence(event)) and sentence != self._last:
            self._last = sentence
            self.say(sentence)

    def say(self, sentence: str) -> None:
        """A line that stays; not shown with --json."""
        if not self._json:
            self._clear()
            print(harmless(sentence), file=self._people, flush=True)

    def progress(self, text: str) -> None:
        """A line that the next one replaces; shown on a terminal only."""
        if not self._json and self._live:
            self._clear()
            self._line = harmless(text)[: shutil.get_terminal_size().columns - 1]
            self._people.write(self._line)
            self._people.flush()

    def _clear(self) -> None:
        if self._line:
            self._people.write("\r" + " " * len(self._line) + "\r")
            self._line = ""


def harmless(text: str) -> str:
    """`text` without what could drive the terminal."""
    # Names come from the network; control characters in them could drive the terminal.
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def statistics_line(event: CallStatistics) -> str:
    """One line on how a call fares."""
    minutes, seconds = divmod(int(event.seconds), 60)
    sent, heard = event.tx, event.rx
    return (
        f"{minutes}:{seconds:02} {event.codec}  sent {sent.payload_bps:.0f} bit/s ({sent.ip_bps:.0f} with headers)  "
        f"received {heard.payload_bps:.0f} ({heard.ip_bps:.0f})  loss {heard.loss_percent:.1f} %  jitter {heard.jitter_ms:.0f} ms"
    )


def event_sentence(event: AnyEvent) -> str:
    """What an event means to people; "" when it is not for them."""
    match event:
        case Registration(state="failed"):
            again = f"; next try in {event.retry_s:.0f} s" if event.retry_s else ""
            return f"{event.account}: registration failed: {event.reason}{again}"
        case Registration():
            return f"{event.account}: {event.state}"
        case CallState(state="calling"):
            return f"calling {event.remote}"
        case CallState(state="incoming"):
            return f"incoming call from {event.remote}"
        case CallState(state="early"):
            return "ringing"
        case CallState(state="confirmed"):
            return "connected"
        case CallState(state="disconnected"):
            return f"call ended after {event.duration_s:.1f} s: {event.reason}"
        case Media(state="active"):
            return f"codec {event.codec}" + (f" ({event.note})" if event.note else "")
        case Media(state="held"):
            return "on hold"
        case Media(state="failed"):
            return f"no audio: {event.note}"
        case Worker(state="died" | "unavailable" | "stream_failed"):
            return f"codec: {event.reason}"
        case Engine(state="died" | "restarting" | "given_up"):
            return f"phone: {event.reason}"
        case Log(level="warning" | "error"):
            return event.message
    return ""
