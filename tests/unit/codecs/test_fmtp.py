"""fmtp lines: what is read, what is refused and with which words; and the rules by which x-phv and Opus peers fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softphone.codecs.fmtp import MAX_LINE, FmtpError, flag, format_fmtp, integer, parse_fmtp, word
from softphone.codecs.opus import opus_fits
from softphone.codecs.phv import phv_fits

NAMES = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789-_."), min_size=1, max_size=12)
VALUES = st.text(st.sampled_from("ABCabc019-_.,:/="), max_size=16)
OURS = {"version": "1", "inventory": "arpabet39", "model": "0123456789abcdef"}


@given(st.dictionaries(NAMES, VALUES, max_size=20))
def test_formatted_parameters_read_back_the_same(parameters: dict[str, str]) -> None:
    assert parse_fmtp(format_fmtp(parameters)) == parameters


@given(st.text(max_size=200))
def test_any_text_is_parameters_or_an_fmtp_error(text: str) -> None:
    try:
        parameters = parse_fmtp(text)
    except FmtpError as error:
        assert str(error).endswith(".")
        return
    assert all(name and name == name.lower() for name in parameters)
    assert parse_fmtp(";".join(f"{n}={v}" for n, v in parameters.items())) == parameters


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=5))
def test_format_writes_only_what_reads_back(parameters: dict[str, str]) -> None:
    try:
        text = format_fmtp(parameters)
    except FmtpError:
        return
    assert parse_fmtp(text) == parameters


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=1;" * 300, "characters"),
        (";".join(f"p{i}=1" for i in range(33)), "more than 32"),
        ("a=1;A=2", "twice"),
        ("=1", "no name"),
        ("a=\u00fc", "ASCII"),
        ("a=1\r\nm=audio 9", "ASCII"),
        ("a\0=1", "ASCII"),
    ],
)
def test_refusals_name_the_cause(text: str, words: str) -> None:
    with pytest.raises(FmtpError, match=words):
        parse_fmtp(text)


def test_the_lines_of_real_peers_are_read() -> None:
    assert parse_fmtp("stereo=1; sprop-stereo=1;useinbandfec=1") == {"stereo": "1", "sprop-stereo": "1", "useinbandfec": "1"}
    assert parse_fmtp("0-16") == {"0-16": ""}
    assert parse_fmtp("Mode=30;") == {"mode": "30"}
    assert parse_fmtp("") == {}


@given(st.text(max_size=12), st.integers(-5, 5), st.integers(-5, 50))
def test_integers_stay_in_range(text: str, low: int, high: int) -> None:
    try:
        value = integer({"n": text}, "n", low, high)
    except FmtpError:
        return
    assert low <= value <= high
    assert str(value) == text.lstrip("0") or value == 0


def test_guards_of_single_parameters() -> None:
    assert integer({}, "n", 0, 9, 4) == 4
    assert flag({"f": "1"}, "f") and not flag({}, "f")
    assert word({"m": "a-b_c.9"}, "m") == "a-b_c.9"
    for bad in ("", "a b", "a;b", "\u00e4", "x" * 65, "a/b"):
        with pytest.raises(FmtpError, match="m is"):
            word({"m": bad}, "m")
    for missing in (lambda: word({}, "m"), lambda: integer({}, "m", 0, 9)):
        with pytest.raises(FmtpError, match="missing"):
            missing()
    for bad in ("1_0", "+1", " 1", "\u0661", "1e3", "99999999999"):
        with pytest.raises(FmtpError, match="whole number"):
            integer({"n": bad}, "n", 0, 10**12)


@pytest.mark.parametrize(
    ("theirs", "fits"),
    [
        (OURS, True),
        ({**OURS, "version": "1.3"}, True),
        ({**OURS, "future": "thing"}, True),
        ({**OURS, "version": "2"}, False),
        ({**OURS, "version": "2.1"}, False),
        ({**OURS, "inventory": "ipa107"}, False),
        ({**OURS, "model": "0123456789abcdee"}, False),
    ],
)
def test_phv_rules_are_symmetrical(theirs: dict[str, str], fits: bool) -> None:
    assert phv_fits(OURS, theirs) is phv_fits(theirs, OURS) is fits


@pytest.mark.parametrize("broken", [{}, {"version": "1"}, {**OURS, "version": "0"}, {**OURS, "version": "1.x"}, {**OURS, "model": "a b"}])
def test_phv_without_its_parameters_never_fits(broken: dict[str, str]) -> None:
    with pytest.raises(FmtpError):
        phv_fits(OURS, broken)
    with pytest.raises(FmtpError):
        phv_fits(broken, broken)


@pytest.mark.parametrize(("rate", "fits"), [("8000", True), ("12000", True), ("16000", True), ("44100", True), ("11025", False)])
def test_opus_rates(rate: str, fits: bool) -> None:
    assert opus_fits({}, {"maxplaybackrate": rate}) is fits


def test_longest_line_is_still_read() -> None:
    assert len(parse_fmtp("a=" + "x" * (MAX_LINE - 2))["a"]) == MAX_LINE - 2
