"""Typed tables: dataclasses whose fields state their limits, and the reader that checks a TOML table against them."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, get_args, get_origin, get_type_hints

from softphone.errors import SoftphoneError

LONGEST_TEXT = 500


class ConfigError(SoftphoneError):
    """The configuration cannot be read, or a value in it is wrong; the message names the file and the key."""


def limited(default: int, low: int, high: int, step: int = 1) -> Any:
    """A whole number from `low` to `high`, in steps of `step`."""
    return field(default=default, metadata={"low": low, "high": high, "step": step})


def allowed(default: Any, *choices: Any) -> Any:
    """One of `choices`; for a field that is a tuple, each of its entries."""
    return field(default=default, metadata={"choices": choices})


def automatic() -> Any:
    """ "auto", true or false; "auto" unless it is said."""
    return field(default="auto", metadata={"choices": ("auto", True, False), "automatic": True})


def matching(default: str, pattern: str, meaning: str) -> Any:
    """A string that is empty or matches `pattern`; `meaning` completes "must be ..."."""
    return field(default=default, metadata={"pattern": pattern, "meaning": meaning})


def program() -> Any:
    """A program and its arguments, a list of texts; empty for none. It is never given to a shell."""
    return field(default=(), metadata={"program": True})


def section(kind: Any, name: str, table: Mapping[str, Any]) -> Any:
    """An instance of the dataclass `kind` from one table of the file. Raises ConfigError naming `name`.key."""
    fields = {entry.name: entry for entry in dataclasses.fields(kind)}
    hints = get_type_hints(kind)
    check_keys(table, fields, f"{name}.")
    return kind(**{key: _value(f"{name}.{key}", hints[key], fields[key].metadata, value) for key, value in table.items()})


def texts(name: str, table: Mapping[str, Any]) -> dict[str, str]:
    """A table of short texts with free keys. Raises ConfigError naming `name`.key."""
    for key, value in table.items():
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or not value.isprintable():
            raise ConfigError(f"{name}.{shown(key, quote=False)}: must be one line of text in quotes, not {shown(value)}")
    return dict(table)


def check_keys(table: Mapping[str, Any], known: Mapping[str, Any], prefix: str) -> None:
    """Raises ConfigError for the first key of `table` that is not in `known`."""
    for key in table:
        if key not in known:
            raise ConfigError(f"{prefix}{shown(key, quote=False)}: there is no such key; known here are {', '.join(known)}")


def _value(key: str, kind: Any, limits: Mapping[str, Any], value: Any) -> Any:
    if "program" in limits:
        return _program(key, value)
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{key}: must be a list such as {list(limits['choices'])}, not {shown(value)}")
        items = tuple(_value(key, get_args(kind)[0], limits, item) for item in value)
        if not items or len(set(items)) != len(items):
            raise ConfigError(f"{key}: must name each of its entries once, and at least one")
        return items
    if "automatic" in limits:
        if not isinstance(value, bool) and value != "auto":
            raise ConfigError(f'{key}: must be "auto", true or false, not {shown(value)}')
        return value
    if type(value) is not kind:
        wanted = {bool: "true or false", int: "a whole number", str: "a text in quotes"}[kind]
        raise ConfigError(f"{key}: must be {wanted}, not {shown(value)}")
    _check_limits(key, limits, value)
    return value


def _program(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) and len(item) <= LONGEST_TEXT for item in value):
        raise ConfigError(f'{key}: must be a list such as ["/home/me/bin/{key.rpartition(".")[2]}"], not {shown(value)}')
    if not all(item.isprintable() for item in value):
        raise ConfigError(f"{key}: must not hold control characters")
    if value and not (value[0].startswith(("/", "~/")) or (value[0] and "/" not in value[0])):
        raise ConfigError(f"{key}: must begin with a program's whole path, or its name alone, not {shown(value[0])}")
    return tuple(value)


def _check_limits(key: str, limits: Mapping[str, Any], value: Any) -> None:
    # A password written into the wrong key must not end in a log.
    given = "" if "password" in key else f", not {shown(value)}"
    if "choices" in limits and value not in limits["choices"]:
        raise ConfigError(f"{key}: must be one of {', '.join(map(str, limits['choices']))}{given}")
    if "low" in limits and not limits["low"] <= value <= limits["high"]:
        raise ConfigError(f"{key}: must be between {limits['low']} and {limits['high']}{given}")
    if "step" in limits and value % limits["step"]:
        raise ConfigError(f"{key}: must be a multiple of {limits['step']}{given}")
    if "pattern" in limits and value and not re.fullmatch(limits["pattern"], value):
        raise ConfigError(f"{key}: must be {limits['meaning']}{given}")


def shown(value: Any, quote: bool = True) -> str:
    """A wrong value as it may stand in a message: on one line, and not longer than 60 characters."""
    text = repr(value) if quote else str(value).encode("unicode_escape").decode()
    return text if len(text) <= 60 else text[:57] + "..."
