"""What is listed, and what is pruned: only what no configuration needs, and only where that is asked for."""

import json
import shutil

import pytest
import yaml

from tests.stored.conftest import CONFIG, put
from vosmem.cli import main


def command(results, *arguments):
    return main(["cache", *map(str, arguments), "--results", str(results)])


def caches(results):
    return {str(p.relative_to(results / "tiny")) for p in results.rglob("*.h5")}


@pytest.fixture
def config_file(results):
    """``config_file(changes)``: a config file like the saved one, with sections changed."""

    def write(name="new.yaml", **changes):
        path = results.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({**CONFIG, **changes}))
        return path

    return write


def test_list_and_size(results, capsys):
    (results / "tiny/flow/dis/b.h5").write_bytes(b"spoilt")
    put(results / "tiny/flow/raft/a.h5", "flow", "raft", sha256="ab" * 32)
    assert command(results, "list", "--json") == 0
    rows = {(r["stage"], r["name"]): r for r in json.loads(capsys.readouterr().out)}
    assert rows.keys() == {
        ("flow", "dis"), ("flow", "raft"), ("appearance", "mobilenet_v2"), ("motion", "camera_residual-dis"),
        ("motion", "mpnet-dis"), ("memory", "lvo"),
    }  # fmt: skip
    assert (rows["flow", "dis"]["needed"], rows["flow", "raft"]["needed"]) == ("yes", "no")
    assert rows["flow", "dis"]["version"] == "2 spoilt"
    assert rows["flow", "raft"]["weights"] == "ab" * 6
    assert command(results, "size", "--json") == 0
    total = json.loads(capsys.readouterr().out)[-1]
    assert total["files"] == 11
    assert total["bytes"] == sum(p.stat().st_size for p in results.rglob("*.h5"))
    for action in ("list", "size"):
        assert command(results, action) == 0
        assert "tiny" in capsys.readouterr().out


def test_nothing_goes_without_yes_and_then_only_what_was_told(results, config_file, capsys):
    given = config_file(motion={"network": "camera_residual"})
    before = caches(results)
    for flags in ([], ["--dry-run"], ["--dry-run", "--yes"]):
        assert command(results, "prune", "--configfile", given, *flags) == 0
        out, err = capsys.readouterr()
        assert "motion/mpnet-dis: 2 files" in out and out.count("\n") == 1
        assert "--yes deletes them" in err
        assert caches(results) == before
    others = {p for p in results.parent.rglob("*") if p.is_file() and "mpnet-dis" not in str(p)}
    assert command(results, "prune", "--configfile", given, "--yes") == 0
    assert caches(results) == before - {"motion/mpnet-dis/a.h5", "motion/mpnet-dis/b.h5"}
    assert {p for p in results.parent.rglob("*") if p.is_file()} == others
    assert not (results / "tiny/motion/mpnet-dis").exists()


def test_every_configuration_that_is_given_counts(results, config_file):
    one = config_file("one.yaml", motion={"network": "camera_residual"})
    two = config_file("two.yaml", motion={"network": "mpnet"}, models={"lvo": {"appearance": {"network": "none"}}})
    before = caches(results)
    assert command(results, "prune", "--configfile", one, "--configfile", two, "--yes") == 0
    assert caches(results) == before
    assert command(results, "prune", "--configfile", two, "--yes") == 0
    assert caches(results) == {p for p in before if "mpnet" in p or p.startswith(("flow", "memory"))}


def test_a_sequence_that_was_taken_off_the_list(results, config_file):
    given = config_file(data={**CONFIG["data"], "train": [], "test": ["b"]}, memory={"weights": "shipped"})
    assert command(results, "prune", "--configfile", given, "--yes") == 0
    assert {p for p in caches(results) if p.endswith("/a.h5")} == {"memory/lvo/a.h5"}


def test_all_sequences_of_a_data_set_that_is_not_here_are_needed(results, config_file):
    given = config_file(data={**CONFIG["data"], "test": "all"})
    before = caches(results)
    assert command(results, "prune", "--configfile", given, "--yes") == 0
    assert caches(results) == before


def test_by_default_all_configurations_at_hand_count(results, config_file, capsys):
    put(results / "tiny/flow/raft/a.h5", "flow", "raft")
    assert command(results, "prune") == 0
    assert "flow/raft: 1 files" in capsys.readouterr().out
    config_file("config/mine.yaml", flow={"estimator": "raft"}, models={"other": {}})
    assert command(results, "prune") == 0
    assert capsys.readouterr().out == ""
    (results.parent / "config/broken.yaml").write_text("data: [")
    assert command(results, "prune", "--yes") == 1
    assert "broken.yaml: cannot be read as a configuration" in capsys.readouterr().err


def test_memory_other_data_sets_and_files_of_others_are_left_alone(results, config_file, capsys):
    put(results / "tiny/memory/old/a.h5", "memory", "visual-memory")
    put(results / "other/flow/raft/a.h5", "flow", "raft")
    shutil.copytree(results / "tiny/motion/mpnet-dis", results / "mine/mpnet-dis")
    (results / "tiny/motion/mpnet-dis/notes.txt").write_text("mine")
    (results / "tiny/motion/loose.h5").write_bytes(b"mine")
    given = config_file(motion={"network": "camera_residual"})
    assert command(results, "prune", "--configfile", given, "--yes") == 0
    assert "none of them names it: other" in capsys.readouterr().err
    assert (results / "tiny/memory/old/a.h5").exists()
    assert (results / "other/flow/raft/a.h5").exists()
    assert len(list((results / "mine/mpnet-dis").iterdir())) == 2
    assert [p.name for p in (results / "tiny/motion/mpnet-dis").iterdir()] == ["notes.txt"]
    assert (results / "tiny/motion/loose.h5").exists()


def test_from_another_folder_paths_lead_where_they_did(results, config_file, capsys, monkeypatch):
    """Frames of `all` are looked for beside the results, not in a folder of the same name where one is."""
    for name in "ab":
        (results.parent / "tiny/JPEGImages/480p" / name).mkdir(parents=True)
    config_file("config.yaml", data={**CONFIG["data"], "test": "all"})
    (results.parent / "elsewhere/tiny/JPEGImages/480p/c").mkdir(parents=True)
    monkeypatch.chdir(results.parent / "elsewhere")
    (results / "tiny/config.yaml").unlink()
    assert command("../results", "prune") == 0
    assert "0 files" in capsys.readouterr().err


def test_what_another_data_set_needs_through_a_link_stays(results, config_file):
    """As two configurations of one data set may share their caches."""
    (results / "twin").mkdir()
    (results / "twin/motion").symlink_to(results / "tiny/motion")
    twin = config_file("twin.yaml", data={**CONFIG["data"], "name": "twin"})
    own = config_file("own.yaml", motion={"network": "camera_residual"})
    before = caches(results)
    assert command(results, "prune", "--configfile", own, "--configfile", twin, "--yes") == 0
    assert caches(results) == before
    assert command(results, "prune", "--configfile", twin, "--yes") == 0
    assert caches(results) == before


def test_no_configuration_is_an_error(results, capsys):
    (results / "tiny/config.yaml").unlink()
    assert command(results, "prune") == 1
    assert "say which caches are needed with --configfile" in capsys.readouterr().err
