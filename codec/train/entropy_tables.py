"""Entropy tables from the tokens of the corpus: `python -m codec.train.entropy_tables` writes `models/entropy.safetensors` and its card."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from codec.train.card import data_card, write_card
from codec.train.corpus import wire_tokens
from codec.train.corpus.packed import Corpus
from codec.train.step import begin, run_step, step_options
from codec.units.limits import DETAIL_STAGES
from codec.units.phones import PHONES, SILENCE, VOWELS
from codec.wire.detail_contexts import UNKNOWN_PHONE
from codec.wire.packet import END, EXTENSIONS, LAYER, START, VOICE, Packet, serialize
from codec.wire.range_coder import TOTAL
from codec.wire.tables import (
    MANY_GROUPS,
    MAX_GROUP_TOKENS,
    NO_NUMBER,
    SHAPES,
    Entropy,
    glide_context,
    phone_class,
)
from codec.wire.token import LEVELS, MAX_GLIDE, PITCHES, TICK_MS, WireToken, glide_end

PART_WEIGHT = {"librispeech": 2.0, "synthetic": 1.0, "commands": 1.0, "l2": 0.3}
"""Native adults at full speed are what the tables are for; learners speak slowly, and half of them are children."""

INTERVALS_TICKS = (8, 8, 16)
"""Packets of 160 ms count double."""

BACKOFF = 8.0
"""A context believes its own counts as much as those of the wider one once it has been seen so often."""

NUMBER_CHANCE = np.array([0.06, 0.03, 0.16, 0.22, 0.14, 0.09, 0.11, 0.07, 0.11, 0.01])
"""How often a packet's newest group has no codes of detail, one, and so on; the last is another layer. An earlier group has none, or as
many as the group after it, more often."""

Utterance = tuple[float, list[WireToken], list[float]]
"""Weight, tokens, and the level of each token in dB."""


def utterances(path: Path) -> Iterator[Utterance]:
    """The lines that `codec.train.corpus.wire_tokens` wrote."""
    for line in path.read_text().splitlines():
        record = json.loads(line)
        tokens, levels = wire_tokens.unpack(record["tokens"])
        yield PART_WEIGHT.get(record["part"], 1.0), tokens, levels


def groups(tokens: Iterable[WireToken], interval_ticks: int) -> Iterator[list[WireToken]]:
    """Tokens in the packets that a sender of this interval makes, had it no delay."""
    group: list[WireToken] = []
    time = sent = 0
    for token in tokens:
        time += token.ticks
        if time // interval_ticks > sent and group:
            yield group
            group = []
        sent = time // interval_ticks
        group.append(token)
    if group:
        yield group


def count_symbols(source: Iterable[Utterance]) -> dict[str, NDArray[np.float64]]:
    """Weighted counts of every table of `codec.wire.tables.SHAPES`; phones are counted across packets, all else within."""
    counts = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    for weight, tokens, _ in source:
        before = (SILENCE, SILENCE)
        for token in tokens:
            counts["phone"][before[0], before[1], token.phone] += weight
            before = (before[1], token.phone)
        for interval in INTERVALS_TICKS:
            for group in groups(tokens, interval):
                counts["group_tokens"][min(len(group), MAX_GROUP_TOKENS)] += weight
                _count_group(counts, group, weight)
    return counts


def _count_group(counts: dict[str, NDArray[np.float64]], group: list[WireToken], weight: float) -> None:
    previous, pitch, level = UNKNOWN_PHONE, None, None
    for token in group:
        counts["ticks"][token.phone, phone_class(previous), token.ticks - 1] += weight
        previous = token.phone
        if token.phone not in VOWELS:
            continue
        if pitch is None:
            counts["first_pitch"][PITCHES if token.pitch is None else token.pitch] += weight
        else:
            counts["pitch_change"][2 * PITCHES - 1 if token.pitch is None else token.pitch - pitch + PITCHES - 1] += weight
        if token.pitch is not None:
            counts["glide"][glide_context(token.ticks), token.glide + MAX_GLIDE] += weight
            pitch = glide_end(token)
        if level is None:
            counts["first_level"][token.level] += weight
        else:
            counts["level_change"][token.level - level + LEVELS - 1] += weight
        level = token.level


def _back_off(counts: NDArray[np.float64], wider: NDArray[np.float64], strength: float | NDArray[np.float64]) -> NDArray[np.float64]:
    total = counts.sum(-1, keepdims=True)
    return np.asarray((counts + strength * wider) / (total + strength))


def _blur(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of an ordered symbol: neighbours share their counts a little, as the next speaker is a little different."""
    padded = np.pad(counts, [(0, 0)] * (counts.ndim - 1) + [(1, 1)], mode="edge")
    smooth = 0.15 * padded[..., :-2] + 0.7 * padded[..., 1:-1] + 0.15 * padded[..., 2:] + 1e-3
    return np.asarray(smooth / smooth.sum(-1, keepdims=True))


def probabilities(counts: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Counts -> distributions, smoothed by backing off to wider contexts (phones: Witten and Bell 1991)."""
    n = len(PHONES)
    trigram = counts["phone"][:n, :n]
    bigram, unigram = trigram.sum(0), trigram.sum((0, 1))
    p1 = (unigram + 1) / (unigram + 1).sum()
    p2 = _back_off(bigram, p1, np.maximum(1, (bigram > 0).sum(-1, keepdims=True)))
    p3 = _back_off(trigram, p2[None], np.maximum(1, (trigram > 0).sum(-1, keepdims=True)))
    phone = np.tile(p1, (n + 1, n + 1, 1))
    phone[:n, :n], phone[UNKNOWN_PHONE, :n] = p3, p2
    by_phone = counts["ticks"].sum(1)
    of_phone = _back_off(by_phone, _blur(by_phone.sum(0)), BACKOFF)
    ticks = _back_off(counts["ticks"], _blur(of_phone)[:, None], BACKOFF)
    voiced_first, voiced_change = counts["first_pitch"], counts["pitch_change"]
    tables = {
        "phone": phone,
        "ticks": ticks,
        "group_tokens": (counts["group_tokens"] + 20) / (counts["group_tokens"] + 20).sum(),
        "first_pitch": np.append(_blur(voiced_first[:-1]) * voiced_first[:-1].sum(), voiced_first[-1]),
        "pitch_change": np.append(_blur(voiced_change[:-1]) * voiced_change[:-1].sum(), voiced_change[-1]),
        "glide": _back_off(counts["glide"], _blur(counts["glide"].sum(0)), BACKOFF),
        "first_level": _blur(counts["first_level"]),
        "level_change": _blur(counts["level_change"]),
    }
    return tables | _signalling()


def _signalling() -> dict[str, NDArray[np.float64]]:
    """What depends on settings and not on speech: chosen, not counted."""
    share = {START: 0.08, END: 0.05, VOICE: 0.1, EXTENSIONS: 0.02, LAYER: 0.4}
    flags = np.ones(SHAPES["flags"])
    for bit, probability in share.items():
        flags *= np.where(np.arange(len(flags)) & bit, probability, 1 - probability)
    again = np.tile(NUMBER_CHANCE, (NO_NUMBER + 1, 1))
    for number in range(DETAIL_STAGES + 1):
        again[number] *= 0.3
        again[number, 0] += 0.3
        again[number, number] += 0.4
    return {
        "flags": flags,
        "redundant_groups": np.array([0.42, 0.48, 0.06, 0.025, 0.015][: MANY_GROUPS + 1]),
        "detail_codes": again,
    }


def to_frequencies(table: NDArray[np.float64]) -> NDArray[np.int64]:
    """Distributions along the last dimension -> integers of at least 1 that add up to 65536."""
    size = table.shape[-1]
    share = table / table.sum(-1, keepdims=True)
    frequencies = 1 + np.floor(share * (TOTAL - size)).astype(np.int64)
    flat = frequencies.reshape(-1, size)
    flat[np.arange(len(flat)), flat.argmax(1)] += TOTAL - flat.sum(1)
    return np.asarray(frequencies, dtype=np.int64)


def level_offsets(source: Iterable[Utterance]) -> NDArray[np.int64]:
    """Typical level of each phone relative to the vowels around it, in tenths of a dB: (phones,)."""
    total, seen = np.zeros(len(PHONES)), np.full(len(PHONES), 1e-9)
    for weight, tokens, levels in source:
        vowels = [(place, db) for place, (token, db) in enumerate(zip(tokens, levels, strict=True)) if token.phone in VOWELS]
        if not vowels:
            continue
        around = np.interp(np.arange(len(tokens)), [place for place, _ in vowels], [db for _, db in vowels])
        mean = np.mean([db for _, db in vowels])
        for token, db, near in zip(tokens, levels, around, strict=True):
            total[token.phone] += weight * (db - (mean if token.phone in VOWELS else near))
            seen[token.phone] += weight
    return np.asarray(np.round(10 * total / seen), dtype=np.int64)


def measure(entropy: Entropy, source: list[Utterance], interval_ticks: int, redundancy: int) -> dict[str, float]:
    """What these utterances cost, payloads as they are sent but without voice: bit/s of payload and bits a phone."""
    bits = phones = ticks = packets = 0
    for _, tokens, _ in source:
        time, sent = 0, list(groups(tokens, interval_ticks))
        for place, group in enumerate(sent):
            repeated = sent[max(0, place - redundancy) : place + 1]
            packet = Packet(time % 256, tuple(map(tuple, repeated)), start=place <= redundancy, end=place + 1 == len(sent))
            bits += 8 * len(serialize(packet, entropy))
            packets += 1
            phones += len(group)
            time += sum(token.ticks for token in group)
        ticks += time
    seconds = ticks * TICK_MS / 1000
    return {
        "payload_bps": round(bits / seconds, 1),
        "bits_per_phone": round(bits / phones, 2),
        "bytes_per_packet": round(bits / packets / 8, 2),
    }


def train(work: Path, out: Path) -> dict[str, object]:
    """Count, smooth, round, write, measure on the validation speakers. Returns the card."""
    source = list(utterances(work / wire_tokens.FOLDER / "train.jsonl"))
    tables = {name: to_frequencies(table) for name, table in probabilities(count_symbols(source)).items()}
    tables["level_offset"] = level_offsets(source)
    entropy = Entropy(tables)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {name: torch.from_numpy(table.astype(np.int32)) for name, table in tables.items()}
    path = out / "entropy.safetensors"
    save_file(tensors, str(path), {"version": "1"})
    valid = list(utterances(work / wire_tokens.FOLDER / "valid.jsonl"))
    native = [utterance for utterance in valid if utterance[0] == PART_WEIGHT["librispeech"]]
    card: dict[str, object] = {
        "what": "frequencies of the range coder (integers, sums of 65536) and typical levels of phones (0.1 dB)",
        "made_by": "python -m codec.train.entropy_tables",
        "data": data_card(Corpus("train", work / "corpus"), PART_WEIGHT, aligned=True),
        "valid_librispeech_true_phones": {
            f"{interval * TICK_MS} ms, redundancy {redundancy}": measure(entropy, native or valid, interval, redundancy)
            for interval in (8, 16, 32)
            for redundancy in (0, 1)
        },
    }
    write_card(path, card)
    return card


def main(argv: Sequence[str] | None = None) -> None:
    """Command line of the step."""
    parser = step_options(__doc__)
    parser.add_argument("--models", type=Path, default=Path("models"), help="where the tables and their card are written")
    arguments = begin(parser, argv)
    for name in ("valid", "train"):
        wire_tokens.build(name, arguments.work)
    print(json.dumps(train(arguments.work, arguments.models), indent=1))


if __name__ == "__main__":
    run_step(main)
