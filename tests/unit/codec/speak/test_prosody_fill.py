import numpy as np
import pytest

from codec.speak.prosody_fill import ProsodyFill, wire_round_trip
from codec.units.phones import PHONES, SILENCE, phone_index
from codec.units.token import Token
from codec.wire.token import MAX_TICKS, WireToken, glide_end, level_db, split_ticks, to_wire, wire_level

OFFSET = np.zeros(len(PHONES))
OFFSET[phone_index("S")] = -10.0
AE, S, M, T = (phone_index(label) for label in ("AE", "S", "M", "T"))


def test_vowels_arrive_as_they_were_rounded() -> None:
    (heard,) = wire_round_trip([Token(AE, 12, (1.2, 5.0), -19.0)], 100.0, OFFSET)
    assert heard == Token(AE, 12, (1.0, 5.0), -18.0)


def test_voiced_consonants_lie_on_the_line_between_vowels() -> None:
    said = [Token(AE, 8, (0.0, 0.0), -20.0), Token(M, 8, (3.0, 3.0), -24.0), Token(AE, 8, (6.0, 6.0), -26.0)]
    heard = wire_round_trip(said, 100.0, OFFSET)
    assert heard[1].semitones == pytest.approx((3.0, 3.0))
    assert level_db(round(wire_level(-26.0))) < heard[1].loudness_db < level_db(round(wire_level(-20.0)))


def test_unvoiced_phones_have_their_usual_level_and_no_pitch() -> None:
    said = [Token(AE, 8, (0.0, 0.0), -18.0), Token(S, 8, None, -50.0), Token(AE, 8, (0.0, 0.0), -18.0)]
    heard = wire_round_trip(said, 100.0, OFFSET)
    assert heard[1].semitones is None
    assert heard[1].loudness_db == pytest.approx(-28.0)


def test_before_any_vowel_the_next_one_tells() -> None:
    heard = wire_round_trip([Token(M, 8, (9.0, 9.0), -60.0), Token(AE, 8, (2.0, 2.0), -12.0)], 100.0, OFFSET)
    assert heard[0].semitones == (2.0, 2.0)
    assert heard[0].loudness_db == pytest.approx(-12.0)


def test_without_any_vowel_there_is_still_a_level() -> None:
    token = ProsodyFill(OFFSET).token(WireToken(T, 3), [], 120.0)
    assert token.semitones is None
    assert -40 < token.loudness_db < -10


def test_pitch_is_the_same_whatever_mean_both_ends_believe() -> None:
    wire = to_wire(Token(AE, 8, (2.0, 4.0), -20.0), 100.0)
    heard = ProsodyFill(OFFSET).token(wire, [], 200.0)
    assert heard.semitones is not None
    assert 200 * 2 ** (heard.semitones[0] / 12) == pytest.approx(100 * 2 ** (2 / 12), rel=0.03)


@pytest.mark.parametrize(("semitones", "loudness"), [((-60.0, -60.0), -200.0), ((60.0, 90.0), 20.0), ((0.0, -40.0), -20.0)])
def test_what_is_out_of_range_is_brought_back(semitones: tuple[float, float], loudness: float) -> None:
    wire = to_wire(Token(AE, 640, semitones, loudness), 100.0)
    assert wire.ticks == MAX_TICKS
    assert 0 <= (glide_end(wire) or 0) <= 41


def test_long_sounds_are_cut_evenly() -> None:
    assert list(split_ticks(0)) == []
    assert list(split_ticks(32)) == [32]
    assert list(split_ticks(65)) == [21, 22, 22]


def test_silence_is_quiet_and_short_of_pitch() -> None:
    wire = to_wire(Token(SILENCE, 20, (1.0, 1.0), -20.0), 100.0)
    assert (wire.pitch, wire.level) == (None, 0)
