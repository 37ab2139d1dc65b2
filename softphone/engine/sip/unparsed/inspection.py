"""Checks the bytes of a SIP message before PJSIP 2.15.1 parses it.

PJSIP reads a lone CR as the end of a line and stops at NUL; a message that has either in its head would be read otherwise than here, so it
is refused. Lists are counted by their commas, quoted ones too: never fewer than PJSIP finds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from softphone.engine import limits
from softphone.engine.sip.head import field_name, read_fields, split_message
from softphone.engine.sip.unparsed import multipart, unprintable
from softphone.engine.sip.unparsed.dropped import missing
from softphone.engine.sip.unparsed.unprintable import QUOTED

BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE, TOO_LARGE = 400, 415, 513
LOCAL_FAILURE = 500
"""Replaces a response with a malformed head: another attempt may succeed."""
_LONE_CR = re.compile(rb"\r(?!\n)")
_ANSWERED_WITH = frozenset({b"via", b"from", b"to", b"call-id", b"cseq", b"max-forwards"})
_MOST = {
    b"service-route": limits.SERVICE_ROUTES,
    b"route": limits.ROUTES,
    b"record-route": limits.ROUTES,
    b"path": limits.ROUTES,
    b"via": limits.VIAS,
    b"allow": limits.LIST_ELEMENTS,
    b"supported": limits.LIST_ELEMENTS,
    b"require": limits.LIST_ELEMENTS,
    b"proxy-require": limits.LIST_ELEMENTS,
    b"unsupported": limits.LIST_ELEMENTS,
    b"accept": limits.LIST_ELEMENTS,
}
_CHALLENGES = frozenset({b"www-authenticate", b"proxy-authenticate"})
_TARGETS = frozenset({b"contact", b"record-route"})
_DIALOGS = frozenset({b"INVITE", b"UPDATE", b"SUBSCRIBE", b"NOTIFY", b"REFER"})
_CSEQ = re.compile(rb"[0-9]+[ \t]+[A-Za-z0-9!%*_+`'~.-]+")
_ONCE = frozenset({b"from", b"to", b"call-id", b"cseq"})
_STAR = re.compile(rb"(?:^|,)[ \t]*\*|\*[ \t]*(?:;|,|$)")
_MOST_DIGITS = 9
_PARTS = re.compile(rb"<[^>]*>?|,|[^<,]+")
_SIP_URI = re.compile(rb"sips?:", re.IGNORECASE)
_WITH_SDP = frozenset({b"INVITE", b"ACK", b"UPDATE", b"PRACK"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What PJSIP may see in place of the message: never longer, unchanged if valid, empty if nothing is left to respond to.

    `code` is the status with which a request is to be refused; `why` says what was wrong, without the beginning of its sentence.
    """

    message: bytes
    code: int = 0
    why: str = ""


def inspect(message: bytes) -> Verdict:
    """Check one received message."""
    text = message.lstrip(b"\r\n")
    head, lines, old_body = split_message(message)
    fields = read_fields(lines[1:])
    is_response = lines[0][:8].upper() == b"SIP/2.0 "
    if len(message) >= limits.MAX_PJSIP_MESSAGE and missing(text) != 0:
        return _refusal(len(message), lines, fields, is_response, TOO_LARGE, f"has {limits.MAX_PJSIP_MESSAGE} bytes or more")
    longest = max(lines, key=len)
    if len(longest) > limits.HEADER_LINE_BYTES:
        # What the answer would repeat is too large for an answer (RFC 3261, 8.2.6.2); anything else is merely malformed.
        code = TOO_LARGE if field_name(longest) in _ANSWERED_WITH else BAD_REQUEST
        return _refusal(len(message), lines, fields, is_response, code, f"has a header of more than {limits.HEADER_LINE_BYTES} bytes")
    why = _head_fault(head, lines, fields) or ("" if is_response else unprintable.target_fault(lines[0]))
    if why:
        return _refusal(len(message), lines, fields, is_response, BAD_REQUEST, why)
    useless = _no_target if _makes_dialogs(lines[0], fields, is_response) else _any_contact
    kept = [line for line in lines if not (useless(line) or (is_response and _endless(line)))]
    if len(kept) < len(lines):
        lines = kept
        message = b"\r\n".join([*lines, b"", old_body])
    if not old_body:
        return Verdict(message)
    body, code, why = _body(lines[0], fields, old_body)
    if code and not is_response:
        return _refusal(len(message), lines, fields, is_response, code, why)
    if code:
        # The head of a response is still useful: a 200 is acknowledged, and the call, which has no session, then ends.
        body = b""
    if body == old_body:
        return Verdict(message)
    kind = [b"Content-Type: " + multipart.SDP] if body else []
    kept = [line for line in lines if field_name(line) not in (b"content-type", b"content-length")]
    return Verdict(b"\r\n".join([*kept, *kind, b"Content-Length: %d" % len(body), b"", body]), 0, why)


def _makes_dialogs(first: bytes, fields: list[tuple[bytes, bytes]], is_response: bool) -> bool:
    if not is_response:
        return first.partition(b" ")[0].upper() in _DIALOGS
    return first[8:9] in (b"1", b"2") and _cseq_method(fields) in _DIALOGS


def _no_target(line: bytes) -> bool:
    """Whether this is a Contact or Record-Route to which no request can be sent: PJSIP ends the process when it is to acknowledge there
    (sip_inv.c, inv_send_ack). RFC 3261, 12.1.2, wants a SIP URI; without one requests go where the first went."""
    if field_name(line) not in _TARGETS:
        return False
    elements = [b""]
    for part in _PARTS.findall(QUOTED.sub(b"", line.partition(b":")[2])):
        if part == b",":
            elements.append(b"")
        else:
            elements[-1] += part
    uris = [(element.partition(b"<")[2] or element).lstrip() for element in elements]
    return _any_contact(line) or not all(_SIP_URI.match(uri) for uri in uris)


def _any_contact(line: bytes) -> bool:
    """Whether it is "Contact: *", which only a REGISTER to us might bring (RFC 3261, 10.2.2): in an answer to ours PJSIP takes it for an
    address and ends the process (pjsua_acc.c, sip_uri.h)."""
    value = line.partition(b":")[2]
    return field_name(line) == b"contact" and b"*" in value and bool(_STAR.search(QUOTED.sub(b"", value)))


def _endless(line: bytes) -> bool:
    """Whether it is an Expires of a hundred years and more: PJSIP takes the largest number for none at all, and ends the process where it
    was to be the time of a registration (sip_reg.c, calculate_response_expiration). Without it, the time that we asked for holds."""
    return field_name(line) == b"expires" and len(line.partition(b":")[2].split(b";")[0].strip().lstrip(b"0")) > _MOST_DIGITS


def _head_fault(head: bytes, lines: list[bytes], fields: list[tuple[bytes, bytes]]) -> str:
    if b"\0" in head:
        return "has a NUL in a header"
    if _LONE_CR.search(head):
        return "has a line that ends in CR alone"
    if len(lines) > limits.HEADER_LINES:
        return f"has more than {limits.HEADER_LINES} header lines"
    counts: dict[bytes, int] = {}
    required = 0
    for name, value in fields:
        counts[name] = counts.get(name, 0) + (1 if name in _CHALLENGES else 1 + value.count(b","))
        required += len(value) if name in (b"require", b"proxy-require") else 0
    for name, most in _MOST.items():
        if counts.get(name, 0) > most:
            return f"names {counts[name]} {name.decode().title()}s, and at most {most} fit"
    if sum(counts.get(name, 0) for name in _CHALLENGES) > limits.CHALLENGES:
        return f"has more than {limits.CHALLENGES} challenges"
    if required > limits.REQUIRED_BYTES:
        return f"requires extensions of more than {limits.REQUIRED_BYTES} bytes"
    if counts.get(b"content-type", 0) > 1 and len([name for name, _ in fields if name == b"content-type"]) > 1:
        return "says twice of what type its body is"
    if len(once := [name for name, _ in fields if name in _ONCE]) > len(set(once)):
        return "has a field twice that may be there once"
    return next((why for name, value in fields if (why := _field_fault(name, value))), "")


def _field_fault(name: bytes, value: bytes) -> str:
    if name == b"cseq" and not _CSEQ.fullmatch(value):
        return "has a CSeq that is none"  # PJSIP reads "1INVITE" as well, and then it is in no list of ours
    return unprintable.fault(name, value)


def _body(first: bytes, fields: list[tuple[bytes, bytes]], body: bytes) -> tuple[bytes, int, str]:
    """The body that PJSIP may see; or a status and why it is refused."""
    kind = next((value for name, value in fields if name == b"content-type"), b"")
    method = _cseq_method(fields) if first[:4].upper() == b"SIP/" else first.partition(b" ")[0].upper()
    if multipart.is_multipart(kind):
        inner = multipart.session_description(kind, body) if method in _WITH_SDP else None
        if inner is None:
            return b"", UNSUPPORTED_MEDIA_TYPE, "has a body of several parts, and none of them is a session description"
        return inner, 0, ""
    if multipart.media_type(kind).endswith(b"xml") and _xml_is_harmful(body):
        return b"", BAD_REQUEST, "has XML that is too deep or too long"
    return body, 0, ""


def _cseq_method(fields: list[tuple[bytes, bytes]]) -> bytes:
    """In capitals: PJSIP takes "invite" for INVITE."""
    return next((value.split()[-1].upper() for name, value in fields if name == b"cseq" and value.split()), b"")


def _xml_is_harmful(body: bytes) -> bool:
    """Counts tags only: each opening tag is one level deeper, unless it closes itself."""
    if len(body) > limits.XML_BYTES:
        return True
    depth = deepest = 0
    for tag in re.finditer(rb"<([/!?]?)[^<>]*?(/?)>", body):
        if tag[1] == b"/":
            depth -= 1
        elif not tag[1] and not tag[2]:
            depth += 1
            deepest = max(deepest, depth)
    return deepest > limits.XML_DEPTH or body.count(b"<") > limits.XML_BYTES // 8


def _refusal(size: int, lines: list[bytes], fields: list[tuple[bytes, bytes]], is_response: bool, code: int, why: str) -> Verdict:
    """A minimal message with which PJSIP can refuse the request, or end the transaction that waits for this response."""
    first, needed, seen = lines[0], [], set()
    for name, value in fields:
        # One of each, but every Via; nothing that is itself too long, or that the answer cannot repeat.
        repeated = name in _ANSWERED_WITH and (name == b"via" or name not in seen)
        if repeated and len(value) <= limits.MAX_REPEATED and not _field_fault(name, value):
            seen.add(name)
            needed.append(b"%s: %s" % (name.title(), value))
    if is_response:
        status = first.split(None, 2)[1:2]
        if not status or not status[0].isdigit() or int(status[0][:4]) < 200:
            return Verdict(b"", code, why)
        first = f"SIP/2.0 {LOCAL_FAILURE} the answer {why}; ask who runs the server".encode("ascii", "replace")
    message = b"\r\n".join([first, *needed, b"Content-Length: 0", b"", b""])
    vias = sum(value.count(b",") + 1 for name, value in fields if name == b"via")
    complete = seen >= _ANSWERED_WITH - {b"max-forwards"} and (is_response or not unprintable.target_fault(first))
    harmless = len(first) <= limits.HEADER_LINE_BYTES and not re.search(rb"\0|\r(?!\n)", message)
    small = len(message) <= min(size, limits.MAX_REPEATED + len(first)) and vias <= limits.VIAS
    return Verdict(message if complete and harmless and small else b"", code, why)
