"""A corpus of a minute, made in seconds from nothing but the shipped weights, so that every training step can be tried on a clean clone.

Dictionary words as tokens with a made-up melody, spoken by the shipped synthesiser in made-up voices: sound that is like speech and has
exact labels. Good for seeing that a step runs, for nothing else.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from codec.speak.synthesiser import Synthesiser
from codec.speak.vocoder import Vocoder
from codec.text.pronunciations import dictionary
from codec.train.corpus.packed import pack
from codec.units.audio_file import to_pcm, write
from codec.units.phones import PHONES, SILENCE, UNVOICED, VOWELS
from codec.units.rates import FRAME_MS, SAMPLE_RATE
from codec.units.token import Token
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory

DATA = "data"
LISTS = {"train": 12, "valid": 4, "dev": 2}
PARTS = ("librispeech", "l2", "commands", "synthetic")
TEXT = "the sun rose over quiet hills while children carried water from a deep well and old men talked about better years"
SEED = 7


def _tokens(words: list[str], random: np.random.Generator) -> list[Token]:
    """Words with a silence at both ends: vowels longer and louder, pitch falling."""
    phones = [SILENCE, *(phone for word in words for phone in dictionary()[word][0]), SILENCE]
    tokens = []
    for place, phone in enumerate(phones):
        frames = 20 if phone == SILENCE else int(random.integers(8, 16) if phone in VOWELS else random.integers(4, 9))
        height = 3.0 - 6.0 * place / len(phones) + float(random.normal(0, 0.5))
        loudness = -75.0 if phone == SILENCE else -22.0 if phone in VOWELS else -30.0
        tokens.append(Token(phone, frames, None if phone in UNVOICED else (height, height - 0.5), loudness))
    return tokens


@torch.inference_mode()
def _speak(tokens: list[Token], embedding: torch.Tensor, mean_f0: float, parts: tuple[Synthesiser, Vocoder]) -> NDArray[np.int16]:
    synthesiser, vocoder = parts
    state, sound_state = synthesiser.stream(), vocoder.stream()
    frames = [synthesiser.push(state, token, embedding, mean_f0) for token in tokens] + [synthesiser.flush(state)]
    sound = [vocoder.push(sound_state, one.mel, one.f0) for one in frames if len(one.mel)] + [vocoder.flush(sound_state)]
    return to_pcm(torch.cat(sound).numpy())


def _utterance(number: int, random: np.random.Generator, parts: tuple[Synthesiser, Vocoder]) -> tuple[dict[str, Any], NDArray[np.int16]]:
    words = [str(word) for word in random.choice(TEXT.split(), size=7)]
    tokens = _tokens(words, random)
    embedding = parts[0].neutral_embedding + torch.from_numpy(random.random(256).astype(np.float32)) * 0.03
    pcm = _speak(tokens, embedding / embedding.norm(), float(random.uniform(90, 240)), parts)
    ends = np.cumsum([token.frames * FRAME_MS for token in tokens])
    labels = [(PHONES[token.phone], int(end) - token.frames * FRAME_MS, int(end)) for token, end in zip(tokens, ends, strict=True)]
    record = {
        "id": f"tiny-{number:03d}",
        "speaker": f"tiny-{number % 6}",
        "text": " ".join(words),
        "seconds": round(len(pcm) / SAMPLE_RATE, 3),
        # Every fourth has no labels, as in real speech.
        "phones": None if number % 4 == 3 else labels,
        "text_source": "exact",
        "phones_source": None if number % 4 == 3 else "exact",
    }
    return record, pcm


def make(work: Path) -> None:
    """`<work>/data` with the lists train, valid and dev and two noises, and the packed corpus; nothing where it is there already."""
    data = work / DATA
    if (work / "corpus" / "dev.jsonl").exists():
        return
    random = np.random.default_rng(SEED)
    directory = weights_directory()
    synthesiser = Synthesiser.from_weights(load_weights(directory / "synthesiser.safetensors")[0])
    parts = (synthesiser, Vocoder.from_weights(load_weights(directory / "vocoder.safetensors")[0]))
    number = 0
    for name, count in LISTS.items():
        lines = []
        for place in range(count):
            record, pcm = _utterance(number, random, parts)
            file = f"{name}/{PARTS[place % len(PARTS)]}/{record['id']}.flac"
            (data / file).parent.mkdir(parents=True, exist_ok=True)
            write(data / file, pcm)
            lines.append(json.dumps({**record, "file": file}) + "\n")
            number += 1
        (data / f"{name}.jsonl").write_text("".join(lines))
    for place in range(2):
        noise = data / "noise" / "hiss" / f"{place}.opus"
        noise.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(noise, random.standard_normal(SAMPLE_RATE) * 0.05, SAMPLE_RATE, format="OGG", subtype="OPUS")
    for name in LISTS:
        pack(name, data, work / "corpus")
