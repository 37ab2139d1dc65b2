"""The codecs of one call, written into its SDP."""

import itertools

import pytest

from softphone.engine.sdp.codec_order import order_codecs

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "m=audio 4000 RTP/AVP 96 97 0 8 101 102",
        "c=IN IP4 127.0.0.1",
        "a=sendonly",
        "a=rtpmap:96 x-phv/16000",
        "a=fmtp:96 version=1;inventory=a;model=b",
        "a=rtpmap:97 opus/48000/2",
        "a=fmtp:97 useinbandfec=1",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=rtpmap:102 telephone-event/16000",
        "",
    ]
)
NUMBERS = {"x-phv": "96", "opus": "97", "PCMU": "0", "PCMA": "8"}


def formats(sdp: str) -> list[str]:
    return next(line for line in sdp.splitlines() if line.startswith("m=audio")).split()[3:]


def keys(ours_alone: bool) -> list[str]:
    """Where there is nothing but our codec, keys have its clock."""
    return ["102"] if ours_alone else ["101", "102"]


@pytest.mark.parametrize("order", [order for count in (1, 2, 4) for order in itertools.permutations(NUMBERS, count)])
def test_an_offer_has_the_codecs_of_the_call_in_their_order_and_the_keys(order: tuple[str, ...]) -> None:
    sdp = order_codecs(OFFER, "", order)
    assert formats(sdp) == [*(NUMBERS[name] for name in order), *keys(list(order) == ["x-phv"])]
    left_out = [number for name, number in NUMBERS.items() if name not in order]
    assert not [number for number in left_out if f":{number} " in sdp]
    assert all(f"a=rtpmap:{NUMBERS[name]} " in sdp for name in order)
    assert "a=sendonly" in sdp and ("a=fmtp:101 0-16" in sdp) == ("101" in formats(sdp)) and sdp.endswith("\r\n")


@pytest.mark.parametrize(
    ("order", "theirs", "chosen"),
    [
        (("PCMA", "opus"), "97 8", "8"),
        (("x-phv", "PCMU"), "96 0", "96"),
        (("opus", "PCMU"), "0 8", "0"),
        (("PCMA",), "8", "8"),
    ],
)
def test_an_answer_names_the_best_codec_that_the_offer_has(order: tuple[str, ...], theirs: str, chosen: str) -> None:
    offer = OFFER.replace("96 97 0 8 101 102", theirs)
    expected = [chosen, *keys(chosen == NUMBERS["x-phv"])]
    assert formats(order_codecs(OFFER, offer, order)) == expected
    # The numbers are each side's own, and G.711 needs no rtpmap.
    renumbered = offer.replace("a=rtpmap:0 PCMU/8000\r\n", "").replace("a=rtpmap:8 PCMA/8000\r\n", "")
    assert formats(order_codecs(OFFER, renumbered, order)) == expected


def test_our_codec_is_chosen_only_where_its_parameters_fit() -> None:
    other_model = OFFER.replace("model=b", "model=c")
    assert formats(order_codecs(OFFER, other_model, ("x-phv", "PCMU")))[0] == "0"
    torn = OFFER.replace("version=1;inventory=a;model=b", "version=;=;;x")
    assert formats(order_codecs(OFFER, torn, ("x-phv", "PCMU")))[0] == "0"


@pytest.mark.parametrize("remote", ["", OFFER.replace("0 8 101", "101")])
def test_what_would_leave_no_codec_changes_nothing(remote: str) -> None:
    assert order_codecs(OFFER, remote, ("G722",)) == OFFER
    assert order_codecs(OFFER.replace("m=audio 4000", "m=audio 0"), remote, ("PCMU",)) == OFFER.replace("m=audio 4000", "m=audio 0")
    assert order_codecs("x" * 20000, remote, ("PCMU",)) == "x" * 20000
    assert order_codecs("", remote, ("PCMU",)) == ""
