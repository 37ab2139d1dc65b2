"""Contacts as vCards: read from versions 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), written as 3.0 or 4.0."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from softphone.codecs import codec_names
from softphone.files.errors import StoreError, clean
from softphone.store import sip_address
from softphone.store.contacts import Address, Contact, check, tidy_uri
from softphone.store.vcard.lines import ContentLine, components, escape, fold, read_lines, unescape

Version = Literal["3.0", "4.0"]
_SIP_PROPERTIES = ("IMPP", "X-IMPP", "URL", "X-SIP", "X-EVOLUTION-SIP", "X-MESSAGING/SIP-ALL", "X-PHONE-SIP")
_NO_LABEL = frozenset({"pref", "voice", "internet", "text", "text-number", "msg", "voip", "x-sip", "sip", ""})
_NOT_KEPT = frozenset({"PHOTO", "LOGO", "SOUND", "KEY"})
_NO_VOICE = frozenset({"fax", "modem", "bbs", "telex", "pager"})
"""Types of TEL at which no person answers."""
_NOT_RANKED, _NOT_CALLED = 101, 102
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_")
_PLAIN_LABEL = re.compile(r"[a-z0-9-]+", re.ASCII)


@dataclass
class Cards:
    """What was in a file: `contacts` as `contacts.check` leaves them, a sentence for each card that is none, and remarks on what of the
    others was put elsewhere or left out."""

    contacts: list[Contact] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_cards(data: bytes) -> Cards:
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
            nested = 0
        elif current is not None and not nested:
            current.append(line)
        # vCard 2.1 puts the card of a secretary right inside another one.
        agent = line.name == "AGENT" and not line.value.strip()
    if current is not None:
        _add(cards, current, number + 1)
    return cards


def write_cards(contacts: Iterable[Contact], version: Version = "3.0") -> bytes:
    """A file that `read`, and other programs, read; UTF-8."""
    return "".join("".join(map(fold, _card_lines(contact, version))) for contact in contacts).encode("utf-8", "replace")


def _add(cards: Cards, lines: list[ContentLine], number: int) -> None:
    try:
        contact, remarks = _contact(lines)
        cards.contacts.append(contact)
        cards.remarks += [f"{contact.name}: {remark}" for remark in remarks]
    except StoreError:
        cards.skipped.append(f"card {number} has neither a name nor a number nor a SIP address")


def _contact(lines: list[ContentLine]) -> tuple[Contact, list[str]]:
    lines = [line for line in lines if line.name not in _NOT_KEPT]
    labels = {line.group: _label_text(unescape(line.value)) for line in lines if line.name == "X-ABLABEL" and line.group}
    texts: dict[str, str] = {}
    notes = []
    addresses: list[Address] = []
    ranks: list[int] = []
    remarks = []
    for line in lines:
        value = unescape(line.value).strip()
        if line.name == "NOTE":
            notes.append(value)
        elif line.name == "N":
            family, given, middle, before, after = (part.strip() for part in (*components(line.value), "", "", "", "", "")[:5])
            texts.setdefault("N", " ".join(filter(None, (before, given, middle, family, after))))
        elif line.name == "ORG":
            texts.setdefault("ORG", ", ".join(filter(None, components(line.value))))
        elif line.name == "TEL" or (line.name in _SIP_PROPERTIES and _is_sip(line, value)):
            label = _label(line, labels)
            try:
                addresses.append(Address(tidy_uri(value), label))
                ranks.append(_rank(line, label))
            except StoreError:
                # Keep numbers that we cannot dial.
                if value:
                    notes.append(value)
                    remarks.append(f"{clean(value, 60)} cannot be called and stands in the notes")
        elif value:
            texts.setdefault(line.name, value)
    names = (texts.get(name, "") for name in ("FN", "N", "NICKNAME", "ORG", "EMAIL"))
    if torn := sum(not line.name for line in lines):
        remarks.append(f"{torn} {'line' if torn == 1 else 'lines'} that no vCard can have {'was' if torn == 1 else 'were'} left out")
    if addresses and min(ranks) == _NOT_CALLED:
        # Nobody answers there, and the only address would be called.
        notes += [f"{address.label}: {address.uri}" for address in addresses]
        remarks.append("there are only fax numbers, which stand in the notes")
        addresses = []
    if addresses:
        best = ranks.index(min(ranks))
        addresses[best] = replace(addresses[best], preferred=True)
    codecs = tuple(codec for codec in texts.get("X-SOFTPHONE-CODECS", "").split(",") if codec in codec_names())
    contact = check(
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
    return contact, remarks


def _is_sip(line: ContentLine, value: str) -> bool:
    if line.name.startswith("X-") and line.name != "X-IMPP":
        return bool(value)
    service = {text.lower() for name in ("X-SERVICE-TYPE", "SERVICE-TYPE") for text in line.parameters.get(name, ())}
    return value.lower().startswith(("sip:", "sips:", "tel:")) or (bool(value) and bool(service & {"sip", "voip"}))


def _rank(line: ContentLine, label: str) -> int:
    """How much the owner of the card prefers this address: 1 is most (RFC 6350, 5.3; `TYPE=pref` of older versions is that too)."""
    kinds = set(line.types)
    if "voice" not in kinds and (kinds & _NO_VOICE or "fax" in label.lower()):
        return _NOT_CALLED
    ranks = [1] if "pref" in kinds else []
    ranks += [int(text) for text in line.parameters.get("PREF", ()) if text.isascii() and text.isdigit() and 1 <= int(text) <= 100]
    return min(ranks, default=_NOT_RANKED)


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
