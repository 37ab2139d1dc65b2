"""Actions of the screens beside the phone itself; part of the table in `actions.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from softphone.tui.action import Action, When, always
from softphone.tui.phone_state import PhoneState


def _idle(state: PhoneState) -> bool:
    return not state.calls


_WHEN: dict[str, When] = {"settings_restart": _idle, "settings_setup": _idle}
# The scope, and under it: id, keys, place in the footer (0: none), title, help; two spaces or more between them.
_TABLE = """
contacts
  contact_call        enter     1  Call             Call the contact at the first address.
  contact_message     t         2  Text             Write a text message to the contact.
  contact_search      slash     3  Search           Type to find people; down goes back to the list.
  contact_add         a         4  Add              Add a contact.
  contact_edit        v         5  Edit             Change the contact: names, addresses, automatic answer, codecs.
  contact_remove      x         6  Delete           Remove the contact, after a question.
  contact_favourite   f         7  Favourite        Put the contact among the favourites at the top, or take it away.
  contact_import      i         8  Import           Read contacts from a vCard file.
  contact_export      w         9  Export           Write all contacts to a vCard file.
  contacts_back       escape   30  Back             Back to the phone; in a search, to the whole list.
history
  history_call        enter     1  Call again       Call the number of this line.
  history_filter      f         2  Only missed      Show only missed calls, or all.
  history_message     t         3  Text             Write a text message to this address.
  history_add         a         4  To contacts      Keep this address as a contact.
  history_seen        s         5  Seen             Mark all missed calls as seen.
  history_back        escape   30  Back             Back to the phone.
messages
  message_write       enter     1  Write            Write in this conversation; enter sends.
  message_new         a         2  New              Write to somebody else.
  message_call        d         3  Call             Call whom this conversation is with.
  message_again       r         4  Send again       Send the last message that was not delivered again.
  messages_back       escape   30  Back             From writing to the conversations, from there to the phone.
settings
  account_add         a         1  Add account      Add an account with a server.
  account_edit        v         2  Edit             Change the account.
  account_remove      x         3  Remove           Remove the account, after a question.
  account_again       r         4  Register         Register the account again, now.
  settings_restart    f9        6  Restart engine   Start the engine again with the new settings.
  settings_setup      g         8  Guided set-up    Go through the first steps again.
  settings_previous   left      0  Page before      The page of settings to the left.
  settings_next       right     5  Next page        The page of settings to the right.
  settings_back       escape    7  Back             Back to the phone.
setup
  setup_next          ctrl+n    1  Next             To the next step.
  setup_skip          f4        2  Skip             Leave this step as it is.
  setup_back          escape    3  Back             To the step before; from the first, to the phone.
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
