"""The pages to try in a real browser: their numbers, and mouse, finger and keys."""

import base64
import io
import json
import shutil
from collections import Counter
from itertools import groupby, product
from pathlib import Path

import numpy as np
import pydata_sphinx_theme
import pytest
import sphinx_book_theme
import torch
from PIL import Image

from book.pieces import interactive
from book.pieces.facts import Facts
from book.pieces.render import render
from book.site.browser import install
from chexnomaly import evaluation, metrics
from chexnomaly.boxes import boxes_to_mask
from chexnomaly.claims.ledger import load_ledger
from chexnomaly.evaluation.evaluator import save_scores
from chexnomaly.evidence import AGREE, DISAGREE
from chexnomaly.studies.annotations import atlas, feasible
from chexnomaly.workspace import Workspace
from tests.book.tab import PHONE, open_page

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "book" / "static"
FRESH = ("interactive.css", "referee.js", "sentences.js", "ten_films.js")
THEMES = [pydata_sphinx_theme, sphinx_book_theme]
FOLDERS = [Path(one.__file__).parent / "theme" for one in THEMES]
STYLES = [css for one in FOLDERS for css in sorted(one.glob("*/static/styles/*.css"))]
STYLES.append(STATIC / "book.css")
LINKS = "".join(
    f'<link rel="stylesheet" href="_static/{file.name}">' for file in STYLES
)
SHELL = (
    '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    f"<title>Page</title>{LINKS}</head><body>"
    '<main class="bd-content"><article class="bd-article"><h1>Page</h1>{}</article>'
    "</main></body></html>"
)
SETS = ("nih_boxes", "nih_boxes_rsna", "vindr_test", "vindr_test__two_readers")
SYSTEMS = ("supermodel", "chexnomaly", "mean_mask")
NAMES = ("Supermodel (U-Net)", "CheX-Nomaly", "Mean mask")
OPERATING, SIDE, N = 0.3, 16, 30
MOST_BYTES = 300_000

pytestmark = pytest.mark.slow


class Pages:
    """Pages in a folder, in the styles of the book, opened as files."""

    def __init__(self, folder, installed):
        self.folder, self.installed, self.maps = folder, installed, {}

    def write(self, name, piece):
        (self.folder / "_static").mkdir(exist_ok=True)
        for file in (*STYLES, *(STATIC / name for name in FRESH)):
            shutil.copy(file, self.folder / "_static")
        label = f'<span id="{name.replace("_", "-")}"></span>'  # as Sphinx writes it
        (self.folder / f"{name}.html").write_text(SHELL.replace("{}", label + piece))

    def open(self, name, code, given=None, **view):
        """Do something on a page; see `open_page`."""
        page = self.folder / f"{name}.html"
        return open_page(page, self.folder, self.installed, code, given, view)


def write_result(folder, key, **more):
    system, _, dataset = key.partition("__")
    result = {"schema": 1, "system": system, "set": dataset, "profile": "demo"}
    result |= {
        "notebook": "03_supermodels",
        "evidence": "phantom",
        "n": N,
        "seeds": [0],
    }
    result |= {"trained_on": "phantom", "scored_on": "phantom"}
    entry = {"value": 0.4, "low": 0.3, "high": 0.5, "n": N}
    result |= {"values": {"iou_c": entry, "iou_c@operating": entry}, "paired": {}}
    (folder / f"{key}.json").write_text(json.dumps(result | more))


def made_up(seed):
    """Give masks, a third of them empty, and maps that find some of them."""
    rng = np.random.default_rng(seed)
    masks = torch.zeros(N, 1, SIDE, SIDE)
    for k in range(N):
        if k % 3:
            x, y, width, height = rng.integers(1, SIDE // 2, 4)
            masks[k, 0, y : y + height, x : x + width] = 1
    noise = torch.from_numpy(rng.random(masks.shape, dtype=np.float32))
    strength = torch.from_numpy(rng.random((N, 1, 1, 1), dtype=np.float32))
    calm = torch.arange(N).view(-1, 1, 1, 1) % 4 == 0
    maps = torch.where(calm, 0.2 * noise, 0.6 * strength * masks + 0.45 * noise)
    return masks, maps


@pytest.fixture(scope="module")
def pages(tmp_path_factory, browser):
    root = tmp_path_factory.mktemp("pages")
    workspace = Workspace("demo", root)
    workspace.results.mkdir(parents=True)
    made = Pages(root, install(ROOT / "_build" / "browser"))
    for key in ("nih_boxes", "vindr_test", "other_200"):
        write_result(workspace.results, f"supermodel__{key}")
    (root / "notebooks").mkdir()
    (root / "notebooks" / "03_supermodels.ipynb").write_text("{}")
    for number, key in enumerate(SETS):
        for k, system in enumerate(SYSTEMS):
            masks, _ = made_up(number)
            maps = made_up(10 * number + 100 + k)[1] * (0.5 + 0.5 * masks)
            made.maps[key, system] = maps, masks
            names = [f"film{n}" for n in range(N)]
            scored = evaluation.score([maps], masks, names, {0.5, OPERATING})
            path = workspace.runs / system / f"scores__{key}.safetensors"
            save_scores(path, scored, OPERATING)
    facts = Facts(workspace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interactive, "held_out", lambda _: (None, workspace.runs))
        patch.setattr(interactive, "ten_films", lambda _: ten_made_up())
        for name in ("referee", "sentences", "ten_films"):
            made.write(name, render(facts, f"{name}.html", name))
    made.facts = facts
    return made


# ---- Be the referee.

SCORE = """return tab.evaluate((asked) => asked.map(([key, system, rules]) =>
  referee.score(referee.sets[key], system, rules)), given);"""


def test_every_convention_is_that_of_the_metrics(pages):
    asked = [
        (key, system, convention, at, rule)
        for key in SETS
        for system in SYSTEMS
        for convention in "ABCDE"
        for at, rule in ((0, "any_pixel"), (1, "healthy"))
    ]
    names = ("convention", "threshold", "rule")
    given = [(*one[:2], dict(zip(names, one[2:], strict=True))) for one in asked]
    found = pages.open("referee", SCORE, given)
    for (key, system, convention, at, rule), one in zip(asked, found, strict=True):
        maps, masks = pages.maps[key, system]
        threshold = (0.5, OPERATING)[at]
        near = 1e-4 if convention == "E" else 1e-9
        wanted = metrics.iou(maps, masks, convention, threshold)
        assert one["iou"] == pytest.approx(wanted, abs=near)
        wanted = metrics.mean_absolute_error(maps, masks, threshold)
        assert one["mae"] == pytest.approx(wanted, abs=1e-9)
        wanted = metrics.f1_score(maps, masks, rule, threshold)
        assert one["f1"] == pytest.approx(wanted, abs=1e-9)
    assert len({round(one["iou"], 4) for one in found}) > 50


def test_an_empty_mask_is_scored_as_the_metrics_score_one(pages):
    rules = [{"convention": c, "threshold": 0} for c in "ABCDE"]
    given = [("vindr_test", "all_empty", rule) for rule in rules]
    found = pages.open("referee", SCORE, given)
    _, masks = pages.maps["vindr_test", "supermodel"]
    for convention, one in zip("ABCDE", found, strict=True):
        wanted = metrics.iou(torch.zeros_like(masks), masks, convention)
        assert one["iou"] == pytest.approx(wanted, abs=1e-9)


def test_another_share_of_normal_films_weighs_the_same_films(pages):
    shares = [0.0, 0.2, 0.71, 0.99]
    cases = [*product("ABCD", ("any_pixel", "healthy"), shares)]
    names = ("convention", "rule", "share")
    rules = [{"threshold": 1, **dict(zip(names, one, strict=True))} for one in cases]
    given = [("nih_boxes", "chexnomaly", rule) for rule in rules]
    found = pages.open("referee", SCORE, given)
    maps, masks = pages.maps["nih_boxes", "chexnomaly"]
    scores = metrics.image_scores(maps, masks, OPERATING)
    table = atlas.with_normal_share(scores, shares)
    for (convention, rule, share), one in zip(cases, found, strict=True):
        row = table.loc[share]
        assert one["iou"] == pytest.approx(row[convention], abs=1e-9)
        assert one["mae"] == pytest.approx(row["mae_hard"], abs=1e-9)
        if not (rule == "healthy" and share == 0):  # 0 of 0
            assert one["f1"] == pytest.approx(row[f"f1_{rule}"], abs=1e-9)


def test_what_can_be_true_together_is_what_the_linear_program_says(pages):
    rng = np.random.default_rng(0)
    sizes = rng.random(40) ** 2 / 2 + 0.01
    cases, wanted = [], []
    for _ in range(400):
        triple = {}
        for name in ("iou", "f1", "mae"):
            middle = rng.random() ** (3 if name == "mae" else 1)
            triple[name] = (max(0.0, middle - 0.005), min(1.0, middle + 0.005))
        share = float(rng.choice([0.05, 0.29, 0.6, 1.0]))
        convention = str(rng.choice(["A", "C", "D", "B"]))
        rule = str(rng.choice(feasible.RULES))
        mix = feasible.TestMix(share, sizes)
        cases.append((triple, share, convention, rule))
        if convention == "B":
            least = feasible.least_pooled_iou(triple["mae"][1], share * sizes.mean())
            wanted.append(least <= triple["iou"][1])
        else:
            scores = feasible.PrintedScores(**triple)
            wanted.append(feasible.is_possible(scores, mix, convention, rule))
    code = """
    const ask = ({ cases, sizes }) => cases.map(
      ([triple, share, c, rule]) => referee.isPossible(triple, share, sizes, c, rule));
    return tab.evaluate(ask, given);"""
    found = pages.open("referee", code, {"cases": cases, "sizes": sizes.tolist()})
    assert found == wanted
    assert min(Counter(wanted).values()) > 40


def test_the_printed_triples_are_those_of_table_one(pages):
    found = pages.open("referee", "return tab.evaluate(() => referee.triples);")
    ledger = load_ledger().set_index("id")
    assert len(found) == 10
    for row in found:
        for metric, short in (("mean_iou", "iou"), ("f1", "f1"), ("mae", "mae")):
            cell = ledger.loc[f"t1-{row['films']}-{row['system']}-{metric}"]
            assert row[metric] == cell["as_printed"]
            ends = feasible.rounded_from(cell["value"], 2 * (metric == "f1"))
            assert row["ranges"][short] == pytest.approx(ends, abs=1e-12)


TABLES = """
const read = () => tab.evaluate(() => {
  const rows = (selector) => [...document.querySelectorAll(selector)];
  return {
    order: rows("#referee-table tbody tr").map((row) => [
      row.querySelector("th").firstChild.textContent,
      +row.querySelector(".play-iou").dataset.value,
    ]),
    red: rows("#referee-printed .play-impossible").map((row) => row.innerText),
    said: document.getElementById("referee-said").textContent,
    share: document.querySelector("#referee-rules output").value,
  };
});
"""
WIDER = "await tab.evaluate(() => document.documentElement.scrollWidth - innerWidth)"


def iou_at(pages, system, key, convention, share):
    """Score a system at its own threshold; of its films a share is normal."""
    maps, masks = pages.maps[key, system]
    if share is None:
        return metrics.iou(maps, masks, convention, OPERATING)
    scores = metrics.image_scores(maps, masks, OPERATING)
    return atlas.with_normal_share(scores, [share])[convention].item()


def test_the_ranking_re_sorts_and_what_is_impossible_turns_red(pages):
    code = f"""{TABLES}
    const first = await read();
    await tab.getByRole("button", {{ name: "as in these films" }}).click();
    const start = await read();
    await tab.getByText("phantoms, the paper's findings").click();
    await tab.getByText("A", {{ exact: true }}).click();
    await tab.getByRole("button", {{ name: "10 to 4, as printed" }}).click();
    const then = await read();
    return [first, start, then];"""
    first, start, then = pages.open("referee", code)
    told = dict(start["order"]), dict(then["order"])
    asked = ("nih_boxes", "C", None), ("vindr_test", "A", 0.71)
    for seen, rules in zip(told, asked, strict=True):
        assert list(seen.values()) == sorted(seen.values(), reverse=True)
        for system, name in zip(SYSTEMS, NAMES, strict=True):
            assert seen[name] == pytest.approx(iou_at(pages, system, *rules), abs=1e-6)
        assert len(seen) == 4
        assert seen["Empty mask"] == pytest.approx(rules[2] or 0, abs=1e-6)
    assert list(told[0]) != list(told[1])
    best = next(iter(told[1]))
    assert then["said"].startswith(f"First under your rules: {best}")
    assert first["share"] == then["share"] == "71 % normal"
    assert len(first["red"]) == red_rows(pages, "nih_boxes", 0.29, "C")
    found = [
        red_rows(pages, "nih_boxes", 20 / 30, "C"),
        red_rows(pages, "vindr_test", 0.29, "A"),
    ]
    assert [len(start["red"]), len(then["red"])] == found and sum(found) > 0
    assert all("✗ impossible" in text for text in start["red"] + then["red"])


def red_rows(pages, key, abnormal, convention):
    """Count the printed triples that the linear program forbids."""
    _, masks = pages.maps[key, "supermodel"]
    sizes, value = masks.mean((1, 2, 3)).numpy(), load_ledger().set_index("id")["value"]
    forbidden = 0
    for films, system in product(("vindr", "other"), interactive.TABLE_1.split()):
        cells = [f"t1-{films}-{system}-{m}" for m in ("mean_iou", "f1", "mae")]
        digits = zip(cells, (0, 2, 0), strict=True)
        ends = [feasible.rounded_from(value[cell], n) for cell, n in digits]
        share = 1.0 if films == "other" else abnormal
        mix = feasible.TestMix(share, sizes[sizes > 0])
        scores = feasible.PrintedScores(*ends)
        forbidden += not feasible.is_possible(scores, mix, convention)
    return forbidden


def test_the_rules_are_changed_by_keys_and_by_fingers(pages):
    code = f"""{TABLES}
    await tab.locator("input[name=convention][value=C]").focus();
    await tab.keyboard.press("ArrowRight");
    const d = await tab.evaluate(() => document.activeElement.value);
    await tab.locator("input[name=share]").focus();
    await tab.keyboard.press("End");
    return [d, (await read()).share];"""
    assert pages.open("referee", code) == ["D", "99 % normal"]
    code = f"""{TABLES}
    await tab.getByText("ChestX-Det's").scrollIntoViewIfNeeded();
    const off = await tab.locator("input[value=nih_boxes_chestx_det]").isDisabled();
    await tab.getByText("RSNA's").tap();
    const wide = {WIDER};
    return [off, await tab.locator("input[value=nih_boxes_rsna]").isChecked(), wide];"""
    assert pages.open("referee", code, **PHONE) == [True, True, 0]


# ---- The paper, sentence by sentence.


def in_sentences(claims):
    """Put claims together that one sentence makes: place, quote, claims."""
    groups = groupby(claims, key=lambda claim: (claim["where"], claim["quote"]))
    return [(*said, list(found)) for said, found in groups]


def test_every_sentence_stands_in_order_with_its_verdicts_in_words(pages):
    wanted = in_sentences(pages.facts.claims.values())
    code = """return tab.evaluate(() => {
      const all = (selector, root) => [...root.querySelectorAll(selector)];
      const words = (one) => all("button .verdict", one).map((v) => v.textContent);
      return all(".sentence", document).map((one) =>
        [one.dataset.place, one.dataset.side, words(one)]);
    });"""
    found = pages.open("sentences", code)
    assert len(found) == len(wanted) > 200
    for (where, _, claims), (place, side, words) in zip(wanted, found, strict=True):
        verdicts = [claim["verdict"] for claim in claims]
        counts = Counter(verdicts)
        shown = [f"{v} × {n}" if n > 1 else v for v, n in counts.items()]
        assert (place, words) == (where, shown)
        against = any(v in DISAGREE for v in verdicts)
        agree = any(v in AGREE for v in verdicts)
        assert side == ("against" if against else "with" if agree else "open")


def test_a_sentence_opens_by_keys_and_says_what_was_measured(pages):
    code = """
    await tab.locator(".sentence > button").first().focus();
    for (let k = 0; k < 3; k++) await tab.keyboard.press("ArrowDown");
    await tab.keyboard.press("ArrowUp");
    await tab.keyboard.press("Enter");
    const here = tab.locator(".sentence", { has: tab.locator(":focus") });
    const opened = await here.innerText();
    const stops = await tab.locator(".sentence > button[tabindex='0']").count();
    await tab.keyboard.press("Enter");
    const closed = await tab.locator(".play-detail:visible").count();
    return [opened, stops, closed];"""
    opened, stops, closed = pages.open("sentences", code)
    claim = list(pages.facts.claims.values())[2]
    assert claim["reason"][:12] in opened or claim["reason"][1:12] in opened
    assert "make notebook NAME=03_supermodels" in opened or "make verify" in opened
    assert (stops, closed) == (1, 0)


def test_a_measured_claim_has_its_plot_its_command_and_its_json(pages):
    code = """
    const one = tab.locator(".sentence").nth(given);
    await one.locator("button").click();
    return one.evaluate((item) => {
      const parts = [...item.querySelectorAll(".play-claim")];
      const mine = parts.find((part) => part.querySelector("svg"));
      const alt = mine.querySelector("svg").getAttribute("aria-label");
      const links = [...mine.querySelectorAll("a")].map((a) => a.getAttribute("href"));
      return { text: mine.innerText, alt, links };
    });"""
    id_, sentences = (
        "t1-vindr-supermodel-mean_iou",
        in_sentences(pages.facts.claims.values()),
    )
    own = [[claim["id"] for claim in claims] for *_, claims in sentences]
    at = next(k for k, ids in enumerate(own) if id_ in ids)
    seen = pages.open("sentences", code, at)
    assert "results/supermodel__vindr_test.json" in seen["links"]
    assert "notebooks/03_supermodels.html" in seen["links"]
    assert "make notebook NAME=03_supermodels" in seen["text"]
    assert "0.400 [0.300, 0.500]" in seen["text"] and "0.6118" in seen["text"]
    assert seen["alt"] == "Measured 0.4, interval 0.3 to 0.5, printed 0.612"


def test_the_sentences_are_narrowed_by_verdict_and_place(pages):
    code = """
    const shown = () => tab.locator(".sentence:visible").count();
    await tab.getByText("disagrees").click();
    const against = await shown();
    await tab.getByText("all", { exact: true }).click();
    await tab.locator("select[name=place]").selectOption("Table II");
    const table = await shown();
    await tab.locator("select[name=verdict]").selectOption({ index: 1 });
    return [against, table, await shown(), await tab.locator("output").innerText()];"""
    against, table, both, told = pages.open("sentences", code, **PHONE)
    sentences = in_sentences(pages.facts.claims.values())
    sides = [any(c["verdict"] in DISAGREE for c in claims) for *_, claims in sentences]
    assert against == sum(sides) > 10
    assert table == sum(where == "Table II" for where, *_ in sentences)
    assert both < table and told.startswith(f"{both} of ")


def test_a_link_to_a_claim_opens_its_sentence_whatever_was_chosen(pages):
    code = """
    const at = (query) => tab.goto(tab.url().split(/[?#]/)[0] + query);
    await at("?place=Table+II&system=specialized_cardiomegaly");
    const chosen = await tab.locator("select[name=place]").inputValue();
    const shown = await tab.locator(".sentence:visible").count();
    await tab.locator("input[name=words]").fill("no such words");
    const none = await tab.locator(".sentence:visible").count();
    await tab.evaluate((id) => { location.hash = `claim-${id}`; }, given);
    const one = tab.locator(`#claim-${given}`);
    await one.waitFor();
    return [chosen, shown, none, await one.innerText(), await one.evaluate((part) => {
      const { top, bottom } = part.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    })];"""
    claims = pages.facts.claims
    id_ = next(i for i, c in claims.items() if c["where"] == "Table VI")
    chosen, shown, none, told, seen = pages.open("sentences", code, id_)
    rows = in_sentences(claims.values())
    wanted = [
        [c["system"] for c in found] for where, _, found in rows if where == "Table II"
    ]
    assert shown == sum("specialized_cardiomegaly" in names for names in wanted) > 0
    assert (chosen, none, seen) == ("Table II", 0, True)
    assert claims[id_]["verdict"] in told


# ---- Read ten films.


def ten_made_up():
    """Give four films of 32 px, with boxes of groups and masks of systems."""
    rng = np.random.default_rng(5)
    drawn = io.BytesIO()
    Image.new("L", (64, 64), 90).save(drawn, "WEBP")
    pixel = f"data:image/webp;base64,{base64.b64encode(drawn.getvalue()).decode()}"
    films = []
    for boxes in ({"rsna": 2, "chestx-det": 1}, {}, {"nih-bbox": 1, "rsna": 1}, {}):
        film = {"picture": pixel, "boxes": {}, "masks": {}}
        for group, n in boxes.items():
            corners = rng.uniform(1, 14, (n, 4)).round(4)
            film["boxes"][group] = (corners + [0, 0, 12, 12]).tolist()
        for system in SYSTEMS:
            marked = rng.random(32 * 32) < rng.random()
            film["masks"][system] = np.flatnonzero(np.diff(np.pad(marked, 1))).tolist()
        films.append(film)
    return {"size": 32, "films": films}


def filled(boxes):
    corners = torch.tensor(boxes, dtype=torch.float64).view(-1, 4)
    return boxes_to_mask(corners, (32, 32))[None]


def unpacked(runs):
    flat = torch.zeros(32 * 32)
    for begin, end in zip(runs[::2], runs[1::2], strict=True):
        flat[begin:end] = 1
    return flat.view(1, 1, 32, 32)


def overlap(one, other):
    """IoU of two masks, by the metrics."""
    return metrics.iou(one, other)


def test_the_overlaps_are_those_of_the_metrics(pages):
    own = [[3.2, 4.9, 20.5, 17.1], [10.0, 12.0, 30.0, 31.5]]
    code = """return tab.evaluate((own) => tenFilms.films.map((film) => {
      film.own = own;
      return tenFilms.scores(film);
    }), given);"""
    found = pages.open("ten_films", code, own)
    for film, scores in zip(ten_made_up()["films"], found, strict=True):
        boxes = [box for drawn in film["boxes"].values() for box in drawn]
        masks = {name: unpacked(runs) for name, runs in film["masks"].items()}
        masks["own"] = filled(own)
        for who, mask in masks.items():
            wanted = overlap(mask, filled(boxes)) if boxes else mask.mean().item()
            assert scores[who] == pytest.approx(wanted, abs=1e-6)


STAGE = """
const stage = tab.locator("#films-stage svg");
await stage.scrollIntoViewIfNeeded();
const frame = await stage.boundingBox();
const at = (x, y) => [frame.x + x * frame.width, frame.y + y * frame.height];
const own = () => tab.evaluate(() => tenFilms.films[0].own);
const boxes = async () => (await own()).map((box) => box.map((value) => value / 32));
const drag = async (from, to) => {
  await tab.mouse.move(...at(...from));
  await tab.mouse.down();
  await tab.mouse.move(...at(...to), { steps: 4 });
  await tab.mouse.up();
};
"""


def test_the_mouse_draws_moves_resizes_and_deletes_a_box(pages):
    code = f"""{STAGE}
    const seen = [];
    await drag([0.2, 0.2], [0.5, 0.6]);
    seen.push(await boxes());
    await drag([0.3, 0.3], [0.4, 0.4]);
    seen.push(await boxes());
    await drag([0.6, 0.7], [0.8, 0.9]);
    seen.push(await boxes());
    await drag([0.7, 0.05], [0.705, 0.055]);
    seen.push(await boxes());
    await tab.mouse.click(...at(0.5, 0.5));
    await tab.getByRole("button", {{ name: "Delete" }}).click();
    seen.push(await boxes());
    return seen;"""
    drawn, moved, resized, slip, gone = pages.open("ten_films", code)
    near = {"abs": 0.01}
    assert drawn[0] == pytest.approx([0.2, 0.2, 0.5, 0.6], **near) and len(drawn) == 1
    assert moved[0] == pytest.approx([0.3, 0.3, 0.6, 0.7], **near)
    assert resized[0] == pytest.approx([0.3, 0.3, 0.8, 0.9], **near)
    assert slip == resized  # too small to be meant
    assert gone == []


def test_keys_draw_move_resize_and_delete_a_box_and_say_so(pages):
    code = f"""{STAGE}
    await stage.focus();
    await tab.keyboard.press("n");
    for (let k = 0; k < 4; k++) await tab.keyboard.press("ArrowLeft");
    await tab.keyboard.press("ArrowDown");
    for (let k = 0; k < 3; k++) await tab.keyboard.press("Shift+ArrowRight");
    await tab.keyboard.press("Shift+ArrowUp");
    const [one] = await boxes();
    const said = await tab.locator("#films-live").innerText();
    for (let k = 0; k < 60; k++) await tab.keyboard.press("ArrowRight");
    const [edge] = await boxes();
    await tab.keyboard.press("n");
    await tab.keyboard.press("Shift+Tab");
    const name = await tab.locator(":focus").getAttribute("aria-label");
    await tab.keyboard.press("Delete");
    return [one, said, edge, name, await boxes()];"""
    one, said, edge, name, left = pages.open("ten_films", code)
    start = 0.4 * 32
    wanted = [start - 4, start + 1, start + 6.4 - 4 + 3, start + 6.4]
    assert np.multiply(one, 32) == pytest.approx(wanted, abs=1e-6)
    assert said.startswith("Box 1: 28 % from the left, 43 % from the top")
    assert edge[2] == 1 and edge[2] - edge[0] == pytest.approx(one[2] - one[0])
    assert name.startswith("Box 1:") and len(left) == 1
    assert np.multiply(left[0], 32) == pytest.approx([12.8, 12.8, 19.2, 19.2])


def test_a_finger_draws_a_box_and_the_page_keeps_to_its_width(pages):
    code = f"""{STAGE}
    const client = await tab.context().newCDPSession(tab);
    const touch = (type, ...points) => client.send("Input.dispatchTouchEvent",
      {{ type, touchPoints: points.map(([x, y]) => ({{ x, y }})) }});
    await touch("touchStart", at(0.1, 0.3));
    await touch("touchMove", at(0.3, 0.5));
    await touch("touchMove", at(0.4, 0.8));
    await touch("touchEnd");
    return [await boxes(), {WIDER}];"""
    boxes, wide = pages.open("ten_films", code, **PHONE)
    assert boxes[0] == pytest.approx([0.1, 0.3, 0.4, 0.8], abs=0.01)
    assert (len(boxes), wide) == (1, 0)


def test_a_comparison_shows_everybody_and_ends_the_drawing(pages):
    code = f"""{STAGE}
    const before = await tab.locator(".group, .system").count();
    await drag([0.2, 0.2], [0.7, 0.7]);
    const [drawn] = await own();
    const compare = tab.locator("#films-compare");
    await compare.click();
    await drag([0.1, 0.1], [0.15, 0.9]);
    const sick = await tab.locator("#films-answer").innerText();
    const shown = await tab.locator(".group").count();
    const mine = (await boxes()).length;
    await compare.click();
    await compare.click();
    const healthy = await tab.locator("#films-answer").innerText();
    return {{ before, own: drawn, sick, shown, mine, healthy }};"""
    seen = pages.open("ten_films", code)
    assert (seen["before"], seen["shown"], seen["mine"]) == (0, 3, 1)
    film = ten_made_up()["films"][0]
    groups = {name: filled(boxes) for name, boxes in film["boxes"].items()}
    union = torch.maximum(*groups.values())
    own = filled([seen["own"]])
    values = {"Your boxes overlap with theirs by": overlap(own, union)}
    values |= {"You and RSNA": overlap(own, groups["rsna"])}
    values |= {"ChestX-Det and RSNA": overlap(groups["rsna"], groups["chestx-det"])}
    values |= {"CheX-Nomaly": overlap(unpacked(film["masks"]["chexnomaly"]), union)}
    for words, value in values.items():
        text = seen["sick"].rpartition(words)[2].split()
        assert text[0].rstrip(".") == f"{value:.2f}", words
    assert "Radiologists called this film normal. You left it empty" in seen["healthy"]
    assert "So far, 2 of 4 films" in seen["healthy"]


# ---- All three.


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["referee", "sentences", "ten_films"])
def test_axe_finds_nothing_whatever_is_open(pages, name, scheme):
    code = """
    const paint = (name) => (document.documentElement.dataset.theme = name);
    await tab.evaluate(paint, given);
    const closed = await tab.locator(".sentence > button").all();
    for (const button of closed.slice(0, 12)) await button.click();
    if (await tab.locator("#films-compare").count()) {
      await tab.locator("#films-add").click();
      const drawing = await axe();
      await tab.locator("#films-compare").click();
      return [...drawing, ...(await axe())];
    }
    return axe();"""
    view = PHONE if scheme == "dark" else {}
    assert pages.open(name, code, scheme, colorScheme=scheme, **view) == []


@pytest.mark.parametrize("name", ["referee", "sentences", "ten_films"])
def test_a_page_says_something_without_a_script(pages, name):
    code = "return tab.locator('main').innerText();"
    text = pages.open(name, code, javaScriptEnabled=False)
    assert "needs JavaScript" in text


def test_each_page_is_light(pages):
    for name in ("referee", "sentences", "ten_films"):
        files = [pages.folder / f"{name}.html", STATIC / f"{name}.js"]
        files.append(STATIC / "interactive.css")
        assert sum(file.stat().st_size for file in files) < MOST_BYTES


def test_films_of_patients_are_called_so_and_credited(pages):
    from book.extensions.html.credits import PATIENTS

    assert PATIENTS.search((pages.folder / "ten_films.html").read_text())
