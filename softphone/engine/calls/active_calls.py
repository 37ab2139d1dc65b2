"""The active calls of this phone: the user talks in one of them, or in a conference; the others are on hold or waiting."""

from __future__ import annotations

import time
from collections.abc import Mapping

from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.conference import Conference

LEAVE_S = 4.0


def is_talking(call: PhoneCall) -> bool:
    """Whether the user takes part: it is up or being dialled, and not on hold."""
    return not call.over and not call.held and (call.direction == "outgoing" or call.state in ("connecting", "confirmed"))


class ActiveCalls:
    """Decides who is held and who waits. `calls` is the engine's own table. Main thread only."""

    def __init__(self, calls: Mapping[int, PhoneCall]) -> None:
        self._calls = calls
        self._conference = Conference()
        self._moved: dict[int, tuple[int, float | None]] = {}
        """Calls that replace another after a transfer -> that call's number, and since when (monotonic) they have been up."""

    def update(self) -> None:
        """Called on each turn of the main loop: act on the calls' states."""
        self._conference.update(self._calls)
        self._leave_moved()
        elsewhere = any(is_talking(call) and not call.conference for call in self._calls.values())
        for call in self._calls.values():
            # Microphone and loudspeaker belong to one conversation: a conference goes on without them while there is another.
            call.audio.be_present(not (call.conference and elsewhere))
            if call.waiting and not self.others(call):
                call.waiting = False
                call.tell()

    def others(self, call: PhoneCall) -> list[int]:
        """Numbers of the other calls that are up or being dialled, on hold or not."""
        return [
            number
            for number, other in self._calls.items()
            if number != call.number and not other.over and (other.direction == "outgoing" or other.state in ("connecting", "confirmed"))
        ]

    def talk_to(self, call: PhoneCall) -> None:
        """Hold the other calls, but not those that are in the conference."""
        for other in self._calls.values():
            if other.number != call.number and is_talking(other) and other.number not in self._conference.members:
                other.hold(True)

    def resume(self, call: PhoneCall) -> None:
        """Resume this call and hold the others. Raises CallError."""
        call.check_up("be resumed")
        if call.number in self._conference.members:
            self._hold_all_but(self._conference.members)
            return
        self.talk_to(call)
        call.hold(False)

    def confer(self, calls: list[PhoneCall]) -> None:
        """Mix these, resumed, and hold the others; fewer than two end the conference. Raises CallError."""
        for call in calls:
            call.check_up("join a conference")
        numbers = {call.number for call in calls}
        self._conference.hold_together(numbers)
        self._hold_all_but(numbers)
        for call in calls:
            if call.held:
                call.hold(False)
        self.update()

    def follow(self, call: PhoneCall, successor: PhoneCall) -> None:
        """`successor` replaces `call`, which the remote party transferred."""
        if call.number in self._conference.members:
            self._conference.members.add(successor.number)
        if call.held:
            successor.hold(True)
        self._moved[successor.number] = (call.number, None)

    def _leave_moved(self) -> None:
        """The transferor ends the old call (RFC 5589, 6.1). It is silent once the new one is up; if the transferor leaves it, we end it."""
        for number, (old_number, since) in list(self._moved.items()):
            new, old = self._calls.get(number), self._calls.get(old_number)
            if new is None or old is None or new.over or old.over:
                del self._moved[number]
            elif new.state == "confirmed" and since is None:
                old.audio.silence(True)
                self._moved[number] = (old_number, time.monotonic())
            elif since is not None and time.monotonic() - since > LEAVE_S:
                del self._moved[number]
                old.end(reason=f"goes on as call {number}")

    def _hold_all_but(self, numbers: set[int]) -> None:
        for other in self._calls.values():
            if other.number not in numbers and is_talking(other):
                other.hold(True)
