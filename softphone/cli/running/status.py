"""`softphone status`: how the running phone stands; with `--watch` one line a second, for links on which a screen is too much."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import TextIO

from softphone.cli import status
from softphone.cli.arguments import positive
from softphone.cli.output import tell
from softphone.control.client import ControlClient
from softphone.control.protocol import AnyEvent, ControlError, Status
from softphone.control.runtime import default_socket
from softphone.files.errors import StoreError
from softphone.plain_text import visible
from softphone.store.store import open_store
from softphone.tui.calls.call_words import flags, state_text
from softphone.tui.calls.verdict import judge
from softphone.tui.common.drawing import bit_rate
from softphone.tui.state.call_view import CallView
from softphone.tui.state.names import NameOf, display_name, short, who
from softphone.tui.state.phone_state import LOCAL, AccountView, PhoneState

LINE_S = 1.0
RATES_EVERY = 5
"""Lines between two that tell rates and the verdict again: the time alone costs two bytes."""
ACCOUNTS = {"registered": "registered", "registering": "registering", "unregistered": "not registered", "direct": "direct calls"}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser("status", help="show the accounts and calls of the running phone", epilog=status.HELP)
    command.add_argument("--watch", action="store_true", help="go on: one line a second, at most 60 bytes of it new")
    command.add_argument("--seconds", type=positive, metavar="N", help="with --watch: for so long")
    command.add_argument("--socket", type=Path, metavar="PATH", help="engine to use; default: engine.sock in the runtime folder")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    store = open_store(or_forget=True)

    def name_of(remote: str) -> str:
        try:
            return store.name_of(remote)
        except StoreError:
            return display_name(remote)

    state = PhoneState(time.monotonic)

    def take(event: AnyEvent) -> None:
        state.apply(event)

    with ControlClient(options.socket or default_socket(), on_event=take) as client:
        state.apply_status(client.request(Status()))
        if not options.watch:
            for line in summary(state, name_of, time.monotonic()):
                tell(line)
            return status.OK
        _watch(state, client, name_of, options.seconds)
    return status.OK


def summary(state: PhoneState, name_of: NameOf, now: float) -> list[str]:
    """The accounts, then the calls, a line each."""
    lines = [account_line(account, state.engine.address) for account in state.accounts.values()]
    calls = [call_line(call, name_of, now) for call in state.calls.values()]
    return [*lines, *(calls or ["no call"])]


def account_line(account: AccountView, address: str) -> str:
    if account.name == LOCAL:
        return f"direct calls: sip:{address}"
    words = f"failed: {account.reason}" if account.state == "failed" else ACCOUNTS[account.state]
    mail = ", voicemail waiting" if account.voice_mail else ""
    return f"{short(account.uri) or account.name}: {words}{mail}"


def call_line(call: CallView, name_of: NameOf, now: float) -> str:
    """`02:14 talking Bob Builder`, with its flags."""
    return " ".join([state_text(call, now), who(call.state.remote, name_of), *flags(call)])


def figures(call: CallView, worker: str) -> str:
    """Verdict, rates, loss and delay, as far as they are known."""
    if not call.up or call.statistics is None:
        return ""
    now, statistics = call.now, call.statistics
    delay = f"  {statistics.delay_ms:.0f} ms" if statistics.delay_ms is not None else ""
    rates = f"{call.codec} {bit_rate(now.tx_ip_bps)}/{bit_rate(now.rx_ip_bps)}"
    return f"  {judge(call, worker, microphone=False).text}  {rates}  loss {now.loss_percent:.0f} %{delay}"


class SameLine:
    """A line of a terminal that is written over: only from the first letter on that changed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._shown = ""
        self._live = file.isatty()

    def show(self, text: str) -> None:
        if not self._live:
            tell(text, self._file)
            self._file.flush()
            return
        text = text[: shutil.get_terminal_size().columns - 1]
        if text == self._shown:
            return
        self._file.write(change(self._shown, text))
        self._file.flush()
        self._shown = text

    def end(self) -> None:
        if self._live and self._shown:
            self._file.write("\n")


def change(old: str, new: str) -> str:
    """What makes a terminal that shows `old`, with the cursor at its end, show `new`. Plain ASCII controls, for any terminal."""
    same = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))
    back = len(old) - same
    rest = new[same:]
    gone = max(back - len(rest), 0)
    to_start = "\b" * back if back <= same + 1 else "\r" + new[:same]
    return to_start + rest + " " * gone + "\b" * gone


def _watch(state: PhoneState, client: ControlClient, name_of: NameOf, seconds: float | None) -> None:
    line, told, count = SameLine(sys.stdout), "", 0
    end = None if seconds is None else time.monotonic() + seconds
    selected: object = None
    while end is None or time.monotonic() < end:
        if not client.is_open or state.engine.state == "down":
            line.end()
            raise ControlError("the phone has ended", "no_engine")
        call = state.ringing or state.call
        if call is None:
            line.show(visible("; ".join(account_line(account, state.engine.address) for account in state.accounts.values())))
        else:
            news = (call.number, call.state.state, call.media.state if call.media is not None else "")
            if news != selected or count % RATES_EVERY == 0:
                told, selected = figures(call, state.engine.worker), news
            # What changes every second stands last: the line is sent from there on.
            line.show(visible(f"{who(call.state.remote, name_of)}{told}  {state_text(call, time.monotonic())}"))
        count += 1
        time.sleep(LINE_S)
    line.end()
