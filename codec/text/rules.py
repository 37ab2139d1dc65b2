"""How numbers, dates, times, money, phone numbers, addresses and abbreviations are spoken: patterns and what is said for them.

A rule that knows more of what it sees comes before one that knows less.
"""

import re
from collections.abc import Callable

from codec.text.number_words import LARGEST, cardinal, digits, ordinal, year

Found = re.Match[str]

ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "jr": "junior", "sr": "senior", "st": "street",
    "vs": "versus", "etc": "et cetera", "approx": "approximately", "dept": "department", "tel": "telephone",
    "ave": "avenue", "rd": "road", "blvd": "boulevard", "inc": "incorporated", "ltd": "limited", "co": "company", "gen": "general",
    "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "rev": "reverend", "hon": "honorable", "min": "minute", "max": "maximum",
    "asap": "as soon as possible", "btw": "by the way", "fyi": "for your information", "brb": "be right back", "afaik": "as far as i know",
    "thx": "thanks", "pls": "please", "plz": "please", "msg": "message", "appt": "appointment", "ok": "okay", "omw": "on my way",
}  # fmt: skip
ONLY_WITH_DOT = frozenset("st co gen min rev hon rd ave ms max inc".split())
"""Words or units of their own without the dot."""

SPELLED = frozenset("US USA UK EU UN TV PC IP ID UI HQ VIP FAQ AM PM AI IO".split())
"""Capitals read letter by letter although they could be read as a word."""

SYMBOLS = {
    "&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "#": "number", "*": "", "°": "degrees", "<": "less than",
    ">": "greater than", "|": ",", "\\": "backslash", "_": " ", "^": "", "×": "times", "÷": "divided by",
    "§": "section", "•": ".",
}  # fmt: skip

_MONTHS = "january february march april may june july august september october november december".split()
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?:uary|ruary|ch|il|e|y|ust|tember|t|ober|ember)?"
_AMOUNT = r"\d+(?:,\d{3})*(?:\.\d+)?"
_MONTH_NUMBER = {month[:3]: number for number, month in enumerate(_MONTHS, 1)}
_CURRENCY = {"$": ("dollar", "cent"), "£": ("pound", "pence"), "€": ("euro", "cent"), "¥": ("yen", "")}
_UNITS = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "kg": "kilogram", "g": "gram", "mg": "milligram",
    "lb": "pound", "lbs": "pound", "oz": "ounce", "ft": "foot", "mi": "mile", "mph": "mile per hour", "ml": "milliliter",
    "ms": "millisecond", "s": "second", "sec": "second", "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour",
    "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz", "ghz": "gigahertz", "kb": "kilobyte", "mb": "megabyte", "gb": "gigabyte",
    "tb": "terabyte", "kbps": "kilobit per second", "mbps": "megabit per second", "kw": "kilowatt", "kwh": "kilowatt hour",
}  # fmt: skip
_FRACTIONS = {(1, 2): "one half", (1, 4): "one quarter", (3, 4): "three quarters", (1, 3): "one third", (2, 3): "two thirds"}
_DIGIT_SIGNS = {"+": "plus ", "*": "star ", "#": "pound "}


def _plural(unit: str) -> str:
    head, space, rest = unit.partition(" ")
    if head == "foot":
        return "feet"
    return head + ("" if head.endswith("hertz") or head in ("yen", "pence") else "s") + space + rest


def _number(text: str) -> str:
    """An integer or decimal in digits, commas between thousands allowed."""
    whole, _, part = text.replace(",", "").partition(".")
    long = len(whole) > len(str(LARGEST)) or (len(whole) > 1 and whole.startswith("0"))
    said = digits(whole) if long else cardinal(int(whole or "0"))
    return f"{said} point {digits(part)}" if part else said


def _plain_integer(found: Found) -> str:
    text = found.group()
    if len(text) == 4 and "1100" <= text <= "2099":
        return f" {year(int(text))} "
    return f" {digits(text) if len(text) > 6 else _number(text)} "


def _money(found: Found) -> str:
    sign, amount, scale = found.group(1), found.group(2).replace(",", ""), found.group(3)
    unit, small = _CURRENCY[sign]
    if scale:
        word = {"k": "thousand", "m": "million", "b": "billion"}[scale[0].lower()]
        return f" {_number(amount)} {word} {_plural(unit)} "
    whole, _, cents = amount.partition(".")
    if len(cents) not in (0, 2) or not small:
        return f" {_number(amount)} {_plural(unit)} "
    said = []
    if int(whole or "0") or not int(cents or "0"):
        said.append(f"{_number(whole or '0')} {unit if whole == '1' else _plural(unit)}")
    if int(cents or "0"):
        said.append(f"{cardinal(int(cents))} {small if int(cents) == 1 else _plural(small)}")
    return f" {' and '.join(said)} "


def _time(found: Found) -> str:
    hour, minute, half = int(found.group(1)), int(found.group(2) or 0), found.group(3)
    if hour > 24 or minute > 59:
        return found.group()
    said = cardinal(hour)
    if minute:
        said += f" oh {cardinal(minute)}" if minute < 10 else f" {cardinal(minute)}"
    elif half is None:
        said += " o'clock" if 1 <= hour <= 12 else " hundred hours"
    if half:
        said += f" ~{half.lower()} ~m"
    return f" {said} "


def _day(month: int, day: int, of_year: str | None) -> str:
    said = f" {_MONTHS[month - 1]} {ordinal(day)}"
    return f"{said}, {year(int(of_year))} " if of_year and "1100" <= of_year <= "2099" else said + " "


def _iso_date(found: Found) -> str:
    month, day = int(found.group(2)), int(found.group(3))
    return _day(month, day, found.group(1)) if 1 <= month <= 12 and 1 <= day <= 31 else found.group().replace("-", " ")


def _named_date(found: Found) -> str:
    """November 23rd, 2026."""
    day = int(found.group(2))
    return _day(_MONTH_NUMBER[found.group(1).lower()[:3]], day, found.group(3)) if 1 <= day <= 31 else found.group()


def _day_first(found: Found) -> str:
    """23 November 2026."""
    day = int(found.group(1))
    return _day(_MONTH_NUMBER[found.group(2).lower()[:3]], day, found.group(3)) if 1 <= day <= 31 else found.group()


def _phone(found: Found) -> str:
    """Groups of digits, a short pause between them."""
    groups = [group for group in re.split(r"[^\d+]+", found.group()) if group]
    return " " + ", ".join("".join(_DIGIT_SIGNS.get(sign, "") for sign in group[:1]) + digits(group) for group in groups) + " "


def _maybe_phone(found: Found) -> str:
    """Groups of digits are a phone number when there are 7 to 15 digits, or a code in brackets or a plus in front."""
    text = found.group()
    count = sum(letter.isdigit() for letter in text)
    return _phone(found) if 7 <= count <= 15 or text.startswith(("+", "(")) else text


def _measure(found: Found) -> str:
    amount, unit = found.group(1), _UNITS[found.group(2).lower()]
    return f" {_number(amount)} {unit if amount == '1' else _plural(unit)} "


def _fraction(found: Found) -> str:
    top, bottom = int(found.group(1)), int(found.group(2))
    return f" {_FRACTIONS.get((top, bottom), f'{cardinal(top)} over {cardinal(bottom)}')} "


def _address(found: Found) -> str:
    text = re.sub(r"^(?:https?://)?(?:www\.)?", "", found.group(), flags=re.IGNORECASE).rstrip("/")
    for sign, word in ((".", "dot"), ("@", "at"), ("/", "slash"), ("-", "dash"), ("_", "underscore"), (":", "colon")):
        text = text.replace(sign, f" {word} ")
    return f" {re.sub(r'[?=&#%~+].*', '', text)} "


def _decade(found: Found) -> str:
    said = year(int(found.group(1)))
    return f" {said[:-1]}ies " if said.endswith("y") else f" {said}s "


def _letters_and_digits(found: Found) -> str:
    """MP3, B12, BA2490: letters by name; more than two digits one by one."""
    letters = " ".join(f"~{letter.lower()}" for letter in found.group(1))
    return f" {letters} {_number(found.group(2)) if len(found.group(2)) < 3 else digits(found.group(2))} "


def _initials(found: Found) -> str:
    """U.S. or a.m.; the last dot also ends the text."""
    letters = " ".join(f"~{letter.lower()}" for letter in found.group() if letter != ".")
    return f" {letters}{'.' if found.end() == len(found.string.rstrip()) else ''} "


Rule = tuple[re.Pattern[str], str | Callable[[Found], str]]


def _rule(pattern: str, write: str | Callable[[Found], str]) -> Rule:
    return re.compile(pattern, re.IGNORECASE), write


_WEB = r"\b(?:https?://\S+[\w/]|(?:www\.)[\w-]+(?:\.[\w-]+)+(?:/[\w./-]*\w)?|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[a-z][\w-]+\.(?:com|org|net|edu|gov|io))\b"
RULES: tuple[Rule, ...] = (
    _rule(_WEB, _address),
    _rule(r"\be\.\s?g\.,?", " for example,"),
    _rule(r"\bi\.\s?e\.,?", " that is,"),
    _rule(r"\b(?:[a-z]\.){2,}(?![a-z])", _initials),
    _rule(r"\bw/o\b", " without "),
    _rule(r"\bw/(?=\s)", " with "),
    _rule(r"\b24/7\b", " twenty four seven "),
    _rule(r"\b(\d{4})-(\d{2})-(\d{2})\b", _iso_date),
    _rule(rf"\b{_MONTH}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(\d{{4}}))?\b(?![:.]\d)", _named_date),
    _rule(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:,?\s+(\d{{4}}))?(?![a-z\d])", _day_first),
    _rule(r"\b(\d{1,2}):(\d{2})(?::\d{2})?(?:\s?([ap])\.?m\b\.?)?", _time),
    _rule(r"\b(\d{1,2})()\s?([ap])\.?m\b\.?", _time),
    _rule(r"(?<![\w.,])(?:\+\d{1,3}[\s.-]?)?(?:\(\d{2,5}\)[\s.-]?)?\d{2,5}(?:[\s.-]\d{2,5}){1,4}\b(?![.,]?\d)", _maybe_phone),
    _rule(r"\+\d{6,15}\b", _phone),
    _rule(r"\b((?-i:[A-Z]{1,3}))-?(\d{1,5})\b", _letters_and_digits),
    _rule(r"(?<=\d)(?:-| - )(?=[$£€]?\d)", " to "),
    _rule(r"\d+(?:\.\d+){2,}", lambda found: f" {' dot '.join(map(_number, found.group().split('.')))} "),
    _rule(r"\bno\.\s?(?=\d)", " number "),
    _rule(r"\bst\.\s+(?=(?-i:[A-Z]))", " saint "),
    _rule(rf"([$£€¥])\s?({_AMOUNT})(?:\s?(k|m|b|thousand|million|billion)\b)?", _money),
    _rule(r"\b(1[1-9]\d0|20\d0)'?s\b", _decade),
    _rule(r"\b(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", lambda found: f" {ordinal(int(found.group(1).replace(',', '')))} "),
    _rule(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?![\d/])", _fraction),
    _rule(rf"(?<![\w.])({_AMOUNT})\s?({'|'.join(sorted(_UNITS, key=len, reverse=True))})\b(?!')", _measure),
    _rule(r"(?<![\w)])-(?=\d)", " minus "),
    _rule(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+", lambda found: f" {_number(found.group())} "),
    _rule(r"\d+", _plain_integer),
    _rule(r"(?<=[a-z])-(?=[a-z])", " "),
)
"""In this order. "~a" is the name of the letter a."""
