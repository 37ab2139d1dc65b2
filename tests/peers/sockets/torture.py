"""The messages of RFC 4475 that apply to a phone on UDP, after their descriptions there, as bytes for a socket of one's own.

The Request-URI is the phone's and the top Via the socket's, so that answers come back; what makes each a torture is as in the RFC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DROPPED = 0
REFUSED = frozenset({DROPPED, 400})
"""What may be done with what is no SIP (RFC 4475, 3.1.2)."""
BUSY = frozenset({486})
"""The phone is on do not disturb: what an INVITE gets that was understood."""
NO_METHOD = frozenset({405, 501})
SDP = "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"


@dataclass(frozen=True)
class Torture:
    """`message(uri, here)`: for the phone `uri` (host:port), answered to `here` (host:port)."""

    name: str
    section: str
    message: Callable[[str, str], bytes]
    expected: frozenset[int]

    def __str__(self) -> str:
        return self.name


ALL: list[Torture] = []


def _add(name: str, section: str, expected: frozenset[int] | set[int]) -> Callable[[Callable[..., str | bytes]], None]:
    def keep(make: Callable[..., str | bytes]) -> None:
        def message(uri: str, here: str) -> bytes:
            made = make(uri, here)
            return made if isinstance(made, bytes) else made.encode("utf-8", "surrogateescape")

        ALL.append(Torture(name, section, message, frozenset(expected)))

    return keep


def _request(here: str, first: str, name: str, **changed: str | None) -> str:
    """A request that is as it should be but for `changed` (None: without that field; a name may be given lines of others too)."""
    method = first.split(" ", 1)[0]
    fields: dict[str, str | None] = {
        "Via": f"SIP/2.0/UDP {here};branch=z9hG4bK{name};rport",
        "Max-Forwards": "70",
        "From": f"<sip:caller@example.net>;tag={name}",
        "To": "<sip:phone@example.com>",
        "Call-ID": f"{name}.torture",
        "CSeq": f"8 {method}",
        "Contact": f"<sip:caller@{here}>",
    }
    body = changed.pop("body", "") or ""
    fields |= {key.replace("_", "-"): value for key, value in changed.items()}
    kind = ["Content-Type: application/sdp"] if body == SDP and "Content-Type" not in fields else []
    length = [] if "Content-Length" in fields else [f"Content-Length: {len(body.encode())}"]
    lines = [first, *(f"{key}: {value}" for key, value in fields.items() if value is not None), *kind, *length, "", body]
    return "\r\n".join(lines)


def _options(uri: str, here: str, name: str, **changed: str | None) -> str:
    return _request(here, f"OPTIONS sip:phone@{uri} SIP/2.0", name, **changed)


def _invite(uri: str, here: str, name: str, **changed: str | None) -> str:
    return _request(here, f"INVITE sip:phone@{uri} SIP/2.0", name, **{"body": SDP, **changed})


@_add("wsinv", "3.1.1.1", {481})  # it names a dialog, which there is none of
def _(uri: str, here: str) -> str:
    return (
        f"INVITE sip:phone;unknownparam@{uri} SIP/2.0\r\nTO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
        'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\nMaX-fOrWaRdS: 0068\r\n'
        "Call-ID: wsinv.ndaksdj@192.0.2.1\r\nContent-Length   : {length}\r\ncseq: 0009\r\n  INVITE\r\n"
        f"Via  : SIP  /   2.0\r\n /UDP\r\n    {here};branch=z9hG4bK390skdjuw;rport\r\ns :\r\n"
        "NewFangledHeader:   newfangled value\r\n continued newfangled value\r\nUnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
        "Content-Type: application/sdp\r\nRoute:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
        "v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n SIP  /    2.0   / UDP  192.168.255.111   ; "
        f'branch=\r\n z9hG4bK30239\r\nm:"Quoted string \\"\\"" <sip:jdrosen@{here}> ; newparam =\r\n      newvalue ;\r\n'
        "  secondparam ; q = 0.33\r\n\r\n"
    ).replace("{length}", str(len(SDP))) + SDP


@_add("intmeth", "3.1.1.2", NO_METHOD)
def _(uri: str, here: str) -> str:
    method = "!interesting-Method0123456789_*+`.%indeed'~"
    odd = "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    names = {
        "To": f'"BEL:\\\x07 NUL:\\\x01 DEL:\\\x7f" <{odd}@example.com>',
        "From": "token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;tag=_token~1'+`*%!-.",
    }
    return _request(here, f"{method} {odd}@{uri} SIP/2.0", "intmeth", **names)


@_add("esc01", "3.1.1.3", BUSY)
def _(uri: str, here: str) -> str:
    names = {"To": "sip:%75se%72@example.com", "From": "<sip:I%20have%20spaces@example.net>;tag=938"}
    return _request(here, f"INVITE sip:sips%3Auser%40example.com@{uri} SIP/2.0", "esc01", body=SDP, **names)


@_add("escnull", "3.1.1.4", NO_METHOD)
def _(uri: str, here: str) -> str:
    return _request(
        here, f"REGISTER sip:{uri} SIP/2.0", "escnull", To="sip:null-%00-null@example.com", Contact="<sip:%00@host5.example.com>"
    )


@_add("esc02", "3.1.1.5", NO_METHOD | {400})
def _(uri: str, here: str) -> str:
    return _request(here, f"RE%47IST%45R sip:{uri} SIP/2.0", "esc02", To='"%Z%45" <sip:resource@example.com>')


@_add("lwsdisp", "3.1.1.6", {200})
def _(uri: str, here: str) -> str:
    return _options(uri, here, "lwsdisp", From="caller<sip:caller@example.com>;tag=323")


@_add("longreq", "3.1.1.7", BUSY)
def _(uri: str, here: str) -> str:
    names = {
        "To": f'"I have a user name of {"extreme " * 12}proportion" <sip:user@example.com:6000;unknownparam1=very{"long" * 20}value;'
        f"longparam{'name' * 25}=shortvalue;very{'long' * 25}ParameterNameWithNoValue>",
        "From": f"sip:{'amazinglylongcallername' * 5}@example.net;tag=12{'982' * 50}424;unknownheaderparam{'name' * 20}="
        f"unknowheaderparam{'value' * 15};unknownValueless{'paramname' * 10}",
        "Call-ID": f"longreq.one{'really' * 20}longcallid",
        f"Unknown-{'Long' * 20}-Name": f"unknown-{'long' * 20}-value; unknown-{'long' * 20}-parameter-name = "
        f"unknown-{'long' * 20}-parameter-value",
    }
    return _invite(uri, here, "longreq", **names)


@_add("dblreq", "3.1.1.8", NO_METHOD)
def _(uri: str, here: str) -> str:
    return _request(here, f"REGISTER sip:{uri} SIP/2.0", "dblreq") + _invite(uri, here, "dblreq2")


@_add("semiuri", "3.1.1.9", {200})
def _(uri: str, here: str) -> str:
    return _request(here, f"OPTIONS sip:user;par=u%40example.net@{uri} SIP/2.0", "semiuri")


@_add("transports", "3.1.1.10", {200})
def _(uri: str, here: str) -> str:
    others = "\r\nVia: ".join(
        f"SIP/2.0/{kind} t{n}.example.com;branch=z9hG4bKkdjuw{n}" for n, kind in enumerate(("SCTP", "TLS", "UNKNOWN", "TCP"))
    )
    return _options(uri, here, "transports", Via=f"SIP/2.0/UDP {here};branch=z9hG4bKkdjuw;rport\r\nVia: {others}")


@_add("mpart01", "3.1.1.11", {200, 415})
def _(uri: str, here: str) -> bytes:
    between = b"--7a9cbec02ceef655"
    body = between + b"\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\nHello\r\n" + between
    body += b"\r\nContent-Type: application/octet-stream\r\n\r\n0\x82\x01\x00\xff\x00\r\n" + between + b"--"
    kind = {"Content-Type": "multipart/mixed;boundary=7a9cbec02ceef655", "Content-Length": str(len(body)), "Contact": None}
    return _request(here, f"MESSAGE sip:phone@{uri} SIP/2.0", "mpart01", **kind).encode() + body


def _response(first: str, here: str, **changed: str) -> str:
    fields = {
        "Via": f"SIP/2.0/UDP {here};branch=z9hG4bK1324923",
        "From": "<sip:user@example.com>;tag=11141343",
        "To": "<sip:user@example.edu>;tag=2229",
    }
    fields |= {"Call-ID": "1234.torture", "CSeq": "35 INVITE", "Contact": "<sip:user@host198.example.com>", "Content-Length": "0"}
    return "\r\n".join([first, *(f"{key}: {value}" for key, value in (fields | changed).items()), "", ""])


@_add("unreason", "3.1.1.12", {DROPPED})
def _(uri: str, here: str) -> str:
    return _response("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое", here)


@_add("noreason", "3.1.1.13", {DROPPED})
def _(uri: str, here: str) -> str:
    return _response("SIP/2.0 100 ", here)


@_add("badinv01", "3.1.2.1", REFUSED)
def _(uri: str, here: str) -> str:
    return _invite(
        uri,
        here,
        "badinv01",
        Via=f"SIP/2.0/UDP {here};;,;,,",
        To="<sip:j.user@example.com>;;;;",
        From="sip:caller@example.net;tag=134161461246;;,;",
    )


@_add("clerr", "3.1.2.2", REFUSED)
def _(uri: str, here: str) -> str:
    return _invite(uri, here, "clerr", **{"Content-Length": "9999"})


@_add("ncl", "3.1.2.3", REFUSED)
def _(uri: str, here: str) -> str:
    return _invite(uri, here, "ncl", **{"Content-Length": "-999"})


@_add("scalar02", "3.1.2.4", REFUSED | NO_METHOD)
def _(uri: str, here: str) -> str:
    large = {
        "CSeq": "36893488147419103232 REGISTER",
        "Max-Forwards": "300",
        "Expires": "10000000000000000000000000000000000000000000000000",
    }
    return _request(here, f"REGISTER sip:{uri} SIP/2.0", "scalar02", **large)


@_add("scalarlg", "3.1.2.5", {DROPPED})
def _(uri: str, here: str) -> str:
    large = {
        "CSeq": "9292394834772304023312 OPTIONS",
        "Retry-After": "949302838503028349304023988",
        "Warning": '1812 overture "In Progress"',
    }
    return _response("SIP/2.0 503 Service Unavailable", here, **large)


@_add("quotbal", "3.1.2.6", REFUSED)
def _(uri: str, here: str) -> str:
    return _invite(uri, here, "quotbal", To='"Mr. J. User <sip:j.user@example.com>')


@_add("ltgtruri", "3.1.2.7", REFUSED)
def _(uri: str, here: str) -> str:
    return _request(here, f"INVITE <sip:phone@{uri}> SIP/2.0", "ltgtruri", body=SDP)


@_add("lwsruri", "3.1.2.8", REFUSED)
def _(uri: str, here: str) -> str:
    return _request(here, f"INVITE sip:phone@{uri}; lr SIP/2.0", "lwsruri", body=SDP)


@_add("lwsstart", "3.1.2.9", REFUSED | BUSY)  # the RFC lets a receiver be liberal here
def _(uri: str, here: str) -> str:
    return _request(here, f"INVITE  sip:phone@{uri}  SIP/2.0", "lwsstart", body=SDP)


@_add("trws", "3.1.2.10", REFUSED | {200})  # and here
def _(uri: str, here: str) -> str:
    return _request(here, f"OPTIONS sip:phone@{uri} SIP/2.0  ", "trws")


@_add("escruri", "3.1.2.11", REFUSED | BUSY)  # the RFC lets a receiver be liberal here
def _(uri: str, here: str) -> str:
    return _request(here, f"INVITE sip:phone@{uri}?Route=%3Csip:example.com%3E SIP/2.0", "escruri", body=SDP)


@_add("baddate", "3.1.2.12", REFUSED | BUSY)
def _(uri: str, here: str) -> str:
    return _invite(uri, here, "baddate", Date="Fri, 01 Jan 2010 16:00:00 EST")


@_add("regbadct", "3.1.2.13", REFUSED | NO_METHOD)
def _(uri: str, here: str) -> str:
    return _request(here, f"REGISTER sip:{uri} SIP/2.0", "regbadct", Contact="sip:user@example.com?Route=%3Csip:sip.example.com%3E")


@_add("badaspec", "3.1.2.14", REFUSED | {200})
def _(uri: str, here: str) -> str:
    return _options(uri, here, "badaspec", To='"Watson, Thomas" < sip:t.watson@example.org >')


@_add("baddn", "3.1.2.15", REFUSED | {200})
def _(uri: str, here: str) -> str:
    return _options(uri, here, "baddn", From="Bell, Alexander <sip:a.g.bell@example.com>;tag=43")


@_add("badvers", "3.1.2.16", REFUSED | {505})
def _(uri: str, here: str) -> str:
    return _request(here, f"OPTIONS sip:phone@{uri} SIP/7.0", "badvers", Via=f"SIP/7.0/UDP {here};branch=z9hG4bKkdjuw;rport")


@_add("mismatch01", "3.1.2.17", REFUSED)
def _(uri: str, here: str) -> str:
    return _options(uri, here, "mismatch01", CSeq="8 INVITE")


@_add("mismatch02", "3.1.2.18", REFUSED | {501})
def _(uri: str, here: str) -> str:
    return _request(here, f"NEWMETHOD sip:phone@{uri} SIP/2.0", "mismatch02", CSeq="8 INVITE")


@_add("bigcode", "3.1.2.19", {DROPPED})
def _(uri: str, here: str) -> str:
    return _response("SIP/2.0 4294967301 better not break the receiver", here)


@_add("badbranch", "3.2.1", REFUSED | {200})
def _(uri: str, here: str) -> str:
    return _options(uri, here, "badbranch", Via=f"SIP/2.0/UDP {here};branch=z9hG4bK;rport")


@_add("insuf", "3.3.1", REFUSED)
def _(uri: str, here: str) -> str:
    return _invite(uri, here, "insuf", To=None, From=None, **{"Call-ID": None})


@_add("unkscm", "3.3.2", REFUSED | {416})
def _(uri: str, here: str) -> str:
    return _request(here, "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", "unkscm")


@_add("novelsc", "3.3.3", REFUSED | {416})
def _(uri: str, here: str) -> str:
    return _request(here, "OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", "novelsc")


@_add("unksm2", "3.3.4", REFUSED | NO_METHOD)
def _(uri: str, here: str) -> str:
    names = {"To": "isbn:2983792873", "From": "<http://www.example.com>;tag=3234233", "Contact": "<name:John_Smith>"}
    return _request(here, f"REGISTER sip:{uri} SIP/2.0", "unksm2", **names)


@_add("bext01", "3.3.5", {420})
def _(uri: str, here: str) -> str:
    return _options(
        uri, here, "bext01", Require="nothingSupportsThis, nothingSupportsThisEither", **{"Proxy-Require": "noProxiesSupportThis"}
    )


@_add("invut", "3.3.6", {415, 486})
def _(uri: str, here: str) -> str:
    return _invite(uri, here, "invut", body="<audio><pcmu port='443'/></audio>", **{"Content-Type": "application/unknownformat"})


@_add("regaut01", "3.3.7", REFUSED | NO_METHOD)  # PJSIP cannot read such a scheme, and drops it
def _(uri: str, here: str) -> str:
    return _request(here, f"REGISTER sip:{uri} SIP/2.0", "regaut01", Authorization="NoOneKnowsThisScheme opaque-data=here")


@_add("multi01", "3.3.8", REFUSED)
def _(uri: str, here: str) -> str:
    twice = (
        "5 INVITE\r\nCall-ID: multi01.second\r\nCSeq: 59 INVITE\r\nFrom: <sip:other@example.net>;tag=3413415\r\nTo: <sip:other@example.com>"
    )
    return _invite(uri, here, "multi01", CSeq=twice)


@_add("mcl01", "3.3.9", REFUSED)
def _(uri: str, here: str) -> str:
    return _options(uri, here, "mcl01", **{"Content-Length": "13\r\nContent-Length: 5"}) + "There's no way to know how many octets"


@_add("bcast", "3.3.10", {DROPPED})
def _(uri: str, here: str) -> str:
    return _response(
        "SIP/2.0 200 OK",
        here,
        Via="SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23",
    )


@_add("zeromf", "3.3.11", {200, 483})
def _(uri: str, here: str) -> str:
    return _options(uri, here, "zeromf", **{"Max-Forwards": "0"})


@_add("cparam01", "3.3.12", NO_METHOD)
def _(uri: str, here: str) -> str:
    return _request(here, f"REGISTER sip:{uri} SIP/2.0", "cparam01", Contact="sip:+19725552222@gw1.example.net;unknownparam")


@_add("regescrt", "3.3.14", NO_METHOD)
def _(uri: str, here: str) -> str:
    return _request(here, f"REGISTER sip:{uri} SIP/2.0", "regescrt", Contact="<sip:user@example.com?Route=%3Csip:sip.example.com%3E>")


@_add("sdp01", "3.3.15", BUSY | {406})
def _(uri: str, here: str) -> str:
    return _invite(uri, here, "sdp01", Accept="text/nobodyKnowsThis")


@_add("inv2543", "3.4.1", BUSY | {400})  # PJSIP refuses an INVITE without Contact, which RFC 3261 demands
def _(uri: str, here: str) -> str:
    return (
        f"INVITE sip:phone@{uri} SIP/2.0\r\nVia: SIP/2.0/UDP {here}\r\nFrom: <sip:iuser@example.com>\r\nTo: <sip:phone@example.com>\r\n"
        "Record-Route: <sip:phone@example.com;maddr=ss1.example.com>\r\nCall-ID: inv2543.1717@ift.client.example.com\r\n"
        "CSeq: 56 INVITE\r\n"
        f"Content-Type: application/sdp\r\n\r\n{SDP}"
    )
