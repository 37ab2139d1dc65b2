"""The first line: the program, where one is, and what holds for the whole phone."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from softphone.tui import sentences
from softphone.tui.notices.news import News
from softphone.tui.state.names import NameOf, who
from softphone.tui.state.phone_state import PhoneState, Topic

TOPICS: frozenset[Topic] = frozenset({"engine", "accounts", "calls", "sound", "messages"})


class TitleBar(Static):
    """Left the place, right flags in words: do not disturb, no microphone, codec warming up, engine gone."""

    DEFAULT_CSS = """
    TitleBar { height: 1; width: 1fr; background: $panel; color: $foreground; padding: 0 1; text-wrap: nowrap; }
    """

    def __init__(self, place: str = "") -> None:
        super().__init__()
        self._place = place
        self._flags: list[tuple[str, str]] | None = None

    def show_state(self, state: PhoneState, topics: frozenset[Topic], name_of: NameOf, here: bool, news: News) -> None:
        """`here`: this is the phone's own screen, where a call that rings is seen anyway."""
        if topics & TOPICS or self._flags is None:
            flags = title_flags(state, news)
            if state.ringing is not None and not here:
                flags = [(f" ☎ {who(state.ringing.state.remote, name_of)} is calling: F9 answers ", "bold reverse $accent")]
            if flags != self._flags:
                self._flags = flags
                self.refresh(layout=False)

    def render(self) -> Content:
        left = Content.assemble(("softphone", "bold $primary"), f"  {self._place}" if self._place else "")
        right = Content("  ").join([Content.styled(text, style) for text, style in self._flags or []])
        gap = max(self.content_size.width - left.cell_length - right.cell_length, 1)
        return Content.assemble(left, " " * gap, right)


def title_flags(state: PhoneState, news: News) -> list[tuple[str, str]]:
    """(text, style) of what holds for the whole phone, and of what nobody has looked at yet."""
    engine, flags = state.engine, list[tuple[str, str]]([(words, "bold $accent") for words in news.words()])
    if engine.state != "ready":
        return [*flags, (sentences.ENGINE_FLAGS[engine.state], "bold $warning")]
    if engine.do_not_disturb:
        flags.append(("do not disturb", "bold $warning"))
    if engine.auto_answer:
        flags.append(("auto-answer", "$warning"))
    if not state.sound.microphone:
        flags.append(("no microphone", "bold $warning"))
    if not state.sound.loudspeaker:
        flags.append(("no loudspeaker", "bold $warning"))
    if any(call.state.recording for call in state.calls.values()):
        flags.append(("● recording", "bold $error"))
    if engine.worker in sentences.CODEC_FLAGS:
        flags.append((sentences.CODEC_FLAGS[engine.worker], "$success" if engine.worker == "ready" else "$warning"))
    return flags
