"""The viewer shows phantoms and public films with their layers, and no other film."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.draw import polygon2mask

from chexnomaly.figures import gallery, predictions
from chexnomaly.figures.viewer import (
    OWN,
    Panel,
    Viewer,
    boxes_layer,
    draw_layer,
    film_source,
    heat_layer,
    mask_layer,
)
from chexnomaly.metrics import lenient_categories

FILM = np.linspace(0, 1, 48 * 40, dtype=np.float32).reshape(48, 40)
BOXES = boxes_layer("readers", np.array([[1, 2, 5, 8.5]]), (32, 32))
OUTCOME = {"chexnomaly": ("FN", "TP", 0.25), "supermodel": ("FN", "FN", 0.0)}


class Elements(HTMLParser):
    """Every element with its attributes; an unclosed one fails."""

    def __init__(self, html):
        super().__init__()
        self.found, self.open = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("img", "rect", "path", "image"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def of(self, name):
        return [attrs for tag, attrs in self.found if tag == name]


def decode(address):
    head, _, data = address.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_a_film_keeps_its_grays_and_its_size():
    shown = decode(film_source(FILM, "phantom")).astype(float)
    assert shown.shape == (48, 40, 3)
    assert np.ptp(shown, axis=2).max() <= 2
    assert np.abs(shown[..., 0] - 255 * FILM).mean() < 3


@pytest.mark.parametrize("origin", ["images", "open-images", "coco", "annotations", ""])
def test_nothing_of_a_real_film_reaches_the_page(origin):
    probs = np.zeros((32, 32))
    probs[4:9, 4:9] = 1
    panel = Panel(FILM, origin, (BOXES, mask_layer(probs, 0.5)), data={"set": "x"})
    page = Viewer({"a row": [panel]})._repr_html_()
    cell = page.partition('<div class="xray-cell"')[2]
    assert "withheld" in cell
    for trace in ("data:image", "<img", "<svg", "<rect", "<path"):
        assert trace not in cell


def test_a_reader_sees_the_film_they_named():
    assert "data:image" in Panel(FILM, OWN).html()
    assert "Computed" not in Panel(FILM, OWN).alt()


def test_a_real_set_is_not_even_opened(squares):
    real = replace(squares, findings=squares.findings.assign(source="vindr"))
    zero = {"x": lambda scans: iter([torch.zeros(len(scans), 1, 32, 32)])}
    image_id = real.ids("test")[0]
    missing = {image_id: real.root / "there is no such film.dicom"}
    case = predictions.make_cases([image_id], real, zero, missing)[image_id]
    assert (case.film, case.origin) == (None, "images")
    shown = predictions.figure_cases({"all": [replace(case, film=FILM)]}, 0.5)
    assert "withheld" in shown._repr_html_()
    assert "data:image" not in shown._repr_html_()


def test_a_film_that_its_provider_lets_anybody_show_is_shown(squares, tmp_path):
    public = replace(squares, findings=squares.findings.assign(source="nih"))
    zero = {"x": lambda scans: iter([torch.zeros(len(scans), 1, 32, 32)])}
    image_id, file = public.ids("test")[0], tmp_path / "film.webp"
    Image.fromarray((FILM * 255).astype(np.uint8)).save(file)
    case = predictions.make_cases([image_id], public, zero, {image_id: file})[image_id]
    panel = predictions.case_panel(case, {"x": 0.5})
    assert case.origin == "nih" and "data:image" in panel.html()
    # What the page's attribution goes by: a chest film, and no computed one.
    assert panel.alt().startswith("Chest film")


def test_boxes_are_drawn_where_they_are():
    rects = Elements(draw_layer(BOXES)).of("rect")
    assert rects == [{"x": "1", "y": "2", "width": "4", "height": "6.5"}]


def test_an_outline_covers_the_pixels_above_the_threshold():
    y, x = np.mgrid[:64, :64]
    probs = np.exp(-((x - 20) ** 2 + (y - 40) ** 2) / 200)
    layer = mask_layer(probs, 0.4)
    path = re.search(r'd="M([^Z]*)Z"', layer.drawing)[1]
    points = np.array([p.split() for p in path.split("L")], float)[:, ::-1]
    inside = polygon2mask((64, 64), points - 0.5)
    wrong = (inside != (probs > 0.4)).sum()
    assert wrong <= 0.06 * (probs > 0.4).sum()
    assert layer.words == f"{(probs > 0.4).mean():.0%} of the film marked"


def test_a_mask_that_fills_the_film_or_is_empty():
    assert mask_layer(np.zeros((8, 8)), 0.5).drawing == ""
    full = mask_layer(np.ones((8, 8)), 0.5).drawing
    corners = np.array(re.findall(r"-?[\d.]+", full), float)
    assert corners.min() >= -0.1 and corners.max() <= 8.1


def test_heat_is_clear_at_zero_and_strong_at_the_top():
    values = np.zeros((16, 16))
    values[8:] = 2.0
    image = Elements(draw_layer(heat_layer(values, 2.0, "a map"))).of("image")[0]
    alpha = decode(image["href"])[..., 3]
    assert alpha[:6].max() < 10 and alpha[10:].min() > 200


def test_every_layer_is_there_without_a_script():
    probs = np.full((32, 32), 0.1)
    probs[3:9, 3:9] = 0.9
    panel = Panel(FILM, "phantom", (mask_layer(probs, 0.5), BOXES), "one <film>")
    page = Viewer({"a row": [panel], "another": []})._repr_html_()
    elements = Elements(page)
    kinds = [svg["data-layer"] for svg in elements.of("svg")]
    assert kinds == ["readers", "prediction"]
    assert not any("hidden" in svg for svg in elements.of("svg"))
    assert elements.of("img")[0]["alt"].startswith("Computed chest film: 1 boxes, ")
    assert "one &lt;film&gt;" in page and page.count("none found") == 1
    assert "<script" not in page and "http" not in page
    switches = [item["data-switch"] for item in elements.of("li")]
    assert switches == ["readers", "prediction"]


def test_the_gallery_holds_every_finding_a_few_times(squares):
    ids = squares.ids("test")
    chosen = gallery.choose_gallery(squares.findings, ids, 1, 2, seed=0)
    assert chosen == gallery.choose_gallery(squares.findings, ids, 1, 2, seed=0)
    table = squares.findings[squares.findings.image_id.isin(chosen)]
    there = set(squares.findings[squares.findings.image_id.isin(ids)].finding)
    assert set(table.finding) == there
    everything = gallery.choose_gallery(squares.findings, ids, 99, 99, seed=0)
    assert everything == sorted(ids)


def test_outcomes_are_those_of_the_rules():
    scores = {
        "tp": [8.0, 0.0, 0.0],
        "fp": [2.0, 0.0, 5.0],
        "fn": [6.0, 4.0, 0.0],
        "tn": [9984.0, 9996.0, 9995.0],
        "boxes": [1.0, 1.0, 0.0],
        "touched": [1.0, 0.0, 0.0],
        "flagged": [1.0, 0.0, 0.0],
    }
    scores = {key: np.array(values) for key, values in scores.items()}
    judged = gallery.judge(["a", "b", "c"], scores, lenient_categories)
    # 8 of 16 pixels overlap; 5 stray pixels of 10,000 are no speck for the strict rule.
    assert judged["a"][1:] == ("TP", 0.5)
    assert judged["b"] == ("FN", "FN", 0.0)
    assert judged["c"][:2] == ("FP", "TN") and np.isnan(judged["c"][2])


def test_the_gallery_shows_the_first_system_until_another_is_chosen():
    probs = np.zeros((32, 32))
    probs[4:9, 4:9] = 1
    case = predictions.Example(
        FILM, np.zeros((0, 4)), dict.fromkeys(OUTCOME, probs), "phantom"
    )
    entry = gallery.Exhibit(case, "VinDr-like", ["ild", "nodule_mass"], OUTCOME)
    page = gallery.figure_gallery([entry], dict.fromkeys(OUTCOME, 0.5))._repr_html_()
    elements = Elements(page)
    systems = {s.get("data-system"): "hidden" in s for s in elements.of("svg")}
    assert systems == {None: False, "chexnomaly": False, "supermodel": True}
    cell = next(e for e in elements.of("div") if "data-of_supermodel" in e)
    assert cell["data-findings"] == "ild nodule_mass"
    assert cell["data-of_chexnomaly"] == "FN TP 0.25"
    values = [option["value"] for option in elements.of("option")]
    assert {"ild", "nodule_mass", "supermodel", "strict", "50/50"} <= set(values)
    assert "atelectasis" not in values
