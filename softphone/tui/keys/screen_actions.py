"""Actions of the screens beside the phone itself; part of the table in `actions.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from softphone.tui.keys.action import Action, When, always
from softphone.tui.state.phone_state import PhoneState


def _idle(state: PhoneState) -> bool:
    return not state.calls


_WHEN: dict[str, When] = {"settings_restart": _idle, "settings_setup": _idle}
# The scope, and under it: id, keys, place in the footer (0: none), title, help; two spaces or more between them.
_TABLE = """
contacts
  contact_call        enter     1  Call             Call the contact at the first address.
  contact_message     t         2  Message          Write a text message to the contact.
  contact_search      slash     3  Search           Type to find people; down goes back to the list.
  contact_add         a         4  Add              Add a contact.
  contact_edit        v         5  Edit             Change the contact: names, addresses, automatic answer, codecs.
  contact_remove      x         6  Delete           Remove the contact, after asking.
  contact_favourite   f         7  Favourite        Make the contact a favourite, at the top of the list, or undo that.
  contact_import      i         8  Import           Import contacts from a vCard file.
  contact_export      w         9  Export           Export all contacts to a vCard file.
  contacts_back       escape    9  Back             Back; in a search, to the whole list.
history
  history_call        enter     1  Call             Call this address.
  history_filter      f         2  Missed           Show only missed calls, or all.
  history_message     t         3  Message          Write a text message to this address.
  history_add         a         4  Add contact      Save this address as a contact.
  history_words       y         6  Transcript       Read or delete what was written down of this call.
  history_seen        s         5  Mark seen        Mark all missed calls as seen.
  history_back        escape    9  Back             Back to where you came from.
messages
  message_write       enter     1  Write            Write in this conversation; enter sends.
  message_new         a         2  New              Write to somebody else.
  message_call        d         3  Call             Call the other side of this conversation.
  message_again       r         4  Resend           Send the last undelivered message again.
  messages_back       escape    9  Back             From writing to the conversations, from there back.
settings
  account_add         a         1  Add account      Add an account with a server.
  account_edit        v         2  Edit             Change the account.
  account_remove      x         3  Remove           Remove the account, after asking.
  account_again       r         4  Register         Register the account again now.
  settings_restart    f5        6  Restart phone    Restart the phone's engine with the new settings.
  settings_setup      f6        8  Setup            Go through the setup again.
  settings_previous   left      0  Previous page    The page of settings to the left.
  settings_next       right     5  Next page        The page of settings to the right.
  settings_back       escape    7  Back             Back to where you came from.
setup
  setup_next          ctrl+n    1  Next             Go to the next step.
  setup_skip          f4        2  Skip             Skip this step.
  setup_back          escape    3  Back             Go to the previous step; from the first, to the phone.
"""


def _actions(table: str) -> Iterator[Action]:
    scope = ""
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            scope = line
            continue
        name, keys, hint, title, sentence = re.split(r" {2,}", line.strip())
        yield Action(name, keys, title, sentence, scope, _WHEN.get(name, always), int(hint))


SCREEN_ACTIONS: tuple[Action, ...] = tuple(_actions(_TABLE))
