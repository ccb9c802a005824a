"""Frames and masks of every odd kind: used as well as can be, or told of in a line; see `test_configs`."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest

from tests.conftest import write_davis
from tests.doors.door import Door, some

RNG = np.random.default_rng(0)
FRAME = RNG.integers(0, 256, (64, 96, 3), np.uint8)
DEPTH = {np.uint8: 255, np.uint16: 65535}


def encoded(image, suffix=".png", *flags):
    done, data = cv2.imencode(suffix, image, flags)
    assert done
    return data.tobytes()


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width, height, depth, colour, rows, *before):
    """A PNG whose heading may lie about its rows."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg_turned(orientation, image=FRAME):
    """A JPEG with EXIF's tag 0x0112, which tells how it is to be turned."""
    jpeg = encoded(image, ".jpg")
    tiff = b"II*\x00" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def cmyk():
    """A JPEG of four inks, as printers take it, which OpenCV does not write."""
    image = pytest.importorskip("PIL.Image", reason="needs Pillow to write CMYK")
    out = io.BytesIO()
    image.fromarray(RNG.integers(0, 256, (64, 96, 4), np.uint8), "CMYK").save(out, "JPEG")
    return out.getvalue()


PNG, JPEG = encoded(FRAME), encoded(FRAME, ".jpg")
READ = {  # what can be read, whatever it is called
    "plain.png": PNG,
    "plain.jpg": JPEG,
    "sixteen bits.png": encoded(FRAME.astype(np.uint16) * 257),
    "sixteen bits grey.png": encoded(FRAME[..., 0].astype(np.uint16) * 257),
    "grey.png": encoded(FRAME[..., 0]),
    "grey.jpg": encoded(FRAME[..., 0], ".jpg"),
    "alpha.png": encoded(np.dstack([FRAME, FRAME[..., :1]])),
    "one bit.png": png(96, 64, 1, 0, zlib.compress((b"\x00" + b"\xaa" * 12) * 64)),
    "palette.png": png(96, 64, 8, 3, zlib.compress(bytes(97 * 64)), chunk(b"PLTE", bytes(768))),
    "bitmap.bmp": encoded(FRAME, ".bmp"),
    "tiff.tif": encoded(FRAME, ".tif"),
    "webp.webp": encoded(FRAME, ".webp"),
    "a jpeg called.png": JPEG,
    "a png called.jpg": PNG,
    "UPPER.PNG": PNG,
    **{f"turned {k}.jpg": jpeg_turned(k) for k in range(10)},
}
REFUSED = {  # what cannot
    "empty.png": b"",
    "text.png": b"no picture",
    "text.jpg": b"GIF89a, but no picture",
    "cut in the heading.png": PNG[:20],
    "cut in the heading.jpg": JPEG[:10],
    "cut in the middle.jpg": JPEG[: len(JPEG) // 2],
    "cut before its end.jpg": JPEG[:-2],
    "a zip archive.png": b"PK\x03\x04" + bytes(100),
    "a gigapixel, empty.png": png(2**15, 2**15, 8, 2, b""),
    "a terapixel.png": png(2**20, 2**20, 8, 0, zlib.compress(bytes(100))),
    "more than PNG may.png": png(2**31, 2**31, 8, 2, zlib.compress(bytes(100))),
    "of no size.png": png(0, 0, 8, 0, zlib.compress(b"")),
    "of no height.png": png(96, 0, 8, 0, zlib.compress(b"")),
    "a tiff without end.tif": b"II*\x00" + struct.pack("<I", 8) * 20,
    "pickle.png": b"\x80\x04cos\nsystem\n(S'touch x'\ntR.",
    "svg.png": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
}


def described(tmp_path, capsys, files, *more):
    """A sequence of some frames, as `vosmem data` describes it and then tells its defects."""
    folder = tmp_path / "in/video"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    door = Door(tmp_path, capsys)
    status, _, err = door.run(
        "data", "describe", "video", "--root", "in", "--layout", "folder", *more, "--out", "out/v.json"
    )
    assert status == 0, err
    return door


@pytest.mark.parametrize("name", READ)
def test_odd_frames_are_read(name, tmp_path, capsys):
    door = described(tmp_path, capsys, {f"{t}{name}": READ[name] for t in range(2)})
    status, _, err = door.run("data", "check", "out/v.json", "--out", "out/defects.tsv")
    assert status == 0, err
    status, _, err = door.run(
        "flow", "out/v.json", "--out", "out/f.h5", "--settings", "{estimator: dis, backward: false}"
    )
    assert status == 0, err


def test_four_inks(tmp_path, capsys):
    described(tmp_path, capsys, {"a.jpg": cmyk(), "b.jpg": cmyk()}).run(
        "data", "check", "out/v.json", "--out", "out/d.tsv"
    )


@pytest.mark.parametrize("name", REFUSED)
def test_frames_that_are_none_are_told(name, tmp_path, capsys):
    door = described(tmp_path, capsys, {"0.png": PNG, f"1{name}": REFUSED[name], "2.png": PNG})
    told = door.refuses("data", "check", "out/v.json", "--out", "out/defects.tsv", table=True)
    assert "1 defects that must be mended" in told
    assert not (tmp_path / "out/defects.tsv").exists()
    assert "cannot be read as an image; replace the file" in door.refuses("flow", "out/v.json", "--out", "out/f.h5")
    assert "cannot be read as an image" in door.refuses("segment", "in/video", "-o", "out/masks")


SIZES = [(1, 1), (1, 2), (2, 1), (1, 5000), (5000, 1), (3, 3), (10, 20000), (31, 33), (63, 65), (7, 4096)]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[1]}x{s[0]}")
def test_frames_of_any_size_have_flow_and_masks_of_their_size(size, tmp_path, capsys):
    image = encoded(RNG.integers(0, 256, (*size, 3), np.uint8))
    door = described(tmp_path, capsys, {"0.png": image, "1.png": image}, "--short-side", "64")
    status, _, err = door.run("flow", "out/v.json", "--out", "out/f.h5", "--settings", "{estimator: dis}")
    assert status == 0, err


MASKS = {
    "plain": encoded(np.eye(64, 96, dtype=np.uint8) * 255),
    "colour": PNG,
    "alpha": encoded(np.dstack([FRAME, FRAME[..., :1]])),
    "sixteen bits": encoded(np.eye(64, 96, dtype=np.uint16)),
    "jpeg": JPEG,
    "bitmap": encoded(FRAME, ".bmp"),
}
BAD_MASKS = {
    **{name: content for name, content in REFUSED.items() if not name.endswith("tif")},
    "cut short": PNG[: len(PNG) // 2],
    "a bomb": png(96, 64, 8, 0, zlib.compress(bytes(1 << 24))),
    "less than it says": png(96, 64, 8, 0, zlib.compress(bytes(100))),
    "no rows": png(96, 64, 8, 0, b""),
    "no depth of PNG's": png(96, 64, 7, 0, zlib.compress(bytes(97 * 64))),
    "no colour of PNG's": png(96, 64, 8, 5, zlib.compress(bytes(97 * 64))),
    "another size": encoded(np.eye(32, 48, dtype=np.uint8)),
}


def scored(tmp_path, capsys, content):
    root = write_davis(tmp_path / "truth", {"a": 3})
    masks = tmp_path / "masks/a"
    masks.mkdir(parents=True)
    for t in range(3):
        (masks / f"{t:05d}.png").write_bytes(content)
    arguments = ("evaluate", "--annotations", root / "Annotations/480p", "--masks", masks.parent, "--jobs", "1")
    return Door(tmp_path, capsys), arguments


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("protocol", ["davis", "fbms", "segtrack"])
def test_odd_masks_are_scored(name, protocol, tmp_path, capsys):
    door, arguments = scored(tmp_path, capsys, MASKS[name])
    if protocol != "davis" and name in ("colour", "alpha", "jpeg", "bitmap"):  # noise, a colour for every pixel
        told = door.refuses(*arguments, "--protocol", protocol)
        assert "colours or grey levels, which are no objects; give label images" in told
        return
    status, out, err = door.run(*arguments, "--protocol", protocol)
    assert status == 0 and "mean" in out, err


@pytest.mark.parametrize("name", some(BAD_MASKS))
@pytest.mark.parametrize("protocol", ["davis", "fbms"])
def test_masks_that_are_none_are_told(name, protocol, tmp_path, capsys):
    door, arguments = scored(tmp_path, capsys, BAD_MASKS[name])
    told = door.refuses(*arguments, "--protocol", protocol)
    assert ".png: " in told and "masks/a" in told


@pytest.mark.parametrize("name", ["empty.png", "text.png", "a terapixel.png", "cut in the heading.png"])
def test_annotations_that_are_none_are_told(name, tmp_path, capsys):
    files = {f"{t}.png": PNG for t in range(3)}
    (tmp_path / "truth/video").mkdir(parents=True)
    (tmp_path / "truth/video/1.png").write_bytes(REFUSED[name])
    door = described(tmp_path, capsys, files, "--masks", "truth")
    told = door.refuses("data", "check", "out/v.json", "--out", "out/d.tsv", table=True)
    assert "1 defects that must be mended" in told
