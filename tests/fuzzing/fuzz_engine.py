"""Fuzzes the whole engine over its sockets: `python -m tests.fuzzing.fuzz_engine --seconds 600`.

CI runs it for seconds (test_fuzz_engine.py).
A peer calls, talks and hangs up, and bends what it sends: SIP requests and answers, SDP, RTP, RTCP. The engine must stay the same process
and answer its control socket. When it dies, what was sent since it was last seen alive is tried again, one datagram at a time, and the one
that ends it is kept in tests/fuzzing/corpora/engine/, to be tried first in each run.
"""

import argparse
import contextlib
import hashlib
import os
import random
import select
import socket
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from softphone.config import Audio, Codecs, Config, Network, Privacy
from softphone.control.protocol import AutoAnswer, ControlError, Hangup, Status
from tests.fuzzing import sip_talk
from tests.fuzzing.mutations import mutations
from tests.fuzzing.sip_talk import Dialog
from tests.phones.phone import Phone

CORPUS = Path(__file__).resolve().parent / "corpora" / "engine"
PING_EACH, LOOK_EACH = 8, 80
"""An OPTIONS that is answered shows that the engine has read what was sent before it: nothing is lost in a full buffer."""
PING_S = 5.0
LONGEST_ANSWER_S = 20.0
MAX_DATAGRAM = 60_000


class EngineDied(AssertionError):
    """The engine is another process than before, or does not answer."""


class EngineFuzz:
    """One run. A context manager: the engine lives inside."""

    def __init__(self, seed: int, codecs: tuple[str, ...] = ("opus", "PCMU", "PCMA")) -> None:
        self._rng = random.Random(seed)
        self._running = ExitStack()
        self._codecs = codecs
        self._recent: deque[tuple[str, bytes]] = deque(maxlen=3 * LOOK_EACH)
        self._dialogs: list[Dialog] = []
        self._numbers = 0
        self.sent = self.answers = self.unanswered = self.taken = self.bent_taken = 0

    def __enter__(self) -> "EngineFuzz":
        with ExitStack() as running:
            folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="softphone-fuzz-")))
            os.environ["PYTHONFAULTHANDLER"] = "1"  # where it was in Python when it died
            config = Config(network=Network("127.0.0.1"), audio=Audio("null", "null"), codecs=Codecs(self._codecs), privacy=Privacy(False))
            self._sip, self._media = (running.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
            for each in (self._sip, self._media):
                each.bind(("127.0.0.1", 0))
                each.setblocking(False)
            self._phone = Phone(folder / "phone", config)
            running.callback(self._phone.stop)
            self._start()
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _start(self) -> None:
        self._phone.start()
        self._phone.client.request(AutoAnswer())
        self._address = ("127.0.0.1", int(self._phone.uri.rpartition(":")[2]))

    def summary(self) -> str:
        """What was tried."""
        return (
            f"{self.sent} datagrams, {self.answers} answers, {self.taken} calls and {self.bent_taken} bent ones came up, "
            f"{self.unanswered} times no sign of life within {PING_S:g} s"
        )

    def run(self, seconds: float) -> None:
        """Raises EngineDied."""
        for path in sorted(CORPUS.glob("*")):
            self._send("sip", path.read_bytes())
            self._look()
        for seed in self._seeds():
            self._send("sip", seed)
            self._ping()
        self._look()
        end = time.monotonic() + seconds
        bent, rounds = self._bent(), 0
        while time.monotonic() < end:
            if len(self._dialogs) < 6:
                self._call()
            self._send(*next(bent))
            self._listen()
            rounds += 1
            if rounds % PING_EACH == 0:
                self._ping()
                self._make_room()
            if rounds % LOOK_EACH == 0:
                self._look()
        self._look()

    def _seeds(self) -> Iterator[bytes]:
        """What ended calls or the engine once, and is seldom met by chance."""
        for number in (10**7, 10**7 + 1):
            dialog = Dialog(number, self._sip.getsockname()[1], self._media.getsockname()[1], f"sip:x@127.0.0.1:{self._address[1]}")
            yield dialog.request("INVITE", sdp=True).replace(b"Call-ID: ", b"Call-ID: \xff\xc3(")

    def _call(self) -> None:
        self._numbers += 1
        dialog = Dialog(self._numbers, self._sip.getsockname()[1], self._media.getsockname()[1], f"sip:x@127.0.0.1:{self._address[1]}")
        self._dialogs.append(dialog)
        self._send("sip", dialog.request("INVITE", sdp=True))

    def _bent(self) -> Iterator[tuple[str, bytes]]:
        rng = self._rng
        while True:
            if not self._dialogs:
                yield "sip", b"\r\n\r\n"
                continue
            dialog = rng.choice(self._dialogs)
            kind = rng.randrange(10)
            if kind == 0 and dialog.media:
                yield (
                    f"rtp {dialog.media}",
                    self._bend(sip_talk.rtp(rng.randrange(99), rng.choice((0, 8, 96, 97, 101, 77)), rng.randbytes(60))),
                )
            elif kind == 1 and dialog.media:
                yield f"rtp {dialog.media + 1}", self._bend(sip_talk.rtcp())
            elif kind == 2:
                self._dialogs.remove(dialog)
                yield "sip", dialog.request("BYE" if dialog.tag else "CANCEL")
            elif kind <= 5:
                stray = Dialog(10**6 + self.sent, dialog.sip_port, dialog.rtp_port, dialog.target)
                yield "sip", self._bend((stray if rng.random() < 0.7 else dialog).request("INVITE", sdp=True))
            else:
                yield "sip", self._bend(dialog.request(rng.choice(sip_talk.METHODS), sdp=rng.random() < 0.2))

    def _bend(self, data: bytes) -> bytes:
        return next(mutations(self._rng, (data, data, *sip_talk.PIECES), sip_talk.WORDS))[:MAX_DATAGRAM]

    def _send(self, way: str, data: bytes) -> None:
        self._recent.append((way, data))
        self.sent += 1
        try:
            if way == "sip":
                self._sip.sendto(data, self._address)
            else:
                self._media.sendto(data, ("127.0.0.1", int(way.partition(" ")[2])))
        except OSError:
            pass  # a full buffer, or nobody there: the look tells

    def _ping(self) -> None:
        self._numbers += 1
        ping = Dialog(self._numbers, self._sip.getsockname()[1], 9, f"sip:x@127.0.0.1:{self._address[1]}")
        self._send("sip", ping.request("OPTIONS"))
        deadline = time.monotonic() + PING_S
        while not self._listen(ping.call_id):
            if time.monotonic() > deadline:
                self.unanswered += 1
                self._look()
                return
            select.select([self._sip], [], [], 0.2)

    def _listen(self, awaited: str = "") -> bool:
        """Answer what asks, so that calls come up; most answers are right. Whether something of the Call-ID `awaited` came."""
        came = False
        while True:
            try:
                data = self._sip.recv(65535)
            except OSError:
                return came
            text = data.decode("utf-8", "surrogateescape")
            came = came or (bool(awaited) and awaited in text)
            if not text.startswith("SIP/2.0 "):
                if not text.startswith("ACK ") and "\r\n\r\n" in text:
                    reply = sip_talk.answer(data, self._rng.choice((200, 200, 200, 481, 500, 491)))
                    self._send("sip", self._bend(reply) if self._rng.random() < 0.2 else reply)
                continue
            self.answers += 1
            dialog = next((dialog for dialog in self._dialogs if dialog.call_id in text), None)
            if dialog is not None and dialog.heard(text):
                self._send("sip", dialog.request("ACK"))
                self.taken += 1
            elif dialog is None and sip_talk.is_taken(text):
                # Ended at once, or all calls that there may be would soon wait for an ACK.
                for request in sip_talk.ends(text, self._sip.getsockname()[1]):
                    self._send("sip", request)
                self.bent_taken += 1

    def _make_room(self) -> None:
        """Calls that cannot come up are ended, so that others can be tried."""
        with contextlib.suppress(ControlError):
            if len(self._phone.client.request(Status(), timeout_s=LONGEST_ANSWER_S).calls) > 9:
                self._phone.client.request(Hangup(), timeout_s=LONGEST_ANSWER_S)
                self._dialogs.clear()

    def _lives(self) -> bool:
        try:
            self._phone.client.request(Status(), timeout_s=LONGEST_ANSWER_S)
        except ControlError:
            return False
        return True

    def _look(self) -> None:
        if not self._lives():
            # All of what faulthandler writes, whose first line names the signal.
            words = self._phone.log(lines=200)
            raise EngineDied(f"the engine died or hangs; {self.summary()}; {self._blame()}\n{words}")

    def _blame(self) -> str:
        """Try again what was sent last: all of it, then one by one."""
        suspects = list(self._recent)
        folder = Path(tempfile.mkdtemp(prefix="softphone-fuzz-suspects-"))
        for number, (way, data) in enumerate(suspects):
            (folder / f"{number:03}-{way.replace(' ', '-')}").write_bytes(data)
        for way, data in reversed(suspects):
            if not self._lives():
                self._phone.stop()
                self._start()
            self._send(way, data)
            time.sleep(0.05)
            if not self._lives():
                CORPUS.mkdir(parents=True, exist_ok=True)
                path = CORPUS / f"crash-{hashlib.sha256(data).hexdigest()[:12]}"
                path.write_bytes(data)
                return f"{path.name} ({way}) ended it again"
        return f"none of the last {len(suspects)} datagrams alone ends it; they are in {folder}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--phv", action="store_true", help="with our own codec")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    order = ("opus", "PCMU", "PCMA")
    with EngineFuzz(seed, ("x-phv", *order) if options.phv else order) as fuzz:
        fuzz.run(options.seconds)
        print(fuzz.summary())


if __name__ == "__main__":
    main()
