"""Limits on the number of calls, so that nobody can crash this phone by calling it.

Each call of PJSUA needs two places in PJLIB's table of sockets. It has 64 (PJ_IOQUEUE_MAX_HANDLES), keeps one for half a second after the
socket was closed, and ends the process when there is none (ioqueue_select.c, assertion on free_list): thirty INVITEs in half a second are
enough. And requests of a call that is over must not reach PJSUA 2.15.1: it takes the call that has the old one's slot by then for theirs,
and ends the process at a REFER (pjsua_call.c, pjsua_call_on_tsx_state_changed; later versions know the stale dialog).
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TypeVar

from softphone.control.protocol import CallState, Event, Log
from softphone.engine.calls.admission.ack_watch import AckWatch
from softphone.engine.calls.admission.bye_watch import ByeWatch
from softphone.engine.limits import LINGER_S, MAX_CALLS, MAX_RINGING, MAX_UNCERTAIN, OWN_PLACES, PLACES
from softphone.engine.sip.head import SipHead, read_head
from softphone.errors import SoftphoneError

BUSY, REQUEST_PENDING, GONE, BAD_REQUEST = 486, 491, 481, 400
MOST_REMEMBERED = 1024
NOTICE_S = 10.0
_ANYWHERE = frozenset({"ACK", "BYE", "CANCEL"})

K = TypeVar("K", bound=tuple[bytes, ...])


class CallGateError(SoftphoneError):
    """There is no room for another call; one sentence."""


class CallGate:
    """Sees SIP messages before PJSIP does, and what becomes of calls. Main thread only."""

    def __init__(self, publish: Callable[[Event], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._publish = publish
        self._clock = clock
        self._live: dict[int, bytes] = {}
        """Call -> Call-ID, empty until it is known."""
        self._ringing: set[int] = set()
        self._unacknowledged: set[int] = set()
        self._ended: deque[float] = deque()
        self._let_in: OrderedDict[tuple[bytes, bytes], float] = OrderedDict()
        """(Call-ID, Via) -> when: INVITEs that PJSIP has been given, and of which no call is known (yet)."""
        self._known: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()
        """The same for all INVITEs, so that a retransmission reaches its transaction."""
        self._tags: OrderedDict[bytes, set[bytes]] = OrderedDict()
        """Call-ID -> our tags in its dialogs."""
        self._taken: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()
        """Established dialogs: a later refusal concerns a re-INVITE only."""
        self._newest = b""
        self._over: OrderedDict[tuple[bytes, bytes], None] = OrderedDict()
        """(Call-ID, our tag), whoever the far end is: of calls that are over, and of INVITEs that we refused."""
        self._left: OrderedDict[tuple[bytes, bytes, bytes], None] = OrderedDict()
        """(Call-ID, our tag, their tag), where a BYE was: of a call that forked, another dialog may live on under our tag."""
        self.acks = AckWatch()
        self.byes = ByeWatch()
        self._refused = 0
        self._noticed_at = float("-inf")

    def refuse(self, request: bytes) -> int | None:
        """The status with which this request is refused, or None."""
        head = read_head(request)
        if head is None:
            return None
        if head.twice:
            return BAD_REQUEST
        if head.to_tag and head.method not in _ANYWHERE:
            dialog = (head.call_id, head.to_tag)
            if dialog in self._over or (*dialog, head.from_tag) in self._left:
                return GONE
        if head.method != "INVITE" and not (head.method == "UPDATE" and head.to_tag):
            return None
        key = (head.call_id, head.branch)
        if key in self._known:
            return None
        if self._used() >= PLACES or (not head.to_tag and not self._has_room_for_others()):
            self._notice()
            # In a call it is tried again soon (RFC 3261, 14.1).
            return REQUEST_PENDING if head.to_tag else BUSY
        self._let_in[key] = self._clock()
        self._newest = head.call_id
        _remember(self._known, key)
        return None

    def passed(self, sent: bool, message: bytes) -> None:
        """A message in either direction: learn which dialogs exist, and which are over."""
        head = read_head(message)
        if head is None:
            return
        self.acks.passed(sent, head, message, self._clock())
        self.byes.passed(sent, head, self._clock())
        if head.method not in ("INVITE", "BYE"):
            return
        # Ours is the tag of From in what we ask and in what is answered to us (RFC 3261, 12.1).
        ours, theirs = (head.from_tag, head.to_tag) if sent != bool(head.status) else (head.to_tag, head.from_tag)
        dialog = (head.call_id, ours)
        if not ours or head.status == 100:
            return
        if head.method == "BYE":
            # A received one counts once PJSIP has found its dialog.
            if sent and head.status // 100 in (0, 2):
                _remember(self._left, (*dialog, theirs))
            return
        if head.status // 100 == 2:
            _remember(self._taken, dialog)
        elif head.status >= 300 and dialog not in self._taken and sent:
            _remember(self._over, dialog)
        if sent:
            self._tags.setdefault(head.call_id, set()).add(dialog[1])
            self._tags.move_to_end(head.call_id)
            while len(self._tags) > MOST_REMEMBERED:
                self._tags.popitem(last=False)

    def follow(self, event: Event, call_id_of: Callable[[int], str]) -> None:
        """Learn from events of calls; `call_id_of` returns a call's Call-ID, or ""."""
        if not isinstance(event, CallState):
            return
        if not self._live.get(event.call):
            call_id = call_id_of(event.call).encode("utf-8", "surrogateescape")  # SWIG gives bytes that are no UTF-8 so
            if event.state == "incoming" and not call_id:
                call_id = self._newest  # PJSUA has dropped it already; it belongs to the INVITE being processed
            if event.state != "disconnected":
                self._live[event.call] = call_id
            for key in [key for key in self._let_in if key[0] == call_id]:
                del self._let_in[key]
        if event.direction == "incoming" and event.state in ("incoming", "early"):
            self._ringing.add(event.call)
        else:
            self._ringing.discard(event.call)
        if event.direction == "incoming" and event.state == "connecting":
            self._unacknowledged.add(event.call)
        else:
            self._unacknowledged.discard(event.call)
        if event.state == "disconnected":
            call_id = self._live.pop(event.call, b"")
            self._ended.append(self._clock())
            for tag in self._tags.pop(call_id, ()):
                _remember(self._over, (call_id, tag))

    def call_of(self, call_id: bytes) -> int:
        """The call with this Call-ID that is not over; 0 where there is none."""
        return next((call for call, known in self._live.items() if known == call_id), 0)

    def call_in(self, head: SipHead) -> int:
        """The call in whose dialog a request came; 0 where there is none."""
        return self.call_of(head.call_id) if head.to_tag in self._tags.get(head.call_id, ()) else 0

    def check_room(self) -> None:
        """Called before an outgoing call. Raises CallGateError."""
        if len(self._live) >= MAX_CALLS:
            raise CallGateError(f"{MAX_CALLS} calls are in progress, which is the limit; end one first")
        if self._used() >= PLACES:
            raise CallGateError("too many calls at once; try again in a second")

    def _has_room_for_others(self) -> bool:
        """Whether there is room for another incoming call."""
        return (
            len(self._live) < MAX_CALLS
            and len(self._ringing) < MAX_RINGING
            and len(self._ringing) + len(self._unacknowledged) < MAX_UNCERTAIN
            and self._used() < PLACES - OWN_PLACES
        )

    def _used(self) -> int:
        """Calls that hold sockets now."""
        since = self._clock() - LINGER_S
        while self._ended and self._ended[0] < since:
            self._ended.popleft()
        for key in [key for key, when in self._let_in.items() if when < since]:
            del self._let_in[key]
        return len(self._live) + len(self._ended) + len(self._let_in)

    def _notice(self) -> None:
        self._refused += 1
        now = self._clock()
        if now - self._noticed_at >= NOTICE_S:
            self._noticed_at = now
            text = f"too many calls come at once: {self._refused} refused as busy, more may be; at most {MAX_RINGING} ring at a time"
            self._publish(Log(level="warning", message=text))
            self._refused = 0


def _remember(table: OrderedDict[K, None], key: K) -> None:
    table[key] = None
    while len(table) > MOST_REMEMBERED:
        table.popitem(last=False)
