"""What a command shows while it runs: JSON lines for machines, or sentences and one progress line for people."""

import shutil
import sys
from typing import TextIO

from softphone.control.protocol import AnyEvent, CallState, CallStatistics, Engine, Log, Media, Registration, Worker, to_line
from softphone.plain_text import safe_json, visible, visible_event, visible_lines


class Output:
    """Prints events. JSON goes to standard output, everything for people to standard error."""

    def __init__(self, as_json: bool, people: TextIO = sys.stderr, *, quiet: bool = False) -> None:
        """`quiet`: people are told only what the command itself says, and how engine, codec and accounts stand."""
        self._json = as_json
        self._quiet = quiet
        self._people = people
        self._live = people.isatty()
        self._line = ""
        self._last = ""

    def event(self, event: AnyEvent, *, to_people: bool = True) -> None:
        """Show an event; `to_people` False: what it means to people is said otherwise."""
        if self._json:
            tell_json(to_line(event).decode())
        elif not to_people or (self._quiet and isinstance(event, CallState | Media | CallStatistics | Log)):
            return
        elif isinstance(event, CallStatistics):
            self.progress(statistics_line(event))
        elif (sentence := event_sentence(visible_event(event))) and sentence != self._last:
            self._last = sentence
            self.say(sentence)

    def say(self, sentence: str) -> None:
        """A line that stays; not shown with --json."""
        if not self._json:
            self._clear()
            tell(sentence, self._people)

    def progress(self, text: str) -> None:
        """A line that the next one replaces; shown on a terminal only."""
        if not self._json and self._live:
            self._clear()
            self._line = visible(text)[: shutil.get_terminal_size().columns - 1]
            self._people.write(self._line)
            self._people.flush()

    def _clear(self) -> None:
        if self._line:
            self._people.write("\r" + " " * len(self._line) + "\r")
            self._line = ""


def tell(sentence: object, file: TextIO | None = None) -> None:
    """Print one line for people, on standard output or `file`. All that commands say goes this way or through `tell_lines`: names and
    reasons in it come from the network, and must not drive the terminal."""
    _print(visible(str(sentence)), file or sys.stdout)


def tell_lines(text: object, file: TextIO | None = None) -> None:
    """Print lines for people, as `tell` does."""
    _print(visible_lines(str(text)), file or sys.stdout)


def _print(text: str, file: TextIO) -> None:
    try:
        print(text, file=file, flush=True)
    except UnicodeEncodeError:
        # A locale without Unicode.
        encoding = file.encoding or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), file=file, flush=True)


def tell_json(line: str) -> None:
    """Print one line of JSON for programs, which may also be seen on a terminal."""
    ascii_only = (sys.stdout.encoding or "ascii").lower().replace("-", "") not in ("utf8", "utf8sig")
    sys.stdout.write(safe_json(line if line.endswith("\n") else f"{line}\n", ascii_only=ascii_only))
    sys.stdout.flush()


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
