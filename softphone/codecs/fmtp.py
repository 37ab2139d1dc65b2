"""Format parameters of SDP (`a=fmtp`, RFC 8866 section 6.15): parsed within bounds, formatted, and read with range guards."""

from collections.abc import Mapping

MAX_LINE = 1024
MAX_PARAMETERS = 32
_SEPARATORS = frozenset(" \t\r\n;=\0")


class FmtpError(ValueError):
    """A format parameter line (`a=fmtp`) is malformed or out of range; one sentence."""


def parse_fmtp(text: str) -> dict[str, str]:
    """Parameters of `name=value;name=value`, names in lower case, in order. A parameter without `=` gets the value "".

    The text is what follows the payload type. Raises FmtpError on anything longer than 1024 characters, more than 32 parameters, a name
    that occurs twice, an empty name, or characters outside printable ASCII.
    """
    if len(text) > MAX_LINE:
        raise FmtpError(f"The fmtp line has {len(text)} characters; at most {MAX_LINE} are accepted.")
    if any(not (" " <= c <= "~" or c == "\t") for c in text):
        raise FmtpError("The fmtp line holds a character that is not printable ASCII; the peer must send plain text.")
    parameters: dict[str, str] = {}
    for part in text.split(";"):
        name, _, value = (piece.strip() for piece in part.partition("="))
        name = name.lower()
        if not name and not value and "=" not in part:
            continue
        if not name:
            raise FmtpError(f"The fmtp parameter {part.strip()[:20]!r} has no name; write name=value.")
        if name in parameters:
            raise FmtpError(f"The fmtp parameter {name[:20]!r} is given twice; give it once.")
        if len(parameters) == MAX_PARAMETERS:
            raise FmtpError(f"The fmtp line has more than {MAX_PARAMETERS} parameters.")
        parameters[name] = value
    return parameters


def format_fmtp(parameters: Mapping[str, str]) -> str:
    """`name=value;name=value`, a bare name where the value is "". Raises FmtpError when the line would not read back the same."""
    for name, value in parameters.items():
        if not name or not all("!" <= c <= "~" and c not in _SEPARATORS for c in name) or name != name.lower():
            raise FmtpError(f"{name!r} cannot be an fmtp name; use lower-case ASCII without space, ';' and '='.")
        if value != value.strip(" \t") or not all(" " <= c <= "~" and c != ";" for c in value):
            raise FmtpError(f"{value!r} cannot be the value of {name}; use ASCII without ';' and without space around it.")
    text = ";".join(f"{name}={value}" if value else name for name, value in parameters.items())
    if len(text) > MAX_LINE or len(parameters) > MAX_PARAMETERS:
        raise FmtpError(f"The fmtp line would have {len(text)} characters and {len(parameters)} parameters, which is too long to send.")
    return text


def integer(parameters: Mapping[str, str], name: str, low: int, high: int, default: int | None = None) -> int:
    """The whole number `name`, which must be in low..high. Raises FmtpError; a missing one too unless there is a default."""
    text = parameters.get(name)
    if text is None:
        if default is None:
            raise FmtpError(f"The fmtp parameter {name} is missing.")
        return default
    # int() would take "1_0", " 1 " and digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or not low <= int(text) <= high:
        raise FmtpError(f"The fmtp parameter {name} is {text[:20]!r}; it must be a whole number from {low} to {high}.")
    return int(text)


def flag(parameters: Mapping[str, str], name: str, default: bool = False) -> bool:
    """The parameter `name` as 0 or 1. Raises FmtpError."""
    return bool(integer(parameters, name, 0, 1, int(default)))


def word(parameters: Mapping[str, str], name: str, max_length: int = 64) -> str:
    """The parameter `name` as one word of letters, digits, '-', '_' and '.'. Raises FmtpError; a missing one too."""
    text = parameters.get(name)
    if text is None:
        raise FmtpError(f"The fmtp parameter {name} is missing.")
    if not 0 < len(text) <= max_length or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in text):
        raise FmtpError(f"The fmtp parameter {name} is {text[:20]!r}; it must be 1 to {max_length} letters, digits, '-', '_' or '.'.")
    return text
