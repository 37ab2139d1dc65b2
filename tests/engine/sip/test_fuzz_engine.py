"""The engine under bent SIP, SDP and RTP for some seconds; `python -m tests.fuzzing.fuzz_engine --seconds 600` looks longer."""

from tests.fuzzing.fuzz_engine import EngineFuzz

SECONDS = 8.0


def test_the_engine_lives_through_what_strangers_send() -> None:
    with EngineFuzz(seed=2026) as fuzz:
        fuzz.run(SECONDS)
        assert fuzz.answers > 50 and fuzz.taken > 3, fuzz.summary()
