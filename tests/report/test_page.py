"""The whole page, made from a small results folder and read back as a browser would."""

import csv
import html
import io
import json
import re
import shutil
from html.parser import HTMLParser

import pytest
import yaml

from tests.report.conftest import COLUMNS, write_csv
from vosmem import config, davis2016
from vosmem.cli import main
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
        self.feed(text)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
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
        self.text[self.section] = self.text.get(self.section, "") + data
        if {"td", "th"} & set(self.open):
            self.rows[self.section][-1][-1] += data

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
    assert ids == ["answer", "scores", "sequences", "time", "frames", "training", "cost", "data", "provenance"]


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
    assert told.elements.count("script") == 1
    assert "img" not in told.elements and "b" in told.elements
    assert not [name for _, name, _ in told.attributes if name.startswith("on")]
    assert evil in told.text["sequences"] and "<script>what" in told.text["data"]


def test_the_page_asks_for_nothing_outside_itself(build, page):
    told = page(build(unscored=("owl",)))
    for _, name, value in told.attributes:
        if name in ("src", "href", "srcset", "action", "data", "xlink:href", "poster"):
            assert value.startswith(("#", "data:image/jpeg;base64,")), value
    without_pictures = re.sub(r"base64,[^\"]+", "", told.source)
    assert not re.search(r"url\(|@import|https?://|fetch\(|XMLHttpRequest|import\(", without_pictures)
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
    assert "eel best" in told.text["frames"] and "dog worst" in told.text["frames"]
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
    told = page(build(source="demo"))
    told = " ".join(told.text["answer"].split())
    assert "Rendered, not filmed. These sequences were drawn by a program" in told
    assert "the scores say nothing about real video" in told


def test_a_data_set_without_scores(build, page):
    told = page(build(scored=(), unscored=("cat", "dog")))
    answer = " ".join(told.text["answer"].split())
    assert "2 sequences of tiny were segmented; none has annotations, so there are no scores" in answer
    assert "sequences" not in told.rows and "time" not in told.text
    assert told.text["frames"].count("not scored") == 2
    assert 'class="prediction" d="M' in told.source and 'class="annotation" d=' not in told.source


def test_a_sequence_without_annotations_among_scored_ones(build, page):
    told = page(build(unscored=("owl",)))
    assert "3 sequences of tiny were scored (of 4 segmented)" in " ".join(told.text["answer"].split())
    assert not [row for row in told.rows["sequences"] if row[0].startswith("owl")]
    assert "owl not scored" in told.text["frames"]
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


def test_a_reference_that_lacks_a_sequence_is_not_averaged(build, page, tmp_path):
    path = tmp_path / "fseg.csv"
    path.write_text("sequence,J_mean\ncat,0.5\n")
    told = page(build(), "--reference", f"FSEG={path}")
    assert told.row("scores", "FSEG") == ["FSEG not shown: has no scores for dog, eel"] + ["–"] * 7


def test_frames_of_best_median_and_worst(build, page):
    results = build(scored=("a", "b", "c", "d", "e"))
    told = page(results)
    J = {name: float(row["J_mean"]) for name, row in results.scores("lvo").items() if name != "mean"}
    ranked = sorted(J, key=J.get, reverse=True)
    text = " ".join(told.text["frames"].split())
    assert "Masks of lvo by raw" in text
    shown = zip(ranked[::2], ("best", "median", "worst"), strict=True)
    places = [text.index(f"{name} {why}: J {percent(J[name])}") for name, why in shown]
    assert places == sorted(places)
    assert text.count("lowest") == 3
    assert told.source.count('class="prediction" d="M') == told.source.count('class="annotation" d="M') == 12
    assert len(re.findall(r'<use href="#f\d-\d"', told.source)) == 12 and told.source.count("data:image/jpeg") == 24


def test_frames_that_are_gone_leave_the_rest_of_the_page(build, page):
    results = build()
    for path in (results.folder.parent.parent / "data/JPEGImages/480p/dog").iterdir():
        path.unlink()
    told = page(results)
    assert "No pictures:" in told.text["frames"] and "cannot be read as an image" in told.text["frames"]
    assert told.row("sequences", "dog")


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


def test_cost_data_and_provenance(build, page):
    results = build()
    results.benchmark("flow/dis/cat.tsv", 1.5)
    results.benchmark("flow/dis/dog.tsv", 2.5, "321.0")
    with open(results.folder / "data/defects.tsv", "a") as file:
        file.write("0\tcat\tAnnotations/480p/cat/00003.png\thas an alpha channel\tnone needed\n")
    told = page(results)
    assert told.row("cost", "flow")[:5] == ["flow", "2", "4.0", "2.00", "321"]
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
    told = page(build(size=(225, 400), frames=4))  # as large as frames are shown
    pictures = [len(picture) for picture in re.findall(r"data:image/jpeg[^\"]+", told.source)]
    assert len(pictures) == 2 * 3 * 4 and sum(pictures) < 500_000


def test_the_rest_stays_small(build, page):
    rows = {f"m{i}": {"memory": {"state": 8 + i}} for i in range(3)}
    told = page(build(models=rows, scored=[f"s{i}" for i in range(8)], size=(20, 32), frames=80))
    assert len(re.sub(r"base64,[^\"]+", "", told.source)) < 150_000


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
