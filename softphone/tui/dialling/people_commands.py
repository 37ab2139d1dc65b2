"""People in the command palette: who is found by name, number or address can be called, or written to."""

from __future__ import annotations

from functools import partial
from typing import cast

from textual.command import Hit, Hits, Provider
from textual.content import Content

from softphone.files.errors import StoreError
from softphone.plain_text import visible
from softphone.tui.common.phone import Phone
from softphone.tui.state.names import short

SHOWN = 5
SCORE = 1.0
"""The best there is: who types a name means somebody."""


class PeopleCommands(Provider):
    """Contacts and recent calls that fit what was typed."""

    async def search(self, query: str) -> Hits:
        phone = cast(Phone, self.app)
        try:
            found = phone.store.complete(query)[:SHOWN]
        except StoreError:
            return
        for place, completion in enumerate(found):
            name, address = visible(completion.name) or short(completion.uri), short(completion.uri)
            score = SCORE - place / 100
            yield Hit(score, Content(f"Call {name}"), partial(phone.call, completion.uri), f"Call {name}", address)
            message = partial(phone.open, "messages", completion.uri)
            yield Hit(score - SCORE / 2, Content(f"Message {name}"), message, f"Message {name}", address)
