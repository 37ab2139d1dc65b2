"""Measures what x-phv costs, for the constants of `softphone/engine/phv/rate_model.py`.

`python -m tools.measure_rates --data LIST --limit 20`: each recording is encoded with each number of codes of detail, with and
without a repeated group; bit/s are over the seconds in which somebody speaks, and without what a packet costs
whatever is in it (PACKET_BITS).
"""

import argparse
from pathlib import Path

import torch

from codec.encoder import STEP_SAMPLES, Encoder
from codec.models import Models
from codec.units import audio_file
from codec.units.limits import DETAIL_STAGES
from codec.units.rates import SAMPLE_RATE
from codec.wire.settings import EncoderSettings
from softphone.bench.instruments.manifest import Recording, read_manifest
from softphone.bench.instruments.speech import speech_seconds
from softphone.engine.phv.rate_model import PACKET_BITS


def cost(models: Models, recordings: list[Recording], settings: EncoderSettings) -> float:
    """Bit/s of speech beyond PACKET_BITS a packet."""
    bits = seconds = 0.0
    for recording in recordings:
        pcm = audio_file.read(recording.file)
        encoder = Encoder(models, settings)
        payloads = [payload for at in range(0, len(pcm), STEP_SAMPLES) for payload in encoder.encode(pcm[at : at + STEP_SAMPLES])]
        payloads += encoder.flush()
        bits += sum(8 * len(payload) - PACKET_BITS for payload in payloads)
        seconds += speech_seconds(pcm, SAMPLE_RATE)
    return bits / seconds


def main() -> None:
    """Prints the constants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    models, recordings = Models.load(), read_manifest(arguments.data, arguments.limit)
    found = {}
    with torch.inference_mode():
        for codes in range(DETAIL_STAGES + 1):
            for redundancy in range(2):
                settings = EncoderSettings(redundancy=redundancy, detail=codes, repeated_detail=codes, comfort_noise=False)
                found[codes, redundancy] = cost(models, recordings, settings)
    tokens, repeated = found[0, 0], found[0, 1] - found[0, 0]
    print(f"TOKEN_BPS = {tokens:.0f}")
    print(f"DETAIL_BPS = {tuple(round(found[codes, 0] - tokens) for codes in range(DETAIL_STAGES + 1))}")
    print(f"REPEATED_TOKEN_BPS = {repeated:.0f}")
    print(f"REPEATED_DETAIL_BPS = {tuple(round(found[codes, 1] - found[codes, 0] - repeated) for codes in range(DETAIL_STAGES + 1))}")
    print(f"{len(recordings)} recordings of {len({one.speaker for one in recordings})} speakers")


if __name__ == "__main__":
    main()
