"""Two of our phones whose decoders have other weights must not try to understand each other: the call falls back to Opus."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from softphone.control.protocol import Answer, CallState, Hangup
from tests.phones.phone import Phone
from tests.places import ROOT
from tests.sound import LAST_WORDS_SECONDS, assert_same_sound


@pytest.fixture
def other_program(tmp_path: Path) -> Path:
    """A copy of the whole program with one weight of the synthesiser changed."""
    root = tmp_path / "other-program"
    for name in ("codec", "softphone", "models", "config"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "train"))
    path = root / "models" / "synthesiser.safetensors"
    weights = load_file(path)
    name = min(weights)
    weights[name].flat[0] += 1
    save_file(weights, path)
    return root


@pytest.mark.parametrize("caller_is_other", [False, True])
def test_another_model_falls_back_to_opus(
    make_phone: Callable[..., Phone], other_program: Path, speech: Path, tmp_path: Path, caller_is_other: bool
) -> None:
    ours, other = make_phone("ours"), make_phone("other", root=other_program)
    for phone in (ours, other):
        phone.wait_worker()
    models = [phone.worker_facts().model for phone in (ours, other)]
    assert models[0] != models[1]
    caller, called = (other, ours) if caller_is_other else (ours, other)
    heard = tmp_path / "heard.wav"
    call = caller.call(called.uri, wav_in=speech)
    incoming = called.wait(CallState, lambda event: event.state == "incoming")
    called.client.request(Answer(call=incoming.call, wav_out=str(heard)))
    media = caller.wait_media(call)
    assert media.codec == "opus"
    assert called.wait_media(incoming.call).codec == "opus"
    assert "model" in media.note
    caller.wait_file(call, "played")
    time.sleep(LAST_WORDS_SECONDS)
    caller.client.request(Hangup(call=call))
    called.wait_file(incoming.call, "recorded")
    assert_same_sound(speech, heard)
