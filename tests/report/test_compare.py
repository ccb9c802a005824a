"""The page of a comparison: its figures are those of the files, and what a row does not have is a dash."""

import json
import re
import shutil

import numpy as np
import pytest

from vosmem import compare
from vosmem.errors import UserError
from vosmem.evaluate import bootstrap
from vosmem.report import compare as page
from vosmem.report.ablation import Difference


def made(results, *names):
    config = {**results.config, "compare": {"rows": list(names)}}
    rows = compare.rows(config, config["models"])
    page.run(results.folder, config, rows, results.folder / "compare.html")
    return page.collect(results.folder, config, rows), (results.folder / "compare.html").read_text()


def test_means_differences_and_frames_are_those_of_the_files(build):
    results = build(models={"lvo": {}, "small": {"memory": {"state": 8}}}, methods=("raw", "guided"))
    found, text = made(results, "lvo/raw", "small")
    ours, base = results.scores("small", "guided"), results.scores("lvo", "raw")
    differences = np.array([float(ours[n]["J_mean"]) - float(base[n]["J_mean"]) for n in ("cat", "dog", "eel")])
    gap = found[1].differences["J_mean"]
    assert (gap.mean, gap.interval) == (pytest.approx(differences.mean()), bootstrap.interval(differences))
    assert found[1].mean["J_mean"] == pytest.approx(float(ours["mean"]["J_mean"]))
    assert f'data-v="{gap.mean}"' in text
    clips = [json.loads(t) for t in re.findall(r'id="clip-\d+">(.*?)</script>', text)]
    assert [clip["name"] for clip in clips] == ["cat", "dog", "eel"]
    for clip in clips:
        assert len(clip["frames"]) == 12
        assert all(set(frame["masks"]) == {"lvo/raw", "small"} for frame in clip["frames"])
        with open(results.folder / f"evaluate/small/guided/{clip['name']}.csv") as file:
            J = [float(line.split(",")[2]) for line in file.read().split()[1:]]
        assert clip["scores"]["small"]["J"] == [None, *J, None]


def test_a_click_on_a_sequence_opens_its_clip(build, monkeypatch):
    """Of many sequences some are drawn, and only these can be opened."""
    monkeypatch.setattr(page.shown, "MOST", 2)
    _, text = made(build(), "lvo")
    names = {place: json.loads(told)["name"] for place, told in re.findall(r'id="clip-(\d+)">(.*?)</script>', text)}
    links = dict(re.findall(r'data-open="(\d+)">(\w+)</a>', text))
    assert links == names and len(names) == 2


def test_another_run_of_fewer_sequences_is_compared_on_those_that_both_have(build):
    results = build()
    other = results.folder.with_name("other")
    shutil.copytree(results.folder, other)
    summary = other / "evaluate/lvo/raw/summary.csv"
    lines = summary.read_text().splitlines()
    summary.write_text("\n".join([lines[0], *(line for line in lines if line.startswith("dog"))]) + "\n")
    (other / "evaluate/lvo/raw/cat.csv").unlink()
    shutil.rmtree(other / "refine/lvo/raw/cat")
    found, text = made(results, "lvo", f"{other}:lvo/raw")
    assert found[1].differences["J_mean"] == Difference(0, None) and list(found[1].scores) == ["dog"]
    assert "<small>one sequence</small>" in text and 'difference sure"' not in text  # of others it says nothing
    (cat,) = re.findall(r'<tr><th scope="row" data-v="cat">.*?</tr>', text, re.S)
    assert cat.count("–") == 2
    clip = json.loads(re.search(r'id="clip-0">(.*?)</script>', text)[1])
    assert clip["name"] == "cat" and set(clip["scores"][f"{other}:lvo/raw"]["J"]) == {None}
    assert {frame["masks"][f"{other}:lvo/raw"] for frame in clip["frames"]} == {None}


def test_without_annotations_frames_are_compared_alone(build):
    _, text = made(build(models=("lvo", "small"), scored=(), unscored=("owl", "fox")), "lvo", "small")
    assert 'id="viewer"' in text and 'id="means"' not in text and 'data-measure=""' in text


def test_a_row_that_was_not_scored_is_named(build):
    results = build(models=("lvo", "small"))
    (results.folder / "evaluate/small/raw/summary.csv").unlink()
    with pytest.raises(UserError, match=r"small/raw/summary\.csv: no scores, which other rows have; run .*'small'"):
        made(results, "lvo", "small")


def test_names_are_text(build):
    name = "<img src=x onerror=alert(1)>"
    _, text = made(build(scored=("cat", name)), "lvo")
    assert name not in text and "&lt;img src=x" in text and not re.search(r"https?://|url\(", text)
