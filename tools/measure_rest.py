"""Measures what the codec takes of a processor while a call is heard as sound, against what it takes while tokens are heard.

`python -m tools.measure_rest --data LIST --limit 12`: the recordings of each speaker one after the other, with as much silence after each
as it lasts, as in a conversation. In one run, so that the machine is the same: seconds of processor time for a second of the call.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.encoder import STEP_SAMPLES, Encoder
from codec.models import Models
from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from softphone.bench.instruments.manifest import read_manifest
from softphone.worker.rest import RestPlan

STEP_S = STEP_SAMPLES / SAMPLE_RATE


def talk(models: Models, pcm: NDArray[np.int16], *, as_sound: bool) -> tuple[float, float, float]:
    """Processor seconds of the encoder and the decoder, and the longest step of the encoder."""
    encoder, decoder, plan = Encoder(models), Decoder(models), RestPlan(learns=True)
    plan.calm = as_sound
    spent, longest = [0.0, 0.0], 0.0
    for at in range(0, len(pcm) - STEP_SAMPLES + 1, STEP_SAMPLES):
        began = time.thread_time()
        encoder.may_rest = plan.heard(STEP_S, encoder.rests, encoder.spoken_ms / 1000)
        payloads = encoder.encode(pcm[at : at + STEP_SAMPLES])
        encoded = time.thread_time()
        for payload in payloads:
            decoder.receive(payload)
        decoder.pull(STEP_SAMPLES, heard=not as_sound)
        spent[0] += encoded - began
        spent[1] += time.thread_time() - encoded
        longest = max(longest, encoded - began)
    return spent[0], spent[1], longest


def main() -> None:
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    models, said = Models.load(), defaultdict[str, list[NDArray[np.int16]]](list)
    for recording in read_manifest(arguments.data, arguments.limit):
        pcm = audio_file.read(recording.file)
        said[recording.speaker] += [pcm, np.zeros(len(pcm), np.int16)]
    calls = [np.concatenate(parts) for parts in said.values()]
    seconds = sum(len(call) for call in calls) / SAMPLE_RATE
    found = {}
    with torch.inference_mode():
        for as_sound in (False, True):
            results = [talk(models, call, as_sound=as_sound) for call in calls]
            encoder, decoder = (sum(result[place] for result in results) / seconds for place in (0, 1))
            found[as_sound] = encoder + decoder
            longest = 1000 * max(result[2] for result in results)
            heard = "sound " if as_sound else "tokens"
            print(f"{heard} heard: encoder {encoder:.1%} of a core, decoder {decoder:.1%}, longest step of the encoder {longest:.0f} ms")
    print(f"ratio {found[True] / found[False]:.2f}; {len(calls)} speakers, {seconds / 60:.1f} minutes, half of them speech")


if __name__ == "__main__":
    main()
