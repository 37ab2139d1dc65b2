"""The phone inventory: ARPAbet as in CMUdict, without stress digits, plus silence."""

INVENTORY_NAME = "arpabet-39"

PHONES: tuple[str, ...] = (
    "SIL",
    "AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW",
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH",
    "T", "TH", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
"""Order is part of the payload format: index in this tuple is the symbol that is sent. 0 is silence."""

PHONE_INDEX: dict[str, int] = {label: index for index, label in enumerate(PHONES)}

SILENCE = 0

VOWELS: frozenset[int] = frozenset(range(1, 16))

UNVOICED: frozenset[int] = frozenset(PHONE_INDEX[label] for label in ("SIL", "CH", "F", "HH", "K", "P", "S", "SH", "T", "TH"))
"""Phones that carry no F0 on the wire."""


def phone_index(label: str) -> int:
    """Index of an ARPAbet label, with or without a stress digit ("AH0" and "AH" are one phone). Raises KeyError."""
    return PHONE_INDEX[label.rstrip("012")]
