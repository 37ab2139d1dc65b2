"""What is sent makes a terminal (pyte) show what was meant, and is short."""

import random

import pyte
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from softphone.tui.terminal.cells import Palette, TerminalCells

WIDTH, HEIGHT = 60, 6
STYLES = [
    Style.parse(text)
    for text in ("white on black", "bold #6fb7b7 on #10141a", "reverse yellow on black", "dim #ffffff on #10141a", "underline red on blue")
]
Row = list[tuple[str, Style]]


class Pair:
    """Our idea of a terminal and a terminal."""

    def __init__(self, colours: ColorSystem | None = ColorSystem.TRUECOLOR) -> None:
        self.cells = TerminalCells(Palette(colours))
        self.cells.forget(WIDTH, HEIGHT)
        self.terminal = pyte.Screen(WIDTH, HEIGHT)
        self.stream = pyte.Stream(self.terminal)

    def send(self, *pieces: tuple[int, int, list[Segment]]) -> int:
        sequence = self.cells.update(pieces)
        self.stream.feed(sequence)
        return len(sequence.encode())

    def shows(self, y: int) -> str:
        return "".join(self.terminal.buffer[y][x].data for x in range(WIDTH))


def segments(row: Row) -> list[Segment]:
    return [Segment(letter, style) for letter, style in row]


def look(pair: Pair, y: int) -> list[tuple[str, str, str, bool]]:
    """Letter, colours and underline as the terminal has them; the foreground of a blank says nothing."""
    found = []
    for x in range(WIDTH):
        cell = pair.terminal.buffer[y][x]
        blank = cell.data == " " and not cell.reverse and not cell.underscore
        found.append((cell.data, "" if blank else f"{cell.fg} {cell.bold} {cell.reverse}", cell.bg, cell.underscore))
    return found


def test_random_changes_show_as_if_all_was_sent() -> None:
    """Hundreds of changes, shifts among them, against a terminal to which every row was sent again."""
    chance = random.Random(1)
    pair = Pair()
    rows: list[Row] = [[(" ", STYLES[0])] * WIDTH for _ in range(HEIGHT)]
    pair.send(*((0, y, segments(row)) for y, row in enumerate(rows)))
    for _ in range(400):
        y = chance.randrange(HEIGHT)
        row = rows[y]
        match chance.randrange(3):
            case 0:
                for x in chance.sample(range(WIDTH), chance.randrange(1, 12)):
                    row[x] = (chance.choice("abc ─▁█"), chance.choice(STYLES))
            case 1:
                start, by = chance.randrange(20), chance.randrange(1, 12)
                end = chance.randrange(start + by + 1, WIDTH)
                row[start : end - by] = row[start + by : end]
                for x in range(end - by, end):
                    row[x] = (chance.choice("xyz "), chance.choice(STYLES))
            case _:
                start = chance.randrange(WIDTH - 5)
                row[start:] = [(chance.choice("pqr "), chance.choice(STYLES)) for _ in row[start:]]
        pair.send((0, y, segments(row)))
        fresh = Pair()
        fresh.send((0, y, segments(row)))
        assert pair.shows(y) == "".join(letter for letter, _ in row)
        assert look(pair, y) == look(fresh, y)


def test_only_what_changed_is_sent() -> None:
    pair = Pair()
    style = STYLES[1]
    pair.send((0, 0, [Segment("Bob Builder · talking 00:41", style)]))
    assert pair.send((0, 0, [Segment("Bob Builder · talking 00:41", style)])) == 0
    assert pair.send((0, 0, [Segment("Bob Builder · talking 00:42", style)])) <= 10
    assert pair.shows(0).startswith("Bob Builder · talking 00:42")


def test_a_moving_row_is_moved_by_the_terminal() -> None:
    pair, style = Pair(), STYLES[1]
    bars = "".join(random.Random(2).choice("▁▂▃▄▅▆▇█") for _ in range(50))
    pair.send((0, 1, [Segment(f"loss    {bars[:-1]}end", style)]))
    assert pair.send((0, 1, [Segment(f"loss    {bars[1:]}end", style)])) < 40
    assert pair.shows(1).startswith(f"loss    {bars[1:]}end")


def test_wide_and_combined_letters_are_sent_with_their_row() -> None:
    pair, style = Pair(), STYLES[0]
    pair.send((0, 2, [Segment("名前 Bo\u0301b 🙂 end", style)]))
    pair.send((0, 2, [Segment("名前 Bo\u0301b 🙂 END", style)]))
    assert "END" in pair.shows(2)
    assert "前" in pair.shows(2)


def test_control_characters_do_not_reach_the_terminal() -> None:
    pair = Pair()
    sequence = pair.cells.update([(0, 0, [Segment("a\x1b]52;c;aGk=\x07b\x9bc\xa0d", STYLES[0])])])
    assert "\x1b]" not in sequence and "\x07" not in sequence and "\x9b" not in sequence
    pair.stream.feed(sequence)
    assert pair.shows(0).startswith("a?]52;c;aGk=?b?c d")


def test_sixteen_colours_are_short() -> None:
    pair = Pair(ColorSystem.STANDARD)
    pair.cells.palette = Palette(ColorSystem.STANDARD, ground=(16, 20, 26))
    sequence = pair.cells.update([(0, 0, [Segment(" " * 40 + "x", Style.parse("bold #e8828a on #10141a"))])])
    pair.stream.feed(sequence)
    assert len(sequence) < 40 and pair.shows(0) == " " * 40 + "x" + " " * (WIDTH - 41)
    pair.send((0, 1, [Segment("chosen", Style.parse("#d7dde6 on #6fb7b7"))]))
    assert pair.terminal.buffer[1][0].reverse, "what stood out by its background is reversed"
    assert pair.terminal.buffer[0][40].fg == "red"


def test_nothing_is_written_beyond_the_edge() -> None:
    pair = Pair()
    pair.send(
        (WIDTH - 2, 0, [Segment("abcdef", STYLES[0])]), (0, HEIGHT + 3, [Segment("below", STYLES[0])]), (-2, 1, [Segment("xyz", STYLES[0])])
    )
    assert pair.shows(0).endswith("ab")
    assert pair.shows(1).startswith("z ")
