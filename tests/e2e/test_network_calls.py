"""Real engines through the impairment box: short calls, real losses."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.units import audio_file
from codec.units.rates import SAMPLE_RATE
from softphone import paths, sound_file
from softphone.bench.impairment.impairment import parse_impairment
from softphone.bench.instruments.manifest import Recording, read_manifest
from softphone.bench.network.conversation import conversations
from softphone.bench.network.live_call import PhonePair
from softphone.bench.network.network_bench import bench
from softphone.bench.network.network_systems import network_system
from softphone.cli.main import main

pytestmark = pytest.mark.alone

SECONDS = 1.8


@pytest.fixture
def recordings(tmp_path: Path) -> list[Recording]:
    """Two pieces of the bundled recording, of two speakers as far as the list says."""
    pcm = sound_file.read(paths.demo_recording()[0])
    lines = []
    for number in range(2):
        begin = int((0.3 + 3 * number) * SAMPLE_RATE)
        audio_file.write(tmp_path / f"u{number}.flac", pcm[begin : begin + int(SECONDS * SAMPLE_RATE)])
        lines.append(json.dumps({"id": f"u{number}", "file": f"u{number}.flac", "speaker": f"s{number}", "text": "some words"}))
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines))
    return read_manifest(tmp_path)


class Ear:
    """Understands what lasts long enough."""

    def transcribe(self, pcm: NDArray[np.int16]) -> str:
        return "some words" if len(pcm) > 0.8 * SECONDS * SAMPLE_RATE else "some"


def test_calls_are_made_judged_and_kept(recordings: list[Recording], tmp_path: Path) -> None:
    said: list[str] = []
    rows = bench(recordings, ["loss 30%"], ["opus-6k-60ms"], said.append, keep=tmp_path / "keep", ear=Ear)
    assert [(one["impairment"], one["calls_failed"], one["utterances"]) for one in rows] == [("none", 0, 2), ("loss 30%", 0, 2)]
    clean, lossy = rows
    assert clean["wer"] == 0 and clean["lost_share"] == 0 and clean["words_kept"] == 1
    assert isinstance(lossy["lost_share"], float) and 0.1 < lossy["lost_share"] < 0.55
    for each in rows:
        assert isinstance(each["ip_bps"], float) and 8000 < each["ip_bps"] < 20000
        assert isinstance(each["mouth_to_ear_ms"], float) and 20 < each["mouth_to_ear_ms"] < 1500
        assert isinstance(each["invite_bytes"], int) and 500 < each["invite_bytes"] < 1500
    said.clear()
    assert bench(recordings, ["loss 30%"], ["opus-6k-60ms"], said.append, keep=tmp_path / "keep", ear=Ear) == rows
    assert not any("talked" in line for line in said)


def test_set_up_over_bad_networks(recordings: list[Recording], tmp_path: Path) -> None:
    sounds = {one.name: audio_file.read(one.file) for one in recordings}
    talk = conversations(recordings[:1], {name: len(pcm) / SAMPLE_RATE for name, pcm in sounds.items()})[0]
    system = network_system("opus-6k-60ms")
    (tmp_path / "first.trace").write_text("lost\n" + "0\n" * 999)
    with PhonePair(system.config, system.codec, patience_s=3) as pair:
        nobody = pair.talk(talk, sounds, parse_impairment("loss 100%"), "seed", impair_sip=True)
        assert nobody.set_up.seconds is None and nobody.set_up.failure == "no call within 3 s" and not nobody.heard
    with PhonePair(system.config, system.codec) as pair:
        # The INVITE is lost and sent again after T1.
        again = pair.talk(talk, sounds, parse_impairment(f"trace {tmp_path / 'first.trace'}"), "seed", impair_sip=True)
        assert again.set_up.seconds is not None and again.set_up.seconds > 0.45 and again.heard[0].any()
        slow = pair.talk(talk, sounds, parse_impairment("rate 9600"), "seed")
        assert slow.set_up.seconds is not None and slow.set_up.seconds > 1
        assert {one.kind for one in slow.sent} >= {"rtp", "rtcp"} and slow.heard[0].any()
        assert min(one.arrival - one.time for one in slow.sent if one.arrival is not None) > 0.02


def test_what_cannot_be_is_said_before_any_call(recordings: list[Recording], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, why in ((["--impairments", "los 3%"], "'los 3%' is no impairment"), (["--systems", "mp3"], "no system 'mp3'")):
        assert main(["bench", "network", "--data", str(recordings[0].file.parent), *arguments]) == 1
        assert why in capsys.readouterr().err
