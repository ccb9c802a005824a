"""The whole page, made from a small results folder and read back as a browser would."""

import csv
import html
import io
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file

from tests.report.conftest import COLUMNS, write_csv
from vosmem import config, davis2016, video
from vosmem.cli import main
from vosmem.errors import UserError
from vosmem.report import collect, runs
from vosmem.report.tables import percent

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page: text by section, tables by section, every attribute."""

    def __init__(self, text: str):
        super().__init__()
        self.source, self.attributes, self.elements, self.open = text, [], [], []
        self.text: dict[str, str] = {}
        self.rows: dict[str, list[list[str]]] = {}
        self.section = ""
        self.payload: dict[str, str] = {}  # by id, what elements of script hold as data
        self.script = None  # the type and id of the one that is open
        self.feed(text)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "script":
            self.script = dict(attrs).get("type"), dict(attrs).get("id")
        if tag in ("section", "header"):
            self.section = dict(attrs).get("id", "")
        if tag == "tr":
            self.rows.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.rows[self.section][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            kind, name = self.script
            if kind == "application/json":
                self.payload[name] = self.payload.get(name, "") + data
            return
        self.text[self.section] = self.text.get(self.section, "") + data
        if {"td", "th"} & set(self.open):
            self.rows[self.section][-1][-1] += data

    def clip(self, name):
        """What the page holds of a sequence's frames."""
        clips = (json.loads(text) for key, text in self.payload.items() if key.startswith("clip-"))
        return next(clip for clip in clips if clip["name"] == name)

    def row(self, section, name):
        """The cells of the row that begins with ``name``."""
        return next([c.strip() for c in row] for row in self.rows[section] if row and row[0].startswith(name))


def save_config(results):
    (results.folder / "config.yaml").write_text(yaml.safe_dump(results.config, sort_keys=False))


@pytest.fixture
def page(tmp_path):
    """``page(results, *arguments)`` runs the command and reads the page."""

    def page(results, *arguments):
        save_config(results)
        out = tmp_path / "report.html"
        assert main(["report", str(results.folder), "-o", str(out), *map(str, arguments)]) == 0
        return Page(out.read_text(encoding="utf-8"))

    return page


def test_all_sections_are_there_in_order(build, page):
    told = page(build())
    ids = [value for tag, name, value in told.attributes if name == "id" and tag in ("header", "section")]
    assert ids[:5] == ["answer", "scores", "sequences", "viewer", "failures"]
    assert ids[5:] == ["time", "training", "cost", "data", "provenance"]


def test_the_answer_comes_first(build, page):
    results = build()
    told = " ".join(page(results).text["answer"].split())
    mean = results.scores("lvo")["mean"]
    assert "3 sequences of tiny were scored" in told
    assert "The model lvo, trained here on 2 sequences, with masks by raw" in told
    for measure, column in (("J mean", "J_mean"), ("F mean", "F_mean"), ("T", "T")):
        assert f"{measure} {percent(float(mean[column]))}" in told
    assert "DAVIS-2016 measures" in told
    assert "Rendered" not in told


def test_the_printed_values_are_those_of_the_csv(build, page, monkeypatch):
    methods = config.schema()["properties"]["refine"]["properties"]["methods"]["items"]
    monkeypatch.setitem(methods, "enum", ["raw", "crf"])
    results = build(models={"lvo": {}, "other": {"memory": {"state": 8}}}, methods=("raw", "crf"))
    told = page(results)
    summaries = [results.scores("lvo", method) for method in ("raw", "crf")]
    for summary, method in zip(summaries, ("raw", "crf"), strict=True):
        row = next(r for r in told.rows["scores"] if r[0].startswith("lvo") and method in r[0])
        assert row[1:] == [percent(float(summary["mean"][c])) for c in COLUMNS]
    for name in ("cat", "dog", "eel"):
        cells = told.row("sequences", name)
        expected = [s[name][c] for s in summaries for c in ("J_mean", "F_mean", "T")]
        assert cells[1] == "12"
        assert cells[2:8] == [percent(float(v)) if v else "–" for v in expected]
    assert "masks by crf" in " ".join(told.text["answer"].split())  # the refined masks are the answer


@pytest.mark.parametrize(
    ("value", "text"), [(0.7594, "75.9"), (-0.012, "−1.2"), (-0.0001, "0.0"), (None, "–"), (1.0, "100.0")]
)
def test_percent(value, text):
    assert percent(value) == text


def test_no_name_gets_into_the_page_as_markup(build, page):
    evil = "<img src=x onerror=alert(1)>"
    results = build(scored=(evil, "a&b", "dog"), unscored=("<script>alert(2)",), trained_on=('"><script>alert(3)<',))
    results.config["report"]["title"] = "<script>alert(4)</script>"
    with open(results.folder / "data/defects.tsv", "a") as file:
        csv.writer(file, delimiter="\t").writerow((0, evil, "<b>file", "<script>what", "</td>mend"))
    told = page(results)
    kinds = [value for tag, name, value in told.attributes if tag == "script" and name == "type"]
    assert set(kinds) == {"application/json", "module"} and kinds.count("module") == 1
    assert len(kinds) == told.source.count("<script") == told.source.count("</script>")
    assert told.clip(evil)["names"][0] == "00000"
    assert evil in {row[0] for row in json.loads(told.payload["drawn"])["time"]["rows"]}
    assert "img" not in told.elements and "b" in told.elements
    assert not [name for _, name, _ in told.attributes if name.startswith("on")]
    assert evil in told.text["sequences"] and "<script>what" in told.text["data"]


def test_the_page_asks_for_nothing_outside_itself(build, page):
    told = page(build(unscored=("owl",)))
    for _, name, value in told.attributes:
        if name in ("src", "href", "srcset", "action", "data", "xlink:href", "poster"):
            assert value.startswith(("#", "data:image/jpeg;base64,")), value
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest|import\(|import ", told.source)
    policy = next(v for tag, n, v in told.attributes if tag == "meta" and n == "content" and "default-src" in v)
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy
    targets = {v for _, n, v in told.attributes if n == "id"}
    assert {v[1:] for _, n, v in told.attributes if n == "href" and v.startswith("#")} <= targets


@pytest.mark.parametrize(
    ("protocol", "shares", "counts", "named"),
    [
        ("fbms", ("precision", "recall", "F"), ("objects", "found"), "FBMS-59"),
        ("segtrack", ("J_mean",), ("objects",), "SegTrack-v2"),
    ],
)
def test_another_protocol_has_its_own_columns(build, page, protocol, shares, counts, named):
    results = build()
    values = {"cat": 0.5, "dog": 0.25, "eel": 0.75, "mean": 0.5}
    rows = [(name, *[value] * len(shares), *[2] * len(counts)) for name, value in values.items()]
    write_csv(results.folder / "evaluate/lvo/raw/summary.csv", ("sequence", *shares, *counts), rows)
    for name in ("cat", "dog", "eel"):
        overlaps = [(name, "00001", 0, 0, 9), (name, "00001", 1, 1, 9)]
        header = ("sequence", "frame", "object", "label", "pixels")
        write_csv(results.folder / f"evaluate/lvo/raw/{name}.csv", header, overlaps)
    results.config["evaluate"]["protocol"] = protocol
    told = page(results)
    assert named in told.text["answer"] and "DAVIS" not in told.text["answer"]
    assert told.row("scores", "lvo")[1:] == ["50.0"] * len(shares)
    assert told.row("sequences", "dog")[2:] == ["25.0"] * len(shares)
    assert told.clip("dog")["scores"] == {} and len(told.clip("dog")["frames"]) == 12
    assert "failures" not in told.text  # frames have no J of their own
    assert "time" not in told.text and "attributes" not in told.text  # neither applies


def test_scores_by_attribute_where_the_sequences_are_davis(build, page, monkeypatch):
    results = build()
    assert "attributes" not in page(results).text
    attributes = {"cat": ("FM", "OCC"), "dog": ("FM",), "eel": ()}
    facts = {name: davis2016.Facts("train", 12, True, a) for name, a in attributes.items()}
    monkeypatch.setattr(davis2016, "facts", lambda: facts)
    told = page(results)
    J = {name: float(row["J_mean"]) for name, row in results.scores("lvo").items()}
    fast, occluded = (told.row("attributes", name) for name in ("fast motion", "occlusion"))
    assert fast[:2] == ["fast motion FM", "2"] and occluded[:2] == ["occlusion OCC", "1"]
    difference = percent((J["cat"] + J["dog"]) / 2 - J["eel"])
    sign = "" if difference.startswith("−") else "+"
    assert fast[2] == f"{percent((J['cat'] + J['dog']) / 2)}{sign}{difference}"
    assert fast[4].count(".") == 1  # eel, the only one without, has no T: no difference


def test_a_rendered_data_set_says_so(build, page):
    results = build()
    results.config["data"] |= {"source": "demo", "train": ["water"], "test": "val"}
    told = page(results)
    told = " ".join(told.text["answer"].split())
    assert "Rendered, not filmed. These sequences were drawn by a program" in told
    assert "the scores say nothing about real video" in told


def test_a_data_set_without_scores(build, page):
    told = page(build(scored=(), unscored=("cat", "dog")))
    answer = " ".join(told.text["answer"].split())
    assert "2 sequences of tiny were segmented; none has annotations, so there are no scores" in answer
    assert "sequences" not in told.rows and "time" not in told.text and "failures" not in told.text
    for name in ("cat", "dog"):
        clip = told.clip(name)
        assert clip["scores"] == {} and all(f["masks"]["raw"] and f["annotation"] is None for f in clip["frames"])


def test_a_sequence_without_annotations_among_scored_ones(build, page):
    told = page(build(unscored=("owl",)))
    assert "3 sequences of tiny were scored (of 4 segmented)" in " ".join(told.text["answer"].split())
    assert not [row for row in told.rows["sequences"] if row[0].startswith("owl")]
    notes = [value for tag, name, value in told.attributes if tag == "option" and name == "data-note"]
    assert notes.count("not scored") == 1 and len(notes) == 4
    assert "Segmented but not scored: owl." in told.text["data"]


def test_a_run_that_scored_nothing_yet_has_a_header_only(build, page):
    results = build(scored=(), unscored=("cat",))
    path = results.folder / "evaluate/lvo/raw/summary.csv"
    path.parent.mkdir(parents=True)
    path.write_text(f"sequence,{','.join(COLUMNS)}\n")
    assert "no scores" in page(results).text["answer"]


def test_seeds_are_one_row_with_their_range(build, page):
    rows = {f"both-{seed}": {"memory": {"seed": seed}} for seed in range(3)}
    rows |= {"motion": {"appearance": {"network": "none"}}}
    results = build(models=rows)
    told = page(results)
    J = [float(results.scores(f"both-{seed}")["mean"]["J_mean"]) for seed in range(3)]
    row = told.row("scores", "both")
    assert row[0] == "both raw, 3 seeds"
    assert row[1] == f"{percent(sum(J) / 3)}{percent(min(J))} – {percent(max(J))}"
    assert told.row("scores", "motion")[1] == percent(float(results.scores("motion")["mean"]["J_mean"]))
    for seed in range(3):
        assert told.row("scores", f"both-{seed}")[1] == percent(J[seed])
    dog = [float(results.scores(f"both-{seed}")["dog"]["F_mean"]) for seed in range(3)]
    assert told.row("sequences", "dog")[3].startswith(percent(sum(dog) / 3))
    assert "(means over 3 seeds)" in told.text["answer"]


def test_scores_on_training_sequences_are_flagged(build, page):
    told = page(build(models={"lvo": {}, "fair": {"memory": {"state": 8}}}, trained_on=("ant", "dog")))
    assert "Seen in training: 1 of the 3 scored sequences" in " ".join(told.text["answer"].replace("†", "").split())
    assert "† 1 of 3 sequences seen in training" in told.row("scores", "lvo")[0]
    assert told.row("sequences", "dog")[0].endswith("† seen in training")
    assert told.row("sequences", "dog")[2].endswith("†")
    assert not told.row("sequences", "cat")[2].endswith("†")


@pytest.mark.parametrize(
    ("trained_on", "expected"),
    [
        (
            {"0": ["dog", "eel"], "1": ["cat", "eel"], "2": ["cat", "dog"]},
            "cross-validated here in 3 parts (each scored sequence was segmented by weights trained on 2 others), with",
        ),
        (
            {"0": ["dog", "eel", "ant"], "1": ["cat", "eel"], "2": ["cat", "dog"]},
            "in 3 parts (each scored sequence was segmented by weights trained on 2 to 3 others), with",
        ),
        (
            {"0": ["dog", "eel"], "1": ["cat", "eel"], "": ["ant", "cat", "dog"]},
            "in 2 parts (2 of the 3 sequences were segmented by weights trained on 2 others, "
            "the rest by weights trained on 3 others), with",
        ),
    ],
)
def test_a_cross_validated_model_says_so(build, page, trained_on, expected):
    results = build()
    folds = {name: fold for name, fold in zip(("cat", "dog", "eel"), "012", strict=True) if fold in trained_on}
    results.cross_validate("lvo", folds, trained_on)
    told = page(results)
    assert expected in " ".join(told.text["answer"].split())
    assert "Seen in training" not in told.text["answer"]
    first = "" if "" in trained_on else f"fold 0, the first of {len(trained_on)}, "
    assert f"{first}loss at the end" in " ".join(told.text["training"].split())


def test_folds_that_an_earlier_run_left_behind_are_not_told_of(build, page):
    results = build()
    results.cross_validate("lvo", {"cat": "0"}, {"0": ["dog"], "": ["ant", "bee"]})
    results.config["models"]["lvo"]["memory"]["folds"] = ""
    told = page(results)
    assert "trained here on 2 sequences" in " ".join(told.text["answer"].split())
    assert "fold" not in told.rows["provenance"][-1][1]


def test_one_model_of_two_that_saw_a_sequence(build, page):
    results = build(models={"lvo": {}, "fair": {"memory": {"state": 8}}}, trained_on=("ant", "dog"))
    results.train("fair", ["ant"])
    told = page(results)
    cells = told.row("sequences", "dog")
    assert cells[0].endswith("† seen in training by 1 model")
    assert cells[2].endswith("†") and not cells[5].endswith("†")


def test_published_rows_only_where_the_sequences_are_davis(build, page, monkeypatch):
    results = build()
    assert "Published" not in page(results).text["scores"]
    facts = {name: davis2016.Facts("train", 12, True, ()) for name in ("cat", "dog", "eel", "bear")}
    monkeypatch.setattr(davis2016, "facts", lambda: facts)
    told = page(results)
    assert told.row("scores", "FSEG")[1:] == ["72.2", "90.4", "1.9", "66.2", "82.4", "6.0", "27.5"]
    assert "Published, all 30 train sequences" in told.text["scores"]
    facts = {name: davis2016.Facts("val", 12, True, ()) for name in ("cat", "dog", "eel")}
    monkeypatch.setattr(davis2016, "facts", lambda: facts)
    told = page(results)
    assert told.row("scores", "LVO")[1:] == ["75.9", "89.1", "0.0", "72.1", "83.4", "1.3", "26.5"]
    assert told.row("scores", "AMC-Net")[1:] == ["84.5", "–", "–", "84.6", "–", "–", "–"]


def test_a_reference_is_averaged_over_the_scored_sequences_alone(build, page, tmp_path):
    results = build()
    path = tmp_path / "fseg.csv"
    rows = {"cat": 0.5, "dog": 0.25, "eel": 0.75, "fox": 0.99, "mean": 0.6}
    lines = [f"{name},{','.join([str(value)] * 6)}," for name, value in rows.items()]
    path.write_text("\n".join([f"sequence,{','.join(COLUMNS)}", *lines]))
    told = page(results, "--reference", f"FSEG={path}")
    assert told.row("scores", "FSEG")[1:] == ["50.0"] * 6 + ["–"]
    assert told.row("sequences", "dog")[5:] == ["25.0", "25.0", "–"]
    assert told.row("sequences", "mean")[5:] == ["50.0", "50.0", "–"]
    assert "on the same 3 sequences" in told.text["scores"]
    results.config["report"]["reference"] = {"theirs": str(path)}
    assert page(results).row("scores", "theirs")[1] == "50.0"


def test_a_reference_in_percent_is_refused(build, tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("sequence,J_mean\ncat,81.5\n")
    with pytest.raises(UserError, match=r"theirs.*csv: got J_mean 81.5 of cat, expected a share, 0 to 1; divide"):
        collect.read_reference("theirs", path, ("cat",))


def test_a_reference_that_lacks_a_sequence_is_not_averaged(build, page, tmp_path):
    path = tmp_path / "fseg.csv"
    path.write_text("sequence,J_mean\ncat,0.5\n")
    told = page(build(), "--reference", f"FSEG={path}")
    assert told.row("scores", "FSEG") == ["FSEG not shown: has no scores for dog, eel"] + ["–"] * 7


def test_every_frame_is_there_with_its_masks_and_scores(build, page):
    results = build(methods=("raw", "guided"), size=(60, 100))
    told = page(results)
    clip = told.clip("dog")
    assert clip["size"] == [60, 100] and [f["t"] for f in clip["frames"]] == list(range(12))
    for frame in clip["frames"]:
        mask = video.read_mask(results.folder / f"refine/lvo/guided/dog/{frame['name']}.png")
        assert frame["masks"] == {"raw": runs.encode(mask), "guided": runs.encode(mask)}
        truth = video.read_mask(results.folder.parent.parent / f"data/Annotations/480p/dog/{frame['name']}.png")
        assert frame["annotation"] == runs.encode(truth)
        assert frame["motion"] and frame["image"]
    with open(results.folder / "evaluate/lvo/guided/dog.csv") as file:
        J = [float(row["J"]) for row in csv.DictReader(file)]
    assert clip["scores"]["guided"]["J"] == [None, *J, None]
    drawn = json.loads(told.payload["drawn"])["time"]
    assert drawn["header"] == ["sequence", "frame", "J lvo", "F lvo"]
    assert [row[2] for row in drawn["rows"] if row[0] == "dog"] == [None, *J, None]


def test_the_page_begins_with_the_median_sequence(build, page):
    results = build(scored=("a", "b", "c", "d", "e"))
    J = {name: float(row["J_mean"]) for name, row in results.scores("lvo").items() if name != "mean"}
    selected = re.findall(r'<option value="(\d)"[^>]* selected', page(results).source)
    assert selected == [str("abcde".index(sorted(J, key=J.get)[2]))]


def test_frames_are_thinned_to_what_the_config_asks_for(build, page):
    results = build()
    results.config["report"]["frames"] = 12
    told = page(results)
    for name in ("cat", "dog", "eel"):
        clip = told.clip(name)
        with open(results.folder / f"evaluate/lvo/raw/{name}.csv") as file:
            worst = min((float(row["J"]), row["frame"]) for row in csv.DictReader(file))[1]
        assert {f["name"] for f in clip["frames"]} == {"00001", "00004", "00007", "00010", worst}
        assert len(clip["names"]) == 12  # what is drawn over time is of all
    assert "Of 36 frames" in told.text["viewer"]
    results.config["report"]["frames"] = 0
    told = page(results)
    assert "made without pictures" in told.text["viewer"] and "failures" not in told.text
    assert set(told.payload) == {"drawn"} and "data-open" not in {name for _, name, _ in told.attributes}


def test_failures_are_the_worst_frames_and_say_what_is_wrong(build, page):
    results = build()
    J = {}
    for name in ("cat", "dog", "eel"):
        with open(results.folder / f"evaluate/lvo/raw/{name}.csv") as file:
            J[name] = min((float(row["J"]), row["frame"]) for row in csv.DictReader(file))
    order = sorted(J, key=J.get)
    for name, mask in ((order[0], np.zeros((48, 80), bool)), (order[1], np.ones((48, 80), bool))):
        video.write_mask(results.folder / f"refine/lvo/raw/{name}/{J[name][1]}.png", mask)
    text = " ".join(page(results).text["failures"].split())
    places = [text.index(f"{name} {J[name][1]} · J {percent(J[name][0])}") for name in order]
    assert places == sorted(places)
    assert "nothing found · missed 100 %" in text[places[0] : places[1]]
    assert "too much · missed 0 %" in text[places[1] : places[2]]


def test_the_table_can_be_narrowed(build, page, monkeypatch, tmp_path):
    results = build(trained_on=("ant", "dog"))
    path = tmp_path / "theirs.csv"
    path.write_text("sequence,J_mean\ncat,0.99\ndog,0.01\neel,0.01\n")
    facts = {name: davis2016.Facts("val", 12, True, a) for name, a in (("cat", ("FM",)), ("dog", ()), ("eel", ("FM",)))}
    monkeypatch.setattr(davis2016, "facts", lambda: facts)
    told = page(results, "--reference", f"theirs={path}")
    marks = dict(zip(("cat", "dog", "eel"), [v for tag, n, v in told.attributes if n == "data-marks"], strict=True))
    low = {name for name in marks if float(results.scores("lvo")[name]["J_mean"]) <= 0.5}
    for name, expected in (("cat", {"behind0", "FM"}), ("dog", {"seen"}), ("eel", {"FM"})):
        assert {*marks[name].split()} - {"low"} == expected
        assert ("low" in marks[name]) == (name in low and 0 < len(low) < 3)
    assert "J below theirs 1" in " ".join(told.text["sequences"].split())


def test_frames_that_are_gone_leave_the_rest_of_the_page(build, page):
    results = build()
    for path in (results.folder.parent.parent / "data/JPEGImages/480p/dog").iterdir():
        path.unlink()
    told = page(results)
    assert "No pictures:" in told.text["viewer"] and "cannot be read as an image" in told.text["viewer"]
    assert told.row("sequences", "dog")


def test_the_answer_stands_beside_the_raw_masks_and_others(build, page, tmp_path):
    results = build(methods=("raw", "guided"))
    J = {name: float(row["J_mean"]) for name, row in results.scores("lvo", "guided").items()}
    path = tmp_path / "theirs.csv"
    rows = {"cat": 0.0, "dog": 0.99, "eel": 0.99}
    path.write_text("sequence,J_mean\n" + "".join(f"{name},{value}\n" for name, value in rows.items()))
    answer = " ".join(page(results, "--reference", f"theirs={path}").text["answer"].split())
    assert f"raw {percent(float(results.scores('lvo')['mean']['J_mean']))} not refined" in answer
    assert "theirs 66.0 on the same sequences" in answer
    difference = J["mean"] - 0.66
    points = f"{abs(100 * difference):.1f} points of J {'more' if difference >= 0 else 'less'}"
    assert f"Against theirs that is {points}; it is the better one by J on 1 of 3 sequences." in answer


def test_charts(build, page):
    told = page(build(models={"lvo": {}, "small": {"memory": {"state": 8}}}))
    assert told.source.count('class="chart"') == 2 * 3 + 2  # J and F of each sequence, the loss of each model
    assert "F over the frames of eel" in told.source
    assert "40 steps" in told.text["training"]
    assert "loss at the end 0.129, 10.0 s" in told.text["training"]


def test_weights_that_were_taken_over_have_no_training_curve(build, page):
    results = build(models={"lvo": {"memory": {"weights": "else/weights.safetensors"}}})
    (results.folder / "memory/lvo/history.csv").write_text("step,loss,learning_rate,seconds\n")
    told = page(results)
    assert "taken over, having been trained on 2 sequences" in " ".join(told.text["answer"].split())
    assert "Without a training history" in told.text["training"] and "lvo" in told.text["training"]


def test_weights_that_were_trained_on_from_others_say_from_which(build, page):
    told = page(build(models={"lvo": {"memory": {"init": "shipped"}}}))
    said = " ".join(told.text["answer"].split())
    assert "trained here from shipped on, on 2 sequences with those of its start" in said
    assert "trained here from shipped on" in told.rows["provenance"][-1][1]


def test_cost_data_and_provenance(build, page):
    results = build()
    results.benchmark("flow/dis/cat.tsv", 1.5)
    results.benchmark("flow/dis/dog.tsv", 2.5, "321.0")
    with open(results.folder / "data/defects.tsv", "a") as file:
        file.write("0\tcat\tAnnotations/480p/cat/00003.png\thas an alpha channel\tnone needed\n")
    told = page(results)
    assert told.row("cost", "flow")[:5] == ["flow", "2", "4.0", "2.00", "321"]
    sizes = [p.stat().st_size for p in (results.folder / "motion/mpnet-dis").iterdir()]
    assert told.row("cost", "motion")[:6] == ["motion", "–", "–", "–", "–", f"{sum(sizes) / 1e6:.1f}"]
    assert told.row("data", "cat") == ["cat", "Annotations/480p/cat/00003.png", "has an alpha channel", "none needed"]
    text = told.text["provenance"]
    for name in ("commit", "python", "torch", "numpy", "opencv", "h5py", "snakemake"):
        assert name in text
    assert "c0ffee" in text and "Apache-2.0" in text and "ant, bee" in text and "CC BY-NC" not in text
    printed = re.search(r"<pre>(.*?)</pre>", told.source, re.DOTALL).group(1)
    assert yaml.safe_load(html.unescape(printed)) == results.config


def test_weights_trained_on_davis_carry_its_licence(build, page):
    results = build(trained_on=("bear", "bus"))
    assert "DAVIS-2016, CC BY-NC 4.0" in page(results).text["provenance"]


def test_nothing_to_remark(build, page):
    assert "nothing to remark" in page(build()).text["data"]


def test_pictures_stay_small(build, page):
    told = page(build(size=(480, 854), frames=4, methods=("raw", "guided")))
    for name in ("cat", "dog", "eel"):
        assert len(json.dumps(told.clip(name))) < 4 * 13_000


def test_the_rest_stays_small(build, page):
    rows = {f"m{i}": {"memory": {"state": 8 + i}} for i in range(3)}
    told = page(build(models=rows, scored=[f"s{i}" for i in range(8)], size=(20, 32), frames=80))
    clips = [text for name, text in told.payload.items() if name.startswith("clip-")]
    assert len(clips) == 8 and len(told.source) - sum(map(len, clips)) < 250_000


def test_weights_of_an_older_version_do_not_stop_the_page(build, page):
    results = build()
    path = results.folder / "memory/lvo/weights.safetensors"
    told = {"trained_on": ["ant"], "streams": {"motion": {"name": "mpnet"}, "appearance": {"name": "x"}}}
    save_file({"mean": np.float32([0])}, path, metadata={"vosmem": json.dumps(told)})
    assert "trained here on 1 sequence" in " ".join(page(results).text["answer"].split())


def test_the_saved_configuration_is_a_configuration(build, tmp_path, monkeypatch):
    results = build()
    told = json.dumps(results.config)
    monkeypatch.setattr("sys.stdin", io.StringIO(told))
    for given in (told, "-"):
        out = tmp_path / f"resolved{len(given)}.yaml"
        assert main(["report", "--save-config", given, "-o", str(out)]) == 0
        assert yaml.safe_load(out.read_text()) == results.config


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nowhere"], "nowhere: no such folder"),
        ([], "RESULTS_DIR: not given"),
        (["."], "config.yaml: no such file"),
        (["{}"], "no masks under refine/lvo/raw"),
        (["{}", "--reference", "FSEG"], "--reference: got 'FSEG'"),
        (["{}", "--reference", "FSEG=nowhere.csv"], "nowhere.csv: no such file"),
        (["--save-config", "{{"], "--save-config: not JSON"),
    ],
)
def test_mistakes_are_one_line(build, tmp_path, monkeypatch, capsys, arguments, line):
    monkeypatch.chdir(tmp_path)
    results = build()
    if line.startswith("no masks"):
        results.config["data"]["test"] = "all"
        shutil.rmtree(results.folder / "refine")
    save_config(results)
    arguments = [a.format(results.folder) if a == "{}" else a for a in arguments]
    assert main(["report", *arguments, "-o", "page.html"]) == 1
    told = capsys.readouterr().err.strip()
    assert line in told and "\n" not in told
    assert not (tmp_path / "page.html").exists()
