"""Reading masks of every kind of PNG, and what is said of files that cannot be read."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem import bits, png
from vosmem.errors import UserError

sizes = st.tuples(st.integers(1, 30), st.integers(1, 200))


def foreground(path):
    mask = png.read_mask(path)
    return bits.unpack(mask.packed, mask.width)


def write(path, values, depth=8, colour=0, filters=0, palette=b"", interlaced=0):
    """A PNG written by hand: (H, W) or (H, W, C) integers, rows filtered as told (0 none, 1 left, 2 up)."""
    height, width = values.shape[:2]
    rows = np.zeros((height, 0), np.uint8)
    if depth == 8:
        rows = values.reshape(height, -1).astype(np.uint8)
    elif depth < 8:
        each = (values[..., None] >> np.arange(depth)[::-1]) & 1  # (H, W, depth)
        rows = np.packbits(each.reshape(height, -1).astype(np.uint8), axis=1)
    else:
        rows = values.astype(">u2").view(np.uint8).reshape(height, -1)
    step = max(rows.shape[1] // width, 1)
    filters = np.broadcast_to(filters, height)
    raw = b""
    for y in range(height):
        before = {0: 0, 1: np.r_[np.zeros(step), rows[y, :-step]], 2: rows[y - 1] if y else 0}[int(filters[y])]
        raw += bytes([filters[y]]) + (rows[y] - np.asarray(before).astype(np.uint8)).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = [
        (b"IHDR", header),
        *([(b"PLTE", palette)] if palette else []),
        (b"IDAT", zlib.compress(raw)),
        (b"IEND", b""),
    ]
    data = b"".join(struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks)
    path.write_bytes(png.SIGNATURE + data)
    return path


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), sizes, st.sampled_from([1, 2, 127, 128, 129, 255]))
def test_masks_of_two_values_however_filtered(tmp_path_factory, seed, size, value):
    rng = np.random.default_rng(seed)
    mask = rng.random(size) < rng.choice([0.02, 0.5, 1])
    folder = tmp_path_factory.mktemp("png")
    for filters in (0, 1, 2, rng.integers(0, 3, size[0])):
        path = write(folder / "a.png", mask * value, filters=filters)
        np.testing.assert_array_equal(foreground(path), mask)
        assert png.read_mask(path).labelled == (value not in (1, 255) and bool(mask.any()))
    cv2.imwrite(str(folder / "b.png"), mask.astype(np.uint8) * value)  # as OpenCV writes it
    np.testing.assert_array_equal(foreground(folder / "b.png"), mask)
    one_bit = write(folder / "c.png", mask.astype(int), depth=1)
    np.testing.assert_array_equal(foreground(one_bit), mask)
    assert png.read_mask(one_bit).size == size


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.tuples(st.integers(1, 20), st.integers(1, 90)), st.integers(2, 256))
def test_labels_however_filtered(tmp_path_factory, seed, size, many):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, many, size)
    folder = tmp_path_factory.mktemp("png")
    for filters in (0, 1, rng.integers(0, 3, size[0])):
        path = write(folder / "a.png", labels, filters=filters)
        np.testing.assert_array_equal(foreground(path), labels != 0)
        np.testing.assert_array_equal(png.read_labels(path), labels)
        assert png.read_mask(path).labelled == (
            not set(labels.ravel()) <= {0, 1} and not set(labels.ravel()) <= {0, 255}
        )


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_of_a_palette_the_indices_count_not_the_colours(tmp_path, depth):
    labels = np.arange(24).reshape(4, 6) % min(2**depth, 3)
    palette = bytes([255, 255, 255, 0, 0, 0, 9, 9, 9][: 3 * 2**depth])  # the background is white, an object black
    path = write(tmp_path / "a.png", labels, depth=depth, colour=3, palette=palette)
    np.testing.assert_array_equal(foreground(path), labels != 0)
    np.testing.assert_array_equal(png.read_labels(path), labels)
    assert png.read_mask(path).labelled == (depth > 1)  # holds 2 as well


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_is_as_bright_at_any_depth(tmp_path, depth):
    """White is the highest value of each; a tool that makes files smaller chooses the depth for each by itself."""
    mask = np.arange(24).reshape(4, 6) % 2
    path = write(tmp_path / "a.png", mask * (2**depth - 1), depth=depth)
    np.testing.assert_array_equal(png.read_labels(path), 255 * mask)


def test_alpha_does_not_count_and_colours_do(tmp_path):
    values = np.zeros((5, 7, 2), int)
    values[..., 1] = 255
    values[1:3, 2:4, 0] = 255
    grey = write(tmp_path / "grey-alpha.png", values, colour=4)
    np.testing.assert_array_equal(foreground(grey), values[..., 0] > 0)
    colours = np.zeros((5, 7, 4), np.uint8)
    colours[..., 3] = 255
    colours[2:, 3:, 2] = 128
    colours[0, 0] = (0, 7, 0, 255)
    cv2.imwrite(str(tmp_path / "colour-alpha.png"), colours)
    np.testing.assert_array_equal(foreground(tmp_path / "colour-alpha.png"), colours[..., :3].any(2))
    labels = png.read_labels(tmp_path / "colour-alpha.png")
    assert len(np.unique(labels)) == 3 and labels[4, 6] != labels[0, 0] != 0


def test_sixteen_bits(tmp_path):
    labels = np.array([[0, 1], [300, 65535]])
    path = write(tmp_path / "a.png", labels, depth=16)
    np.testing.assert_array_equal(foreground(path), labels != 0)
    np.testing.assert_array_equal(png.read_labels(path), labels)


@pytest.mark.parametrize("kept", [0.5, 0.97])
@pytest.mark.parametrize("read", [png.read_mask, png.read_labels])
@pytest.mark.parametrize("colour", [0, 2, 3])
def test_a_truncated_file_is_an_error_never_a_part_of_a_mask(tmp_path, kept, read, colour):
    values = np.random.default_rng(0).integers(0, 2, (40, 50, *([3] if colour == 2 else [])))
    path = write(tmp_path / "a.png", values * 255, colour=colour, palette=bytes(768) if colour == 3 else b"")
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(UserError, match=r"a\.png: a damaged PNG"):
        read(path)


def test_bytes_changed_on_the_way_are_noticed(tmp_path):
    path = write(tmp_path / "a.png", np.random.default_rng(0).integers(0, 2, (40, 50)))
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(UserError, match="a damaged PNG"):
        png.read_mask(path)


@pytest.mark.parametrize(("content", "told"), [(b"no image", "not an image; give masks as PNG"), (b"", "not an image")])
def test_other_files_are_told_from_images(tmp_path, content, told):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=told):
        png.read_mask(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"b\.png: cannot be read \(No such file"):
        png.read_mask(tmp_path / "b.png")


@pytest.mark.parametrize("filters", [0, 1, 2])
def test_index_255_is_background_where_the_palette_says_void(tmp_path, filters):
    values = np.random.default_rng(0).choice([0, 1, 2, 255], (20, 70))
    palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    plain = write(tmp_path / "plain.png", values, colour=3, filters=filters, palette=palette.tobytes())
    np.testing.assert_array_equal(foreground(plain), values > 0)
    palette[255] = (224, 224, 192)
    void = write(tmp_path / "void.png", values, colour=3, filters=filters, palette=palette.tobytes())
    np.testing.assert_array_equal(foreground(void), values % 255 > 0)
    np.testing.assert_array_equal(png.read_labels(void), values % 255)
    two = write(tmp_path / "two.png", (values > 0) * 255, colour=3, filters=filters, palette=palette.tobytes())
    assert not foreground(two).any()
    cv2.imwrite(str(tmp_path / "colour.png"), cv2.imread(str(void)))  # the same in colour, without a palette
    np.testing.assert_array_equal(foreground(tmp_path / "colour.png"), values % 255 > 0)
