"""`softphone contacts`: the address book."""

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from softphone.cli import status
from softphone.cli.output import tell, tell_json
from softphone.codecs import codec_names
from softphone.store.contacts import Address, Contact
from softphone.store.store import Store, open_store
from softphone.store.vcard import importing
from softphone.store.vcard.cards import write_cards


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    top = commands.add_parser("contacts", help="list, add, remove, import and export contacts", epilog=status.HELP)
    kinds = top.add_subparsers(metavar="WHAT", required=True)

    show = kinds.add_parser("list", help="show contacts", epilog=status.HELP)
    show.add_argument("text", nargs="*", help="only contacts in which a word of the name or an address begins with it, or a number")
    _add_json(show)
    show.set_defaults(run=_list)

    new = kinds.add_parser("add", help="add a contact", epilog=status.HELP)
    new.add_argument("name")
    new.add_argument("address", nargs="+", help="SIP address or number, the preferred one first")
    new.add_argument("--notes", default="")
    new.add_argument("--favourite", action="store_true", help="show it first")
    new.add_argument("--auto-answer", action="store_true", help="answer this contact's calls at once, microphone open")
    new.add_argument("--codecs", metavar="LIST", help=f"offer only these, best first: {','.join(codec_names())}")
    _add_json(new)
    new.set_defaults(run=_add)

    old = kinds.add_parser("remove", help="remove a contact", epilog=status.HELP)
    old.add_argument("who", help="name of the contact, or its number in the list")
    old.set_defaults(run=_remove)

    reader = kinds.add_parser("import", help="add the contacts of a vCard file", epilog=status.HELP)
    reader.add_argument("file", type=Path, help="a .vcf file of any phone; - is standard input")
    reader.add_argument("--own", action="store_true", help="the file is an export of your own phone: let it turn on auto-answer too")
    _add_json(reader)
    reader.set_defaults(run=_import)

    writer = kinds.add_parser("export", help="write all contacts to a vCard file", epilog=status.HELP)
    writer.add_argument("file", type=Path, help="the .vcf file; - is standard output")
    writer.add_argument("--vcard", choices=("3.0", "4.0"), default="3.0", help="version of vCard; most phones read 3.0")
    writer.set_defaults(run=_export)


@contextlib.contextmanager
def user_store() -> Iterator[Store]:
    """The user's store; what there is to say about its file goes to standard error. Raises StoreError."""
    store = open_store()
    try:
        yield store
    finally:
        store.close()
        for note in store.take_notes():
            tell(f"softphone: {note}", sys.stderr)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="one JSON object a line")


def _list(options: argparse.Namespace) -> int:
    with user_store() as store:
        found = store.contacts.search(" ".join(options.text))
    if options.json:
        for contact in found:
            tell_json(json.dumps(dataclasses.asdict(contact), ensure_ascii=False))
        return status.OK
    width = max((len(contact.name) for contact in found), default=0)
    for contact in found:
        tell(_line(contact, min(width, 40)))
    if not found:
        tell("softphone: no such contact" if options.text else "softphone: there are no contacts yet", sys.stderr)
    return status.OK


def _add(options: argparse.Namespace) -> int:
    contact = Contact(
        name=options.name,
        addresses=tuple(Address(text, preferred=place == 0) for place, text in enumerate(options.address)),
        favourite=options.favourite,
        notes=options.notes,
        auto_answer=options.auto_answer,
        codecs=tuple(options.codecs.split(",")) if options.codecs is not None else None,
    )
    with user_store() as store:
        contact = store.contacts.add(contact)
    if options.json:
        tell_json(json.dumps(dataclasses.asdict(contact), ensure_ascii=False))
    else:
        tell(_line(contact, len(contact.name)))
    return status.OK


def _remove(options: argparse.Namespace) -> int:
    with user_store() as store:
        found = store.contacts.named(options.who)
        if not found and options.who.isascii() and options.who.isdigit():
            found = [store.contacts.get(int(options.who))]
        if not found:
            raise status.CommandError(f"no contact is called {options.who}; see: softphone contacts list")
        if len(found) > 1:
            numbers = ", ".join(str(contact.id) for contact in found)
            raise status.CommandError(f"{len(found)} contacts are called {found[0].name}; give one of their numbers instead: {numbers}")
        store.contacts.remove(found[0].id)
    return status.OK


def _import(options: argparse.Namespace) -> int:
    with user_store() as store:
        if str(options.file) == "-":
            result = importing.import_cards(sys.stdin.buffer.read(), store.contacts, own=options.own, source="standard input")
        else:
            result = importing.import_file(options.file, store.contacts, own=options.own)
    if options.json:
        tell_json(json.dumps(dataclasses.asdict(result), ensure_ascii=False))
        return status.OK
    tell(f"{result.added} added, {result.merged} completed, {result.known} were there already, {result.skipped} skipped")
    for remark in result.remarks:
        tell(remark, sys.stderr)
    return status.OK


def _export(options: argparse.Namespace) -> int:
    with user_store() as store:
        if str(options.file) == "-":
            sys.stdout.buffer.write(write_cards(store.contacts.all(), options.vcard))
            sys.stdout.buffer.flush()
            return status.OK
        count = importing.export_file(options.file, store.contacts, options.vcard)
    tell(f"{count} contacts written to {options.file}", sys.stderr)
    return status.OK


def _line(contact: Contact, width: int) -> str:
    marks = [word for word, on in (("favourite", contact.favourite), ("auto-answer", contact.auto_answer)) if on]
    marks += [f"codecs {','.join(contact.codecs)}"] if contact.codecs else []
    addresses = [f"{address.uri} ({address.label})" if address.label else address.uri for address in contact.addresses]
    return f"{contact.id:4}  {contact.name:{width}}  {', '.join(addresses)}" + (f"  [{', '.join(marks)}]" if marks else "")
