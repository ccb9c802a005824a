"""The page in a browser: Debian's Chromium, driven by Playwright, which needs no browser of its own."""

import csv
import io
import os
import shutil
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
import yaml

from tests.report.conftest import SIZE, builder
from vosmem import video
from vosmem.cli import main
from vosmem.report.tables import percent

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
EVIL = "<img src=x onerror=alert(1)>"
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser(needs):
    program = next((path for name in NAMES if (path := shutil.which(name))), None)
    needs("chromium", program is not None, "none of " + ", ".join(NAMES) + " on the PATH; apt-get install chromium")
    needs("chromium", find_spec("playwright") is not None, "and Playwright, which drives it; pip install playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=os.getuid() != 0)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Of four scored sequences, one with a name that would like to be markup, and one without annotations."""
    results = builder(tmp_path_factory.mktemp("browser"))(
        models={"lvo": {}, "small": {"memory": {"state": 8}}}, scored=("cat", "dog", "eel", EVIL), unscored=("owl",),
        methods=("raw", "guided"), trained_on=("ant", "dog"),
    )  # fmt: skip
    results.config["report"]["title"] = "</script><script>alert(2)</script>"
    results.benchmark("flow/dis/cat.tsv", 1.5)
    (results.folder / "config.yaml").write_text(yaml.safe_dump(results.config, sort_keys=False))
    for page, asked in (("report", []), ("compare", ["--compare"])):
        assert main(["report", str(results.folder), *asked, "-o", str(results.folder / f"{page}.html")]) == 0
    return results


@pytest.fixture
def opened(browser, results):
    """``opened(viewport, page, ...)`` shows a page; what went wrong in any of them is told in the end."""
    contexts, wrong = [], []

    def opened(viewport=DESKTOP, name="report", **options):
        context = browser.new_context(viewport=viewport, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        address = (results.folder / f"{name}.html").as_uri()
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: wrong.append(asked.url) if not harmless(asked.url, address) else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def harmless(url, address):
    return url == address or url.startswith(("data:image/jpeg;base64,", "blob:"))


def until(page, holds):
    """Wait until an expression holds. Playwright's own way evaluates text within the page, which its policy forbids."""
    for _ in range(100):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {holds}")


def column(page, table, index):
    """The text of a column's visible cells, without marks."""
    cells = page.locator(f"{table} tbody tr:visible > *:nth-child({index})").all_inner_texts()
    return [cell.strip().rstrip("†").split("\n")[0] for cell in cells]


def clips(page):
    return page.locator("#viewer select option").all_inner_texts()


def colours(page):
    """The picture of the viewer at the size of the frame: (h, w, 3) BGR."""
    until(page, f"document.querySelector('#viewer canvas').width === {2 * SIZE[1]}")
    page.wait_for_timeout(100)
    with page.expect_download() as download:
        page.get_by_role("button", name="Picture as PNG").click()
    image = cv2.imread(str(download.value.path()), cv2.IMREAD_COLOR)
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA).astype(int)


def choose(page, name, mode="prediction"):
    page.locator("#viewer select").select_option(label=name)
    page.locator(f"#viewer input[value={mode}]").check(force=True)


def test_a_click_on_a_heading_sorts(opened, results):
    page = opened()
    J = {name: float(row["J_mean"]) for name, row in results.scores("lvo").items() if name != "mean"}
    heading = page.locator("#by-sequence thead button").nth(2)
    heading.click()
    assert column(page, "#by-sequence", 3) == [percent(v) for v in sorted(J.values(), reverse=True)]
    heading.focus()
    page.keyboard.press("Enter")
    assert column(page, "#by-sequence", 3) == [percent(v) for v in sorted(J.values())]
    assert page.locator("#by-sequence th[aria-sort=ascending]").count() == 1


def test_the_table_narrows_and_its_last_row_is_the_mean_of_what_is_left(opened, results):
    page = opened()
    J = {name: float(row["J_mean"]) for name, row in results.scores("lvo").items()}
    mean, told = page.locator("#by-sequence tfoot tr > *").nth(2), page.locator(".filter output")
    whole = mean.inner_text()
    page.get_by_role("searchbox").fill("E")  # eel, and the name of evil intent
    assert {cell.split()[0] for cell in column(page, "#by-sequence", 1)} == {"eel", "<img"}
    assert (told.inner_text(), mean.inner_text()) == ("2 of 4 sequences", percent((J["eel"] + J[EVIL]) / 2))
    page.get_by_role("button", name="all", exact=True).click()
    assert (told.inner_text(), mean.inner_text()) == ("4 of 4 sequences", whole)
    mark = page.get_by_role("button", name="seen in training")
    mark.click()
    assert [cell.split()[0] for cell in column(page, "#by-sequence", 1)] == ["dog"]
    assert mark.get_attribute("aria-pressed") == "true" and mean.inner_text() == percent(J["dog"])
    mark.click()
    assert told.inner_text() == "4 of 4 sequences"


def test_tables_leave_as_csv(opened, results):
    page = opened()
    page.get_by_role("searchbox").fill("dog")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the table sequences as CSV").click()
    assert download.value.suggested_filename == "sequences.csv"
    header, dog, mean = csv.reader(download.value.path().read_text().splitlines())
    assert header[:4] == ["Sequence", "Frames", "lvo raw J", "lvo raw F"]
    row = results.scores("lvo")["dog"]
    assert dog[:4] == ["dog", "12", row["J_mean"].rstrip("0"), row["F_mean"].rstrip("0")]
    assert mean[0] == "mean of these" and mean[2] == dog[2]
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.get_by_role("button", name="Copy the table cost as CSV").click()
    copied = list(csv.reader(io.StringIO(page.evaluate("window.copied"))))
    assert copied[0] == ["Stage", "Jobs", "Seconds", "Seconds a job", "Peak memory, MB", "Disk, MB"]
    assert next(row for row in copied if row[0] == "flow")[:3] == ["flow", "1", "1.5"]


def test_what_charts_draw_can_be_downloaded(opened, results):
    page = opened()
    with page.expect_download() as download:
        page.get_by_role("button", name="dog over time as CSV").click()
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    with open(results.folder / "evaluate/lvo/guided/dog.csv") as file:
        J = [float(row["J"]) for row in csv.DictReader(file)]
    assert [row["sequence"] for row in rows] == ["dog"] * 12
    assert [row["J lvo"] for row in rows] == ["", *(repr(v) for v in J), ""]
    for name, first in (("time", "sequence"), ("training", "group")):
        with page.expect_download() as download:
            page.locator(f"#{name}").get_by_role("button", name="All as CSV", exact=True).click()
        assert download.value.path().read_text().startswith(first)
    with page.expect_download() as download:
        page.get_by_role("button", name="Scores as CSV", exact=True).click()
    assert download.value.path().read_text().startswith("sequence,frame,J raw,F raw,J guided,F guided\n")


def test_the_slider_shows_frames_and_their_scores(opened, results):
    page = opened()
    choose(page, "cat")
    with open(results.folder / "evaluate/lvo/guided/cat.csv") as file:
        scores = {row["frame"]: row for row in csv.DictReader(file)}
    told, cursor = page.locator(".player > output"), page.locator(".cursor")
    assert told.inner_text() == "frame 00000, 1 of 12 · not scored"
    slider = page.get_by_role("slider")
    slider.focus()
    before = cursor.get_attribute("transform")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert told.inner_text().startswith(f"frame 00005, 6 of 12 · J {percent(float(scores['00005']['J']))} · F")
    assert slider.get_attribute("aria-valuetext") == told.inner_text() and cursor.get_attribute("transform") != before
    page.locator("#viewer input[value=raw]").check(force=True)
    with open(results.folder / "evaluate/lvo/raw/cat.csv") as file:
        J = {row["frame"]: float(row["J"]) for row in csv.DictReader(file)}["00005"]
    assert f"J {percent(J)}" in told.inner_text()
    curve = page.locator(".curve svg.chart")
    curve.click(position={"x": curve.bounding_box()["width"] - 9, "y": 40})
    assert slider.input_value() == "11" and "frame 00011" in told.inner_text()


def test_masks_are_drawn_where_they_are(opened, results):
    page = opened()
    choose(page, "cat")
    page.get_by_role("slider").fill("10")
    found = video.read_mask(results.folder / "refine/lvo/guided/cat/00010.png")
    truth = video.read_mask(results.folder.parent.parent / "data/Annotations/480p/cat/00010.png")
    inner = cv2.erode(np.stack([found & truth, found & ~truth, truth & ~found]).astype(np.uint8)[0], np.ones((5, 5)))
    choose(page, "cat", "frame")
    page.get_by_role("slider").fill("10")
    plain = colours(page)
    page.locator("#viewer input[value=prediction]").check(force=True)
    drawn = colours(page)
    changed = np.abs(drawn - plain).max(axis=2) > 25
    assert (
        changed[inner > 0].all()
        and not changed[cv2.dilate((found | truth).astype(np.uint8), np.ones((7, 7))) == 0].any()
    )
    page.locator("#viewer input[value=error]").check(force=True)
    blue, green, red = np.moveaxis(colours(page), 2, 0)
    core = cv2.erode((found & ~truth).astype(np.uint8), np.ones((2, 2))) > 0
    assert core.any() and (red - blue)[core].min() > 60  # orange: false
    core = cv2.erode((truth & ~found).astype(np.uint8), np.ones((2, 2))) > 0
    assert core.any() and (blue - red)[core].min() > 60  # blue: missed
    apart = cv2.dilate((found ^ truth).astype(np.uint8), np.ones((7, 7))) == 0
    assert np.abs(red - blue)[apart].max() < 12  # all else is grey
    page.locator("#viewer input[value=motion]").check(force=True)
    blue, green, red = np.moveaxis(colours(page), 2, 0)
    assert np.median(green[inner > 0]) > 150 and np.median(green[apart & ~found & ~truth]) < 60


def test_what_does_not_apply_cannot_be_chosen(opened):
    page = opened()
    choose(page, "cat", "error")
    page.locator("#viewer select").select_option(label="owl")
    assert page.locator("#viewer input[value=error]").is_disabled()
    assert page.locator("#viewer input[value=prediction]").is_checked() and page.locator(".curve").is_hidden()
    assert "not annotated" in page.locator(".player > output").inner_text()


def test_rows_and_failures_open_their_frames(opened, results):
    page = opened()
    page.locator("#by-sequence").get_by_role("link", name="dog").click()
    chosen = page.locator("#viewer option:checked")
    assert chosen.inner_text() == "dog"
    with open(results.folder / "evaluate/lvo/guided/eel.csv") as file:
        worst = min((float(row["J"]), row["frame"]) for row in csv.DictReader(file))[1]
    failure = page.locator(".failure", has_text="eel")
    failure.scroll_into_view_if_needed()
    until(page, "[...document.querySelectorAll('.failure canvas')].every((canvas) => canvas.width > 16)")
    failure.click()
    assert chosen.inner_text() == "eel" and page.locator("#viewer input[value=error]").is_checked()
    assert f"frame {worst}" in page.locator(".player > output").inner_text()


def test_it_plays_and_stops(opened):
    page = opened()
    choose(page, "cat")
    page.get_by_role("button", name="Play").click()
    until(page, "document.querySelector('#viewer input[type=range]').value > 1")
    page.get_by_role("button", name="Stop").click()
    assert page.get_by_role("button", name="Play").is_visible()


def test_light_and_dark(opened):
    lightness = {}
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
        lightness[scheme] = [sum(map(int, colour.strip("rgb()").split(","))) / 3 for colour in (ground, ink)]
    assert lightness["light"][0] > 200 > 60 > lightness["light"][1]
    assert lightness["dark"][0] < 60 < 200 < lightness["dark"][1]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_is_wider_than_the_screen(opened, viewport):
    page = opened(viewport)
    for name in (EVIL, "owl"):
        choose(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_everything_is_reached_by_the_keyboard(opened):
    page = opened()
    page.wait_for_selector("#viewer canvas")
    wanted = page.evaluate(
        "[...document.querySelectorAll('a[href], button, select, input, summary, [tabindex]')]"
        ".filter((e) => e.checkVisibility() && !e.disabled && !(e.type === 'radio' && !e.checked))"
        ".map((e, i) => (e.dataset.place = i))"
    )
    reached = []
    for _ in range(len(wanted) + 2):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.place"))
    assert {str(place) for place in wanted} <= set(reached)
    page.locator("#viewer input[value=prediction]").focus()
    page.keyboard.press("ArrowRight")  # radio buttons are one stop, with arrows between them
    assert page.locator("#viewer input[value=annotation]").is_checked()


def test_two_rows_stand_side_by_side(opened, results):
    page = opened(name="compare")
    page.get_by_role("link", name="cat").click()
    assert page.locator(".pick option:checked").inner_text() == "cat"
    told = page.locator(".side output").all_inner_texts
    assert told() == ["frame 00000 · not scored"] * 2
    page.get_by_role("slider").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    J = {}
    for model in ("lvo", "small"):
        with open(results.folder / f"evaluate/{model}/guided/cat.csv") as file:
            J[model] = {row["frame"]: percent(float(row["J"])) for row in csv.DictReader(file)}["00003"]
    assert [text.split(" · ")[1] for text in told()] == [f"J {J['lvo']}", f"J {J['small']}"]
    assert page.locator(".curve .legend").inner_text().split("\n") == ["J lvo", "J small"]
    page.get_by_label("Right row").select_option(label="lvo")
    assert told()[0] == told()[1] and page.locator(".curve .legend").inner_text() == "J lvo"
    curve = page.locator(".curve svg.chart")
    curve.click(position={"x": curve.bounding_box()["width"] - 9, "y": 40})
    assert all(text.startswith("frame 00011") for text in told())
    until(page, f"[...document.querySelectorAll('canvas')].every((canvas) => canvas.width === {2 * SIZE[1]})")
    page.get_by_role("button", name="Next sequence").click()
    assert page.locator(".pick option:checked").inner_text() == "dog"
    page.locator(".pick select").select_option(label="owl")
    assert page.locator("input[value=error]").is_disabled() and page.locator(".curve").is_hidden()


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_comparison_is_no_wider_than_the_screen(opened, viewport):
    page = opened(viewport, "compare")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.locator("img").count() == 0


def test_names_are_text_and_nothing_else(opened):
    page = opened()
    assert EVIL in clips(page) and page.locator("img").count() == 0
    assert page.locator("h1").inner_text() == "</script><script>alert(2)</script>"
    choose(page, EVIL, "error")
    assert page.locator(".player > output").inner_text().startswith("frame 00000")
    page.wait_for_timeout(100)  # whatever was injected has had its chance
