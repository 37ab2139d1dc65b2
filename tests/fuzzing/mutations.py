"""Texts bent, cut, joined and repeated: inputs that are nearly right, and some that are not at all."""

import random
from collections.abc import Iterator, Sequence

MAX_INPUT = 70_000
_NASTY = (
    b"\0", b"\r\n", b"\n", b"\r", b"\x1b[31m", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\xef\xbb\xbf", b"%00", b"%n%s",
    b"-1", b"0", b"4294967296", b"99999999999999999999", b"1e999", b"NaN", b'"', b"'", b"<", b">", b"{", b"}", b"[", b"]", b";", b"=", b":",
    b"@", b",", b"\\", b"\t", b" ", b"../../etc/passwd", b"\xd9\xa3",
)  # fmt: skip


def mutations(rng: random.Random, sources: Sequence[bytes], words: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Without end. `words` are of the language that is tried."""
    while True:
        data = bytearray(rng.choice(sources))
        for _ in range(rng.choice((0, 1, 1, 2, 3, 8, 30))):
            _bend(rng, data, sources, words)
        yield bytes(data[:MAX_INPUT])


def _bend(rng: random.Random, data: bytearray, sources: Sequence[bytes], words: Sequence[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    match rng.randrange(9):
        case 0 if at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        case 1 if at < len(data):
            data[at] = rng.randrange(256)
        case 2:
            data[at:at] = rng.choice(_NASTY)
        case 3:
            del data[at : at + rng.choice((1, 2, 8, 64))]
        case 4:
            other = rng.choice(sources)
            data[at:] = other[rng.randrange(len(other) + 1) :]
        case 5:
            piece = bytes(data[at : at + rng.choice((1, 4, 30, 200))])
            data[at:at] = piece * rng.choice((1, 2, 10, 300))
        case 6 if words:
            data[at:at] = rng.choice(words)
        case 7:
            lines = bytes(data).splitlines(keepends=True)
            rng.shuffle(lines)
            data[:] = b"".join(lines[: rng.randrange(len(lines) + 1)] or lines)
        case _:
            # One number or word for another.
            end = at
            while end < len(data) and chr(data[end]).isalnum():
                end += 1
            data[at:end] = rng.choice((*words, *_NASTY))
