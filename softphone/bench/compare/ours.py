"""Two engines of ours, with all that a call takes in them: history, gate, trace, statistics."""

from softphone.bench.compare.pair import EVENT_S
from softphone.bench.soak.two_phones import TwoPhones
from softphone.config import Codecs, Config
from softphone.control.protocol import CallState, Hangup


class OurPair:
    """codec: "PCMU", or "x-phv" with the workers."""

    def __init__(self, codec: str) -> None:
        self.name = f"softphone, {codec}"
        self._config = Config(codecs=Codecs((codec,)))

    def __enter__(self) -> "OurPair":
        self._phones = TwoPhones(self._config)
        return self

    def __exit__(self, *_: object) -> None:
        self._phones.__exit__()

    def call(self) -> bool:
        for phone in (self._phones.a, self._phones.b):
            phone.forget()
        number = self._phones.a.dial(self._phones.direct)
        state = None if number is None else self._phones.a.wait_state(number, "confirmed")
        return state is not None and state.state == "confirmed"

    def hang_up(self) -> bool:
        # By the events, as the others: asking again and again for the state would be measured too.
        self._phones.a.engine.request(Hangup())
        both = self._phones.a, self._phones.b
        return all(phone.wait(CallState, lambda event: event.state == "disconnected", EVENT_S) is not None for phone in both)
