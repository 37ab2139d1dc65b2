"""Actions of the screens beside the phone itself, each with its screen's name as scope; part of the table in `actions.py`."""

from __future__ import annotations

from softphone.tui.action import Action
from softphone.tui.phone_state import PhoneState


def _idle(state: PhoneState) -> bool:
    return not state.calls


_CONTACTS = (
    Action("contact_call", "enter", "Call", "Call the contact at the first address.", "contacts", hint=1),
    Action("contact_message", "t", "Text", "Write a text message to the contact.", "contacts", hint=2),
    Action("contact_search", "slash", "Search", "Type to find people; down goes back to the list.", "contacts", hint=3),
    Action("contact_add", "a", "Add", "Add a contact.", "contacts", hint=4),
    Action("contact_edit", "v", "Edit", "Change the contact: names, addresses, automatic answer, codecs.", "contacts", hint=5),
    Action("contact_remove", "x", "Delete", "Remove the contact, after a question.", "contacts", hint=6),
    Action("contact_favourite", "f", "Favourite", "Put the contact among the favourites at the top, or take it away.", "contacts", hint=7),
    Action("contact_import", "i", "Import", "Read contacts from a vCard file.", "contacts", hint=8),
    Action("contact_export", "w", "Export", "Write all contacts to a vCard file.", "contacts", hint=9),
    Action("contacts_back", "escape", "Back", "Back to the phone; in a search, to the whole list.", "contacts", hint=30),
)
_HISTORY = (
    Action("history_call", "enter", "Call again", "Call the number of this line.", "history", hint=1),
    Action("history_filter", "f", "Only missed", "Show only missed calls, or all.", "history", hint=2),
    Action("history_message", "t", "Text", "Write a text message to this address.", "history", hint=3),
    Action("history_add", "a", "To contacts", "Keep this address as a contact.", "history", hint=4),
    Action("history_seen", "s", "Seen", "Mark all missed calls as seen.", "history", hint=5),
    Action("history_back", "escape", "Back", "Back to the phone.", "history", hint=30),
)
_MESSAGES = (
    Action("message_write", "enter", "Write", "Write in this conversation; enter sends.", "messages", hint=1),
    Action("message_new", "a", "New", "Write to somebody else.", "messages", hint=2),
    Action("message_call", "d", "Call", "Call whom this conversation is with.", "messages", hint=3),
    Action("message_again", "r", "Send again", "Send the last message that was not delivered again.", "messages", hint=4),
    Action("messages_back", "escape", "Back", "From writing to the conversations, from there to the phone.", "messages", hint=30),
)
_SETTINGS = (
    Action("account_add", "a", "Add account", "Add an account with a server.", "settings", hint=1),
    Action("account_edit", "v", "Edit", "Change the account.", "settings", hint=2),
    Action("account_remove", "x", "Remove", "Remove the account, after a question.", "settings", hint=3),
    Action("account_again", "r", "Register", "Register the account again, now.", "settings", hint=4),
    Action("settings_restart", "f9", "Restart engine", "Start the engine again with the new settings.", "settings", when=_idle, hint=6),
    Action("settings_setup", "g", "Guided set-up", "Go through the first steps again.", "settings", when=_idle, hint=8),
    Action("settings_previous", "left", "Page before", "The page of settings to the left.", "settings"),
    Action("settings_next", "right", "Next page", "The page of settings to the right.", "settings", hint=5),
    Action("settings_back", "escape", "Back", "Back to the phone.", "settings", hint=7),
)
_SETUP = (
    Action("setup_next", "ctrl+n", "Next", "To the next step.", "setup", hint=1),
    Action("setup_skip", "f4", "Skip", "Leave this step as it is.", "setup", hint=2),
    Action("setup_back", "escape", "Back", "To the step before; from the first, to the phone.", "setup", hint=3),
)
SCREEN_ACTIONS: tuple[Action, ...] = (*_CONTACTS, *_HISTORY, *_MESSAGES, *_SETTINGS, *_SETUP)
