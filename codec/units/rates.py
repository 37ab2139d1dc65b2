"""Rates and sizes that everything else is measured in; each of them is stated here alone."""

SAMPLE_RATE = 16000
"""Hz, of all sound in the codec and between the engine and the codec: mono, int16. It is also the RTP clock of `x-phv/16000`."""

FRAME_MS = 10
"""One frame, the time unit of durations, features and synthesis."""

FRAME_SAMPLES = SAMPLE_RATE * FRAME_MS // 1000

CHUNK_MS = 20
CHUNK_SAMPLES = SAMPLE_RATE * CHUNK_MS // 1000
"""What PJMEDIA hands over at a time, and a tick of the wire."""

IP_UDP_BYTES = 20 + 8
HEADER_BYTES = IP_UDP_BYTES + 12
"""IPv4, UDP and RTP headers of a packet."""

MIN_FILE_RATE, MAX_FILE_RATE = 4000, 384_000
"""Samples a second of sound files: nobody records below or above."""
