"""Conference: calls mixed in this phone, on PJSUA's bridge, so that all hear all."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from softphone.engine.calls.call import PhoneCall
from softphone.engine.calls.media.audio import CallPort


class Conference:
    """`members` are numbers of calls. A call that is held or ends leaves; with fewer than two members the conference is over."""

    def __init__(self) -> None:
        self.members: set[int] = set()

    def update(self, calls: Mapping[int, PhoneCall]) -> None:
        """Mix the current members and report changes. Call it often; it is cheap when nothing changed."""
        self._leave(calls)
        for number, call in calls.items():
            joined = number in self.members
            call.audio.mix_with(self._partners(number, calls) if joined else {})
            if call.conference != joined:
                call.conference = joined
                if not call.over:
                    call.tell()

    def _leave(self, calls: Mapping[int, PhoneCall]) -> None:
        self.members &= {number for number, call in calls.items() if not (call.over or call.held)}
        if len(self.members) < 2:
            self.members.clear()

    def _partners(self, number: int, calls: Mapping[int, PhoneCall]) -> dict[int, CallPort]:
        ports = {other: calls[other].audio.port for other in self.members if other != number}
        return {other: port for other, port in ports.items() if port is not None}

    def hold_together(self, numbers: Collection[int]) -> None:
        """Set the members."""
        self.members = set(numbers) if len(set(numbers)) > 1 else set()
