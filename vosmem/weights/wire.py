"""Protobuf's wire format, read as data: what ONNX files and Caffe's models are written in.

A message (https://protobuf.dev/programming-guides/encoding/) is a row of fields, each a number, a wire type and a
value, and values of wire type 2 may again be messages. Every length is checked against the bytes that are there before
anything is sliced; slices are views, so that nothing is copied.
"""

from __future__ import annotations

from collections.abc import Iterator

LARGEST = 2**30  # bytes of a file; VGG-16 with its classifier, the largest that there is a use for, has 0.55e9
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5  # wire types


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field number and value, in order: an int for a varint, else the value's bytes. Raises ValueError."""
    at = 0
    while at < len(message):
        key, at = number(message, at)
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = number(message, at)
            yield field, value
            continue
        if wire == BYTES:
            length, at = number(message, at)
        elif wire in (FOUR_BYTES, EIGHT_BYTES):
            length = 4 if wire == FOUR_BYTES else 8
        else:
            raise ValueError(f"wire type {wire} at byte {at}; is it what its name says?")
        if length > len(message) - at:
            raise ValueError(f"a field of {length} bytes where {len(message) - at} are left; is the file cut short?")
        yield field, message[at : at + length]
        at += length


def message(value: int | memoryview) -> memoryview:
    """A field's value that has to be bytes."""
    if isinstance(value, int):
        raise ValueError("a number where a message is expected; is it what its name says?")
    return value


def number(message: memoryview, at: int) -> tuple[int, int]:
    """The number that starts at ``at``, seven bits a byte, lowest first; and where it ends."""
    value = 0
    for i, byte in enumerate(message[at : at + 10]):
        value |= (byte & 127) << (7 * i)
        if byte < 128:
            return value, at + i + 1
    raise ValueError(f"a number at byte {at} does not end; is the file cut short?")


def numbers(packed: memoryview, most: int) -> list[int]:
    """The numbers of a packed field; no more than ``most`` of them."""
    values, at = [], 0
    while at < len(packed) and len(values) < most:
        value, at = number(packed, at)
        values.append(value)
    return values
