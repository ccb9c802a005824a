"""Video files: upright whatever their header says, times kept, and damage told in one line."""

import struct
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from vosmem import videofile
from vosmem.errors import UserError

pytest.importorskip("av", reason="needs the extra `video`")

# The display matrix's (a, b, c, d), and what a player makes of the stored image.
TURNS = {
    "as stored": ((1, 0, 0, 1), lambda image: image),
    "clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "upside down": ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "anticlockwise": ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "mirrored down": ((1, 0, 0, -1), lambda image: image[::-1]),
    "transposed": ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
    "transposed and turned": ((0, -1, -1, 0), lambda image: np.rot90(image.swapaxes(0, 1), 2)),
}


def film(path, length=6, size=(50, 72), rate=10.0, times=None):
    """Frames that grow brighter, 20 a frame, with a bright corner at the upper left."""
    frames = [np.full((*size, 3), 20 * t % 200, np.uint8) for t in range(length)]
    for frame in frames:
        frame[: size[0] // 2, : size[1] // 2] += 50
    videofile.write(path, frames, times or [t / rate for t in range(length)])
    return frames


def turn(path, matrix):
    """Write a display matrix into the only track of an MP4 file."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    at += 4 + (32 if data[at] else 20) + 16
    a, b, c, d = (65536 * n for n in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def exif(jpeg, orientation):
    """A JPEG with an EXIF entry that says how it is shown."""
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00" + bytes([orientation]) + bytes(3)
    told = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + (len(told) + 2).to_bytes(2, "big") + told + jpeg[2:]


@pytest.mark.parametrize(
    ("orientation", "name"), [(1, "as stored"), (3, "upside down"), (6, "clockwise"), (8, "anticlockwise")]
)
def test_pictures_with_exif_as_cameras_write_them(tmp_path, orientation, name):
    """PyAV has no name for EXIF, and refuses all that a frame of such a film carries."""
    import av

    image = np.full((48, 80, 3), 60, np.uint8)
    image[:24, :40] = 200
    jpeg = exif(cv2.imencode(".jpg", image)[1].tobytes(), orientation)
    with av.open(str(tmp_path / "v.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 80, 48, "yuvj420p"
        for t in range(3):
            packet = av.Packet(jpeg)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, t, t, Fraction(1, 10)
            container.mux(packet)
    frames = [frame for _, frame in videofile.read(tmp_path / "v.avi")]
    assert len(frames) == 3
    np.testing.assert_allclose(frames[1].astype(float), TURNS[name][1](image), atol=12)


def test_round_trip(tmp_path):
    written = film(tmp_path / "v.mp4", size=(50, 71))
    times, frames = zip(*videofile.read(tmp_path / "v.mp4"), strict=True)
    assert times == pytest.approx([t / 10 for t in range(6)])
    assert frames[0].shape == (50, 70, 3)
    np.testing.assert_allclose([b.mean() for b in frames], [w.mean() for w in written], atol=4)
    assert videofile.length(tmp_path / "v.mp4") == 6


@pytest.mark.parametrize("name", ["12:30.mp4", "file:x.mp4", "concat:x.mp4", "-x.mp4"])
def test_a_name_is_no_protocol(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film(Path(name), size=(50, 70))
    assert len(list(videofile.read(name))) == videofile.length(name) == 6


def test_a_path_leads_through_links(tmp_path, monkeypatch):
    (tmp_path / "other/sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "other/sub")
    monkeypatch.chdir(tmp_path)
    film(Path("link/../v.mp4"), size=(50, 70))
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == [] and (tmp_path / "other/v.mp4").is_file()
    assert len(list(videofile.read("link/../v.mp4"))) == 6


@pytest.mark.parametrize("name", TURNS)
def test_frames_are_upright(tmp_path, name):
    matrix, expected = TURNS[name]
    film(tmp_path / "v.mp4", length=2)
    stored = [frame for _, frame in videofile.read(tmp_path / "v.mp4")]
    turn(tmp_path / "v.mp4", matrix)
    for (_, shown), frame in zip(videofile.read(tmp_path / "v.mp4"), stored, strict=True):
        np.testing.assert_array_equal(shown, expected(frame))


def test_times_are_kept(tmp_path):
    times = [0.0, 0.04, 0.5, 0.54, 2.0]
    film(tmp_path / "v.mp4", length=5, times=[3 + t for t in times])
    assert [time for time, _ in videofile.read(tmp_path / "v.mp4")] == pytest.approx(times, abs=1e-4)


def test_times_that_repeat_or_lie_out_of_order_still_make_a_video(tmp_path):
    film(tmp_path / "v.mp4", length=5, times=[0.0, 0.2, 0.1, 0.1, 0.3])
    times = [time for time, _ in videofile.read(tmp_path / "v.mp4")]
    assert times == sorted(set(times))
    assert times == pytest.approx([0, 0.1, 0.1, 0.2, 0.3], abs=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (16, 16), (17, 2), (6, 9001)])
def test_any_size_can_be_written(tmp_path, size):
    videofile.write(tmp_path / "v.mp4", [np.full((*size, 3), 100, np.uint8)], [0.0])
    ((time, frame),) = videofile.read(tmp_path / "v.mp4")
    assert time == 0
    scale = min(1, 4096 / max(size))
    assert frame.shape[:2] == tuple(max(2, round(n * scale) // 2 * 2) for n in size)
    assert frame.mean() == pytest.approx(100, abs=5)


def test_one_frame_lasts_a_while(tmp_path):
    import av

    film(tmp_path / "v.mp4", length=1)
    with av.open(str(tmp_path / "v.mp4")) as container:
        stream = container.streams.video[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(0.04)


def test_nothing_is_left_of_a_video_whose_frames_fail(tmp_path):
    def frames():
        yield np.zeros((16, 16, 3), np.uint8)
        raise UserError("stop")

    with pytest.raises(UserError, match="stop"):
        videofile.write(tmp_path / "v.mp4", frames(), [0.0, 1.0])
    assert list(tmp_path.iterdir()) == []


def cut_short(path, name):
    """An MP4 file whose index stands in front, or a Matroska file, of which the second half is missing."""
    import av

    with av.open(str(path / name), "w", options={"movflags": "faststart"} if name.endswith("mp4") else {}) as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for t in range(30):
            noise = np.random.default_rng(t).integers(0, 255, (64, 64, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="bgr24")))
        container.mux(stream.encode())
    data = (path / name).read_bytes()
    (path / name).write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("v.mp4", r"v\.mp4: breaks off or is damaged after \d+ frames; copy the file anew"),
        ("v.mkv", r"v\.mkv: ends after 1\.\d of 3\.0 seconds; copy the file anew"),
    ],
)
def test_a_video_that_breaks_off(tmp_path, name, message):
    cut_short(tmp_path, name)
    with pytest.raises(UserError, match=message):
        list(videofile.read(tmp_path / name))


def test_what_is_no_video(tmp_path):
    (tmp_path / "text.mp4").write_text("no video\n" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    for name, message in {
        "text.mp4": "cannot be opened as a video; give a video file or a folder of images",
        "empty.mp4": "cannot be opened as a video",
        "absent.mp4": "no such file; give a video file",
    }.items():
        with pytest.raises(UserError, match=rf"{name}: {message}"):
            list(videofile.read(tmp_path / name))
        assert videofile.length(tmp_path / name) is None


def test_sound_alone_is_no_video(tmp_path):
    import av

    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(UserError, match=r"a\.wav: holds sound or text, but no pictures"):
        list(videofile.read(tmp_path / "a.wav"))


def test_a_video_without_frames(tmp_path):
    import av

    with av.open(str(tmp_path / "v.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        container.start_encoding()
    with pytest.raises(UserError, match=r"v\.avi: (holds no frames|cannot be opened)"):
        list(videofile.read(tmp_path / "v.avi"))
