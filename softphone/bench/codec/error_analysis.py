"""`softphone bench errors`: where the words are lost, by making one part of the codec after the other perfect.

From the whole codec to the recording itself each step takes one source of errors away: the difference of two word errors is what the part
between them costs. Only recordings whose true phones are known (`phones` in the list) can tell, and every step is over the same ones.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codec.text.pronunciations import variants_of
from softphone.bench.codec.confusions import Confusions
from softphone.bench.codec.rows import word_error
from softphone.bench.codec.workbench import Say, Task, Workbench, measure_all
from softphone.bench.instruments.judge import Judge
from softphone.bench.instruments.manifest import Recording
from softphone.bench.instruments.markdown import table
from softphone.errors import SoftphoneError

STEPS = (
    ("phv-base", "the codec as it is: phones heard, sent, spoken"),
    ("phv-base-quick", "without waiting for words"),
    ("phv-known", "the same, the voice known from the first word on"),
    ("sent-wire", "what is sent, spoken at its own time: no schedule; the voice not quantised"),
    ("heard-live", "the phones as heard in a call; no gate, no packets"),
    ("heard-wire", "the phones as heard once everything was said"),
    ("heard-exact", "the same phones; prosody as measured, not rounded to the wire"),
    ("true-wire", "phones of the alignment instead of those heard; prosody as on the wire"),
    ("true-exact", "phones of the alignment, prosody as measured"),
    ("spectrum", "the true spectrum and pitch through the vocoder, no phones at all"),
    ("original", "the recording"),
)
"""System of `systems.SYSTEMS` or `systems.PARTS`, and what is perfect in it."""

_COSTS = (
    ("waiting for words (a gain)", "phv-base", "phv-base-quick"),
    ("voice: the first seconds, and its code", "phv-base-quick", "phv-known"),
    ("schedule", "phv-known", "sent-wire"),
    ("gate, and prosody measured as it comes", "sent-wire", "heard-live"),
    ("deciding each phone at once", "heard-live", "heard-wire"),
    ("recogniser (wrong phones)", "heard-wire", "true-wire"),
    ("prosody on the wire", "true-wire", "true-exact"),
    ("synthesiser (and what phones do not say)", "true-exact", "spectrum"),
    ("vocoder", "spectrum", "original"),
    ("speech recogniser that judges, and the recordings", "original", None),
)
_MOST = 15


class ErrorAnalysisError(SoftphoneError):
    """The recordings do not tell."""


@dataclass(frozen=True)
class Cost:
    """Word errors that a part costs, of all words, by both speech recognisers."""

    part: str
    wer: float
    wer2: float


@dataclass(frozen=True)
class ErrorAnalysis:
    """wer, wer2: of each of STEPS; costs: the differences, which add up to the word error of the codec; confusions: of the phones it sent.

    most: (said, heard, times), "" for nothing; worst: (phone, share not heard as it, times said).
    """

    wer: dict[str, float]
    wer2: dict[str, float]
    costs: list[Cost]
    phone_error: float | None
    kinds: dict[str, int]
    most: list[tuple[str, str, int]]
    worst: list[tuple[str, float, int]]
    utterances: int
    speakers: int

    @property
    def largest(self) -> str:
        """The part that costs most words, what judges aside."""
        return max(self.costs[:-1], key=lambda cost: cost.wer).part

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"largest": self.largest}


def analyse(
    recordings: Sequence[Recording], progress: Say, *, keep: Path | None = None, jobs: int = 1, judge: Judge | None = None
) -> ErrorAnalysis:
    """Over those of the recordings whose phones are known. keep, jobs, judge: as of `codec_bench.bench`.

    Raises:
        ErrorAnalysisError: no recording has its phones in the list.
        SoftphoneError, CodecError: something is missing.
    """
    known = [recording for recording in recordings if recording.phones is not None]
    if not known:
        raise ErrorAnalysisError("no recording of the list has its phones in it; add phones: [[ARPAbet label, start ms, end ms], ...]")
    tasks = [Task(name, recording) for name, _ in STEPS for recording in known]
    done = measure_all(Workbench(keep, judge), tasks, keep, jobs, progress)
    results = {name: done[place * len(known) : (place + 1) * len(known)] for place, (name, _) in enumerate(STEPS)}
    texts = [recording.text for recording in known]
    wer = {name: word_error(zip(texts, (one.heard for one in part), strict=True)) or 0.0 for name, part in results.items()}
    wer2 = {name: word_error(zip(texts, (one.heard2 for one in part), strict=True)) or 0.0 for name, part in results.items()}
    confusions = Confusions()
    for text, one in zip(texts, results["phv-base"], strict=True):
        if one.phones is not None and (variants := variants_of(text)) is not None:
            confusions.add(one.phones, variants)
    return ErrorAnalysis(
        wer=wer,
        wer2=wer2,
        costs=[Cost(part, *(each[name] - (each[better] if better else 0.0) for each in (wer, wer2))) for part, name, better in _COSTS],
        phone_error=confusions.errors / confusions.phones if confusions.phones else None,
        kinds=confusions.kinds(),
        most=confusions.most(_MOST),
        worst=confusions.worst(_MOST),
        utterances=len(known),
        speakers=len({recording.speaker for recording in known}),
    )


def report(found: ErrorAnalysis) -> str:
    """As Markdown."""
    steps = [(f"{name}: {what}", f"{found.wer[name]:.1%}", f"{found.wer2[name]:.1%}") for name, what in STEPS]
    costs = [(cost.part, f"{100 * cost.wer:+.1f}", f"{100 * cost.wer2:+.1f}") for cost in found.costs]
    lines = [table(("what is perfect", "word error", "word error 2"), steps), ""]
    lines += [table(("what it costs, points of word error", "1", "2"), costs), ""]
    lines += [f"Largest cause of word errors: {found.largest}.", f"{found.utterances} utterances of {found.speakers} speakers."]
    if found.phone_error is not None:
        kinds = ", ".join(f"{count} {kind}" for kind, count in found.kinds.items())
        lines += ["", f"Phone error {found.phone_error:.1%}: {kinds}.", ""]
        lines += ["Most frequent (said > heard, - for nothing): " + ", ".join(map(_confusion, found.most)) + ".", ""]
        worst = ", ".join(f"{phone} {share:.0%} of {times}" for phone, share, times in found.worst)
        lines += [f"Phones that cost most (not heard as themselves, of how many): {worst}."]
    return "\n".join(lines)


def _confusion(most: tuple[str, str, int]) -> str:
    said, heard, times = most
    return f"{said or '-'} > {heard or '-'} {times}"
