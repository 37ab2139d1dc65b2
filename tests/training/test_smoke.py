"""Every training step on the tiny corpus, one after the other as in models/README.md, and what they export works."""

import itertools
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.models import Models
from codec.train.corpus.packed import Corpus

STEPS = (
    "corpus.pack corpus.tracks corpus.wire_tokens entropy_tables voice.codebook recogniser.phone_language_model "
    "recogniser.word_lexicon recogniser.train recogniser.export synthesis.vocoder synthesis.synthesiser synthesis.export "
    "corpus.realign corpus.heard detail.train detail.export voice.lessons voice.residual recogniser.evaluate text.melody "
    "recogniser.word_teacher recogniser.word_adapters recogniser.export_word_adapters"
).split()

pytestmark = pytest.mark.timeout(900)
"""Half a minute of one core; all else of a machine may be busy."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a finished smoke run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("work")
    for step in STEPS:
        run(step, folder)
    yield folder / "smoke"
    torch.set_num_threads(threads)


def run(step: str, folder: Path, *options: str) -> None:
    import_module(f"codec.train.{step}").main(["--smoke", "--work", str(folder), *options])


def test_what_was_exported_speaks(work: Path) -> None:
    models = Models.load(work / "models")
    encoder, decoder = Encoder(models), Decoder(models)
    for payload in (*encoder.encode(Corpus("valid", work / "corpus").pcm(0)), *encoder.flush()):
        decoder.receive(payload)
    assert decoder.pull(16000).shape == (16000,)


def test_cards_tell_seed_and_data(work: Path) -> None:
    cards = {path.stem: json.loads(path.read_text()) for path in (work / "models").glob("*.json")}
    assert {"recogniser", "synthesiser", "vocoder", "entropy", "voice_code"} <= set(cards)
    for name in ("recogniser", "synthesiser", "vocoder"):
        (told,) = cards[name]["runs"]
        assert told["seed"] == 1
        assert told["first_step"] == 0
        assert sum(row["utterances"] for row in told["data"]) == (9 if name == "synthesiser" else 12)
        assert all(len(row["ids_sha256"]) == 64 for row in told["data"])


def test_training_goes_on_and_the_same_weights_give_the_same_bytes(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported = {path.name: path.read_bytes() for path in (work / "models").glob("*.safetensors")}
    for step in ("recogniser.export", "synthesis.export", "entropy_tables"):
        run(step, work.parent)
    assert exported == {path.name: path.read_bytes() for path in (work / "models").glob("*.safetensors")}
    run("synthesis.vocoder", work.parent, "--seed", "2", "--polish")
    assert "going on from step 5" in capsys.readouterr().err
    run("synthesis.export", work.parent, "vocoder")
    card = json.loads((work / "models" / "vocoder.json").read_text())
    assert card["steps"] == 10
    assert [(told["first_step"], told["seed"]) for told in card["runs"]] == [(0, 1), (5, 2)]
    assert exported["vocoder.safetensors"] != (work / "models" / "vocoder.safetensors").read_bytes()


def test_realigned_speech_has_labels_where_there_were_none(work: Path) -> None:
    before, after = Corpus("train", work / "corpus"), Corpus("train", work / "corpus", "realigned")
    gained = [new for old, new in zip(before.records, after.records, strict=True) if new["phones"] and not old["phones"]]
    assert len(gained) == 3
    for record in gained:
        edges = np.array([(start, end) for _, start, end in record["phones"]])
        assert (edges[1:, 0] == edges[:-1, 1]).all()
        assert record["seconds"] * 1000 - edges[-1, 1] < 20


def test_what_the_recogniser_hears_lies_within_the_sound(work: Path) -> None:
    heard = [record for record in Corpus("train", work / "corpus", "heard").records if record["phones"]]
    assert {record["phones_source"] for record in heard} == {"heard"}
    assert len(heard) >= 3
    for record in heard:
        assert record["phones"][0][1] == 0
        assert all(start < end for _, start, end in record["phones"])
        assert all(left[2] == right[1] for left, right in itertools.pairwise(record["phones"]))
        assert record["phones"][-1][1] * 16 < record["samples"]
