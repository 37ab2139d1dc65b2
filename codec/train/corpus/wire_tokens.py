"""Prosody of the aligned corpus, as the sender would measure it on true phones: `python -m codec.train.corpus.wire_tokens`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codec.describe.pitch import track
from codec.describe.prosody import frame_levels, measure
from codec.train.corpus.packed import Corpus, write_records
from codec.train.ledger import Ledger
from codec.train.step import begin, run_step, step_options
from codec.units.phones import SILENCE, phone_index
from codec.units.rates import FRAME_MS
from codec.units.token import Token
from codec.wire.token import TICK_FRAMES, WIRE_F0, WireToken, split_ticks, to_wire

FOLDER = "wire_tokens"


def tokens_of(corpus: Corpus, index: int) -> list[Token]:
    """Tokens of one utterance, semitones relative to WIRE_F0, the silence before and after left out; none where there is no alignment."""
    phones = corpus.records[index]["phones"]
    if not phones:
        return []
    spans = [(phone_index(label), start, end) for label, start, end in phones]
    while spans and spans[0][0] == SILENCE:
        spans.pop(0)
    while spans and spans[-1][0] == SILENCE:
        spans.pop()
    pcm = corpus.pcm(index)
    levels = frame_levels(pcm)
    f0 = track(pcm).f0[: len(levels)]
    tick = TICK_FRAMES * FRAME_MS
    tokens = []
    for phone, start_ms, end_ms in spans:
        start, end = round(start_ms / tick), round(end_ms / tick)
        for ticks in split_ticks(end - start):
            first, last = start * TICK_FRAMES, min((start + ticks) * TICK_FRAMES, len(levels))
            if last > first:
                tokens.append(measure(phone, first, last, f0, levels, WIRE_F0))
            start += ticks
    return tokens


def pack(token: Token) -> list[float]:
    low, high = token.semitones or (-1.0, -1.0)
    return [token.phone, token.frames, round(low, 1), round(high, 1), round(token.loudness_db, 1)]


def unpack(rows: list[list[Any]]) -> tuple[list[WireToken], list[float]]:
    """Rows of `pack` -> what is sent, and the level of each token in dB."""
    tokens = [Token(phone, frames, None if low < 0 else (low, high), db) for phone, frames, low, high, db in rows]
    return [to_wire(token, WIRE_F0) for token in tokens], [token.loudness_db for token in tokens]


def build(name: str, work: Path) -> Path:
    """Write `<work>/wire_tokens/<name>.jsonl`, one aligned utterance a line (`tokens`: rows of `pack`); nothing if it is there."""
    path = work / FOLDER / f"{name}.jsonl"
    if path.exists():
        return path
    corpus, ledger = Corpus(name, work / "corpus"), Ledger(path.with_suffix(""))
    for index in ledger.missing(len(corpus), f"{name}, tokens"):
        rows = [pack(token) for token in tokens_of(corpus, index)]
        ledger.add({"id": corpus.records[index]["id"], "part": corpus.part(index), "tokens": rows})
    write_records(path, [record for record in ledger.records if record["tokens"]])
    ledger.remove()
    return path


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("names", nargs="*", default=["valid", "train"])
    arguments = begin(parser, argv)
    for name in arguments.names:
        build(name, arguments.work)


if __name__ == "__main__":
    run_step(main)
