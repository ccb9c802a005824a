"""Fetching and unpacking: against a server on this machine, which may cut the connection, forget ranges, or lie."""

import http.server
import io
import json
import re
import stat
import threading
import zipfile
from pathlib import Path

import pytest

from vosmem.cli import main
from vosmem.data import archive, download
from vosmem.errors import UserError

CONTENT = bytes(range(256)) * 40_000  # 10 MB
NOWHERE = "http://127.0.0.1:9/DAVIS-data.zip"  # the port `discard`, on which nothing listens


class Server(http.server.ThreadingHTTPServer):
    """Serves ``content`` under every path. ``cuts``: after how many bytes to cut an answer, one entry an answer;
    ``ranges``: whether it answers to ranges; ``version``: the ETag; ``asked``: the Range of each request."""

    daemon_threads = True

    def __init__(self, content=CONTENT):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.cuts, self.ranges, self.version, self.asked = content, [], True, '"1"', []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/DAVIS-data.zip"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0
        if begin and self.headers.get("If-Range") != server.version:
            begin = 0
        if begin >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = server.content[begin:]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", server.version)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(server.content) - 1}/{len(server.content)}")
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else len(body)
        self.wfile.write(body[:cut])
        self.wfile.flush()
        if cut < len(body):
            self.close_connection = True
            self.connection.shutdown(2)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_cut_connection_is_taken_up_where_it_was_cut(server, tmp_path):
    server.cuts = [3_000_000, 1_000_000]
    path = archive.fetch(server.url, tmp_path / "data/a.zip", wait=0)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=3000000-", "bytes=4000000-"]
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["a.zip"]
    archive.fetch(NOWHERE, path)  # what is there is not fetched


def test_a_later_call_goes_on_too(server, tmp_path):
    server.cuts = [2_000_000] + [0] * archive.TRIES
    with pytest.raises(
        UserError, match=r"the connection was cut.*2 MB of it are kept, so run again to go on"
    ) as caught:
        archive.fetch(server.url, tmp_path / "a.zip", wait=0)
    assert f"put it here: {tmp_path / 'a.zip'}" in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip.part", "a.zip.part.json"]
    server.asked.clear()
    assert archive.fetch(server.url, tmp_path / "a.zip", wait=0).read_bytes() == CONTENT
    assert server.asked == ["bytes=2000000-"]


@pytest.mark.parametrize("change", ["another file", "no ranges", "no memory of it"])
def test_where_the_end_would_not_fit_all_is_fetched_anew(server, tmp_path, change):
    server.cuts = [2_000_000] + [0] * archive.TRIES
    with pytest.raises(UserError):
        archive.fetch(server.url, tmp_path / "a.zip", wait=0)
    if change == "another file":
        server.content, server.version = CONTENT[::-1], '"2"'
    elif change == "no ranges":
        server.ranges = False
    else:
        (tmp_path / "a.zip.part.json").write_text("nothing")
    assert archive.fetch(server.url, tmp_path / "a.zip", wait=0).read_bytes() == server.content


def test_a_part_that_is_whole_already(server, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    (tmp_path / "a.zip.part.json").write_text(json.dumps({"url": server.url, "version": '"1"', "bytes": len(CONTENT)}))
    assert archive.fetch(server.url, tmp_path / "a.zip", wait=0).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def test_without_internet_it_is_one_line(tmp_path):
    with pytest.raises(UserError) as caught:
        archive.fetch(NOWHERE, tmp_path / "a.zip", wait=0)
    line = str(caught.value)
    assert line.startswith(f"{NOWHERE}: could not be fetched (") and "\n" not in line
    assert line.endswith(f"without internet, fetch it elsewhere and put it here: {tmp_path / 'a.zip'}")


def test_two_do_not_fetch_the_same(server, tmp_path):
    with archive._alone(tmp_path / "a.zip.part"), pytest.raises(UserError, match="is being fetched by another process"):
        archive.fetch(server.url, tmp_path / "a.zip", wait=0)


def zipped(entries, kind=zipfile.ZIP_DEFLATED):
    """A zip archive of name -> content; a content None is a symbolic link."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", kind) as file:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            if content is None:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, content or b"/etc")
    return whole.getvalue()


DAVIS = {"DAVIS/": b"", "DAVIS/JPEGImages/480p/bear/00000.jpg": b"frame", "DAVIS/ImageSets/480p/train.txt": b"list"}


@pytest.mark.parametrize(
    "name",
    ["../evil", "DAVIS/../../evil", "/evil", "DAVIS/..\\evil", "DAVIS/link", "C:\\evil", "DAVIS/a/../../../evil"],
    ids=lambda n: n.replace("/", "_"),
)
def test_nothing_leaves_the_folder(tmp_path, name):
    (tmp_path / "a.zip").write_bytes(zipped({**DAVIS, name: None if name.endswith("link") else b"evil"}))
    with pytest.raises(UserError, match="leads out of the archive; do not use it"):
        archive.unpack(tmp_path / "a.zip", "DAVIS", tmp_path / "in/DAVIS")
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] in (["a.zip", "in"], ["in", "a.zip"])


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFLNK])
def test_what_is_neither_file_nor_folder_is_refused(tmp_path, kind):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        info = zipfile.ZipInfo("DAVIS/device")
        info.external_attr = (kind | 0o666) << 16
        file.writestr(info, b"/dev/sda")
    with pytest.raises(UserError, match="do not use it"):
        archive.unpack(tmp_path / "a.zip", "DAVIS", tmp_path / "DAVIS")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_more_than_the_disk_has_is_not_begun(tmp_path, monkeypatch):
    """A bomb says how large it is; one that lies is cut off where it said it would end."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("DAVIS/bomb", bytes(20_000_000))
    bomb = (tmp_path / "a.zip").read_bytes()
    assert len(bomb) < 100_000
    monkeypatch.setattr(archive.room, "free", lambda folder: 10_000_000)
    with pytest.raises(UserError, match=r"what a\.zip holds takes 20 MB of disk, 10 MB are free"):
        archive.unpack(tmp_path / "a.zip", "DAVIS", tmp_path / "DAVIS")
    lying = bomb.replace((20_000_000).to_bytes(4, "little"), (5).to_bytes(4, "little"))
    assert lying != bomb
    (tmp_path / "a.zip").write_bytes(lying)
    with pytest.raises(UserError, match="a damaged archive"):
        archive.unpack(tmp_path / "a.zip", "DAVIS", tmp_path / "DAVIS")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


def test_only_the_data_set_is_unpacked(tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({**DAVIS, "__MACOSX/DAVIS/x": b"x", "readme": b"x"}))
    assert archive.unpack(tmp_path / "a.zip", "DAVIS", tmp_path / "DAVIS") == 2
    files = [str(p.relative_to(tmp_path / "DAVIS")) for p in (tmp_path / "DAVIS").rglob("*") if p.is_file()]
    assert sorted(files) == ["ImageSets/480p/train.txt", "JPEGImages/480p/bear/00000.jpg"]


def test_a_damaged_archive_leaves_nothing(tmp_path):
    whole = zipped(DAVIS, zipfile.ZIP_STORED)
    for damaged in (b"no archive", whole[:-30], whole.replace(b"frame", b"fr4me"), zipped({"other/a": b"x"})):
        (tmp_path / "a.zip").write_bytes(damaged)
        with pytest.raises(UserError, match=r"a damaged archive \(.*\); delete it|holds no folder DAVIS"):
            archive.unpack(tmp_path / "a.zip", "DAVIS", tmp_path / "DAVIS")
        assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_is_damaged_within_leaves_nothing(tmp_path, method):
    whole = zipped({"DAVIS/a": bytes(range(256)) * 40}, method)
    start = whole.index(b"DAVIS/a") + len(b"DAVIS/a") + 4  # in the file's compressed bytes
    (tmp_path / "a.zip").write_bytes(whole[:start] + b"\xff" * 12 + whole[start + 12 :])
    with pytest.raises(UserError, match=r"a damaged archive \(.*\); delete it"):
        archive.unpack(tmp_path / "a.zip", "DAVIS", tmp_path / "DAVIS")
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]


@pytest.fixture
def davis(server, monkeypatch):
    """A tiny archive on the server in the place of the true one."""
    import hashlib

    server.content = zipped(DAVIS)
    source = download.Source(server.url, "DAVIS", hashlib.md5(server.content).hexdigest(), "terms")
    monkeypatch.setitem(download.SOURCES, "davis2016", source)
    return server


def test_the_command(davis, tmp_path, capsys):
    to = tmp_path / "data/DAVIS"
    assert main(["data", "download", "davis2016", "--to", str(to)]) == 0
    out = capsys.readouterr()
    told = json.loads(out.out)
    assert (told["files"], told["sha256"]) == (2, archive_hash(davis.content))
    assert "terms" in out.err
    assert (to / "JPEGImages/480p/bear/00000.jpg").read_bytes() == b"frame"
    assert sorted(p.name for p in to.parent.iterdir()) == ["DAVIS", "DAVIS-data.zip.sha256"]
    davis.asked.clear()
    assert main(["data", "download", "davis2016", "--to", str(to)]) == 0
    assert "is there already, and left as it is" in capsys.readouterr().err
    assert davis.asked == []


def archive_hash(content):
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_another_archive_than_the_first_time_is_refused(davis, tmp_path, monkeypatch):
    download.download("davis2016", tmp_path / "one/DAVIS")
    (tmp_path / "two").mkdir()
    Path(tmp_path / "one/DAVIS-data.zip.sha256").rename(tmp_path / "two/DAVIS-data.zip.sha256")
    davis.content = zipped({**DAVIS, "DAVIS/more": b"x"})
    with pytest.raises(UserError, match=r"SHA-256 .*, expected .* by .*DAVIS-data.zip.sha256; delete the file"):
        download.download("davis2016", tmp_path / "two/DAVIS")
    assert not (tmp_path / "two/DAVIS").exists()


def test_hashes_decide(davis, tmp_path):
    davis.content = zipped({**DAVIS, "DAVIS/more": b"x"})  # not what its authors published
    to, found = tmp_path / "DAVIS", archive_hash(davis.content)
    with pytest.raises(UserError, match=rf"MD5 .*, its authors publish .*accept it by --sha256 {found}"):
        download.download("davis2016", to)
    with pytest.raises(UserError, match=rf"SHA-256 {found}, expected {'0' * 64} by data.sha256"):
        download.download("davis2016", to, "0" * 64)
    assert not to.exists() and (tmp_path / "DAVIS-data.zip").is_file()
    davis.asked.clear()
    assert download.download("davis2016", to, found.upper())
    assert davis.asked == []  # what had come was kept
    assert (to / "more").read_bytes() == b"x"


def test_an_archive_that_the_user_brought_is_used_and_kept(davis, tmp_path):
    (tmp_path / "DAVIS-data.zip").write_bytes(davis.content)
    assert download.download("davis2016", tmp_path / "DAVIS")
    assert davis.asked == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["DAVIS", "DAVIS-data.zip", "DAVIS-data.zip.sha256"]


def test_the_address_is_that_of_its_authors():
    source = download.SOURCES["davis2016"]
    assert source.url.startswith("https://graphics.ethz.ch/") and re.fullmatch("[0-9a-f]{32}", source.md5)
