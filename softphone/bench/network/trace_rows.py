"""A link that changes during a call: what became of the words of each of its stretches, and how long a change was to be heard."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from softphone.bench.codec.rows import Row
from softphone.bench.impairment.impairment import Impairment
from softphone.bench.impairment.traces import TRACES
from softphone.bench.network.conversation import Conversation
from softphone.bench.network.network_call import NetworkCall
from softphone.bench.network.network_judge import words_right
from softphone.bench.network.network_rows import JudgedTurn

IN_A_ROW = 3
PROMPT_MS = 200.0


@dataclass(frozen=True)
class Word:
    """said_s: since the conversation's beginning, by the place of the word in its utterance; lag_ms: of that utterance, where known;
    kept: None where it was not understood without impairment either."""

    said_s: float
    right: bool
    kept: bool | None
    lag_ms: float


def words_of(conversation: Conversation, turns: Sequence[JudgedTurn], reference: Mapping[str, str]) -> list[Word]:
    """All words of a call in the order in which they were said. reference: what was heard of each recording without impairment."""
    found: list[Word] = []
    for place, turn in zip(conversation.turns, turns, strict=True):
        right = words_right(turn.recording, turn.verdict.heard)
        once = words_right(turn.recording, reference.get(turn.recording.name, turn.recording.text))
        for number, (now, before) in enumerate(zip(right, once, strict=True)):
            said = place.start_s + place.seconds * number / len(right)
            lags = [lag for at, lag in turn.verdict.lags if abs(place.start_s + at + 1 - said) <= 1]
            found.append(Word(said, now, now if before else None, median(lags) if lags else (turn.verdict.lag_ms or 0.0)))
    return sorted(found, key=lambda word: word.said_s)


def understood_again_s(words: Sequence[Word], begin: float, end: float) -> float | None:
    """From the first word said in a stretch until the first of three in a row is heard that are understood; None where that never comes.
    Words that are not understood without impairment either tell nothing."""
    words = [word for word in words if word.kept is not None]
    inside = [place for place, word in enumerate(words) if begin <= word.said_s < end]
    for place in inside:
        run = words[place : place + IN_A_ROW]
        if len(run) == IN_A_ROW and all(word.kept for word in run):
            return run[0].said_s - words[inside[0]].said_s + run[0].lag_ms / 1000
    return None


def prompt_after_s(lags: Sequence[tuple[float, float]], begin: float, end: float) -> float | None:
    """From the beginning of a stretch until speech is heard within 200 ms; lags: (seconds, ms). None where it never is."""
    return next((max(0.0, at - begin) for at, lag in sorted(lags) if begin <= at < end and lag <= PROMPT_MS), None)


def lags_of(conversation: Conversation, turns: Sequence[JudgedTurn]) -> list[tuple[float, float]]:
    """(Seconds since the conversation's beginning, mouth to ear in ms)."""
    pairs = zip(conversation.turns, turns, strict=True)
    return [(place.start_s + at, lag) for place, turn in pairs for at, lag in turn.verdict.lags]


def stretch_rows(
    impairment: str,
    system: str,
    trace: Impairment,
    calls: Sequence[tuple[Conversation, NetworkCall, Sequence[JudgedTurn]]],
    reference: Mapping[str, str],
) -> Iterator[Row]:
    """A row for each stretch; medians over the calls. Raises WerError."""
    words = [words_of(talk, turns, reference) for talk, _, turns in calls]
    lags = [lags_of(talk, turns) for talk, _, turns in calls]
    begin = 0.0
    for place, (length, _) in enumerate(trace.stretches):
        last = place + 1 == len(trace.stretches)
        end = float("inf") if last else begin + length
        inside = [word for each in words for word in each if begin <= word.said_s < end and word.kept is not None]
        again = [found for each in words if (found := understood_again_s(each, begin, end)) is not None]
        prompt = [found for each in lags if (found := prompt_after_s(each, begin, end)) is not None]
        heard = [lag for each in lags for at, lag in each if begin <= at < end]
        yield {
            "impairment": impairment,
            "system": system,
            "begins_s": begin,
            "link": TRACES[impairment.removeprefix("trace ")][place][1],
            "words_kept": sum(bool(word.kept) for word in inside) / len(inside) if inside else None,
            "words": len(inside),
            "again_s": median(again) if again else None,
            "mouth_to_ear_ms": median(heard) if heard else None,
            "prompt_s": median(prompt) if prompt else None,
            "ip_bytes": median([call.bytes_between(begin, end) for _, call, _ in calls]) if calls else None,
        }
        begin = end
