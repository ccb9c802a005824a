"""Video files of every odd kind: taken apart, or told of in a line; see `test_configs`."""

import numpy as np
import pytest

from tests.doors.door import Door, some
from vosmem import videofile

av = pytest.importorskip("av", reason="needs PyAV")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Suffix -> the bytes of a whole video of that kind, 12 frames of 64 x 96."""
    folder, rng = tmp_path_factory.mktemp("videos"), np.random.default_rng(0)
    frames = [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(12)]
    for suffix in (".mp4", ".mkv"):
        videofile.write(folder / f"a{suffix}", frames, [t / 25 for t in range(12)])
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


def described(tmp_path, capsys, name, content, *more):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(content)
    door = Door(tmp_path, capsys)
    stem = name.rpartition(".")[0]
    status, _, err = door.run(
        "data",
        "describe",
        stem,
        "--root",
        "in",
        "--layout",
        "videos",
        "--short-side",
        "64",
        "--out",
        "out/v.json",
        *more,
    )
    assert status == 0, err
    return door


def unusable(door):
    told = door.refuses("data", "check", "out/v.json", "--out", "out/t.tsv", table=True)
    assert "defects that must be mended" in told
    door.refuses("flow", "out/v.json", "--out", "out/f.h5", "--settings", "{estimator: dis}")


def test_a_folder_of_somebody_is_not_replaced(tmp_path, capsys, whole):
    door = described(tmp_path, capsys, "a.mp4", whole[".mp4"])
    again = ("data", "describe", "a", "--root", "in", "--layout", "videos", "--short-side", "64", "--out")
    assert door.run(*again, "out/v.json")[0] == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").touch()
    assert "mine: would be replaced" in door.refuses(*again, "mine.json")
    assert "expected a name that ends in .json" in door.refuses(*again, "mine")
    (tmp_path / "out/v.json").unlink()
    assert "v: would be replaced" in door.refuses("refine", "a.json", "a.h5", "--out", "out/v.json")


BAD = {
    "empty.mp4": b"", "zeros.mp4": bytes(5000), "text.mp4": b"no video", "text.mkv": b"no video",
    "zip.mp4": b"PK" + bytes(500),
    "playlist.mp4": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "playlist.ts": b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
    "list.avi": b"ffconcat version 1.0\nfile /etc/passwd\n", "script.mov": b"<script>alert(1)</script>",
    "tiny.gif": b"GIF89a", "ftyp.mp4": b"\x00\x00\x00\x18ftypisom" + bytes(40),
    "size.mp4": b"\xff\xff\xff\xffmoov" + bytes(40),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_video_is_told(name, tmp_path, capsys):
    unusable(described(tmp_path, capsys, name, BAD[name]))
    told = Door(tmp_path, capsys).refuses("segment", f"in/{name}", "-o", "out/masks")
    assert f"in/{name}: " in told


@pytest.mark.parametrize("kept", [0.01, 0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_that_was_cut_is_told(suffix, kept, whole, tmp_path, capsys):
    unusable(described(tmp_path, capsys, f"a{suffix}", whole[suffix][: int(kept * len(whole[suffix]))]))


@pytest.mark.parametrize("seed", some(range(10)))
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_of_which_bytes_changed_is_read_or_told(suffix, seed, whole, tmp_path, capsys):
    rng, content = np.random.default_rng(seed), bytearray(whole[suffix])
    for at in rng.integers(0, len(content) - 8, 3):
        content[at : at + 8] = rng.bytes(8)
    door = described(tmp_path, capsys, f"a{suffix}", bytes(content))
    door.run("data", "check", "out/v.json", "--out", "out/t.tsv")


def test_sound_alone_is_told(tmp_path, capsys):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    unusable(described(tmp_path, capsys, "sound.mp4", (tmp_path / "a.wav").read_bytes()))


@pytest.mark.parametrize("size", [(2, 2), (1, 1), (3, 5), (65, 97), (16, 2000)], ids=str)
def test_odd_sizes_are_taken_apart(size, tmp_path, capsys):
    rng = np.random.default_rng(0)
    videofile.write(tmp_path / "a.mp4", [rng.integers(0, 256, (*size, 3), np.uint8) for _ in range(3)], [0, 0.04, 0.08])
    door = described(tmp_path, capsys, "a.mp4", (tmp_path / "a.mp4").read_bytes())
    status, _, err = door.run("flow", "out/v.json", "--out", "out/f.h5", "--settings", "{estimator: dis}")
    assert status == 0, err
