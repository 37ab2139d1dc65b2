"""What was interrupted goes on with the first item that is not there in full."""

from pathlib import Path

import pytest

from codec.train.ledger import Ledger


def test_a_new_run_goes_on_where_the_last_one_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = Ledger(tmp_path / "list")
    first.add({"id": "a"}, b"aa")
    first.add({"id": "b"}, b"bbb")
    first.close()
    second = Ledger(tmp_path / "list")
    for number in second.missing(4, "list"):
        second.add({"id": "abcd"[number]}, b"c" * number)
    assert "4/4 utterances, 0 s left" in capsys.readouterr().err
    assert [record["id"] for record in second.records] == ["a", "b", "c", "d"]
    assert second.close().read_bytes() == b"aabbbccccc"
    second.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut_lines, cut_bytes", [(3, 0), (0, 1), (0, 3), (1, 1)])
def test_half_written_items_are_cut_off(tmp_path: Path, cut_lines: int, cut_bytes: int) -> None:
    ledger = Ledger(tmp_path / "list")
    ledger.add("a", b"aa")
    ledger.add("b", b"bbb")
    ledger.close()
    for path, cut in ((tmp_path / "list.part", cut_lines), (tmp_path / "list.part.bytes", cut_bytes)):
        path.write_bytes(path.read_bytes()[: -cut or None])
    again = Ledger(tmp_path / "list")
    assert again.records == ["a"]
    again.add("b", b"BBB")
    assert again.close().read_bytes() == b"aaBBB"
