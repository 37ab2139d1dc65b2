"""The bytes that the bundled recording becomes: a change of the code that is not meant to change what is sent may not change them.

New weights do, and another way to decide what was said. Then, and only then: `python -m tests.unit.codec.test_golden_payloads` writes them
again. The recogniser computes in float32 here: int8 is rounded differently by processors of other kinds.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

from codec.encoder import Encoder
from codec.models import Models, use_one_thread
from codec.recognise.lexicon import Lexicon
from codec.recognise.recogniser import Recogniser
from codec.units import audio_file
from codec.units.weights import load_weights
from codec.units.weights_files import weights_directory
from codec.wire.settings import EncoderSettings
from softphone import paths

GOLDEN = Path(__file__).with_name("golden_payloads.txt")
SENDERS_FILES = ("recogniser", "lexicon", "detail", "entropy", "voice_code")
SECONDS = 5


def weights() -> str:
    """SHA-256 over the weight files that a sender uses."""
    files = [weights_directory() / f"{name}.safetensors" for name in SENDERS_FILES]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def encoded() -> list[str]:
    """The payloads of two senders, in hexadecimal, each with its settings."""
    use_one_thread()
    folder = weights_directory()
    lexicon = Lexicon.from_weights(load_weights(folder / "lexicon.safetensors")[0])
    recogniser = Recogniser.from_weights(*load_weights(folder / "recogniser.safetensors"), lexicon, int8=False)
    models = replace(Models.load(), recogniser=recogniser)
    pcm = audio_file.read(paths.demo_recording()[0])[: SECONDS * 16000]
    lines = []
    for name, settings in (("default", EncoderSettings()), ("plain", EncoderSettings(redundancy=0, detail=0, voice=False))):
        encoder = Encoder(models, settings)
        payloads = [payload for at in range(0, len(pcm), 320) for payload in encoder.encode(pcm[at : at + 320])]
        lines += [f"{name} {payload.hex()}" for payload in (*payloads, *encoder.flush())]
    return lines


def test_the_recording_becomes_the_same_bytes() -> None:
    used, *payloads = GOLDEN.read_text().splitlines()
    assert used == f"weights {weights()}", "the weights are new: python -m tests.unit.codec.test_golden_payloads writes the payloads again"
    assert len(payloads) > 20
    assert encoded() == payloads


if __name__ == "__main__":
    GOLDEN.write_text("\n".join([f"weights {weights()}", *encoded()]) + "\n")
