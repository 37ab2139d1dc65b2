"""Rules that can be checked: what the engine loads, how long a file may be, and that the documents tell the truth.

Who may import whom is in pyproject.toml, for import-linter.
"""

import re
import subprocess
import sys
from pathlib import Path

from tests.places import ROOT

LONGEST_FILE = 500
DOCUMENTS = [*sorted(ROOT.glob("*.md")), ROOT / "models" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_the_engine_process_loads_neither_torch_nor_textual_nor_more_of_the_codec_than_its_units() -> None:
    program = "import sys, softphone.engine.main; print(*sorted({'.'.join(name.split('.')[:2]) for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    loaded = {name for name in done.stdout.split() if name.split(".")[0] in ("torch", "textual", "codec")}
    assert loaded <= {"codec", "codec.units", "codec.wire"}


def test_files_are_one_concept_long() -> None:
    files = [path for folder in ("codec", "softphone", "tests", "tools") for path in sources(folder)]
    assert len(files) > 50
    long = {path.name: count for path in files if (count := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert not long


def test_paths_and_modules_that_documents_name_exist() -> None:
    named = 0
    for document in DOCUMENTS:
        text = document.read_text()
        paths = re.findall(r"(?<![\w/.-])(?:codec|softphone|tests|tools|docs|models|config|\.ci)/[\w./*-]*[\w*/]", text)
        modules = [name.rstrip(".") for name in re.findall(r"(?<![\w./-])(?:codec|softphone|tests|tools)\.[a-z][\w.]*", text)]
        named += len(paths) + len(modules)
        missing = [path for path in paths if not list(ROOT.glob(path.rstrip("/")))]
        missing += [name for name in modules if not is_module(name)]
        folder = ROOT
        for path in re.findall(r"`((?:\w+/)*\w+\.py)", text):
            # A name without a folder is beside the file that was named before it.
            place = ROOT / path if "/" in path else folder / path
            folder = place.parent
            missing += [] if place.is_file() else [path]
        assert not missing, f"{document.relative_to(ROOT)} names what does not exist: {', '.join(missing)}"
    assert named > 100


def is_module(name: str) -> bool:
    """Of a dotted name: a module or package, or something in one."""
    place = ROOT.joinpath(*name.split("."))
    return any(path.with_suffix(".py").is_file() or (path / "__init__.py").is_file() for path in (place, place.parent))


def test_the_commands_of_the_readme_exist() -> None:
    readme = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()
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
