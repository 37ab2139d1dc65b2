"""What is done to packets, and its notation: `none`, or terms joined by ` + `.

loss 30%               each packet is lost with this probability, whatever happened to others
burst 30%x3            as many lost, in bursts of 3 packets on average (Gilbert-Elliott, all lost while it is bad)
delay 200ms            all packets are this much late
jitter 300ms           each is late by something between 0 and 300 ms, so packets overtake each other
jitter 300ms ordered   the same, but none overtakes another
reorder 10%            so many arrive after the one that was sent next
duplicate 5%           so many arrive twice
rate 2400              a link of so many bit/s for both directions together, headers counted, with a queue of one second
rate 2400 queue 500ms  the same with another queue; what finds more waiting than that is lost
trace FILE             a line a packet: its delay in ms, or `lost`; after the last line from the start again
trace train            a link that changes during the call, also `cell` and `satellite`: see traces.py; stands alone
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from softphone.bench.impairment.traces import TRACES
from softphone.errors import SoftphoneError
from softphone.files import text_file
from softphone.files.text_file import TextFileError

DEFAULT_QUEUE_MS = 1000.0
_LONGEST_MS = 60_000.0
_LONGEST_TRACE = 1_000_000
_LARGEST_TRACE = 20_000_000
_NUMBER = r"(\d+(?:\.\d+)?)"
_MEANING = (
    "none, loss 30%, burst 30%x3, delay 200ms, jitter 300ms [ordered], reorder 10%, duplicate 5%, rate 2400 [queue 1000ms], trace FILE, "
    "trace train, trace cell, trace satellite, "
    "or several joined by +"
)


class ImpairmentError(SoftphoneError):
    """This is no impairment."""


@dataclass(frozen=True)
class Impairment:
    """Shares are 0..1, times in milliseconds, the rate in bit/s; `trace` holds delays in ms, None for a lost packet; `stretches`: seconds,
    and what happens in them, in place of all else."""

    loss: float = 0.0
    burst_packets: float | None = None
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    ordered: bool = False
    reorder: float = 0.0
    duplicate: float = 0.0
    rate_bps: float | None = None
    queue_ms: float = DEFAULT_QUEUE_MS
    trace: tuple[float | None, ...] = ()
    stretches: "tuple[tuple[float, Impairment], ...]" = ()

    @property
    def link_only(self) -> "Impairment":
        """The limited link without all that happens beyond it."""
        stretches = tuple((seconds, each.link_only) for seconds, each in self.stretches)
        return Impairment(rate_bps=self.rate_bps, queue_ms=self.queue_ms, stretches=stretches)

    def at(self, seconds: float) -> "Impairment":
        """What happens so long after the beginning; the last stretch lasts."""
        for length, each in self.stretches:
            if seconds < length:
                return each
            seconds -= length
        return self.stretches[-1][1] if self.stretches else self


NONE = Impairment()


def parse_impairment(text: str) -> Impairment:
    """The impairment in this notation. Raises ImpairmentError."""
    name = " ".join(text.split()).removeprefix("trace ")
    if name in TRACES and text.split(maxsplit=1)[0] == "trace":
        return Impairment(stretches=tuple((seconds, parse_impairment(each)) for seconds, each in TRACES[name]))
    found, seen = NONE, set[str]()
    for term in text.split("+"):
        words = " ".join(term.split())
        name = words.partition(" ")[0]
        kind = "loss, burst or trace" if name in ("loss", "burst", "trace") else name
        if kind in seen:
            raise ImpairmentError(f"{text!r} names {kind} twice; one of them is enough")
        seen.add(kind)
        found = _with_term(found, name, words, text)
    if "none" in seen and len(seen) > 1:
        raise ImpairmentError(f"{text!r} is none and something; leave one of them out")
    return found


def _with_term(found: Impairment, name: str, words: str, text: str) -> Impairment:
    if name == "none" and words == "none":
        return found
    if match := re.fullmatch(rf"loss {_NUMBER} ?%", words):
        return replace(found, loss=_share(match[1], text))
    if match := re.fullmatch(rf"burst {_NUMBER} ?% ?x ?{_NUMBER}", words):
        share, length = _share(match[1], text), float(match[2])
        if length < 1 or share >= 1 or share / (1 - share) > length:
            raise ImpairmentError(f"{text!r} cannot be: {match[1]} % in bursts needs them longer; a burst is at least 1 packet")
        return replace(found, loss=share, burst_packets=length)
    if match := re.fullmatch(rf"delay {_NUMBER} ?ms", words):
        return replace(found, delay_ms=_time(match[1], text))
    if match := re.fullmatch(rf"jitter {_NUMBER} ?ms( ordered)?", words):
        return replace(found, jitter_ms=_time(match[1], text), ordered=bool(match[2]))
    if match := re.fullmatch(rf"reorder {_NUMBER} ?%", words):
        return replace(found, reorder=_share(match[1], text))
    if match := re.fullmatch(rf"duplicate {_NUMBER} ?%", words):
        return replace(found, duplicate=_share(match[1], text))
    if match := re.fullmatch(rf"rate {_NUMBER}(?: queue {_NUMBER} ?ms)?", words):
        rate = float(match[1])
        if rate < 1:
            raise ImpairmentError(f"{text!r} lets nothing through; a rate is at least 1 bit/s")
        return replace(found, rate_bps=rate, queue_ms=_time(match[2], text) if match[2] else DEFAULT_QUEUE_MS)
    if name == "trace" and " " in words:
        return replace(found, trace=read_trace(Path(words.partition(" ")[2])))
    raise ImpairmentError(f"{words!r} is no impairment; there are {_MEANING}")


def read_trace(path: Path) -> tuple[float | None, ...]:
    """Delays in ms, None for lost; empty lines and those that begin with # are passed over. Raises ImpairmentError."""
    try:
        lines = text_file.read(path, _LARGEST_TRACE).text.splitlines()
    except (FileNotFoundError, TextFileError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ImpairmentError(f"the trace {path} cannot be read ({why}); name a file with a delay in ms or `lost` on each line") from None
    trace: list[float | None] = []
    for number, line in enumerate(lines, 1):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        if word != "lost" and not (re.fullmatch(_NUMBER, word) and float(word) <= _LONGEST_MS):
            raise ImpairmentError(f"line {number} of the trace {path} is neither a delay in ms up to {_LONGEST_MS:.0f} nor `lost`")
        trace.append(None if word == "lost" else float(word))
    if not trace or len(trace) > _LONGEST_TRACE:
        raise ImpairmentError(f"the trace {path} has {len(trace)} packets; it must have between 1 and {_LONGEST_TRACE}")
    return tuple(trace)


def _share(number: str, text: str) -> float:
    if float(number) > 100:
        raise ImpairmentError(f"{text!r} asks for {number} %; there are at most 100")
    return float(number) / 100


def _time(number: str, text: str) -> float:
    if float(number) > _LONGEST_MS:
        raise ImpairmentError(f"{text!r} asks for {number} ms; at most {_LONGEST_MS:.0f} are kept waiting")
    return float(number)
