"""`softphone history`: the calls that were."""

import argparse
import dataclasses
import json
import sys
import time

from softphone.cli import status
from softphone.cli.output import tell, tell_json
from softphone.cli.phone_book.contacts import user_store
from softphone.store.history import CallRecord, outcome_word
from softphone.store.transcripts import KeptTranscripts


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("history", help="show past calls, or delete them", epilog=status.HELP)
    command.add_argument("--missed", action="store_true", help="only missed calls")
    command.add_argument("--limit", type=_count, default=50, metavar="N", help="the last N calls (default: 50)")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.add_argument("--clear", action="store_true", help="forget all calls that are over, and their transcripts")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    with user_store() as store:
        if options.clear:
            transcripts = KeptTranscripts().delete_all()
            tell(f"{store.history.remove()} calls and {transcripts} transcripts forgotten", sys.stderr)
            return status.OK
        calls = store.history.calls(options.limit, missed_only=options.missed)
        names = store.contacts.rule_book()
    for call in reversed(calls):
        name = names.name(call.remote)
        if options.json:
            tell_json(json.dumps({**dataclasses.asdict(call), "contact": name}, ensure_ascii=False))
        else:
            tell(_line(call, name or call.remote_name))
    return status.OK


def _line(call: CallRecord, name: str) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(call.started))
    minutes, seconds = divmod(int(call.duration_s), 60)
    fate = outcome_word(call) if call.outcome != "answered" else f"{minutes}:{seconds:02} {call.codec}"
    who = f"{name} <{call.remote}>" if name else call.remote
    return f"{when}  {'to  ' if call.direction == 'outgoing' else 'from'}  {who}  {fate}" + (f" ({call.reason})" if call.reason else "")


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 1000000")
    return value
