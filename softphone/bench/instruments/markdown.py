"""Tables in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Column = tuple[str, str, str]
"""Title, key in the rows, and how its value is formatted."""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of a table; a bar in a cell is escaped."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def table_of(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]]) -> str:
    """A Markdown table of these columns and rows; None is an empty cell."""
    cells = [["" if row[key] is None else form.format(row[key]) for _, key, form in columns] for row in rows]
    return table([title for title, _, _ in columns], cells)
