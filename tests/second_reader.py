"""A reader of payloads written from docs/payload-format.md alone: nothing of `codec` but the files of the model.

It shows that the document is enough for a second implementation.
"""

from operator import mul
from typing import Any

from safetensors.numpy import load_file

from tests.places import MODELS

UNKNOWN = 40
CONTEXTS = "before", "phone", "after", "place", "total"
VOWELS = range(1, 16)
UNVOICED = {17, 20, 22, 24, 29, 31, 32, 33, 34}


class RangeReader:
    """Section 4.1."""

    def __init__(self, message: bytes) -> None:
        self.message = message
        self.at = 4
        self.range = 2**32 - 1
        self.value = int.from_bytes((message + bytes(4))[:4], "big")

    def symbol(self, frequencies: list[int]) -> int:
        step = self.range >> 16
        target = min(self.value // step, 2**16 - 1)
        cumulative = symbol = 0
        while cumulative + frequencies[symbol] <= target:
            cumulative += frequencies[symbol]
            symbol += 1
        self.value -= step * cumulative
        last = cumulative + frequencies[symbol] == 2**16
        self.range = self.range - step * cumulative if last else step * frequencies[symbol]
        while self.range < 2**24:
            following = self.message[self.at] if self.at < len(self.message) else 0
            self.value, self.range, self.at = (self.value << 8 | following) % 2**32, self.range << 8, self.at + 1
        return symbol

    def plain(self, bits: int) -> int:
        return self.symbol([2 ** (16 - bits)] * 2**bits)

    def plain_bytes(self, count: int) -> bytes:
        return bytes(self.plain(8) for _ in range(count))


class SecondReader:
    """Section 3, with the tables of sections 4.2 and 4.3."""

    def __init__(self) -> None:
        self.tables = {name: table.astype(int) for name, table in load_file(MODELS / "entropy.safetensors").items()}
        detail = load_file(MODELS / "detail.safetensors")
        turned = ("previous", "current", "out")
        self.contexts = {
            name.removeprefix("contexts."): (table.swapaxes(1, 2) if name.endswith(turned) else table).tolist()
            for name, table in detail.items()
            if name.startswith("contexts.")
        }
        self.books = [[[round(float(x) * 32) for x in entry] for entry in book] for book in detail["codebooks.books"]]

    def of(self, reader: RangeReader, name: str, *context: int) -> int:
        return reader.symbol(self.tables[name][context].tolist())

    def read(self, payload: bytes) -> dict[str, Any]:
        reader, state = RangeReader(payload[1:]), {"phones": (UNKNOWN, UNKNOWN), "pitch": None, "level": None}
        flags = self.of(reader, "flags")
        redundant = self.of(reader, "redundant_groups")
        redundant += reader.plain(3) if redundant == 4 else 0
        groups = [[self.token(reader, state) for _ in range(self.of(reader, "group_tokens"))] for _ in range(redundant + 1)]
        read: dict[str, Any] = {"time": payload[0], "start": bool(flags & 1), "end": bool(flags & 2), "groups": groups}
        read["voice"] = (reader.plain(3), reader.plain(5), reader.plain_bytes(4)) if flags & 4 else None
        read["extensions"] = []
        more = bool(flags & 8)
        while more:
            kind, length = reader.plain(8), reader.plain(8)
            read["extensions"].append((kind, reader.plain_bytes(length)))
            more = bool(reader.plain(1))
        if flags & 16:
            self.layer(reader, groups)
        return read

    def read_any(self, payload: bytes) -> dict[str, Any]:
        """Section 3.8, and what it holds."""
        if len(payload) < 3 or payload[-1] != 0:
            return self.read(payload)
        time, flags, rest = payload[0], payload[1], payload[2:-1]
        read: dict[str, Any] = {"time": time, "deaf": bool(flags & 8), "report": None, "tokens": None}
        if flags & 1:
            read["report"], rest = (*rest[:4], 256 * 2 ** (rest[4] / 8) if rest[4] else 0), rest[5:]
        if flags & 2:
            size = rest[0]
            read["tokens"], rest = self.read(rest[1 : 1 + size]), rest[1 + size :]
        read["copies"] = []
        if flags & 32:
            count, rest = rest[0], rest[1:]
            for _ in range(count):
                read["copies"].append((rest[0], rest[2 : 2 + rest[1]]))
                rest = rest[2 + rest[1] :]
        read["words"] = bool(flags & 64)
        return read | {"opus": rest if flags & 4 else b"", "padding": len(rest) if flags & 16 else 0}

    def token(self, reader: RangeReader, state: dict[str, Any]) -> dict[str, Any]:
        phone = self.of(reader, "phone", *state["phones"])
        token = {"phone": phone, "ticks": self.of(reader, "ticks", phone, phone_class(state["phones"][1])) + 1, "details": []}
        state["phones"] = (state["phones"][1], phone)
        if phone not in VOWELS:
            return token | {"pitch": None, "glide": 0, "level": 0}
        if state["pitch"] is None:
            pitch = self.of(reader, "first_pitch")
            voiced = pitch != 42
        else:
            change = self.of(reader, "pitch_change")
            voiced, pitch = change != 83, state["pitch"] + change - 41
        ticks = token["ticks"]
        row = 0 if ticks <= 3 else 1 if ticks <= 5 else 2 if ticks <= 8 else 3
        glide = self.of(reader, "glide", row) - 4 if voiced else 0
        last = state["level"]
        state["level"] = level = self.of(reader, "first_level") if last is None else last + self.of(reader, "level_change") - 25
        if voiced:
            state["pitch"] = max(0, min(41, pitch + 2 * glide))
        return token | {"pitch": pitch if voiced else None, "glide": glide, "level": level}

    def layer(self, reader: RangeReader, groups: list[list[dict[str, Any]]]) -> None:
        before = 9
        for group in reversed(groups):
            before = self.of(reader, "detail_codes", before)
            if before == 9:
                return
            self.details(reader, group, before)

    def details(self, reader: RangeReader, group: list[dict[str, Any]], codes: int) -> None:
        phones = [UNKNOWN, *(token["phone"] for token in group), UNKNOWN]
        previous: list[int] | None = None
        for place, token in enumerate(group):
            count = -(-token["ticks"] // 2) if token["phone"] and codes else 0
            for segment in range(count):
                where = [*phones[place : place + 3], min(segment, 7), min(count, 8) - 1]
                found: list[int] = []
                while len(found) < codes:
                    found.append(reader.symbol(self.frequencies(where, previous, found)))
                token["details"].append(tuple(found))
                previous = found

    def frequencies(self, where: list[int], previous: list[int] | None, found: list[int]) -> list[int]:
        """Section 4.3, in integers of Python."""
        stage, tables = len(found), {name: table[len(found)] for name, table in self.contexts.items() if name != "decay"}
        hidden = [64 * sum(column) for column in zip(*(tables[n][i] for n, i in zip(CONTEXTS, where, strict=True)), strict=True)]
        if previous is not None:
            told = self.latent(previous)
            hidden = [h + 64 * f + sum(map(mul, told, w)) for h, f, w in zip(hidden, tables["follows"], tables["previous"], strict=True)]
        said = self.latent(found) if stage else [0] * 40
        active = [min(max((h + sum(map(mul, said, w))) >> 12, 0), 127) for h, w in zip(hidden, tables["current"], strict=True)]
        logits = [bias + sum(map(mul, active, w)) for bias, w in zip(tables["bias"], tables["out"], strict=True)]
        shares = [self.contexts["decay"][min((max(logits) - logit) >> 7, 511)] for logit in logits]
        frequencies = [1 + share * 65280 // sum(shares) for share in shares]
        frequencies[shares.index(max(shares))] += 65536 - sum(frequencies)
        return frequencies

    def latent(self, codes: list[int]) -> list[int]:
        return [sum(column) for column in zip(*(self.books[stage][code] for stage, code in enumerate(codes)), strict=True)]


def phone_class(phone: int) -> int:
    return 4 if phone == UNKNOWN else 0 if phone == 0 else 1 if phone in VOWELS else 2 if phone in UNVOICED else 3
