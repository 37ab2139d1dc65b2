"""Contacts as vCards: read from versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), written as 3.0 or 4.0."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from softphone.config import CODEC_NAMES
from softphone.files.errors import StoreError, clean
from softphone.store import sip_address
from softphone.store.contacts import Address, Contact, check, tidy_uri
from softphone.store.vcard_lines import ContentLine, components, escape, fold, read_lines, unescape

Version = Literal["3.0", "4.0"]
_SIP_PROPERTIES = ("IMPP", "URL", "X-SIP", "X-EVOLUTION-SIP", "X-MESSAGING/SIP-ALL", "X-PHONE-SIP")
_NO_LABEL = frozenset({"pref", "voice", "internet", "text", "text-number", "msg", "voip", "x-sip", "sip", ""})
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_")
_PLAIN_LABEL = re.compile(r"[a-z0-9-]+", re.ASCII)


@dataclass
class Cards:
    """What was in a file: `contacts` as `contacts.check` leaves them, and a sentence for each card that is none."""

    contacts: list[Contact] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read(data: bytes) -> Cards:
    """All cards of a file. Never raises; a card that lacks its END is read as far as it goes."""
    cards = Cards()
    current: list[ContentLine] | None = None
    nested = 0
    number = 0
    agent = False
    for line in read_lines(data):
        begins = line.name == "BEGIN" and line.value.strip().upper() == "VCARD"
        ends = line.name == "END" and line.value.strip().upper() == "VCARD"
        if begins and agent:
            nested += 1
        elif ends and nested:
            nested -= 1
        elif begins or ends:
            if current is not None:
                number += 1
                _add(cards, current, number)
            current = [] if begins else None
        elif current is not None and not nested:
            current.append(line)
        # vCard 2.1 puts the card of a secretary right inside another one.
        agent = line.name == "AGENT" and not line.value.strip()
    if current is not None:
        _add(cards, current, number + 1)
    return cards


def write(contacts: Iterable[Contact], version: Version = "3.0") -> bytes:
    """A file that `read`, and other programs, read; UTF-8."""
    return "".join("".join(map(fold, _card_lines(contact, version))) for contact in contacts).encode("utf-8", "replace")


def _add(cards: Cards, lines: list[ContentLine], number: int) -> None:
    try:
        cards.contacts.append(_contact(lines))
    except StoreError:
        cards.skipped.append(f"card {number} has neither a name nor a number nor a SIP address")


def _contact(lines: list[ContentLine]) -> Contact:
    labels = {line.group: _label_text(unescape(line.value)) for line in lines if line.name == "X-ABLABEL" and line.group}
    texts: dict[str, str] = {}
    notes = []
    addresses: list[Address] = []
    for line in lines:
        value = unescape(line.value).strip()
        if line.name == "NOTE":
            notes.append(value)
        elif line.name == "N":
            family, given, middle, before, after = (part.strip() for part in (*components(line.value), "", "", "", "", "")[:5])
            texts.setdefault("N", " ".join(filter(None, (before, given, middle, family, after))))
        elif line.name == "ORG":
            texts.setdefault("ORG", ", ".join(filter(None, components(line.value))))
        elif line.name == "TEL" or (line.name in _SIP_PROPERTIES and _is_sip(line.name, value)):
            try:
                addresses.append(Address(tidy_uri(value), _label(line, labels), _is_preferred(line)))
            except StoreError:
                # Nobody's number is lost because we cannot dial it.
                if value:
                    notes.append(value)
        elif value:
            texts.setdefault(line.name, value)
    names = (texts.get(name, "") for name in ("FN", "N", "NICKNAME", "ORG", "EMAIL"))
    codecs = tuple(codec for codec in texts.get("X-SOFTPHONE-CODECS", "").split(",") if codec in CODEC_NAMES)
    return check(
        Contact(
            name=next((name for name in names if clean(name)), ""),
            addresses=tuple(addresses),
            favourite=texts.get("X-SOFTPHONE-FAVOURITE") == "1",
            notes="\n".join(notes),
            auto_answer=texts.get("X-SOFTPHONE-AUTO-ANSWER") == "1",
            codecs=codecs or None,
            uid=texts.get("UID", ""),
        )
    )


def _is_sip(name: str, value: str) -> bool:
    return value.lower().startswith(("sip:", "sips:")) or (name.startswith("X-") and bool(value))


def _is_preferred(line: ContentLine) -> bool:
    return "pref" in line.types or "PREF" in line.parameters


def _label(line: ContentLine, labels: dict[str, str]) -> str:
    types = dict.fromkeys(kind for kind in line.types if kind not in _NO_LABEL)
    return labels.get(line.group, "") or clean(" ".join(types), 100)


def _label_text(text: str) -> str:
    apple = _APPLE_LABEL.fullmatch(text.strip())
    return clean(apple[1].lower() if apple else text, 100)


def _card_lines(contact: Contact, version: Version) -> list[str]:
    lines = ["BEGIN:VCARD", f"VERSION:{version}", f"FN:{escape(contact.name)}"]
    if version == "3.0":
        # RFC 2426 asks for N; which part of the name is which is not known.
        lines.append(f"N:{escape(contact.name)};;;;")
    if contact.uid:
        lines.append(f"UID:{escape(contact.uid)}")
    groups = 0
    for address in contact.addresses:
        types = []
        group = ""
        if address.label and _PLAIN_LABEL.fullmatch(address.label) and address.label not in _NO_LABEL:
            types.append(address.label)
        elif address.label:
            groups += 1
            group = f"item{groups}."
        preferred = address.preferred and len(contact.addresses) > 1
        if preferred and version == "3.0":
            types.append("pref")
        parameters = (f";TYPE={','.join(types)}" if types else "") + (";PREF=1" if preferred and version == "4.0" else "")
        # A URI value is not escaped.
        lines.append(f"{group}{'TEL' if sip_address.parse(address.uri) is None else 'IMPP'}{parameters}:{address.uri}")
        if group:
            lines.append(f"{group}X-ABLabel:{escape(address.label)}")
    if contact.notes:
        lines.append(f"NOTE:{escape(contact.notes)}")
    if contact.favourite:
        lines.append("X-SOFTPHONE-FAVOURITE:1")
    if contact.auto_answer:
        lines.append("X-SOFTPHONE-AUTO-ANSWER:1")
    if contact.codecs:
        lines.append(f"X-SOFTPHONE-CODECS:{','.join(contact.codecs)}")
    lines.append("END:VCARD")
    return lines
