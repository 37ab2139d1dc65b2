"""Everything that a key can do, in one table: the bindings, the footer, the command palette and the help screen are made of it.

A screen shows the actions of its scope, and those of "everywhere". The action `dial` is done by the method `action_dial` of the
screen (or of the application, where the scope is "everywhere"). Keys are remapped in the configuration: `[keys]`, `dial = "ctrl+d"`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from softphone.errors import SoftphoneError
from softphone.tui.keys.action import Action, When
from softphone.tui.keys.screen_actions import SCREEN_ACTIONS
from softphone.tui.state.call_view import CallView
from softphone.tui.state.phone_state import PhoneState


class KeysError(SoftphoneError):
    """A key of the configuration names no action, or is taken twice; one sentence."""


def _selected(check: Callable[[CallView], bool]) -> When:
    return lambda state: state.call is not None and check(state.call)


_ANY_CALL = _selected(lambda call: True)
_UP = _selected(lambda call: call.up)
_TALKING = _selected(lambda call: call.talking)
_WAITS = _selected(lambda call: call.codec == "x-phv" and call.statistics is not None and call.statistics.profile is not None)


def _some_call(state: PhoneState) -> bool:
    return state.call is not None or state.last_call is not None


def _rings(state: PhoneState) -> bool:
    return state.ringing is not None


def _either(check: Callable[[CallView], bool], yes: str, no: str) -> Callable[[PhoneState], str]:
    """A title that depends on the selected call."""
    return lambda state: yes if state.call is not None and check(state.call) else no


def _held(call: CallView) -> bool:
    return call.held != (call.doing in ("hold", "resume"))


def _muted(call: CallView) -> bool:
    return call.state.muted


_PUSH_TO_TALK = _selected(lambda call: call.up and (call.state.muted or bool(call.talk_until)))


def _recorded(call: CallView) -> bool:
    return bool(call.state.recording)


_TRANSCRIBES = _selected(lambda call: call.up and call.codec == "x-phv")


def _transcribed(call: CallView) -> bool:
    return bool(call.state.transcript)


def _incoming(call: CallView) -> bool:
    return call.incoming


_PHONE = (
    Action("dial", "d,slash", "Dial", "Call a name, a number or a SIP address.", hint=3),
    Action("answer", "a", "Answer", "Answer the incoming call.", when=_rings, hint=1),
    Action(
        "hang_up",
        "b",
        "Hang up",
        "End the selected call, or decline it while it rings.",
        when=_ANY_CALL,
        hint=2,
        now=_either(_incoming, "Decline", "Hang up"),
    ),
    Action("refuse", "B", "Decline", "Decline the incoming call, whichever call is selected.", when=_rings),
    Action("hold", "h", "Hold", "Put the selected call on hold, or resume it.", when=_UP, hint=4, now=_either(_held, "Resume", "Hold")),
    Action("mute", "m", "Mute", "Mute your microphone, or unmute it.", when=_UP, hint=5, now=_either(_muted, "Unmute", "Mute")),
    Action("transfer", "t", "Transfer", "Transfer the call: to an address, or to another call of yours.", when=_UP, hint=8),
    Action("swap", "s", "Swap", "Talk on the next call and hold this one.", when=lambda state: len(state.calls) > 1, hint=3),
    Action("conference", "f", "Conference", "Choose calls that all hear each other.", when=lambda state: len(state.calls) > 1, hint=9),
    Action("say", "i", "Type", "Type to speak: your text is spoken in your own voice.", when=_TALKING, hint=6),
    Action("keypad", "p", "Keypad", "Press telephone keys (DTMF); digits typed in a call are sent at once.", when=_UP, hint=10),
    Action(
        "record",
        "r",
        "Record",
        "Record both sides to a sound file, after a tone that both hear; or stop.",
        when=_UP,
        hint=12,
        now=_either(_recorded, "Stop recording", "Record"),
    ),
    Action(
        "transcript",
        "y",
        "Transcript",
        "On x-phv: write down what both sides say, after a spoken notice; or stop.",
        when=_TRANSCRIBES,
        now=_either(_transcribed, "Stop transcript", "Transcript"),
    ),
    Action(
        "wait", "W", "Clear/quick", "On x-phv: wait for words (clear), send at once (quick), or let the network decide (auto).", when=_WAITS
    ),
    Action("push_to_talk", "space", "Talk", "While you are muted: hold it down to talk.", when=_PUSH_TO_TALK, hint=3),
    Action("louder", "plus", "Louder", "Make the loudspeaker louder, for all calls.", when=_UP),
    Action("softer", "minus", "Softer", "Make the loudspeaker softer, for all calls.", when=_UP),
    Action("wire", "w", "SIP", "Show the SIP messages of the call, or of the last one, and of registrations.", hint=24),
    Action("details", "v", "Details", "Show more of the call: costs, history of loss, jitter and rate; or less.", when=_UP, hint=13),
    Action("sdp", "x", "SDP", "Show the negotiated session description (SDP).", when=_some_call),
    Action("call_down", "j,down", "Next call", "Select the next call.", when=lambda state: len(state.calls) > 1),
    Action("call_up", "k,up", "Previous call", "Select the previous call.", when=lambda state: len(state.calls) > 1),
    Action("redial", "R", "Redial", "Call the last dialled address again.", when=lambda state: not state.calls),
    Action("clear_notices", "escape", "Dismiss", "Remove the notices at the bottom."),
)
_EVERYWHERE = (
    Action("pick_up", "f9", "Answer", "Answer the incoming call, on any screen.", "everywhere", when=_rings),
    Action("contacts", "c", "Contacts", "Contacts: search, add, change.", "everywhere", hint=20),
    Action("history", "l", "Calls", "Recent calls: made, received and missed.", "everywhere", hint=21),
    Action("messages", "e", "Messages", "Text messages.", "everywhere", hint=22),
    Action("settings", "o", "Settings", "Settings and sound test.", "everywhere", hint=23),
    Action("do_not_disturb", "n", "Do not disturb", "Do not disturb: callers get busy and appear as missed.", "everywhere"),
    Action("command_palette", "ctrl+p,colon", "Commands", "Search all commands.", "everywhere"),
    Action("help", "question_mark,f1", "Help", "All keys, and what they do.", "everywhere", hint=90),
    Action("theme", "T", "Light/dark", "Change between the light and the dark theme.", "everywhere"),
    Action("slow", "S", "Slow link", "Draw less, for a slow connection to this terminal, or everything again.", "everywhere"),
    Action("redraw", "ctrl+l", "Redraw", "Draw the whole screen again.", "everywhere"),
    Action("quit", "q,ctrl+q", "Quit", "Quit; a running call can be kept.", "everywhere", hint=91),
)
ACTIONS: tuple[Action, ...] = (*_PHONE, *SCREEN_ACTIONS, *_EVERYWHERE)


def of_scope(scope: str, actions: Iterable[Action] = ACTIONS) -> list[Action]:
    """The actions of a scope, in the order of the table."""
    return [action for action in actions if action.scope == scope]


def remapped(keys: Mapping[str, str], actions: Iterable[Action] = ACTIONS) -> list[Action]:
    """The table with the keys of the configuration.

    Raises:
        KeysError: an action that does not exist, or a key that two actions of one screen share.
    """
    table = list(actions)
    known = {action.id for action in table}
    for name in keys:
        if name not in known:
            raise KeysError(f"keys.{name}: there is no such action; the help screen (?) names them all")
    table = [replace(action, keys=keys[action.id].replace(" ", "")) if action.id in keys else action for action in table]
    taken: dict[tuple[str, str], str] = {}
    for action in table:
        for key in action.keys.split(","):
            scopes = {other.scope for other in table} if action.scope == "everywhere" else {action.scope}
            for scope in scopes:
                owner = taken.setdefault((scope, key), action.id)
                if owner != action.id and (owner in keys or action.id in keys):
                    raise KeysError(f"keys.{action.id}: the key {key} is that of {owner} already; choose another")
    return table
