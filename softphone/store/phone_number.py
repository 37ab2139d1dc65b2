"""Telephone numbers as people write, paste and export them: what is dialled, and the keys that are pressed once the call is up.

Sources: RFC 3966 (tel URIs: visual separators, ;ext, ;phone-context), RFC 2806 (;postd, pauses `p` and `w`), ITU-T E.123 (how numbers are
printed), and what the address books of phones write (a comma or `;` for a pause, `x55`, a trunk zero in parentheses).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

LONGEST = 512
MOST_KEYS = 64
PAUSE = ","
"""In `keys`: wait two seconds."""
_SEPARATOR = r"[\s./()\[\]·-]"
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d\u00ad\u30fc"), "-")
_NUMBER = re.compile(rf"(?P<dialled>[\s(\[]*\+?{_SEPARATOR}*[0-9*#](?:{_SEPARATOR}*[0-9*#])*[\s)\]]*)(?P<rest>.*)", re.DOTALL)
_EXTENSION = re.compile(r"[\s,;]*(?:extension|extn?|x)\s*[.:=]?\s*(?P<digits>[0-9](?:[\s.-]*[0-9])*)", re.IGNORECASE)
_KEYS = re.compile(r"(?:\s*[,;pw])+(?:[\s.-]*[0-9*#a-d])*", re.IGNORECASE)
_TRUNK_ZERO = re.compile(r"[(\[]\s*0\s*[)\]]")
_TOLL_FREE_WORD = re.compile(
    r"(?P<prefix>\+?1[\s.-]*)?\(?(?P<area>8(?:00|33|44|55|66|77|88))\)?[\s.-]+(?P<word>(?=[0-9-]*[A-Z]{3})[A-Z0-9](?:[\s.-]?[A-Z0-9]){6,11})"
)
_LETTERS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")


@dataclass(frozen=True)
class PhoneNumber:
    """`digits`: what is dialled, of `+ 0-9 * #`. `keys`: what is pressed after the far end has answered, of `0-9 * # A-D` and `,`."""

    digits: str
    keys: str = ""

    @property
    def text(self) -> str:
        """Number and keys in a form that `read` reads back."""
        return self.digits + self.keys


def read(text: str) -> PhoneNumber | None:
    """The number in `text`, or None when it is none.

    A trunk zero in parentheses goes where a country code stands before it (E.123, 7.2: it is not dialled from abroad). An extension
    becomes a pause and its digits.
    """
    if len(text) > LONGEST:
        return None
    plain = _ascii(text).strip()
    if _is_ipv4(plain):
        return None
    scheme = re.match(r"(?:tel|callto|sips?):(?://)?", plain, re.IGNORECASE)
    if scheme is not None:
        sip = scheme[0][0] in "sS"
        if "@" in plain or (sip and "." in plain):
            # A whole SIP address, or one of a host.
            return None
        plain = unquote(plain[scheme.end() :])
        if plain.lower().startswith("tel:"):
            plain = plain[4:]
        plain = _without_parameters(plain)
    plain = _spelt_out(plain)
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return None
    dialled = found["dialled"]
    if dialled.lstrip(" ([").startswith(("+", "00")):
        dialled = _TRUNK_ZERO.sub(" ", dialled)
    digits = re.sub(_SEPARATOR, "", dialled)
    keys = _keys(found["rest"])
    if keys is None or len(keys) > MOST_KEYS or not re.search(r"[0-9*#]", digits):
        return None
    return PhoneNumber(digits, keys)


def _ascii(text: str) -> str:
    """Digits of any script, wide forms and the many dashes and spaces as ASCII; marks of writing direction that address books paste
    around numbers are left out."""
    letters = []
    for letter in unicodedata.normalize("NFKC", text.translate(_DASHES)):
        category = unicodedata.category(letter)
        if category == "Nd":
            letters.append(str(unicodedata.digit(letter)))
        elif category == "Pd":
            letters.append("-")
        elif category != "Cf":
            letters.append(letter)
    return "".join(letters)


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _without_parameters(text: str) -> str:
    """A tel URI without its parameters, but for the extension, keys after the call, and a context that is a prefix."""
    number, *parameters = text.split(";")
    rest = ""
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        if not equals:
            # Not of RFC 3966: phones write `;99` for "wait, then 99".
            rest += f";{parameter}"
        elif name.strip().lower() == "ext":
            rest += f" ext {value}"
        elif name.strip().lower() == "postd":
            rest += f",{value}"
        elif name.strip().lower() == "phone-context" and value.strip().startswith("+") and not number.strip().startswith("+"):
            number = value + number
    return number + rest


def _spelt_out(text: str) -> str:
    """Words on the keys of a toll-free number (1-800-FLOWERS) as digits; other letters may be somebody's name."""
    found = _TOLL_FREE_WORD.fullmatch(text)
    return text.translate(_LETTERS) if found is not None else text


def _keys(text: str) -> str | None:
    """What stands behind a number, as keys; None where it is something else."""
    keys = ""
    place = 0
    text = text.rstrip()
    while place < len(text):
        extension = _EXTENSION.match(text, place)
        found = extension or _KEYS.match(text, place)
        if found is None:
            return None
        if extension is not None:
            keys += PAUSE + re.sub(r"[\s.-]", "", extension["digits"])
        else:
            keys += re.sub(r"[;pw]", PAUSE, re.sub(r"[\s.-]", "", found[0]), flags=re.IGNORECASE).upper()
        place = found.end()
    return keys.rstrip(PAUSE)
