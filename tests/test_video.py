"""Frames and masks from and to files."""

import cv2
import numpy as np
import pytest

from vosmem import video
from vosmem.errors import UserError


def test_a_mask_is_true_where_any_colour_is_not_black(tmp_path):
    palette = np.zeros((4, 5, 3), np.uint8)
    palette[1, 2] = (0, 0, 128)  # as a colour map paints object 1
    palette[3, 4] = (1, 0, 0)
    with_alpha = np.dstack([palette, np.full((4, 5), 255, np.uint8)])
    for name, image in {"colour": palette, "alpha": with_alpha, "grey": palette.max(2)}.items():
        path = tmp_path / f"{name}.png"
        cv2.imwrite(str(path), image)
        np.testing.assert_array_equal(np.argwhere(video.read_mask(path)), [[1, 2], [3, 4]], err_msg=name)


def test_mask_round_trip(tmp_path):
    mask = np.random.default_rng(0).random((7, 9)) > 0.5
    video.write_mask(tmp_path / "m.png", mask)
    np.testing.assert_array_equal(video.read_mask(tmp_path / "m.png"), mask)
    assert set(np.unique(cv2.imread(str(tmp_path / "m.png"), cv2.IMREAD_UNCHANGED))) == {0, 255}
    assert [p.name for p in tmp_path.iterdir()] == ["m.png"]


def test_of_sixteen_bits_the_upper_are_taken_and_nearly_black_ones_noted(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(video, "_NOTED", [])
    for name, largest in (("bright", 65535), ("dark", 4000), ("dark too", 1000), ("black", 0)):
        ramp = np.linspace(0, largest, 64 * 3).round().astype(np.uint16).reshape(8, 8, 3)
        cv2.imwrite(str(tmp_path / f"{name}.png"), ramp)
        np.testing.assert_array_equal(video.read_frame(tmp_path / f"{name}.png"), ramp >> 8)
    (line,) = capsys.readouterr().err.splitlines()
    assert "dark.png: a 16-bit image whose largest value is 4000 of 65535" in line and "scale the images to 16" in line


def test_files_of_several_images_or_of_real_numbers_are_no_frames(tmp_path):
    frames = [np.full((8, 8, 3), v, np.uint8) for v in (0, 100, 200)]
    cv2.imwritemulti(str(tmp_path / "several.tif"), frames)
    cv2.imwrite(str(tmp_path / "one.tif"), frames[1])
    cv2.imwrite(str(tmp_path / "real.tiff"), frames[0].astype(np.float32))
    with pytest.raises(UserError, match=r"several.tif: holds 3 images, expected one; write them as a folder"):
        video.read_frame(tmp_path / "several.tif")
    with pytest.raises(UserError, match=r"real.tiff: got float32 values, expected 8 or 16 bits"):
        video.read_frame(tmp_path / "real.tiff")
    np.testing.assert_array_equal(video.read_frame(tmp_path / "one.tif"), frames[1])


def test_frames_come_in_order_and_at_the_size_asked_for(tmp_path):
    paths = [tmp_path / f"{t}.png" for t in range(11)]
    for t, path in enumerate(paths):
        video.write_frame(path, np.full((8, 12, 3), t, np.uint8))
    for found, wanted in ((paths, 11), (paths[:1], 1), ([], 0)):
        frames = list(video.frames(found, (4, 6)))
        assert [f.shape for f in frames] == [(4, 6, 3)] * wanted
        assert [int(f[0, 0, 0]) for f in frames] == list(range(wanted))


def test_frames_before_an_unreadable_one_are_given(tmp_path):
    paths = [tmp_path / f"{t}.png" for t in range(9)]
    for path in paths:
        video.write_frame(path, np.zeros((8, 12, 3), np.uint8))
    paths[6].write_bytes(b"")
    frames = video.frames(paths, (8, 12))
    for _ in range(6):
        next(frames)
    with pytest.raises(UserError, match=r"6\.png: cannot be read"):
        next(frames)


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    for read in (video.read_frame, video.read_mask):
        with pytest.raises(UserError, match=r"a\.png: cannot be read"):
            read(tmp_path / "a.png")


@pytest.fixture(params=["baseline", "progressive", "with restarts", "with a thumbnail"])
def jpeg(request):
    """A JPEG file's bytes, of noise."""
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    options = {
        "progressive": [cv2.IMWRITE_JPEG_PROGRESSIVE, 1],
        "with restarts": [cv2.IMWRITE_JPEG_RST_INTERVAL, 1],
    }.get(request.param, [])
    data = cv2.imencode(".jpg", image, options)[1].tobytes()
    if request.param != "with a thumbnail":
        return data
    small = cv2.imencode(".jpg", image[:8, :8])[1].tobytes()
    return data[:2] + b"\xff\xe1" + (2 + len(small)).to_bytes(2, "big") + small + data[2:]


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_a_jpeg_that_is_cut_is_no_image(tmp_path, jpeg, kept):
    (tmp_path / "a.jpg").write_bytes(jpeg[: int(kept * len(jpeg))])
    assert video.decode(tmp_path / "a.jpg", cv2.IMREAD_COLOR) is None


def test_what_follows_a_jpeg_is_no_part_of_it(tmp_path, jpeg):
    """As phones put a film there, in which any byte may occur."""
    (tmp_path / "a.jpg").write_bytes(jpeg)
    expected = video.read_frame(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(jpeg + b"film \xff\xda\x00\x08 and more")
    np.testing.assert_array_equal(video.read_frame(tmp_path / "a.jpg"), expected)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((480, 854), (480, 854)),
        ((1080, 1920), (480, 853)),
        ((1920, 1080), (853, 480)),
        ((16, 16), (480, 480)),
        ((10, 20000), (64, 1920)),
    ],
)
def test_working_size(size, expected):
    assert video.working_size(size, 480) == expected


def test_resizing_keeps_edges_in_place():
    image = np.zeros((40, 80), np.uint8)
    image[:, 40:] = 200
    for size in ((20, 40), (80, 160)):
        row = video.resize(image, size)[size[0] // 2].astype(float)
        assert np.interp(100, row, np.arange(size[1])) == pytest.approx(size[1] / 2 - 0.5, abs=0.1)
