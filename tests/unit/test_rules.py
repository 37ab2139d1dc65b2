"""Rules that can be checked: what is loaded, how long files and how full folders are, who imports whom, and that documents tell the truth.

Who may import whom is in pyproject.toml, for import-linter.
"""

import ast
import contextlib
import io
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from softphone.cli.main import parser
from tests.places import ROOT

LONGEST_FILE = 500
MOST_MODULES = 16
"""Of a folder, `__init__` aside."""
CODE = ("codec", "softphone", "tests", "tools")
DOCUMENTS = [*sorted(ROOT.glob("*.md")), ROOT / "models" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_the_engine_process_loads_neither_torch_nor_textual_nor_more_of_the_codec_than_its_units() -> None:
    program = "import sys, softphone.engine.main; print(*sorted({'.'.join(name.split('.')[:2]) for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    loaded = {name for name in done.stdout.split() if name.split(".")[0] in ("torch", "textual", "codec")}
    assert loaded <= {"codec", "codec.units", "codec.wire"}


def test_files_are_one_concept_long() -> None:
    files = [path for folder in CODE for path in sources(folder)]
    assert len(files) > 50
    long = {path.name: count for path in files if (count := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert not long


def test_folders_show_what_is_in_them() -> None:
    folders = {path.parent for folder in CODE for path in sources(folder)}
    counts = {str(folder.relative_to(ROOT)): len(list(folder.glob("*.py"))) - (folder / "__init__.py").is_file() for folder in folders}
    assert len(counts) > 50
    full = {folder: count for folder, count in counts.items() if count > MOST_MODULES}
    assert not full


def test_no_modules_import_each_other() -> None:
    """Imports within functions count, since they run too; those for type checkers alone do not."""
    paths = {module_name(path): path for folder in CODE for path in sources(folder)}
    imported = {name: imports(ast.parse(path.read_text()), set(paths)) - {name} for name, path in paths.items()}
    assert sum(map(len, imported.values())) > 1000
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        raise AssertionError(f"modules import each other: {' <- '.join(error.args[1])}") from None


def test_tests_import_no_tests() -> None:
    for path in sources("tests"):
        found = re.findall(r"^\s*(?:from|import) tests\.(?:[\w.]+\.)?(?:test_\w+|conftest)\b", path.read_text(), re.MULTILINE)
        assert not found, f"{path.relative_to(ROOT)}: what two tests need belongs in a module without test_"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(node: ast.AST, known: set[str]) -> set[str]:
    """Of these modules, those that are imported somewhere below `node` when the program runs."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return set()
    found: set[str] = set()
    if isinstance(node, ast.Import):
        found = {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom) and node.module:
        inner = {f"{node.module}.{alias.name}" for alias in node.names}
        found = inner & known or {node.module}
    return found & known | {name for child in ast.iter_child_nodes(node) for name in imports(child, known)}


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
        with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(io.StringIO()) as told:
            parser().parse_args([*words[:depth], "--help"])
        assert ended.value.code == 0 and told.getvalue().startswith(f"usage: softphone {' '.join(words[:depth])}"), command
