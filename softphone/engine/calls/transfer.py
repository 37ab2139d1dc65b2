"""Call transfer by REFER (RFC 3515; RFC 5589), and its progress as the NOTIFYs report it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softphone.control.protocol import Transfer
from softphone.engine.sip.status_text import explain_call


@dataclass
class TransferProgress:
    """Of one call; `publish` takes the events."""

    call: int
    publish: Callable[[Transfer], None]
    running: bool = False
    _accepted: bool = False

    def begin(self) -> None:
        self.running, self._accepted = True, False

    def status(self, code: int, reason: str, final: bool) -> bool:
        """A status line out of a NOTIFY (message/sipfrag), or the answer to the REFER itself. True: the remote party has arrived there."""
        if not self.running:
            return False
        if code // 100 == 1 and not final:
            self.publish(Transfer(call=self.call, state="progress" if self._accepted else "accepted", code=code, reason=reason))
            self._accepted = True
            return False
        self.running = False
        if code // 100 == 2:
            self.publish(Transfer(call=self.call, state="done", code=code, reason=reason))
            return True
        silent = "the other side stopped telling how the transfer goes; ask it, or try again"
        self.publish(Transfer(call=self.call, state="failed", code=code, reason=silent if code < 200 else explain_call(code, reason)))
        return False

    def call_over(self) -> None:
        """The call ended while the transfer was under way."""
        if self.running:
            self.running = False
            if self._accepted:
                self.publish(Transfer(call=self.call, state="done", reason="the other side left after it had accepted the transfer"))
            else:
                self.publish(Transfer(call=self.call, state="failed", reason="the call ended before the other side accepted the transfer"))
