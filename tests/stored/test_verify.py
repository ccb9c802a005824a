"""Every way in which a cache file can be spoilt is noticed and named, and nothing else is."""

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import h5py
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stored.conftest import FLOW, FRAMES, put
from vosmem import cache
from vosmem.cli import main


def verify(results, *arguments):
    return main(["cache", "verify", "--results", str(results), *map(str, arguments)])


def heading(path, **changes):
    with h5py.File(path, "a") as plain:
        plain.attrs.update(changes)
        del plain.attrs["heading_sha256"]


def altered(path):
    with h5py.File(path, "a") as plain:
        plain.attrs["frames"] = plain.attrs["frames"].replace(b"00001", b"00003")


def made(path, **changes):
    with h5py.File(path, "a") as plain:
        plain.attrs["maker"] = json.dumps({**json.loads(plain.attrs["maker"]), **changes})
        del plain.attrs["heading_sha256"]


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_in_a_chunk(path, chunk=1, byte=7):
    with h5py.File(path) as plain:
        at = plain["map"].id.get_chunk_info(chunk).byte_offset + byte
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


def unwritten(path):
    with h5py.File(path, "a") as plain:
        rows = plain["map"][:2]
        del plain["map"]
        plain.create_dataset("map", (3, *rows.shape[1:]), "f2", chunks=(1, *rows.shape[1:]), fletcher32=True)[:2] = rows


FLOW_B, MPNET, MEMORY = "flow/dis/b.h5", "motion/mpnet-dis/b.h5", "memory/lvo/b.h5"
FAULTS = {
    "truncated": (FLOW_B, truncate, "not a whole HDF5 file"),
    "empty": (FLOW_B, lambda p: p.write_bytes(b""), "not a whole HDF5 file"),
    "a bit flipped in a chunk": (FLOW_B, flip_in_a_chunk, "/map cannot be read back"),
    "a frame never written": (FLOW_B, unwritten, "/map holds 2 of 3 frames"),
    "a bit flipped in the heading": (
        FLOW_B,
        lambda p: p.write_bytes(p.read_bytes().replace(b"00001", b"00003")),
        "an HDF5 file, but not one of vosmem's caches, or its heading is spoilt",
    ),
    "a heading that was altered": (FLOW_B, altered, "its heading cannot be read (not as it was written"),
    "another format": (FLOW_B, lambda p: heading(p, format_version=9), "has format version 9, expected 1"),
    "another version of its stage": (MEMORY, lambda p: made(p, version=99), "was written by version 99 of the stage"),
    "another stage": (FLOW_B, lambda p: put(p, "motion", "dis"), "was written by stage motion, expected flow"),
    "another network": (FLOW_B, lambda p: made(p, name="raft"), "was made by raft, expected dis"),
    "another sequence": (FLOW_B, lambda p: heading(p, sequence="a"), "is of sequence a, expected b"),
    "weights not of the registry": (
        MPNET,
        lambda p: made(p, weights_sha256="f" * 64),
        "was made with weights ffffffff",
    ),
    "weights not of the user's file": (
        "appearance/mobilenet_v2/b.h5",
        lambda p: (p.parents[4] / "random.pth").write_bytes(b"others"),
        "was made with weights",
    ),
    "weights of another training": (
        MEMORY,
        lambda p: made(p, weights_sha256=""),
        "was made with weights none, expected",
    ),
    "frames missing": (
        FLOW_B,
        lambda p: put(p, "flow", "dis", FLOW["parameters"], frames=FRAMES[:2]),
        "holds 2 frames, but the sequence has 3",
    ),
    "frames of other names": (
        FLOW_B,
        lambda p: put(p, "flow", "dis", FLOW["parameters"], frames=("1", "2", "3")),
        "is of frames of other names",
    ),
    "frames of another size": (FLOW_B, lambda p: heading(p, frame_size=(9, 9)), "is of frames of (9, 9) pixels"),
    "flow of another version": (
        MPNET,
        lambda p: made(p, parameters={"flow": {**FLOW, "version": 99}}),
        "was made from flow of version 99",
    ),
    "flow of other settings": (
        MPNET,
        lambda p: made(p, parameters={"flow": {**FLOW, "parameters": {"preset": "fast"}}}),
        "was made from flow with other settings",
    ),
    "flow of other weights": (
        MPNET,
        lambda p: made(p, parameters={"flow": {**FLOW, "weights": "e" * 64}}),
        "was made from flow with weights eeee",
    ),
}


def test_whole_results_have_no_fault(results, capsys):
    assert verify(results) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "10 files, 0 spoilt" in err


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_in_one_line_and_the_file_deleted(results, capsys, fault):
    name, spoil, message = FAULTS[fault]
    path = results / "tiny" / name
    spoil(path)
    assert verify(results) == 1
    lines = capsys.readouterr().out.splitlines()
    named = [line for line in lines if line.startswith(f"{path}: {message}")]
    assert len(named) == 1 and "--delete" in named[0] and "run snakemake again" in named[0]
    told_of = {line.partition(":")[0] for line in lines}
    others = {p: p.read_bytes() for p in results.rglob("*.h5") if str(p) not in told_of}
    assert verify(results, "--delete") == 0
    assert not path.exists()
    assert {p: p.read_bytes() for p in results.rglob("*.h5")} == others
    capsys.readouterr()
    assert verify(results) == 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2), st.integers(0, 2 * 8 * 12 * 2 - 1))
def test_any_flipped_bit_of_any_chunk_is_noticed(results, chunk, byte):
    path = results / "tiny/flow/dis/a.h5"
    whole = path.read_bytes()
    flip_in_a_chunk(path, chunk, byte)
    assert verify(results, path) == 1
    path.write_bytes(whole)
    assert verify(results, path) == 0


def test_what_a_killed_process_left_is_a_fault_and_what_a_live_one_writes_is_not(results, capsys):
    folder, host = results / "tiny/flow/dis", socket.gethostname().replace(".", "_")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    start = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    left, live = (folder / f".b.{host}-{n}.part.h5" for n in (f"{dead.pid}-1", f"{os.getpid()}-{start}"))
    for path in (left, live):
        path.write_bytes(b"half")
    assert verify(results) == 1
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [str(left)]
    assert verify(results, "--delete") == 0
    assert live.exists() and not left.exists()


def test_what_cannot_be_opened_is_told_and_never_deleted(results, capsys, monkeypatch):
    """A file that this user may not read may be sound."""
    path = results / "tiny/flow/dis/a.h5"
    refused = PermissionError(errno.EACCES, "Permission denied", str(path))

    def read(name, *_):
        if name == path:
            raise refused
        return sound(name, *_)

    sound = cache.read
    monkeypatch.setattr(cache, "read", read)
    for options in ([], ["--delete"]):
        assert verify(results, *options) == 1
        out, err = capsys.readouterr()
        assert out.startswith(f"{path}: not looked at: may not be read or written by this user (Permission denied)")
        assert out.count("\n") == 1 and "0 spoilt, 1 not looked at" in err
        assert path.exists()


def test_named_files_and_folders_alone_are_read(results, tmp_path, capsys):
    truncate(results / "tiny/flow/dis/a.h5")
    assert verify(results, results / "tiny/flow/dis/b.h5", results / "tiny/motion") == 0
    assert verify(results, results / "tiny/flow") == 1
    elsewhere = put(tmp_path / "loose.h5", "flow", "dis")
    assert verify(results, elsewhere) == 0
    truncate(elsewhere)
    assert verify(results, elsewhere) == 1
    capsys.readouterr()
    assert verify(results, tmp_path / "nothing.h5") == 1
    assert "nothing.h5: no such file or folder" in capsys.readouterr().err


def test_frames_are_those_that_caches_are_made_of(results):
    """Masks are described apart, and later; results of before `frames` was a stage have no other description."""
    tiny = results / "tiny"
    told = json.loads((tiny / "frames/a.json").read_text())
    (tiny / "data").mkdir()
    (tiny / "data/a.json").write_text(json.dumps({**told, "working_size": [1, 1]}))
    assert verify(results) == 0
    (tiny / "frames/a.json").unlink()
    assert verify(results) == 1


def test_what_no_run_makes_again_is_left(results, tmp_path, capsys):
    notes, weights = tmp_path / "mine/flow/x/notes.txt", tmp_path / "mine/memory/v1/weights.h5"
    weights.parent.mkdir(parents=True)
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    with h5py.File(weights, "w") as file:
        file["kernel"] = 1
    spoilt, linked = results / "tiny/flow/dis/a.h5", results / "tiny/flow/dis/c.h5"
    linked.symlink_to(spoilt)
    truncate(spoilt)
    assert verify(results, notes, tmp_path / "mine", spoilt.parent, "--delete") == 1
    out, err = capsys.readouterr()
    assert out.count("so none makes it again and --delete leaves it") == 2 and "3 spoilt, 1 deleted" in err
    assert notes.exists() and weights.exists() and not spoilt.exists()


def test_without_a_saved_configuration_no_weights_are_wrong(results):
    """Nobody can then tell which they should be."""
    (results / "tiny/config.yaml").unlink()
    made(results / "tiny/motion/mpnet-dis/b.h5", weights_sha256="f" * 64)
    assert verify(results) == 0


def test_results_that_are_not_there_are_one_line(tmp_path, capsys):
    assert verify(tmp_path / "none") == 1
    assert "no such folder; give the folder that holds" in capsys.readouterr().err
