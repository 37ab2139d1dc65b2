"""What waits for the user, whichever screen is shown: missed calls, unread messages, voicemail; and what a new event is worth telling."""

from __future__ import annotations

from dataclasses import dataclass

from softphone.control.protocol import AnyEvent, CallState, Message, MessageWaiting
from softphone.plain_text import visible
from softphone.store.history import HUNG_UP_HERE
from softphone.tui import sentences
from softphone.tui.state.names import NameOf, who
from softphone.tui.state.phone_state import PhoneState

LONGEST_TEXT = 60
"""Characters of a message in its notice."""


@dataclass(frozen=True)
class News:
    """Counts of what nobody has looked at yet."""

    missed: int = 0
    messages: int = 0
    voicemail: int = 0

    @property
    def count(self) -> int:
        return self.missed + self.messages + self.voicemail

    def words(self) -> list[str]:
        """`2 missed`, `1 message`, `3 voicemails`; nothing that is not there."""
        shown = ((self.missed, "missed", "missed"), (self.messages, "message", "messages"), (self.voicemail, "voicemail", "voicemails"))
        return [f"{count} {one if count == 1 else many}" for count, one, many in shown if count]


@dataclass(frozen=True)
class Arrival:
    """Something that just came: a sentence for the notices, and the short title of its notification."""

    title: str
    text: str


def voicemail(state: PhoneState) -> int:
    """New voice messages of all accounts; a server that tells no number counts as one."""
    return sum(abs(account.voice_mail) for account in state.accounts.values())


def arrival(event: AnyEvent, state: PhoneState, name_of: NameOf) -> Arrival | None:
    """What is to be told of an event; `state` is the one before it."""
    match event:
        case Message():
            text = visible(" ".join(event.text.split()))
            text = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
            return Arrival("Message", sentences.MESSAGE_CAME.format(name=who(event.remote, name_of), text=text))
        case CallState(state="disconnected"):
            call = state.calls.get(event.call)
            if call is None or not call.incoming or call.doing == "hang_up" or event.reason == HUNG_UP_HERE:
                return None
            return Arrival("Missed call", sentences.MISSED.format(name=who(call.state.remote, name_of)))
        case CallState(state="incoming") if event.call not in state.calls:
            return Arrival("Incoming call", who(event.remote, name_of))
        case MessageWaiting(waiting=True):
            known = state.accounts.get(event.account)
            if known is not None and known.voice_mail and (event.new or 1) <= abs(known.voice_mail):
                return None
            return Arrival("Voicemail", sentences.VOICEMAIL.format(account=event.account))
    return None
