"""The table of what works with whom, written by the tests marked `interop(feature, package)` under `make interop`."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_TITLE = """# Works with

Written by `make interop`: each row is tests with the real program, started and stopped by them on this machine.

| what | with | version | result | tests |
| --- | --- | --- | --- | --- |
"""


@dataclass
class Row:
    """Outcome of the tests of one feature with one peer."""

    passed: int = 0
    failed: int = 0

    @property
    def result(self) -> str:
        return "works" if not self.failed else "fails" if not self.passed else f"{self.failed} of {self.passed + self.failed} fail"


_ROWS: dict[tuple[str, str], Row] = {}


@cache
def version(package: str) -> str:
    """Of a Debian package; of our own phone that of the project."""
    if package == "softphone":
        from softphone import __version__  # noqa: PLC0415

        return __version__
    shown = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Version}", package], capture_output=True, text=True, timeout=30, check=False
    )
    return shown.stdout.strip() or "not installed"


def table(rows: dict[tuple[str, str], Row]) -> str:
    """The page, in the order in which the tests ran."""
    lines = [
        f"| {feature} | {peer} | {version(peer)} | {row.result} | {row.passed + row.failed} |" for (feature, peer), row in rows.items()
    ]
    return _TITLE + "\n".join(lines) + "\n"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report: pytest.TestReport = yield  # type: ignore[misc]
    if report.when == "call" or (report.when == "setup" and not report.passed):
        for mark in item.iter_markers("interop"):
            feature, *peers = mark.args
            for peer in peers:
                row = _ROWS.setdefault((feature, peer), Row())
                row.passed += report.passed
                row.failed += not report.passed
    return report


def pytest_sessionfinish() -> None:
    file = os.environ.get("INTEROP")
    if file and _ROWS:
        Path(file).write_text(table(_ROWS))
