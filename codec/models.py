"""All weights of the codec, loaded once a process; where they lie: `codec/units/weights_files.py`."""

from dataclasses import dataclass
from pathlib import Path

import torch

from codec.detail.layer import DetailLayer
from codec.recognise.lexicon import Lexicon
from codec.recognise.recogniser import PhoneRecogniser, Recogniser
from codec.speak.synthesiser import Synthesiser
from codec.speak.vocoder import Vocoder
from codec.units.errors import ModelError
from codec.units.weights import load_weights
from codec.units.weights_files import model_id, weights_directory
from codec.voice.code import VoiceCode
from codec.voice.embedding import VoiceEncoder
from codec.voice.residual import ResidualCode
from codec.wire.tables import Entropy


def use_one_thread() -> None:
    """Keeps torch of this process to one core: where a core's share is measured, and where streams run side by side."""
    torch.set_num_threads(1)


def listener(directory: Path | None = None) -> tuple[Synthesiser, DetailLayer, Vocoder, Entropy]:
    """The networks and tables of a listener. Raises ModelError."""
    directory = directory or weights_directory()
    try:
        detail = load_weights(directory / "detail.safetensors")[0]
        return (
            Synthesiser.from_weights(load_weights(directory / "synthesiser.safetensors")[0]),
            DetailLayer.from_weights(detail),
            Vocoder.from_weights(load_weights(directory / "vocoder.safetensors")[0]),
            Entropy.from_weights(load_weights(directory / "entropy.safetensors")[0], detail),
        )
    except (KeyError, ValueError, RuntimeError) as error:
        raise _misfit(directory, error) from error


def _misfit(directory: Path, error: Exception) -> ModelError:
    return ModelError(f"The weights in {directory} do not fit this version of the codec ({error}): reinstall the package.")


@dataclass(frozen=True, slots=True)
class Models:
    """The networks and tables, ready to make streams from."""

    recogniser: PhoneRecogniser
    synthesiser: Synthesiser
    vocoder: Vocoder
    detail: DetailLayer
    entropy: Entropy
    voice_code: VoiceCode
    voice_residual: ResidualCode
    voice_encoder: VoiceEncoder
    model_id: str

    @classmethod
    def load(cls, directory: Path | None = None) -> "Models":
        """From `directory`, by default the shipped weights. Raises ModelError."""
        directory = directory or weights_directory()
        synthesiser, detail, vocoder, entropy = listener(directory)
        try:
            lexicon = Lexicon.from_weights(load_weights(directory / "lexicon.safetensors")[0])
            return cls(
                recogniser=Recogniser.from_weights(*load_weights(directory / "recogniser.safetensors"), lexicon),
                synthesiser=synthesiser,
                vocoder=vocoder,
                detail=detail,
                entropy=entropy,
                voice_code=VoiceCode.from_weights(load_weights(directory / "voice_code.safetensors")[0]),
                voice_residual=ResidualCode.from_weights(load_weights(directory / "voice_residual.safetensors")[0]),
                voice_encoder=VoiceEncoder.load(),
                model_id=model_id(directory),
            )
        except (KeyError, ValueError, RuntimeError) as error:
            raise _misfit(directory, error) from error
