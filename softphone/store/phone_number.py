"""Telephone numbers as people write, paste and export them: the number to dial, and the DTMF keys to send when the call is up.

Sources: RFC 3966 (tel URIs: visual separators, ;ext, ;phone-context), RFC 2806 (;postd, pauses `p` and `w`), ITU-T E.123 (how numbers are
printed), and what the address books of phones write (a comma or `;` for a pause, `x55`, a trunk zero in parentheses).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

LONGEST = 512
MOST_KEYS = 64
PAUSE = ","
"""In `keys`: wait two seconds."""
_SEPARATOR = r"[\s./()\[\]·-]"
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d\u00ad\u30fc"), "-")
_NUMBER = re.compile(rf"(?P<dialled>[\s(\[]*\+?{_SEPARATOR}*[0-9*#](?:{_SEPARATOR}*[0-9*#])*[\s)\]]*)(?P<rest>.*)", re.DOTALL)
_EXTENSION = re.compile(
    r"[\s,;(\[]*(?:extension|extn?|x|poste|ramal|anexo|interno|int|\u0434\u043e\u0431|\u5185\u7dda)\s*[.:=]?\s*"
    r"(?P<digits>[0-9](?:[\s.-]*[0-9])*)[\s)\]]*",
    re.IGNORECASE,
)
"""In English, French, Portuguese, Spanish, Italian, Russian and Japanese."""
_KEYS = re.compile(
    r"(?:\s*[,;])+(?:[\s.-]*[0-9*#a-d])*|(?:\s*[,;pw])+(?:[\s.-]*[0-9*#])+(?:[\s.-]*[0-9*#a-d])*|(?:\s*[pw])+$", re.IGNORECASE
)
"""Behind `p` and `w` no letter, which would make keys of a name such as 2pac."""
_HASH_EXTENSION = re.compile(r"([^*#]*[0-9][^*#]*)\s#\s?([0-9]+)")
_COUNTRY_CODE_AND_ZERO = re.compile(r"(?P<before>[\s(\[]*(?:\+|00)[\s(\[]*(?P<code>[1-9][0-9]{0,2})(?![0-9])[^0-9*#]+)0")
_ZERO_IS_DIALLED = frozenset({"39", "225", "229", "241", "242", "378", "379", "800", "808"})
"""Country codes behind which numbers may begin with 0 (ITU-T E.164, national numbering plans): Italy, Ivory Coast, Benin, Gabon, Congo,
San Marino, Vatican, and the free numbers of no country."""
_TITLE = re.compile(
    r"(?:(?:tel|telefon|telephone|t\u00e9l\u00e9phone|t\u00e9l|phone|fon|mobile?|mob|cell|handy|[tmp])\s*[.:]+(?=[\s+(])"
    r"|[\u260e\u260f\u2706\U0001f4de\U0001f4f1]\ufe0f?)\s*(?=[+0-9(\[])",
    re.IGNORECASE,
)
"""What stands before a number that was copied from a letter or a page. `phone:5060` is a host and its port."""
_REMARK = re.compile(r"\s*\([^()0-9*#]*\)$")
_AROUND = "\"'\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb. \t\r\n"
_SERVICE_NUMBER = 3
"""Digits of the longest numbers, such as 112 and 911, that are dialled as they are whatever the context."""
_TOLL_FREE_WORD = re.compile(
    r"(?P<prefix>\+?1[\s.-]*|0)?\(?(?P<area>8(?:00|33|44|55|66|77|88))\)?[\s.-]*(?P<word>(?=(?:[0-9\s.-]*[A-Z]){3})[A-Z0-9](?:[\s.-]?[A-Z0-9]){6,11})"
)
_LETTERS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")


@dataclass(frozen=True)
class PhoneNumber:
    """`digits` to dial, of `+ 0-9 * #`; `keys` to send after the remote party has answered, of `0-9 * # A-D` and `,`."""

    digits: str
    keys: str = ""

    @property
    def text(self) -> str:
        """Number and keys in a form that `read` reads back."""
        return self.digits + self.keys


def read(text: str) -> PhoneNumber | None:
    """The number in `text`, or None when it is none.

    A trunk zero goes where a country code stands before it (E.123, 7.2: it is not dialled from abroad), but for the countries where it
    belongs to the number. An extension becomes a pause and its digits.
    """
    if len(text) > LONGEST:
        return None
    plain = _ascii(text).strip(_AROUND)
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
    elif (title := _TITLE.match(plain)) is not None:
        plain = plain[title.end() :]
    plain = _REMARK.sub("", plain.strip())
    if (hashed := _HASH_EXTENSION.fullmatch(plain)) is not None:
        plain = f"{hashed[1]} ext {hashed[2]}"
    plain = _spelt_out(plain)
    found = _NUMBER.fullmatch(plain)
    if found is None:
        return None
    dialled = found["dialled"]
    zero = _COUNTRY_CODE_AND_ZERO.match(dialled)
    if zero is not None and zero["code"] not in _ZERO_IS_DIALLED:
        dialled = zero["before"] + dialled[zero.end() :]
    digits = re.sub(_SEPARATOR, "", dialled)
    keys = _keys(found["rest"])
    if keys is None or len(keys) > MOST_KEYS or not re.search(r"[0-9*#]", digits):
        return None
    return PhoneNumber(digits, keys)


def rewritten(digits: str, rules: Mapping[str, str]) -> str:
    """The number as the server wants it: of the `rules` (beginning -> what stands in its place) the one with the longest beginning that
    fits counts, once. Emergency and service numbers are dialled as they are."""
    if sum(letter.isdigit() for letter in digits) <= _SERVICE_NUMBER:
        return digits
    fitting = [beginning for beginning in rules if digits.startswith(beginning)]
    if not fitting:
        return digits
    beginning = max(fitting, key=len)
    return rules[beginning] + digits[len(beginning) :]


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
    number, *parameters = text.partition("?")[0].split(";")
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
        elif name.strip().lower() == "phone-context" and value.strip().startswith("+") and _local(number):
            number = f"{value} {number}"
    return number + rest


def _local(number: str) -> bool:
    """Whether a prefix makes another number of it."""
    return not number.strip().startswith("+") and len(re.sub(_SEPARATOR, "", number)) > _SERVICE_NUMBER


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
