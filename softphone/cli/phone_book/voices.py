"""`softphone voices`: voices that are remembered from call to call."""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

from softphone.cli import status
from softphone.cli.arguments import add_config
from softphone.cli.output import tell, tell_json
from softphone.store.settings import Settings
from softphone.store.voices import OWN, KeptVoice, KeptVoices


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    top = commands.add_parser("voices", help="list, export and delete remembered voices, and allow or refuse them", epilog=status.HELP)
    kinds = top.add_subparsers(metavar="WHAT", required=True)
    show = kinds.add_parser("list", help="list the voices that are remembered", epilog=status.HELP)
    show.add_argument("--json", action="store_true", help="one JSON object a line")
    show.set_defaults(run=_list)
    delete = kinds.add_parser("delete", help="forget voices", epilog=status.HELP)
    delete.add_argument("who", nargs="*", help=f'addresses as in the list; "{OWN}" is your own voice')
    delete.add_argument("--all", action="store_true", help="forget all")
    delete.set_defaults(run=_delete)
    export = kinds.add_parser("export", help="write the voices remembered for one address to a file, as JSON", epilog=status.HELP)
    export.add_argument("who")
    export.add_argument("file", type=Path, help="only you can read it; - is standard output")
    export.set_defaults(run=_export)
    for name, text in (("allow", "remember voices from now on, where the other side allows it too"), ("refuse", "remember none")):
        consent = kinds.add_parser(name, help=text, epilog=status.HELP)
        add_config(consent)
        consent.set_defaults(run=_consent, consent="always" if name == "allow" else "never")


def _list(options: argparse.Namespace) -> int:
    voices = list(KeptVoices().all())
    if not voices and not options.json:
        tell("no voices are remembered; `softphone voices allow` remembers them from now on", sys.stderr)
    for voice in voices:
        if options.json:
            parts = sorted(voice.voices)
            tell_json(json.dumps({"who": voice.who, "kept": voice.kept, "parts": parts}, ensure_ascii=False))
        else:
            tell(_line(voice))
    return status.OK


def _line(voice: KeptVoice) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(voice.kept))
    if voice.who == OWN:
        return f"{when}  {OWN}: your voice, from {voice.voices.get('own', {}).get('seconds', 0):.0f} s of speech"
    known = [text for part, text in (("theirs", "their voice is known here"), ("mine", "yours is known there")) if part in voice.voices]
    return f"{when}  {voice.who}: {', '.join(known)}"


def _delete(options: argparse.Namespace) -> int:
    if bool(options.who) == options.all:
        raise status.CommandError("say whose voices to forget, or --all", status.USAGE)
    kept = KeptVoices()
    if options.all:
        tell(f"{kept.delete_all()} voices forgotten", sys.stderr)
        return status.OK
    for who in options.who:
        if not kept.delete(who):
            raise status.CommandError(f"no voice of {who} is remembered; `softphone voices list` tells whose are")
    return status.OK


def _export(options: argparse.Namespace) -> int:
    voice = KeptVoices().get(options.who)
    if voice is None:
        raise status.CommandError(f"no voice of {options.who} is remembered; `softphone voices list` tells whose are")
    text = json.dumps(dataclasses.asdict(voice), indent=2) + "\n"
    if str(options.file) == "-":
        sys.stdout.write(text)
        return status.OK
    try:
        with os.fdopen(os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
    except OSError as error:
        raise status.CommandError(f"{options.file} cannot be written ({error.strerror}); name another file") from None
    return status.OK


def _consent(options: argparse.Namespace) -> int:
    Settings(options.config).change({"privacy.voices": options.consent})
    said = "are remembered from the next start of the phone on" if options.consent == "always" else "are not remembered"
    tell(f"voices {said}", sys.stderr)
    return status.OK
