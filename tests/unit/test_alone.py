"""Turns of tests that run beside each other."""

import threading
import time
from contextlib import ExitStack
from pathlib import Path

from tests.alone import Turn


def test_who_is_alone_waits_for_the_others_and_they_for_him(tmp_path: Path) -> None:
    order: list[str] = []

    def take(name: str, alone: bool) -> threading.Thread:
        def run() -> None:
            with ExitStack() as running:
                Turn(tmp_path).enter(alone, running)
                order.append(name)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    with ExitStack() as first, ExitStack() as second:
        Turn(tmp_path).enter(False, first)
        Turn(tmp_path).enter(False, second)
        waits = take("alone", True)
        time.sleep(0.2)
        assert order == []
        second.close()
        time.sleep(0.2)
        assert order == []
    waits.join(10)
    with ExitStack() as only:
        Turn(tmp_path).enter(True, only)
        later = take("other", False)
        time.sleep(0.2)
        assert order == ["alone"]
    later.join(10)
    assert order == ["alone", "other"]
