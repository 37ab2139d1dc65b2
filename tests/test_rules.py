"""The rules of the house that can be checked: who may import whom, room sizes, and that the README tells the truth."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = {
    "codec": {"softphone", "pjsua2"},
    "softphone/engine": {"torch", "textual"},
    "softphone/control": {"torch", "textual", "codec", "pjsua2", "cffi"},
    "softphone/worker": {"pjsua2", "textual"},
    "softphone/cli": {"pjsua2", "cffi", "torch"},
    "softphone/tui": {"pjsua2", "cffi", "torch", "codec"},
    "softphone/store": {"pjsua2", "cffi", "torch", "codec", "textual"},
    "softphone/bench": {"pjsua2", "torch"},
}
LONGEST_FILE = 500


def sources(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Top-level names of the modules that a file imports, anywhere in it."""
    package = path.parent.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield package[0] if node.level else (node.module or "").split(".")[0]


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_room_imports_what_it_must_not(room: str) -> None:
    found = [f"{path.relative_to(ROOT)}: {name}" for path in sources(room) for name in set(imported(path)) & FORBIDDEN[room]]
    assert not found


def test_the_import_check_sees_imports() -> None:
    assert {"torch", "codec"} <= {name for path in sources("softphone/worker") for name in imported(path)}
    assert "pjsua2" in {name for path in sources("softphone/engine") for name in imported(path)}


def test_the_engine_process_loads_neither_torch_nor_textual_nor_more_of_the_codec_than_its_units() -> None:
    program = "import sys, softphone.engine.main; print(*sorted({'.'.join(name.split('.')[:2]) for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert not {name for name in loaded if name.split(".")[0] in ("torch", "textual", "codec")} - {"codec", "codec.units"}


def test_files_are_one_concept_long() -> None:
    files = [path for room in ("codec", "softphone", "tests", "tools") for path in sources(room)]
    assert len(files) > 50
    long = {path.name: count for path in files if (count := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert not long


def test_the_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", readme))
    assert {"demo", "test", "bench-setup"} <= named
    assert named <= targets
    commands = set(re.findall(r"^(?:\$ |\s*)(softphone(?: [a-z]+)+)", readme, re.MULTILINE))
    assert len(commands) >= 6
    for command in sorted(commands):
        words = command.split()[1:]
        depth = 2 if words[0] == "codec" else 1
        done = subprocess.run(
            [sys.executable, "-m", "softphone.cli.main", *words[:depth], "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
