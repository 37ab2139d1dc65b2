"""What is left of a mistake of the screen itself: a sentence without what the user typed, and a bounded private file."""

from pathlib import Path

import pytest

from softphone.tui import crash


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "softphone"


def failed(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


@pytest.mark.parametrize(
    ("calls", "engine", "wanted"),
    [(False, False, "run softphone to come back"), (True, True, "the call continues"), (True, False, "the engine was lost too")],
)
def test_the_sentence_says_what_became_of_the_call(home: Path, calls: bool, engine: bool, wanted: str) -> None:
    said = str(crash.ended(failed("secret"), calls=calls, engine=engine))
    assert wanted in said and "secret" not in said and str(home / crash.LOG) in said


def test_the_file_is_private_and_does_not_grow_for_ever(home: Path) -> None:
    for _ in range(4):
        path = crash.write(failed("x" * (crash.LARGEST // 3)))
    assert path.stat().st_mode & 0o777 == 0o600 and home.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_size < 2 * crash.LARGEST and "ValueError" in path.read_text()


def test_a_file_that_cannot_be_written_is_said_too(home: Path) -> None:
    home.mkdir()
    (home / crash.LOG).symlink_to("/dev/null")
    assert "could not be written down" in str(crash.ended(failed(""), calls=False, engine=False))
