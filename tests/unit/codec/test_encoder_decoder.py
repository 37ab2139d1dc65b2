import itertools
import random
import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codec.decoder import Decoder
from codec.encoder import Encoder
from codec.models import Models
from codec.units import audio_file
from codec.units.errors import CodecError, PayloadError
from codec.units.phones import PHONES, SILENCE, phone_index
from codec.wire.packet import Packet, parse, serialize
from codec.wire.settings import EncoderSettings
from codec.wire.token import MAX_TICKS, WireToken
from codec.wire.token_coding import stages_of
from tests.places import DEMO_AUDIO
from tests.scripted_speech import HELLO, models_for, script

STEP = 320
PLAIN = EncoderSettings(redundancy=0, voice=False, detail=0)


def encode(models: Any, pcm: NDArray[np.int16], settings: EncoderSettings = PLAIN, step: int = STEP) -> list[list[bytes]]:
    """Payloads by steps of 20 ms, those of `flush` last."""
    encoder = Encoder(models, settings)
    steps = [encoder.encode(pcm[at : at + step]) for at in range(0, len(pcm), step)]
    return [*steps, encoder.flush()]


def packets(models: Any, steps: list[list[bytes]]) -> list[Packet]:
    return [parse(payload, models.entropy) for payload in itertools.chain(*steps)]


def plain(packet: Packet) -> tuple[tuple[WireToken, ...], ...]:
    """The groups of a packet without details."""
    return tuple(tuple(replace(token, details=()) for token in group) for group in packet.groups)


def phones(read: list[Packet]) -> list[str]:
    return [PHONES[token.phone] for packet in read for token in packet.groups[-1]]


def decode(models: Any, steps: list[list[bytes]], tail: int = 100) -> tuple[NDArray[np.int16], Decoder]:
    decoder, blocks = Decoder(models), []
    for payloads in [*steps, *[[]] * tail]:
        for payload in payloads:
            decoder.receive(payload)
        blocks.append(decoder.pull(STEP))
    return np.concatenate(blocks), decoder


def test_phones_and_times_arrive() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 200), *HELLO, ("SIL", 600), *HELLO, ("SIL", 400)])
    models = models_for(said.phones)
    read = packets(models, encode(models, said.pcm))
    words = [label for label, _ in HELLO]
    assert phones(read) == [*words, "SIL", *words, *words]
    starts = [packet.time for packet in read if packet.start]
    ticks = sum(ms for _, ms in HELLO) // 20
    assert starts == [15, (15 + 2 * ticks + 10 + 30) % 256]
    for packet, following in itertools.pairwise(read):
        if not following.start:
            assert (packet.time + sum(token.ticks for token in packet.groups[0])) % 256 == following.time


def test_pitch_and_level_arrive() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 400)], f0=200.0)
    models = models_for(said.phones)
    vowels = [token for packet in packets(models, encode(models, said.pcm)) for token in packet.groups[0] if 1 <= token.phone <= 15]
    assert [token.pitch for token in vowels] == [24] * len(vowels)
    assert {token.glide for token in vowels} == {0}
    assert all(18 <= token.level <= 22 for token in vowels)


@pytest.mark.parametrize("step", [1, 160, 777, 10**9])
def test_payloads_do_not_depend_on_how_sound_comes(step: int) -> None:
    said = script([("SIL", 100), *HELLO[:8], ("SIL", 100)])
    models = models_for(said.phones)
    once = list(itertools.chain(*encode(models, said.pcm)))
    assert list(itertools.chain(*encode(models, said.pcm, step=step))) == once


def test_silence_and_noise_send_nothing() -> None:
    rng = np.random.default_rng(3)
    quiet = np.asarray(rng.standard_normal(80000) * 3, dtype=np.int16)
    loud = np.asarray(rng.standard_normal(80000) * 1000, dtype=np.int16)
    for pcm in (np.zeros(80000, np.int16), quiet, loud):
        babble = [replace(phone, phone=1 + phone.start % 39) for phone in script([("AH", 100)] * 50).phones]
        for recognised in ([], babble):
            assert list(itertools.chain(*encode(models_for(recognised), pcm, EncoderSettings()))) == []


def test_quiet_speech_is_sent() -> None:
    said = script([("SIL", 1000), *HELLO, ("SIL", 400)])
    models = models_for(said.phones)
    assert phones(packets(models, encode(models, (said.pcm // 30).astype(np.int16)))) == [label for label, _ in HELLO]


def test_a_long_silence_ends_the_talkspurt_before_it_is_over() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 3000)])
    models = models_for(said.phones)
    steps = encode(models, said.pcm, EncoderSettings(redundancy=1))
    last = [at for at, payloads in enumerate(steps) if payloads][-1]
    assert parse(steps[last][-1], models.entropy).end
    assert last * 20 < 300 + sum(ms for _, ms in HELLO) + 1500


def test_speech_after_a_very_long_silence_is_sent_with_its_times() -> None:
    pause = 45_000
    said = script([("SIL", 300), *HELLO, ("SIL", pause), *HELLO, ("SIL", 500)])
    models = models_for(said.phones)
    read = packets(models, encode(models, said.pcm))
    assert phones(read) == [label for label, _ in HELLO] * 2
    length = sum(ms for _, ms in HELLO)
    assert [packet.time for packet in read if packet.start] == [15, (300 + length + pause) // 20 % 256]


def test_each_packet_repeats_the_groups_before_it() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 1500)])
    models = models_for(said.phones)
    plain = packets(models, encode(models, said.pcm))
    twice = packets(models, encode(models, said.pcm, EncoderSettings(redundancy=2, voice=False, detail=0)))
    groups = [packet.groups[-1] for packet in plain]
    for place, packet in enumerate(twice[:-2]):
        assert packet.groups == tuple(groups[max(0, place - 2) : place + 1])
        assert packet.start == (place <= 2)
    # The last group is repeated as often as all others.
    assert [packet.groups for packet in twice[-2:]] == [(*groups[-2:], ()), (groups[-1], ())]
    assert all(packet.end for packet in twice[-2:])


def test_the_last_groups_before_a_short_pause_are_repeated_after_it() -> None:
    pause = 800
    said = script([("SIL", 300), *HELLO, ("SIL", pause), *HELLO, ("SIL", 1500)])
    models = models_for(said.phones)
    twice = packets(models, encode(models, said.pcm, EncoderSettings(redundancy=4, voice=False, detail=0)))
    after = next(place for place, packet in enumerate(twice) if place and packet.groups[-1] and twice[place - 1].end)
    *earlier, newest = twice[after].groups
    assert earlier and earlier[-1] == next(packet.groups[-1] for packet in reversed(twice[:after]) if packet.groups[-1])
    silence = list(itertools.takewhile(lambda token: token.phone == SILENCE, newest))
    assert abs(sum(token.ticks for token in silence) * 20 - pause) <= 20
    heard = decode(models, [[serialize(packet, models.entropy)] for packet in twice[after - 1 :]])[1].statistics
    assert heard.tokens_received >= len(HELLO) + len(silence)


def test_interval_is_kept() -> None:
    said = script([("SIL", 300), *HELLO, *HELLO, ("SIL", 500)])
    models = models_for(said.phones)
    for interval in (160, 320, 640):
        sent = [at for at, payloads in enumerate(encode(models, said.pcm, replace(PLAIN, interval_ms=interval))[:-1]) if payloads]
        assert min(b - a for a, b in itertools.pairwise(sent)) * 20 >= interval - 20


def test_repeated_groups_keep_as_much_detail_as_is_wanted() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 1500)])
    models = models_for(said.phones)
    for repeated in (0, 1, 2):
        settings = EncoderSettings(redundancy=2, voice=False, detail=2, repeated_detail=repeated)
        for packet in packets(models, encode(models, said.pcm, settings)):
            *earlier, newest = packet.groups
            assert {stages_of(group) for group in earlier} <= {repeated}
            assert not newest or stages_of(newest) == 2


def test_settings_may_change_between_packets() -> None:
    said = script([("SIL", 300), *HELLO * 3, ("SIL", 1500)])
    models = models_for(said.phones)
    encoder = Encoder(models, EncoderSettings(interval_ms=160, redundancy=0, voice=False, detail=2))
    sent: list[Packet] = []
    for at in range(0, len(said.pcm), STEP):
        if len(sent) == 8:
            encoder.settings = EncoderSettings(interval_ms=320, redundancy=3, voice=False, detail=1, repeated_detail=1)
        sent += [parse(payload, models.entropy) for payload in encoder.encode(said.pcm[at : at + STEP])]
    assert all(len(packet.groups) == 1 for packet in sent[:8])
    assert all(len(packet.groups) == 4 and {stages_of(group) for group in packet.groups[1:]} == {1} for packet in sent[12:-3])
    heard = decode(models, [[serialize(packet, models.entropy) for packet in sent]])[1].statistics
    assert heard.tokens_received == len(HELLO) * 3


def test_no_payload_is_too_long_for_a_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.encoder.LONGEST_PAYLOAD", 60)
    said = script([("SIL", 300), *HELLO, ("SIL", 1500)])
    models = models_for(said.phones)
    settings = EncoderSettings(redundancy=8, repeated_detail=2, voice=False)
    sent = list(itertools.chain(*encode(models, said.pcm, settings)))
    assert max(map(len, sent)) <= 60
    starts = [parse(payload, models.entropy) for payload in sent]
    assert len({len(packet.groups) for packet in starts}) > 1
    heard = decode(models, [sent])[1].statistics
    assert heard.tokens_received == len(HELLO)


@pytest.mark.parametrize("settings", [{"interval_ms": 20}, {"interval_ms": 5000}, {"redundancy": -1}, {"redundancy": 12}])
def test_settings_out_of_range_are_named(settings: dict[str, int]) -> None:
    with pytest.raises(CodecError, match=next(iter(settings))):
        EncoderSettings(**settings)  # type: ignore[arg-type]


def test_voice_arrives_unless_it_is_switched_off() -> None:
    said = script([("SIL", 300), *HELLO * 5, ("SIL", 400)], f0=200.0)
    models = models_for(said.phones)
    _, with_voice = decode(models, encode(models, said.pcm, EncoderSettings()))
    _, without = decode(models, encode(models, said.pcm))
    assert with_voice.statistics.voice_known
    assert not without.statistics.voice_known


def test_what_was_said_is_heard_in_full() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    heard, decoder = decode(models, encode(models, said.pcm))
    statistics = decoder.statistics
    assert statistics.tokens_received == len(HELLO)
    assert (statistics.tokens_late, statistics.tokens_dropped, statistics.gaps, statistics.lost_ms) == (0, 0, 0, 0)
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 200)
    spoken = sum(ms for _, ms in HELLO) / 1000
    assert spoken - 0.2 < (loud[-1] - loud[0]) / 16000 < spoken + 0.6
    delay = loud[0] / 16000 - 0.3
    assert 0.1 < delay < 0.8


def test_one_lost_packet_in_two_is_recovered_by_redundancy() -> None:
    said = script([("SIL", 300), *HELLO * 3, ("SIL", 600)])
    models = models_for(said.phones)
    steps = encode(models, said.pcm, EncoderSettings(redundancy=1, voice=False))
    kept = itertools.count()
    lossy = [[payload for payload in payloads if next(kept) % 2] for payloads in steps]
    _, decoder = decode(models, lossy)
    assert decoder.statistics.tokens_received == 3 * len(HELLO)
    assert decoder.statistics.tokens_recovered > len(HELLO)
    assert decoder.statistics.gaps == 0


def test_a_lost_group_is_a_gap_of_its_length() -> None:
    said = script([("SIL", 300), *HELLO * 2, ("SIL", 600)])
    models = models_for(said.phones)
    steps = encode(models, said.pcm)
    order = itertools.count()
    kept = [[payload for payload in payloads if next(order) != 6] for payloads in steps]
    lost = packets(models, steps)[6]
    _, decoder = decode(models, kept)
    assert decoder.statistics.gaps == 1
    assert decoder.statistics.lost_ms == 20 * sum(token.ticks for token in lost.groups[0])


def test_repeated_and_late_packets_change_nothing() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    steps = encode(models, said.pcm)
    once, _ = decode(models, steps)
    again: list[list[bytes]] = [[] for _ in range(len(steps) + 60)]
    for at, payloads in enumerate(steps):
        for later in (0, 0, 12, 60):
            if at + later < len(again):
                again[at + later] += payloads
    repeated, decoder = decode(models, again, tail=40)
    assert decoder.statistics.tokens_received == len(HELLO)
    assert np.array_equal(once[: len(repeated)], repeated[: len(once)])


def test_a_late_packet_is_counted_and_not_played() -> None:
    said = script([("SIL", 300), *HELLO * 2, ("SIL", 600)])
    models = models_for(said.phones)
    steps = encode(models, said.pcm)
    at = [place for place, payloads in enumerate(steps) if payloads][5]
    late = steps[at]
    steps[at], steps[at + 75] = [], steps[at + 75] + late
    _, decoder = decode(models, steps)
    assert decoder.statistics.tokens_late == len(packets(models, [late])[0].groups[0])


def test_a_sender_that_began_anew_is_heard() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    long_ago = [[serialize(replace(parse(p, models.entropy), time=(parse(p, models.entropy).time + 70) % 256), models.entropy)] for p in
                itertools.chain(*encode(models, said.pcm))]  # fmt: skip
    decoder = Decoder(models)
    for payloads in [*long_ago, *[[]] * 200]:
        for payload in payloads:
            decoder.receive(payload)
        decoder.pull(STEP)
    before = decoder.statistics.tokens_received
    for payloads in [*encode(models, said.pcm), *[[]] * 100]:
        for payload in payloads:
            decoder.receive(payload)
        decoder.pull(STEP)
    assert decoder.statistics.tokens_received - before > len(HELLO) // 2


@pytest.mark.parametrize("samples", [0, 1, 7, 160, 320, 1000, 16000])
def test_pull_gives_exactly_what_was_asked(samples: int) -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    decoder = Decoder(models)
    assert not decoder.pull(samples).any()
    for payload in itertools.chain(*encode(models, said.pcm)):
        decoder.receive(payload)
    for _ in range(5):
        pcm = decoder.pull(samples)
        assert pcm.dtype == np.int16
        assert pcm.shape == (samples,)


def test_sound_does_not_depend_on_how_it_is_pulled() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    first, second = Decoder(models), Decoder(models)
    for payload in itertools.chain(*encode(models, said.pcm)):
        first.receive(payload)
        second.receive(payload)
    assert np.array_equal(first.pull(48000), np.concatenate([second.pull(n) for n in (100, 900, 7000, 20000, 20000)]))


def _followed(models: Any, steps: list[list[bytes]], heard: list[bool]) -> tuple[NDArray[np.int16], list[int | None], Decoder]:
    """Sound, the tick at which each 20 ms of it was said, and the decoder."""
    decoder, blocks, said_at = Decoder(models), [], []
    for payloads, listens in zip(itertools.chain(steps, itertools.repeat([])), heard, strict=False):
        for payload in payloads:
            decoder.receive(payload)
        blocks.append(decoder.pull(STEP, listens))
        said_at.append(decoder.said_at)
    return np.concatenate(blocks), said_at, decoder


def test_what_nobody_hears_passes_in_its_time_and_silence() -> None:
    said = script([("SIL", 300), *HELLO, *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    steps = encode(models, said.pcm)
    sound, ticks, heard = _followed(models, steps, [True] * 350)
    silence, same_ticks, unheard = _followed(models, steps, [False] * 350)
    assert sound.any() and not silence.any()
    assert [each.phone for each in unheard.spoken] == [each.phone for each in heard.spoken]
    assert unheard.statistics.tokens_late == heard.statistics.tokens_late
    pairs = [(a, b) for a, b in zip(ticks, same_ticks, strict=True) if a is not None and b is not None]
    assert len(pairs) > 150 and max(abs(a - b) for a, b in pairs) <= 8


@pytest.mark.parametrize("at", [90, 107, 131])
def test_who_listens_again_hears_the_rest(at: int) -> None:
    said = script([("SIL", 300), *HELLO, *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    steps = encode(models, said.pcm)
    _, ticks, _ = _followed(models, steps, [True] * 350)
    heard = [step < at or step >= at + 40 for step in range(350)]
    sound, same_ticks, decoder = _followed(models, steps, heard)
    loud = [bool(np.abs(sound[STEP * step : STEP * (step + 1)]).max() > 300) for step in range(350)]
    assert not any(loud[at + 3 : at + 40]) and sum(loud[at + 40 : at + 60]) > 12
    late = [abs(a - b) for a, b in zip(ticks, same_ticks, strict=True) if a is not None and b is not None]
    assert max(late) <= 10, "in milliseconds 200: pauses and vowels give that back"
    assert decoder.statistics.tokens_late == 0


@pytest.mark.parametrize("told_first", [True, False])
def test_what_was_heard_by_other_means_is_left_out(told_first: bool) -> None:
    """All of the first 2 s comes at once, and the first second of it was heard."""
    said = script([("SIL", 300), *HELLO, *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    steps = encode(models, said.pcm)
    late = 110
    decoder, spoken_at, phones_spoken = Decoder(models), [], []
    for step in range(400):
        if told_first or step > late:
            decoder.skip(70)
        arrived = list(itertools.chain(*steps[:late])) if step == late else [] if step < late or step >= len(steps) else steps[step]
        for payload in arrived:
            decoder.receive(payload)
        decoder.pull(STEP)
        spoken_at.append(decoder.said_at)
        phones_spoken += [phone.phone for phone in decoder.spoken]
        decoder.spoken.clear()
    words = [phone_index(label) for label, _ in (*HELLO, *HELLO)]
    assert [phone for phone in phones_spoken if phone != SILENCE] == words, "who writes down the words misses none"
    ticks = [tick for tick in spoken_at if tick is not None]
    early = [tick for tick in ticks if tick < 70 - 6]
    assert len(early) <= (0 if told_first else 6) and max(ticks) > 230
    begins = next(step for step, tick in enumerate(spoken_at) if tick is not None and tick >= 70)
    assert begins < late + 15, "it goes on at once"
    assert decoder.statistics.tokens_late == 0


def test_garbage_is_refused_and_the_call_goes_on() -> None:
    said = script([("SIL", 300), *HELLO, ("SIL", 600)])
    models = models_for(said.phones)
    decoder, rng, refused = Decoder(models), random.Random(5), 0
    for payloads in encode(models, said.pcm):
        for payload in payloads:
            for _ in range(5):
                try:
                    decoder.receive(rng.randbytes(rng.randrange(60)))
                except PayloadError:
                    refused += 1
            decoder.receive(payload)
        assert len(decoder.pull(STEP)) == STEP
    assert refused > 10


def test_memory_is_bounded_whatever_a_peer_sends() -> None:
    models = models_for([])
    decoder, rng = Decoder(models), random.Random(7)
    long = tuple(WireToken(phone_index("S"), MAX_TICKS) for _ in range(31))
    sent = [serialize(Packet(rng.randrange(256), (long,), start=True, end=rng.random() < 0.5), models.entropy) for _ in range(200)]

    def flood() -> None:
        for payload in sent:
            decoder.receive(payload)

    flood()
    tracemalloc.start()
    flood()
    flood()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 100_000
    assert decoder.statistics.tokens_dropped > 1000
    assert len(decoder.pull(1600)) == 1600


@pytest.fixture(scope="module")
def real() -> tuple[Models, NDArray[np.int16], list[list[bytes]]]:
    """The shipped models, the bundled recording, and its payloads with default settings."""
    models = Models.load()
    pcm = audio_file.read(DEMO_AUDIO / "demo.flac")
    return models, pcm, encode(models, pcm, EncoderSettings())


def test_real_speech_is_cheap(real: tuple[Models, NDArray[np.int16], list[list[bytes]]]) -> None:
    models, pcm, steps = real
    read = packets(models, steps)
    speech = sum(token.ticks for packet in read for token in packet.groups[-1]) * 0.02
    assert 0.4 * len(pcm) / 16000 < speech < len(pcm) / 16000
    assert sum(phone != "SIL" for phone in phones(read)) > 7 * speech
    newest = sum(len(serialize(replace(packet, groups=plain(packet)[-1:], voice=None), models.entropy)) for packet in read)
    assert 8 * newest / speech < 230
    assert 8 * sum(map(len, itertools.chain(*steps))) / speech < 850
    assert max(map(len, itertools.chain(*steps))) < 90


def test_real_speech_survives_loss_and_reordering(real: tuple[Models, NDArray[np.int16], list[list[bytes]]]) -> None:
    models, pcm, steps = real
    rng = random.Random(30)
    arrived: list[list[bytes]] = [[] for _ in range(len(steps) + 40)]
    for at, payloads in enumerate(steps):
        for payload in payloads:
            if rng.random() >= 0.3:
                arrived[at + (rng.randrange(15, 25) if rng.random() < 0.2 else rng.randrange(3))].append(payload)
    heard, decoder = decode(models, arrived, tail=60)
    statistics = decoder.statistics
    tokens = sum(len(packet.groups[-1]) for packet in packets(models, steps))
    assert len(heard) == STEP * (len(arrived) + 60)
    assert 0.75 * tokens < statistics.tokens_received <= tokens
    assert statistics.tokens_recovered > 0.1 * tokens
    assert statistics.voice_known
    loud = np.abs(heard[: len(heard) // 320 * 320].reshape(-1, 320).astype(int)).max(1) > 300
    said = np.abs(pcm[: len(pcm) // 320 * 320].reshape(-1, 320).astype(int)).max(1) > 300
    assert loud.sum() > 0.6 * said.sum()


def test_real_silence_at_the_end_is_zeros(real: tuple[Models, NDArray[np.int16], list[list[bytes]]]) -> None:
    models, _, steps = real
    heard, _ = decode(models, steps, tail=150)
    assert not heard[-16000:].any()
    assert SILENCE == 0
