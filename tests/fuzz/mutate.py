"""Mutations of a file's bytes: what a disk, a network or a person may do to it."""

import numpy as np

TOKENS = [
    *(b"nan", b"inf", b"-1", b"0", b"1e309", b"99999999999999999999", b"0x7f"),
    *(b"../../secret", b"/etc/passwd", b"\\\\host\\x", b"a/b", b".", b"CON"),
    *(b"", b",", b'"', b"'", b"\n", b"\r\n", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"[", b"]", b"{", b"}", b"null", b"true", b"[[[[[[[[", b"!!python/object:os"),
    *(b"=1+1", b"\xed\xa0\x80", "é".encode(), "\u202e".encode(), b"A" * 5000),
]
"""What upsets readers of text."""

NUMBERS = [b"\x00" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"]
NUMBERS += [b"\x00\x00\x00\x80", b"\x60\xea\x60\xea", b"\x01\x00", b"\xfe\xff"]
"""What upsets readers of lengths, 60,000 by 60,000 px among them."""


def mutate(content: bytes, rng: np.random.Generator, other: bytes = b"") -> bytes:
    """Damage a file's bytes in one place, or in a few.

    Args:
        content: The file.
        rng: The only source of randomness.
        other: Another file of its kind, to be spliced in.

    Returns:
        Its bytes, damaged; the length may change.
    """
    data = bytearray(content)
    for _ in range(int(rng.geometric(0.5))):
        data = _STEPS[int(rng.integers(len(_STEPS)))](data, rng, other)
    return bytes(data)


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Choose a place, half of the time in the first 600 bytes, where headers lie."""
    end = len(data) if rng.random() < 0.5 else min(len(data), 600)
    return int(rng.integers(0, end + 1))


def _flip(data, rng, other):
    if data:
        data[min(_place(data, rng), len(data) - 1)] ^= 1 << int(rng.integers(8))
    return data


def _overwrite(data, rng, other):
    at, piece = _place(data, rng), NUMBERS[int(rng.integers(len(NUMBERS)))]
    data[at : at + len(piece)] = piece
    return data


def _noise(data, rng, other):
    at = _place(data, rng)
    data[at : at + 4] = rng.bytes(int(rng.integers(1, 9)))
    return data


def _insert(data, rng, other):
    at = _place(data, rng)
    data[at:at] = TOKENS[int(rng.integers(len(TOKENS)))]
    return data


def _cell(data, rng, other):
    """Replace one comma-separated cell, or what stands there in other files."""
    at = _place(data, rng)
    start = data.rfind(b",", 0, at) + 1
    stop = data.find(b",", at)
    data[start : stop if stop >= 0 else len(data)] = TOKENS[
        int(rng.integers(len(TOKENS)))
    ]
    return data


def _cut(data, rng, other):
    at = _place(data, rng)
    del data[at : at + int(rng.integers(1, 64))]
    return data


def _end(data, rng, other):
    del data[_place(data, rng) :]
    return data


def _repeat(data, rng, other):
    at = _place(data, rng)
    data[at:at] = data[at : at + int(rng.integers(1, 200))]
    return data


def _splice(data, rng, other):
    at = int(rng.integers(0, len(other) + 1))
    data[_place(data, rng) :] = other[at:]
    return data


_STEPS = (_flip, _overwrite, _noise, _insert, _cell, _cut, _end, _repeat, _splice)
