"""What reads text of strangers, or of files: each a function that may refuse with its own error, and must do nothing else that is wrong."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from softphone import config
from softphone.codecs.fmtp import MAX_LINE, MAX_PARAMETERS, FmtpError, format_fmtp, integer, parse_fmtp, word
from softphone.codecs.opus import opus_fits
from softphone.codecs.phv import phv_fits
from softphone.config import ConfigError
from softphone.control.protocol import MAX_ANSWER, ControlError, Register, parse_command, parse_message, to_line
from softphone.engine.accounts.digest import credentials
from softphone.engine.accounts.message_waiting import parse_summary
from softphone.engine.accounts.outside_requests import OutsideRequests
from softphone.engine.calls.admission.call_gate import CallGate
from softphone.engine.calls.media import dtmf_info
from softphone.engine.presence.documents import DIALOG_INFO, LONGEST_NOTE, PIDF, read, write
from softphone.engine.presence.watch import PresenceWatch
from softphone.engine.sdp.attributes import add_packet_times, add_rate_limit
from softphone.engine.sdp.audio_section import AudioSection, split_lines
from softphone.engine.sdp.codec_order import order_codecs
from softphone.engine.sip.head import read_head
from softphone.engine.sip.parsed import validation
from softphone.engine.sip.trace import SipTrace
from softphone.engine.sip.unparsed.inspection import inspect
from softphone.errors import SoftphoneError
from softphone.store import sip_address
from softphone.store.vcard.cards import read_cards, write_cards

SECRETS = (b"3c8a1b5e9d2f", b"c2VjcmV0a2V5")
"""Stand in the seeds where a secret stands; nothing that is shown may hold them."""
OUR_SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 96 97 0 120\r\n"
    "a=rtpmap:96 x-phv/16000\r\n"
    "a=fmtp:96 version=3;inventory=arpabet-1;model=0123456789ab\r\na=rtpmap:97 opus/48000/2\r\na=fmtp:97 useinbandfec=1\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:120 telephone-event/16000\r\na=fmtp:120 0-16\r\na=sendrecv\r\n"
)


@dataclass(frozen=True)
class Target:
    """`feed` raises `refusal` for what it does not take; `seeds` are right, `words` of the language."""

    feed: Callable[[bytes], None]
    refusal: tuple[type[SoftphoneError], ...]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()


def _fmtp(data: bytes) -> None:
    parameters = parse_fmtp(data.decode("latin-1"))
    assert len(parameters) <= MAX_PARAMETERS and all(len(value) <= MAX_LINE for value in parameters.values())
    for ask in (integer_of, word_of, phv_with, opus_with):
        try:
            ask(parameters)
        except FmtpError as error:
            one_sentence(error)
    try:
        text = format_fmtp(parameters)
    except FmtpError:
        return
    assert parse_fmtp(text) == parameters


def integer_of(parameters: dict[str, str]) -> None:
    assert 0 <= integer(parameters, "maxrate", 0, 64000, 0) <= 64000


def word_of(parameters: dict[str, str]) -> None:
    assert word(parameters, "model").isascii()


def phv_with(parameters: dict[str, str]) -> None:
    ours = {"version": "3", "inventory": "arpabet-1", "model": "0123456789ab"}
    assert phv_fits(ours, parameters) == phv_fits(parameters, ours)


def opus_with(parameters: dict[str, str]) -> None:
    opus_fits(parameters, {})


def _sdp(data: bytes) -> None:
    """As `onCallSdpCreated` gives it: the far end's beside ours, and what PJSIP made of it as ours."""
    text = data.decode("utf-8", "replace")
    section = AudioSection(text)
    assert 0 <= section.begin <= section.end <= len(split_lines(text))
    for local, remote in ((OUR_SDP, text), (text, OUR_SDP), (text, text), (text, "")):
        for changed in (
            add_packet_times(local, remote, 160, 640),
            add_rate_limit(local, 2400),
            order_codecs(local, remote, ("opus", "x-phv", "PCMU")),
            order_codecs(local, remote, ("PCMA",)),
        ):
            assert len(changed) <= len(local) + 20 * len(split_lines(local)) + 200
            before, after = AudioSection(local), AudioSection(changed)
            assert set(after.formats) <= set(before.formats), "nothing is offered that was not there"
            assert bool(after.codecs) == bool(before.codecs), "no call is left without sound"


def _command(data: bytes) -> None:
    command = parse_command(data)
    assert parse_command(to_line(command)) == command
    if isinstance(command, Register) and "geheim" not in command.account + command.uri:
        assert "geheim" not in repr(command)


def _message(data: bytes) -> None:
    message = parse_message(data[:MAX_ANSWER])
    if message is not None:
        parse_message(to_line(message))


def _vcard(data: bytes) -> None:
    cards = read_cards(data)
    assert all(len(sentence) < 200 and sentence.isprintable() for sentence in cards.skipped)
    assert all(harmless(contact.name + "".join(address.uri for address in contact.addresses)) for contact in cards.contacts)
    for version in ("3.0", "4.0"):
        again = read_cards(write_cards(cards.contacts, version))
        assert [contact.name for contact in again.contacts] == [contact.name for contact in cards.contacts]


def _config(data: bytes) -> None:
    settings = config.parse(data.decode("utf-8", "replace"))
    assert config.parse(config.to_toml(settings)) == settings


def _sip(data: bytes) -> None:
    """What looks at whole SIP messages before PJSIP does; longer ones it drops (PJSIP_MAX_PKT_LEN)."""
    data = data[:4000]
    read_head(data)
    verdict = inspect(data)
    assert len(verdict.message) <= len(data)
    if verdict.message:
        assert not inspect(verdict.message).why, "what PJSIP is given instead is beyond doubt"
    CallGate(lambda _event: None).refuse(data)
    trace = SipTrace()
    trace.passed(False, "192.0.2.7:5060", data)
    trace.passed(True, "192.0.2.7:5060", b"INVITE " + data)
    text = data.decode("utf-8", "replace")
    dtmf_info.read(dtmf_info.RELAY, data)
    parse_summary("work", text)
    found = credentials(text, "SUBSCRIBE", "sip:a@b", "alice", "geheim")
    assert found is None or ("geheim" not in found[1] and "\r" not in found[1] and "\n" not in found[1])
    for line in text.splitlines():
        uri, _name = sip_address.bare_uri(line)
        address = sip_address.parse(uri)
        assert address is None or len(address.key) <= 3 * len(line)


def harmless(text: str) -> bool:
    """Joiners are parts of words and emoji; what turns the direction of writing or drives a terminal is not."""
    return all(letter.isprintable() or letter in "\u200c\u200d" for letter in text)


def one_sentence(error: SoftphoneError) -> None:
    text = str(error)
    assert text and "\n" not in text and "\r" not in text and len(text) < 4000, "one sentence"
    assert all(letter.isprintable() for letter in text), f"nothing that drives a terminal: {text!r}"


_CARD = (
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bob Builder\r\nN:Builder;Bob;;;\r\nTEL;TYPE=WORK,VOICE:+1 555 0100\r\nIMPP:sip:bob@example.org\r\n"
    b"NOTE:first\\nsecond\r\n  folded\r\nX-SOFTPHONE-CODECS:x-phv\\,opus\r\nEND:VCARD\r\n"
)
_OLD_CARD = (
    b"BEGIN:VCARD\r\nVERSION:2.1\r\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrgen=\r\n =20X\r\nPHOTO;ENCODING=BASE64;JPEG:\r\n "
    + base64.b64encode(bytes(60))
    + b"\r\n\r\nTEL;CELL:0123\r\nAGENT:\r\nBEGIN:VCARD\r\nFN:Aide\r\nEND:VCARD\r\nEND:VCARD\r\n"
)
_INVITE = (
    b"INVITE sip:alice@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nFrom: \"Bob\" <sip:bob@example.org>;tag=1\r\n"
    b"To: <sip:alice@example.org>\r\nCall-ID: a84b4c76e66710\r\nCSeq: 1 INVITE\r\nProxy-Authorization: Digest username=\"alice\",\r\n"
    b" response=\"" + SECRETS[0] + b"\"\r\nUser-Agent: phone/1\r\nContent-Type: application/sdp\r\nContent-Length: 1\r\n\r\n"
    + OUR_SDP.encode() + b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + SECRETS[1] + b"\r\n"
)  # fmt: skip
_CHALLENGE = (
    b'SIP/2.0 401 Unauthorized\r\nCall-ID: x\r\nWWW-Authenticate: Digest realm="example.org", nonce="abc", algorithm=SHA-256, '
    b'qop="auth", opaque=""\r\n\r\n'
)
_SUMMARY = (
    b"NOTIFY sip:alice@192.0.2.2 SIP/2.0\r\nCall-ID: x\r\nTo: <sip:alice@example.org>\r\nEvent: message-summary\r\n"
    b"Subscription-State: active\r\n\r\nMessages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n"
)
_TOML = (
    b'[account]\nid = "sip:alice@example.org"\npassword_env = "P"\n[phv]\ninterval_ms = 160\n[codecs]\norder = ["x-phv", "opus"]\n'
    b'[keys]\ndial = "ctrl+d"\n[phrases]\nf2 = "hello"\n[hooks]\nring = ["/bin/true", "x"]\n'
)

_DIALOGS = b'<dialog-info version="0" state="full" entity="sip:x"><dialog id="1"><state>confirmed</state></dialog></dialog-info>'
_NOTIFY = (
    b"NOTIFY sip:a@127.0.0.1 SIP/2.0\r\nCall-ID: x\r\nTo: <sip:a@b>;tag=y\r\nFrom: <sip:c@d>;tag=z\r\nEvent: presence\r\n"
    b"Subscription-State: active;expires=60\r\nContent-Type: application/pidf+xml\r\n\r\n<presence/>"
)


def _presence(data: bytes) -> None:
    """As documents, and as a whole NOTIFY or other request of a stranger."""
    for kind in (PIDF, DIALOG_INFO):
        seen = read(kind, data.decode("utf-8", "replace"))
        assert seen is None or (seen.note.isprintable() and len(seen.note) <= LONGEST_NOTE)
    watch = PresenceWatch(tuple, lambda _uri: None, OutsideRequests(), lambda _event: None, lambda: "127.0.0.1")
    assert watch.take(data) in (None, 481), "nobody is watched"
    assert validation.refuse(data) in (None, 400, 420, 501)


TARGETS = {
    "fmtp": Target(
        _fmtp,
        (FmtpError,),
        (b"version=3;inventory=arpabet-1;model=0123456789ab;maxrate=2400", b"useinbandfec=1; maxplaybackrate=16000;stereo=0", b"0-16"),
        (b"maxrate=", b"version=", b";", b"maxplaybackrate=8000", b"model="),
    ),
    "sdp": Target(
        _sdp,
        (),
        (OUR_SDP.encode(), b"v=0\r\nm=audio 9 RTP/AVP 0 8\r\na=rtpmap:8 PCMA/8000\r\nm=video 0 RTP/AVP 31\r\n"),
        (b"m=audio 5000 RTP/AVP 0\r\n", b"m=", b" 128", b"a=rtpmap:96 x-phv/16000\r\n", b"a=fmtp:96 ", b"a=ptime:20", b"a=inactive\r\n"),
    ),
    "command": Target(
        _command,
        (ControlError,),
        (
            b'{"id": 7, "command": "call", "uri": "sip:bob@example.org", "codecs": ["opus"], "max_rate": 2400}',
            b'{"command": "register", "account": "a", "uri": "sip:a@b", "password": "geheim", "expires_s": 20}',
            b'{"id": 1, "command": "subscribe", "events": ["levels"]}',
            b'{"command": "conference", "calls": [1, 2, 3]}',
        ),
        (b'"command":', b'"id": 1e400', b"[" * 500, b'{"a":' * 300, b"null", b'"uri": "\\u0000"', b'"\\ud800"'),
    ),
    "message": Target(
        _message,
        (ControlError,),
        (
            b'{"event": "call_state", "time": 1.5, "monotonic": 2.0, "call": 1, "state": "early", "direction": "incoming"}',
            b'{"id": 3, "result": {"call": 1}}',
            b'{"id": 3, "error": {"code": "busy", "message": "no"}}',
            b'{"event": "phones", "call": 1, "tx": [["AH", 10, "sent"]]}',
        ),
        (b'"event":', b"1e999", b"[" * 500, b"null"),
    ),
    "vcard": Target(
        _vcard,
        (),
        (_CARD, _OLD_CARD, _CARD.decode().encode("utf-16")),
        (b"BEGIN:VCARD\r\n", b"END:VCARD\r\n", b"N:;;;;\r\n", b"TEL:", b"IMPP:sip:", b"ENCODING=b", b"=\r\n", b"item1.X-ABLABEL:"),
    ),
    "config": Target(_config, (ConfigError,), (_TOML,), (b"[[accounts]]\n", b"[" * 400, b'"""', b"= 1979-05-27\n", b"inf", b"{}")),
    "presence": Target(
        _presence,
        (),
        (write("sip:bob@example.org", "busy", "On the phone").encode(), _DIALOGS, _NOTIFY),
        (b"<presence>", b"<!DOCTYPE x [", b"&a;", b"<note>", b"</tuple>", b"Subscription-State: terminated", b"Event: presence\r\n"),
    ),
    "sip": Target(_sip, (), (_INVITE, _CHALLENGE, _SUMMARY), (b"Call-ID: ", b"\r\n\r\n", b"i: y\r\n", b"k=", b"a=ice-pwd:", b"Digest ")),
}  # fmt: skip
