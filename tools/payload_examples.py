"""Writes the worked bytes of docs/payload-format.md from what the code gives: `python -m tools.payload_examples`.

To be run whenever the tables in models/ change; a test compares.
"""

from pathlib import Path

from codec.speak.comfort_noise import TYPE as NOISE
from codec.units.phones import phone_index
from codec.units.weights_files import model_id, weights_directory
from codec.wire.link_report import LinkReport
from codec.wire.packet import Extension, Packet, VoicePiece, serialize
from codec.wire.range_coder import FrequencyTable, RangeEncoder
from codec.wire.tables import Entropy
from codec.wire.token import WireToken

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "payload-format.md"
BEGIN, END = "<!-- worked bytes: begin -->", "<!-- worked bytes: end -->"

SEE = (
    WireToken(phone_index("S"), 6),
    WireToken(phone_index("IY"), 9, pitch=22, glide=-1, level=18),
)
YOU = (
    WireToken(phone_index("Y"), 3),
    WireToken(phone_index("UW"), 7, pitch=20, glide=0, level=17),
)
DETAILED = (
    WireToken(phone_index("Y"), 3, details=((17, 200), (3, 96))),
    WireToken(phone_index("UW"), 4, pitch=20, glide=0, level=17, details=((255, 0), (8, 8))),
)
EXAMPLES = {
    "A talkspurt begins with /s iy/ at tick 300 of the sender's clock": Packet(300 % 256, (SEE,), start=True),
    "The next packet repeats that group, and the talkspurt ends": Packet(300 % 256, (SEE, YOU), start=True, end=True),
    "The same with a piece of the voice, a report of the path and a description of the background": Packet(
        300 % 256,
        (SEE, YOU),
        start=True,
        end=True,
        voice=VoicePiece(2, 0, bytes.fromhex("4d10a0fe")),
        extensions=(LinkReport(0.25, 1.5, 120, 15).extension(), Extension(NOISE, bytes([52, 80, 140]))),
    ),
    "/y uw/ with two codes of detail a segment": Packet(59, (DETAILED,)),
}


def entropy() -> Entropy:
    """The tables of the shipped models."""
    return Entropy.load(weights_directory())


class _Spoken(RangeEncoder):
    """Notes each symbol, and the interval after it."""

    def __init__(self, lines: list[str], names: list[str]) -> None:
        super().__init__()
        self._lines, self._names = lines, names

    def encode(self, symbol: int, table: FrequencyTable) -> None:
        super().encode(symbol, table)
        start = table.cumulative[symbol]
        name = self._names[len(self._lines)]
        state = f"{self._low:#x} | {self._range:#x} | {self._shifted}"
        self._lines.append(f"| {name} | {symbol} | {start} | {table.frequency(symbol)} | {state} |")


def _steps(tables: Entropy) -> list[str]:
    """The range coder's steps of the first example, written out as docs/payload-format.md says them, not by `serialize`."""
    phones = [token.phone for token in SEE]
    first, second = tables.table("phone", 40, 40), tables.table("phone", 40, phones[0])
    symbols = [
        ("`flags`", 1, tables.table("flags")),
        ("`redundant_groups`", 0, tables.table("redundant_groups")),
        ("`group_tokens`", 2, tables.table("group_tokens")),
        ("`phone[40][40]`: S", phones[0], first),
        (f"`ticks[{phones[0]}][4]`", 5, tables.table("ticks", phones[0], 4)),
        (f"`phone[40][{phones[0]}]`: IY", phones[1], second),
        (f"`ticks[{phones[1]}][2]`", 8, tables.table("ticks", phones[1], 2)),
        ("`first_pitch`", 22, tables.table("first_pitch")),
        ("`glide[3]`", 3, tables.table("glide", 3)),
        ("`first_level`", 18, tables.table("first_level")),
    ]
    lines: list[str] = []
    coder = _Spoken(lines, [name for name, _, _ in symbols])
    for _, symbol, table in symbols:
        coder.encode(symbol, table)
    assert bytes([300 % 256]) + coder.finish() == serialize(next(iter(EXAMPLES.values())), tables)
    return lines


def section() -> str:
    """What stands between the marks."""
    tables = entropy()
    lines = [f"With the tables of `model={model_id(weights_directory())}`; written by `python -m tools.payload_examples`.", ""]
    for title, packet in EXAMPLES.items():
        payload = serialize(packet, tables)
        lines += [f"**{title}** ({len(payload)} bytes):", "", f"    {payload.hex(' ')}", ""]
    lines += [
        "The first of these, symbol by symbol. `low` and `range` are those after it, `bytes` how often both were shifted by 8 bits:",
        "",
        "| table | symbol | cumulative | frequency | low | range | bytes |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *_steps(tables),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    text = DOCUMENT.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    DOCUMENT.write_text(f"{head}{BEGIN}\n{section()}{END}{tail}")


if __name__ == "__main__":
    main()
