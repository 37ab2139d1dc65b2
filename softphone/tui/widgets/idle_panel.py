"""What stands where the call card will be while there is no call: what to do, where calls reach you, how the last call ended."""

from __future__ import annotations

from textual.content import Content

from softphone.store.history import CallRecord
from softphone.tui.drawing import clock_time
from softphone.tui.names import NameOf, who
from softphone.tui.phone_state import PhoneState
from softphone.tui.widgets.line import Line

SPARE = 6
"""Rows for lines that wrap, and the heading."""
LEAST_LATELY = 3
HOW = {"missed": "missed", "refused": "refused", "unanswered": "not answered"}


class IdlePanel(Line):
    DEFAULT_CSS = """
    IdlePanel { border: round $border; padding: 1 2; height: 1fr; }
    """

    def __init__(self, name_of: NameOf) -> None:
        super().__init__(wrap=True, fill=True)
        self._name_of = name_of

    def show_state(self, state: PhoneState, hints: list[tuple[str, str]], missed: int, lately: list[CallRecord]) -> None:
        """`hints`: key and help of what can be done; `missed`: calls that nobody has looked at; `lately`: the newest calls."""
        text = idle_text(state, hints, missed, self._name_of)
        room = self.content_size.height - text.plain.count("\n") - SPARE
        if room >= LEAST_LATELY:
            text = Content("\n\n").join([text, lately_text(lately[:room], self._name_of)]) if lately else text
        self.show(text)


def lately_text(records: list[CallRecord], name_of: NameOf) -> Content:
    """Who was called and who called, the newest first."""
    rows = [Content.styled("Lately", "bold $primary")]
    for record in records:
        name = who(f'"{record.remote_name}" <{record.remote}>', name_of)
        how = "cancelled" if record.cancelled else HOW.get(record.outcome, "")
        rows.append(
            Content.assemble(
                ("  → " if record.direction == "outgoing" else "  ← ", "$accent"),
                (name, "bold"),
                f"  {clock_time(record.duration_s)} {record.codec}" if record.answered else "",
                (f"  {how}", "$warning") if how else "",
            )
        )
    return Content("\n").join(rows)


def idle_text(state: PhoneState, hints: list[tuple[str, str]], missed: int, name_of: NameOf) -> Content:
    """The panel as text."""
    parts: list[Content] = []
    match state.engine.state:
        case "down":
            parts.append(Content.styled("The phone's engine is not there yet.", "bold $warning"))
            if state.engine.reason:
                parts.append(Content.styled(state.engine.reason, "$warning"))
        case "starting":
            parts.append(Content.styled("The phone's engine is starting.", "bold $warning"))
        case "stopping":
            parts.append(Content.styled("The phone's engine is ending.", "bold $warning"))
        case _:
            parts.append(Content.styled("Ready. No call.", "bold"))
    last = state.last_call
    if last is not None:
        name = who(last.state.remote, name_of)
        length = f"{clock_time(last.state.duration_s)} {last.codec}" if last.state.duration_s else "not answered"
        parts.append(Content.assemble("Last call: ", (name, "bold"), f", {length}: {last.state.reason or 'over'}"))
    if missed:
        parts.append(Content.styled(f"{missed} missed call{'s' if missed > 1 else ''}: l shows them", "bold $accent"))
    if state.engine.state == "ready" and state.engine.address:
        parts.append(Content(f"Without a server you are reached at sip:{state.engine.address}"))
    if state.sound.note:
        parts.append(Content.styled(f"! {state.sound.note}", "$warning"))
    parts.append(Content(""))
    parts += [Content.assemble((f"{key:>3}", "bold $accent"), f"  {text}") for key, text in hints]
    return Content("\n").join(parts)
