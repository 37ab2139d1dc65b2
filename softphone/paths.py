"""Where the softphone keeps things: the XDG base directories, and what the package itself carries."""

import os
import tempfile
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _xdg(variable: str, fallback: str) -> Path:
    # The XDG specification says that a relative path in these variables is to be ignored.
    value = os.environ.get(variable, "")
    base = Path(value) if value.startswith("/") else Path.home() / fallback
    return base / "softphone"


def config_file() -> Path:
    """`$XDG_CONFIG_HOME/softphone/config.toml`; need not exist."""
    return _xdg("XDG_CONFIG_HOME", ".config") / "config.toml"


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/softphone`; need not exist."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def data_dir() -> Path:
    """`$XDG_DATA_HOME/softphone`, where contacts, history and messages are; need not exist."""
    return _xdg("XDG_DATA_HOME", ".local/share")


def runtime_dir() -> Path:
    """Folder of the control socket: `$XDG_RUNTIME_DIR/softphone`, else `softphone-<uid>` in the temporary folder; need not exist."""
    value = os.environ.get("XDG_RUNTIME_DIR", "")
    if value.startswith("/"):
        return Path(value) / "softphone"
    return Path(tempfile.gettempdir()) / f"softphone-{os.getuid()}"


def default_config_file() -> Path:
    """The commented default configuration that comes with the program (wheel or checkout)."""
    packaged = _PACKAGE / "default_config" / "softphone.toml"
    return packaged if packaged.exists() else _PACKAGE.parent / "config" / "softphone.toml"


def from_home(path: str | Path) -> str:
    """A path as people write it, from their home folder on: `~/x`."""
    home, text = str(Path.home()), str(path)
    return "~" + text[len(home) :] if text.startswith(home + "/") else text


def demo_recording() -> tuple[Path, Path]:
    """The bundled recording (16 kHz mono FLAC) and the text that is spoken in it."""
    return _PACKAGE / "demo_audio" / "demo.flac", _PACKAGE / "demo_audio" / "demo.txt"
