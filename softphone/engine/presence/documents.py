"""What NOTIFY and PUBLISH carry of somebody's presence: PIDF (RFC 3863) with RPID (RFC 4480), and dialog-info (RFC 4235)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

State = Literal["available", "busy", "away", "offline"]
PIDF = "application/pidf+xml"
DIALOG_INFO = "application/dialog-info+xml"
LONGEST_NOTE = 100
_BUSY = frozenset({"on-the-phone", "busy", "meeting", "appointment", "presentation", "performance", "in-transit", "steering"})
_AWAY = frozenset({"away", "meal", "breakfast", "lunch", "dinner", "sleeping", "vacation", "holiday", "permanent-absence", "travel"})


@dataclass(frozen=True)
class Seen:
    """`note` is what the remote party wrote, on one line."""

    state: State
    note: str = ""


def read(content_type: str, body: str) -> Seen | None:
    """None for what is no such document."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (PIDF, DIALOG_INFO) or "<!" in body.replace("<!--", ""):
        return None  # a document type can name entities that grow without end, and neither format has one
    try:
        root = ElementTree.fromstring(body.encode("utf-8", "replace"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    return _read_pidf(root) if kind == PIDF else _read_dialogs(root)


def _read_pidf(root: ElementTree.Element) -> Seen | None:
    if _name(root) != "presence":
        return None
    words = {word.strip().lower() for basic in _all(root, "basic") if (word := basic.text)}
    if not words & {"open", "closed"}:
        # No tuple at all: nobody has published anything (RFC 3863, 4.1.1 allows that).
        return Seen("offline")
    note = next((text for element in _all(root, "note") if (text := _line(element.text))), "")
    activities = {_name(activity) for element in _all(root, "activities") for activity in element}
    if "open" not in words:
        return Seen("offline", note)
    if activities & _BUSY or note.lower() in ("on the phone", "busy"):
        return Seen("busy", note)
    return Seen("away" if activities & _AWAY else "available", note)


def _read_dialogs(root: ElementTree.Element) -> Seen | None:
    if _name(root) != "dialog-info":
        return None
    states = [(element.text or "").strip().lower() for element in _all(root, "state")]
    if any(state in ("trying", "proceeding", "early") for state in states):
        return Seen("busy", "ringing")
    return Seen("busy", "on the phone") if "confirmed" in states else Seen("available")


def write(uri: str, state: State, note: str) -> str:
    """A PIDF document of one tuple, with the activity that belongs to the state."""
    basic = "closed" if state == "offline" else "open"
    activity = {"busy": "<rpid:on-the-phone/>", "away": "<rpid:away/>"}.get(state, "")
    person = f'<dm:person id="p1"><rpid:activities>{activity}</rpid:activities></dm:person>' if activity else ""
    said = f"<note>{escape(note)}</note>" if note else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:'
        f'data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity={quoteattr(uri)}>'
        f'<tuple id="t1"><status><basic>{basic}</basic></status>{said}</tuple>{person}</presence>\n'
    )


def _all(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """Elements of this name in any namespace: servers do not agree on them."""
    return [element for element in root.iter() if _name(element) == name]


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _line(text: str | None) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text or "").split())[:LONGEST_NOTE]
