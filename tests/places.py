"""Where things of the repository lie that tests read."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "models"
DEMO_AUDIO = ROOT / "softphone" / "demo_audio"
