"""What stands where the call card will be while there is no call: what to do, where calls reach you, how the last call ended."""

from __future__ import annotations

from textual.content import Content

from softphone.store.history import CANCELLED, HUNG_UP_HERE, CallRecord, outcome_word
from softphone.tui import sentences
from softphone.tui.common.drawing import clock_time
from softphone.tui.common.line import Line
from softphone.tui.state.names import NameOf, who
from softphone.tui.state.phone_state import PhoneState

LEAST_LATELY = 3


class IdlePanel(Line):
    DEFAULT_CSS = """
    IdlePanel { border: round $border; padding: 1 2; height: 1fr; }
    """

    def __init__(self, name_of: NameOf) -> None:
        super().__init__(wrap=True, fill=True)
        self._name_of = name_of

    def show_state(self, state: PhoneState, hints: list[tuple[str, str]], missed: int, lately: list[CallRecord]) -> None:
        """`hints`: key and help of what can be done; `missed`: calls that nobody has looked at; `lately`: the newest calls, where they have
        no panel of their own. What is standing comes last, so that it takes no key away."""
        width, room = max(self.content_size.width, 20), self.content_size.height
        parts = [idle_text(state, missed, self._name_of), keys_text(hints), standing_text(state)]
        used = sum(_rows(part, width) + 1 for part in parts)
        if lately and room - used >= LEAST_LATELY:
            parts.insert(2, recent_text(lately[: room - used - 1], self._name_of))
        self.show(Content("\n\n").join([part for part in parts if part.plain]))


class RecentPanel(Line):
    """The newest calls, beside the call or the keys where the terminal is wide."""

    DEFAULT_CSS = """
    RecentPanel { border: round $border; border-title-color: $primary; padding: 0 1; width: 32; height: 1fr; display: none; }
    RecentPanel.-wide { display: block; }
    """

    def __init__(self, name_of: NameOf) -> None:
        super().__init__(fill=True)
        self.border_title = "Recent calls"
        self._name_of = name_of

    def show_calls(self, records: list[CallRecord]) -> None:
        rows = recent_text(records[: max(self.content_size.height, 1)], self._name_of, heading=False)
        self.show(rows if records else Content.styled("none", "$foreground 60%"))


def _rows(content: Content, width: int) -> int:
    return sum(max(1, -(-len(line) // width)) for line in content.plain.split("\n")) if content.plain else 0


def recent_text(records: list[CallRecord], name_of: NameOf, *, heading: bool = True) -> Content:
    """Who was called and who called, the newest first."""
    rows = [Content.styled("Recent calls", "bold $primary")] if heading else []
    for record in records:
        name = who(f'"{record.remote_name}" <{record.remote}>', name_of)
        how = outcome_word(record)
        rows.append(
            Content.assemble(
                ("  → " if record.direction == "outgoing" else "  ← ", "$accent"),
                (name, "bold"),
                f"  {clock_time(record.duration_s)} {record.codec}" if record.answered else "",
                (f"  {how}", "$warning") if how else "",
            )
        )
    return Content("\n").join(rows)


def idle_text(state: PhoneState, missed: int, name_of: NameOf) -> Content:
    """Whether the phone is ready, how the last call ended, what was missed."""
    parts: list[Content] = []
    match state.engine.state:
        case "down":
            parts.append(Content.styled(sentences.ENGINE_MISSING, "bold $warning"))
            if state.engine.reason:
                parts.append(Content.styled(state.engine.reason, "$warning"))
        case "starting":
            parts.append(Content.styled(sentences.ENGINE_STARTING, "bold $warning"))
        case "stopping":
            parts.append(Content.styled(sentences.ENGINE_STOPPING, "bold $warning"))
        case _:
            parts.append(Content.styled(sentences.READY, "bold"))
    last = state.last_call
    if last is not None:
        name = who(last.state.remote, name_of)
        length = f", {clock_time(last.state.duration_s)} {last.codec}" if last.state.duration_s else ""
        how = last.state.reason or "ended"
        if not last.state.duration_s and last.state.direction == "incoming" and last.state.code == CANCELLED:
            how = sentences.MISSED_WORD
        elif not last.state.duration_s and last.state.direction == "outgoing" and how == HUNG_UP_HERE:
            how = sentences.CANCELLED_WORD
        parts.append(Content.assemble("Last call: ", (name, "bold"), f"{length}: {how}"))
    if missed:
        parts.append(Content.styled("1 missed call: l shows it" if missed == 1 else f"{missed} missed calls: l shows them", "bold $accent"))
    return Content("\n").join(parts)


def keys_text(hints: list[tuple[str, str]]) -> Content:
    return Content("\n").join([Content.assemble((f"{key:>3}", "bold $accent"), f"  {text}") for key, text in hints])


def standing_text(state: PhoneState) -> Content:
    """What does not change by itself: the own address, what is wrong with the sound devices."""
    parts: list[Content] = []
    if state.engine.state == "ready" and state.engine.address:
        parts.append(Content(sentences.REACHED_DIRECTLY.format(address=state.engine.address)))
    if state.sound.note:
        parts.append(Content.styled(f"! {state.sound.note}", "$warning"))
    return Content("\n").join(parts)
