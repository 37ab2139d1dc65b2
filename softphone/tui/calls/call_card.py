"""The call that the keys are about: who, how, at what cost, and how it fares."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message

from softphone.config import Config
from softphone.tui import sentences
from softphone.tui.calls import card_text
from softphone.tui.calls.call_words import flags, state_text, talk_flag
from softphone.tui.common.line import Line
from softphone.tui.state.call_view import CallView
from softphone.tui.state.names import NameOf, who
from softphone.tui.state.phone_state import PhoneState, Topic

PARTS = ("verdict", "facts", "cost", "extra", "meters", "sparks", "ticker", "marks", "voice")
"""From top to bottom."""
APART = ("verdict", "facts", "cost", "meters", "sparks", "marks")
"""Those after which an empty line stands where there is room."""
PICTURES_FIRST = ("verdict", "facts", "extra", "meters", "ticker", "sparks", "voice", "cost", "marks")
DETAILS_FIRST = ("verdict", "facts", "extra", "cost", "sparks", "voice", "meters", "ticker", "marks")
"""By importance."""
ALWAYS = ("verdict", "facts")
ROOMY = 28
"""Rows from which parts are set apart by empty lines, and the ticker has two rows each way."""


class CallCard(Vertical):
    """Shown while a call is selected; `show_call` draws only the parts that the topics name."""

    DEFAULT_CSS = """
    CallCard { border: round $border; border-title-color: $primary; border-title-style: bold; border-subtitle-color: $accent;
        padding: 0 1; height: 1fr; }
    CallCard.-ringing { border: heavy $accent; border-title-color: $accent; }
    CallCard VerticalScroll { scrollbar-size-vertical: 1; }
    CallCard.-roomy .part { margin-bottom: 1; }
    """

    def __init__(self, config: Config, name_of: NameOf) -> None:
        super().__init__()
        self._config = config
        self._details = False
        self._contents: dict[str, Content] = {}
        self._name_of = name_of
        self._titles = ("", "")

    def compose(self) -> ComposeResult:
        with VerticalScroll(can_focus=False):
            for name in PARTS:
                yield Line(id=name, classes="part" if name in APART else "")

    def toggle_details(self) -> None:
        """Figures and their past before meters and ticker, where there is not room for both; or the other way round."""
        self._details = not self._details
        self.post_message(self.Reshaped())

    def on_resize(self) -> None:
        """What fits has changed."""
        self.post_message(self.Reshaped())

    class Reshaped(Message):
        """Everything is to be drawn again."""

    def show_call(self, call: CallView, state: PhoneState, now: float, topics: frozenset[Topic], slow: bool = False) -> None:
        """Draw what the topics say has changed. `slow`: without meters, sparklines and ticker."""
        width = max(self.content_size.width, 20)
        roomy = self.content_size.height >= ROOMY
        self.set_class(roomy, "-roomy")
        self.set_class(call.incoming, "-ringing")
        if topics & {"calls", "time"}:
            self._title(call, now)
        # What rings here may be counted down.
        if topics & {"calls", "statistics", "engine", *(["time"] if call.incoming else [])}:
            self._part("facts", card_text.facts(call, width, now))
        if topics & {"calls", "statistics", "engine"}:
            self._part("cost", card_text.cost(call, self._config, width))
            self._part("verdict", card_text.verdict(call, state.engine.worker, width, state.sound.microphone))
            self._part("sparks", card_text.sparks(call, width) if call.samples and call.talking and not slow else Content(""))
            self._part("extra", self._extra(call))
        if topics & {"calls", "levels"}:
            meters = call.levels_at is not None and call.talking and not slow
            self._part("meters", card_text.meters(call, width) if meters else Content(""))
        if topics & {"calls", "phones"}:
            phones = bool(call.tx_phones or call.rx_phones) and not slow
            self._part("ticker", card_text.ticker(call, width, 2 if roomy else 1) if phones else Content(""))
            self._part("marks", card_text.ticker_key(width) if phones else Content(""))
        if topics & {"calls", "voice"}:
            self._part("voice", card_text.voice(call, width))
        self._fit(self.content_size.height, roomy)

    def _part(self, name: str, content: Content) -> None:
        self._contents[name] = content
        self.query_one(f"#{name}", Line).show(content)

    def _fit(self, room: int, roomy: bool) -> None:
        """Show what there is room for, the most important first."""
        for name in DETAILS_FIRST if self._details else PICTURES_FIRST:
            content = self._contents.get(name, Content(""))
            rows = content.plain.count("\n") + 1 + (roomy and name in APART)
            shown = bool(content.plain) and (rows <= room or name in ALWAYS)
            self.query_one(f"#{name}", Line).display = shown
            room -= rows if shown else 0

    def _title(self, call: CallView, now: float) -> None:
        title = f"{who(call.state.remote, self._name_of)} · {state_text(call, now)}"
        state = " · ".join([*flags(call), *talk_flag(call)])
        # Assigning the same text would still draw the border again. The title is no markup: names are in it.
        if (title, state) != self._titles:
            self._titles = (title, state)
            self.border_title, self.border_subtitle = Content(title), Content(state)

    def _extra(self, call: CallView) -> Content:
        rows = []
        if call.transfer is not None and call.transfer.state in ("accepted", "progress"):
            rows.append(Content("Transfer: the other side is dialling"))
        if call.spoken:
            rows.append(Content(sentences.TYPED.format(text=call.spoken)))
        if call.keys_heard:
            rows.append(Content(sentences.KEYS_PRESSED.format(keys=call.keys_heard)))
        return Content("\n").join(rows)
