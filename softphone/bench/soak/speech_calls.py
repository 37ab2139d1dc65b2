"""Calls in which somebody speaks on our codec, one after the other, and what each process used for each."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from codec.units.rates import SAMPLE_RATE
from softphone import paths, sound_file
from softphone.bench.soak.process_figures import Usage, usage_of_tree
from softphone.bench.soak.two_phones import EVENT_S, TwoPhones
from softphone.control.protocol import Call, CallState, File, Media

SPOKEN_S = 8.0
LEAST_TOKENS = 20
"""That arrive of so much speech, or it was not heard."""


def processes(phones: TwoPhones) -> dict[str, int]:
    """Process ids by name."""
    return {
        "engine that calls": phones.a.engine.pid,
        "engine that is called": phones.b.engine.pid,
        "worker that calls": phones.a.worker,
        "worker that is called": phones.b.worker,
    }


def usages(phones: TwoPhones) -> dict[str, Usage]:
    """With the processes that they started, but an engine without its worker."""
    named = processes(phones)
    engines = {pid for name, pid in named.items() if "engine" in name}
    workers = {pid for pid in named.values() if pid not in engines}
    found = {name: usage_of_tree(pid, workers if pid in engines else set()) for name, pid in named.items() if pid}
    return {name: figures for name, figures in found.items() if figures is not None}


def speech_calls(phones: TwoPhones, count: int, one: Callable[[Callable[[], int]], None]) -> list[dict[str, Usage]]:
    """Make them, each through `one`, which is given what makes a call and says 1 where it was heard; what was used by the end of each."""
    with tempfile.TemporaryDirectory(prefix="softphone-speech-") as folder:
        speech = Path(folder) / "speech.wav"
        sound_file.write_wav(speech, sound_file.read(paths.demo_recording()[0])[: int(SPOKEN_S * SAMPLE_RATE)])
        used: list[dict[str, Usage]] = []
        for _ in range(count):
            one(lambda: int(_heard(phones, speech)))
            used.append(usages(phones))
        return used


def _heard(phones: TwoPhones, speech: Path) -> bool:
    for phone in (phones.a, phones.b):
        phone.forget()
    number = phones.a.engine.request(Call(uri=phones.direct, codecs=["x-phv"], wav_in=str(speech))).call
    state = phones.a.wait_state(number, "confirmed")
    other = phones.b.wait(CallState, lambda event: event.state == "confirmed", EVENT_S)
    media = phones.a.wait(Media, lambda event: event.state == "active", EVENT_S)
    if state is None or state.state != "confirmed" or other is None or media is None or media.codec != "x-phv":
        return phones.hang_up() and False
    played = phones.a.wait(File, lambda event: event.call == number and event.action == "played", 10 * SPOKEN_S)
    tokens = phones.b.newest(other.call).codec_counters.tokens_received
    return phones.hang_up() and played is not None and tokens >= LEAST_TOKENS
