"""What the codec worker says of itself and of its streams that the engine publishes as it stands."""

from __future__ import annotations

from msgspec import Struct


class WorkerFacts(Struct, frozen=True, omit_defaults=True):
    """What the worker says of itself: version of the payload format, phone inventory and model, all of which go into the fmtp line; seconds
    that warming up and loading took; from the beginning of a phone to when its packet leaves, on average."""

    version: int
    inventory: str
    model: str
    warm_s: float = 0.0
    load_s: float = 0.0
    encoder_delay_ms: int = 0


class CodecCounters(Struct, frozen=True, omit_defaults=True):
    """Counters of one stream of our codec since it was opened.

    The first ten: see `codec.decoder.DecoderStatistics`. `sent_*`: speech, packets and bytes that were sent. `link_reports`: how many
    reports on our packets the remote party's phone sent. `*_cpu_s` is the processor time that the encoder, the decoder
    and the training of this stream took, `*_longest_ms` the longest step; `encoder_rested_ms`: of sound that the
    recogniser did not have to hear.
    `heard_*`: how the other phone renders the user's voice, as the
    training knows it (`codec.learning.hearing.Heard`). `typed_s`: typed speech that is still to be sent.
    `word_recogniser`: "loading", "ready", or why there is none; what it did: see `codec.recognise.second_pass.SecondPass`, and
    `word_rests`: how often the machine was too slow for it.
    """

    packets: int = 0
    tokens_received: int = 0
    tokens_recovered: int = 0
    tokens_late: int = 0
    tokens_dropped: int = 0
    gaps: int = 0
    lost_ms: int = 0
    voice_known: bool = False
    voice_bytes: int = 0
    waiting_ms: int = 0
    sent_speech_ms: float = 0.0
    sent_packets: int = 0
    sent_bytes: int = 0
    sent_voice_bytes: int = 0
    link_reports: int = 0
    encoder_pcm_dropped: int = 0
    encoder_payloads_made: int = 0
    encoder_keep_alives: int = 0
    encoder_failures: int = 0
    encoder_rested_ms: int = 0
    encoder_cpu_s: float = 0.0
    encoder_longest_ms: int = 0
    decoder_payloads_dropped: int = 0
    decoder_payloads_unreadable: int = 0
    decoder_samples_not_made: int = 0
    decoder_failures: int = 0
    decoder_cpu_s: float = 0.0
    decoder_longest_ms: int = 0
    training_steps: int = 0
    training_cpu_s: float = 0.0
    heard_similarity: float | None = None
    heard_mel_distance: float | None = None
    typed_s: float = 0.0
    word_recogniser: str = ""
    word_looks: int = 0
    word_words: int = 0
    word_words_alone: int = 0
    word_words_rejected: int = 0
    word_loops: int = 0
    word_ticks_as_heard: int = 0
    word_rests: int = 0
