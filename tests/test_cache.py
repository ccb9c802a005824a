"""The cache: whole or absent, says what made it, and notices what is not one of its files."""

import json
import os
import resource

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vosmem import cache, errors
from vosmem.errors import UserError
from vosmem.grid import Axis, Grid

GRID = Grid(Axis(3, 8, 0), Axis(4, 8.5, 1.25))
CLIP = cache.Clip("bear", ("00000", "00001", "00002"), (24, 34))
MAKER = cache.Maker("motion", cache.stage_version("motion"), "mpnet", {"size": [232, 424]}, "ab" * 32)


@pytest.fixture
def file(tmp_path):
    rows = np.random.default_rng(0).random((3, 3, 4)).astype(np.float32)
    path = tmp_path / "deep" / "bear.h5"
    with cache.write(path, CLIP, MAKER) as writer:
        writer.create("probability", (3, 4), GRID)
        writer.append("probability", rows[:2])
        writer.append("probability", rows[2:])
    return path, rows


def test_round_trip(file):
    path, rows = file
    with cache.read(path, "motion") as reader:
        assert reader.clip == CLIP
        assert reader.maker == MAKER
        assert len(reader) == 3
        assert reader.grid("probability") == GRID
        np.testing.assert_allclose(reader.rows("probability"), rows, atol=1e-3)
        np.testing.assert_array_equal(reader.rows("probability", 1, 2), reader.rows("probability")[1:2])


def test_plain_h5py_reads_it(file):
    with h5py.File(file[0]) as plain:
        assert plain.attrs["format_version"] == 1
        assert json.loads(plain.attrs["frames"]) == list(CLIP.frames)
        assert json.loads(plain.attrs["maker"])["name"] == "mpnet"
        assert plain["probability"].dtype == np.float16
        assert plain["probability"].chunks == (1, 3, 4)
        np.testing.assert_array_equal(plain["probability"].attrs["stride"], [8, 8.5])


def test_long_clips_fit(tmp_path):
    names = tuple(f"{t:08d}" for t in range(20_000))
    with cache.write(tmp_path / "a.h5", cache.Clip("long", names, (8, 8)), MAKER) as writer:
        writer.create("x", (1,), dtype="uint8")
        writer.append("x", np.zeros((20_000, 1)))
    with cache.read(tmp_path / "a.h5") as reader:
        assert reader.clip.frames == names


@pytest.mark.parametrize("rows", [np.zeros((2, 3, 4)), np.full((3, 3, 4), np.nan)], ids=["unfinished", "not finite"])
def test_what_fails_leaves_nothing_behind(tmp_path, rows):
    path = tmp_path / "a.h5"
    path.write_text("the user's")
    with pytest.raises(ValueError), cache.write(path, CLIP, MAKER) as writer:
        writer.create("probability", (3, 4), GRID)
        writer.append("probability", rows)
    assert os.listdir(tmp_path) == ["a.h5"]
    assert path.read_text() == "the user's"


def test_large_values_are_clipped_to_float16(tmp_path):
    with cache.write(tmp_path / "a.h5", CLIP, MAKER) as writer:
        writer.create("x", (1,))
        writer.append("x", np.array([[1e6], [-1e6], [0.5]]))
    with cache.read(tmp_path / "a.h5") as reader:
        np.testing.assert_array_equal(reader.rows("x"), np.array([[65504], [-65504], [0.5]], np.float16))


def test_a_map_must_lie_on_its_grid(tmp_path):
    with pytest.raises(ValueError, match="do not lie on a grid"), cache.write(tmp_path / "a.h5", CLIP, MAKER) as writer:
        writer.create("probability", (4, 3), GRID)


def _truncate(path):
    path.write_bytes(path.read_bytes()[:-200])


def _foreign(path):
    with h5py.File(path, "w") as plain:
        plain["x"] = 1


def _other_version(path):
    with h5py.File(path, "a") as plain:
        plain.attrs["format_version"] = 99


def _other_stage_version(path):
    with h5py.File(path, "a") as plain:
        plain.attrs["maker"] = json.dumps({**json.loads(plain.attrs["maker"]), "version": 99})
        del plain.attrs["heading_sha256"]


def _altered_heading(path):
    with h5py.File(path, "a") as plain:
        plain.attrs["frames"] = plain.attrs["frames"].replace(b"1", b"3")


def _unheaded(path):
    with h5py.File(path, "a") as plain:
        del plain.attrs["frames"]


def _flip_a_bit(path):
    with h5py.File(path) as plain:
        offset = plain["probability"].id.get_chunk_info(1).byte_offset
    content = bytearray(path.read_bytes())
    content[offset + 3] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p.unlink(), "no such cache file"),
        (lambda p: p.write_bytes(b""), "not a whole HDF5 file"),
        (_truncate, "not a whole HDF5 file"),
        (_foreign, "not one of vosmem's caches"),
        (_other_version, "has format version 99, expected 1"),
        (_unheaded, "its heading cannot be read"),
        (_altered_heading, "its heading cannot be read .not as it was written"),
        (_other_stage_version, "was written by version 99 of the stage motion, this is version"),
        (_flip_a_bit, "cannot be read back"),
    ],
)
def test_a_spoilt_file_is_named(file, spoil, message):
    spoil(file[0])
    with pytest.raises(UserError, match=message) as caught, cache.read(file[0], "motion") as reader:
        reader.rows("probability")
    assert str(file[0]) in str(caught.value)
    assert "\n" not in str(caught.value)
    if file[0].exists():
        assert "`vosmem cache verify --delete`" in str(caught.value)


def test_what_the_system_refuses_is_not_taken_for_spoilt(file):
    """Its file may be sound: nobody should be told to delete it."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))  # no file more may be opened
    try:
        with pytest.raises(OSError, match="Too many open files") as refused, cache.read(file[0], "motion"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert errors.told(refused.value).startswith(f"{file[0]}: too many files are open (Too many open files); allow")
    with cache.read(file[0], "motion") as reader:
        reader.check_whole()


@pytest.fixture
def read_whole(file):
    """``read_whole()``: all that is read of the file, with every check."""

    def read():
        with cache.read(file[0], "motion") as reader:
            reader.check_whole()
            whole = reader.rows("probability").tobytes()
            return reader.clip, reader.maker, reader.names, reader.grid("probability"), whole

    return read


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_whichever_bit_flips_it_is_told_or_nothing_has_changed(file, read_whole, at, bit):
    whole = file[0].read_bytes()
    expected = read_whole()
    content = bytearray(whole)
    content[int(at * len(whole))] ^= 1 << bit
    file[0].write_bytes(content)
    try:
        assert read_whole() == expected
    except UserError as error:
        assert str(file[0]) in str(error) and "\n" not in str(error)
    finally:
        file[0].write_bytes(whole)


@pytest.mark.slow
def test_every_bit_that_flips_is_told_or_changes_nothing(file, read_whole):
    """Nor does HDF5 search for ever, as it does in its heap of strings of variable length."""
    whole, expected, told = file[0].read_bytes(), read_whole(), 0
    for at in range(8 * len(whole)):
        content = bytearray(whole)
        content[at // 8] ^= 1 << at % 8
        file[0].write_bytes(content)
        try:
            assert read_whole() == expected, at
        except UserError:
            told += 1
    assert told > 4 * len(whole)


def test_a_heading_of_any_length_is_read_back(tmp_path):
    names = tuple(f"image {t:07}" for t in range(9000))  # 140 kB of JSON, where HDF5 allows 64 kB in an object's header
    clip = cache.Clip("Gänse, im Flug", names, (48, 64))
    with cache.write(tmp_path / "long.h5", clip, cache.Maker("motion", cache.stage_version("motion"), "mpnet")) as file:
        file.create("probability", (1, 1))
        file.append("probability", np.zeros((9000, 1, 1)))
    with cache.read(tmp_path / "long.h5", "motion") as reader:
        assert reader.clip == clip


def test_strings_of_variable_length_are_read(file, read_whole):
    """As files of before have them."""
    expected = read_whole()
    with h5py.File(file[0], "a") as plain:
        for name in ("sequence", "frames", "maker", "git_commit", "heading_sha256"):
            plain.attrs[name] = plain.attrs[name].decode()
    assert read_whole() == expected


def test_a_file_whose_heading_has_no_hash_is_read(file, read_whole):
    """As those of before there was one."""
    expected = read_whole()
    with h5py.File(file[0], "a") as plain:
        del plain.attrs["heading_sha256"]
    assert read_whole() == expected


def _short(path):
    with h5py.File(path, "a") as plain:
        rows, attributes = plain["probability"][:2], dict(plain["probability"].attrs)
        del plain["probability"]
        plain.create_dataset("probability", data=rows, chunks=(1, 3, 4), fletcher32=True).attrs.update(attributes)


def _unwritten(path):
    with h5py.File(path, "a") as plain:
        rows = plain["probability"][:2]
        del plain["probability"]
        plain.create_dataset("probability", (3, 3, 4), "f2", chunks=(1, 3, 4), fletcher32=True)[:2] = rows


def _emptied(path):
    with h5py.File(path, "a") as plain:
        del plain["probability"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_short, "/probability holds 2 of 3 frames"),
        (_unwritten, "/probability holds 2 of 3 frames"),
        (_emptied, "holds nothing"),
        (_flip_a_bit, "/probability cannot be read back"),
    ],
)
def test_a_file_that_is_not_whole_is_told_when_it_is_checked(file, spoil, message):
    with cache.read(file[0]) as reader:
        reader.check_whole()
    spoil(file[0])
    with cache.read(file[0]) as reader, pytest.raises(UserError, match=message):
        reader.check_whole()


def test_another_stage_or_data_set_is_told(file):
    with (
        pytest.raises(UserError, match="written by stage motion, expected appearance"),
        cache.read(file[0], "appearance"),
    ):
        pass
    with cache.read(file[0]) as reader, pytest.raises(UserError, match="holds no /fc6, only probability"):
        reader.rows("fc6")
