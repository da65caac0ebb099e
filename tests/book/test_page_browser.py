"""What every page can do in a real browser: films, folded tables, links into them."""

import numpy as np
import pytest

from book.pieces.facts import Facts
from book.site.browser import install
from chexnomaly.figures.viewer import Panel, Viewer, boxes_layer
from tests.book.conftest import ROOT
from tests.book.tab import PHONE, open_page

FILM = np.linspace(0, 1, 48 * 40).reshape(48, 40)
SETUP = """
html_theme = "sphinx_book_theme"
html_css_files = ["book.css", "pipeline.css"]
html_js_files = [("book.js", {"defer": "defer"})]
"""
PAGE = """# Page

```{{raw}} html
:file: rendered/claims.html
```

```{{raw}} html
{films}
```
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(build_once, browser):
    """A page in the book's theme with two films and the table of all claims."""
    installed = install(ROOT / "_build" / "browser")
    project = build_once.source.parent / "pyproject.toml"
    project.write_text('[project]\nname = "x"\n')
    with (build_once.source / "conf.py").open("a") as file:
        file.write(SETUP)
    boxes = boxes_layer("readers", [[4, 2, 9, 9]], (32, 32))
    panels = [Panel(FILM, "phantom", (boxes,), name) for name in ("first", "second")]
    films = Viewer({"": panels})._repr_html_()
    status, _, messages = build_once(PAGE.format(films=films))
    assert (status, messages) == (0, "")

    def opened(code, given=None, **view):
        file = build_once.html / "index.html"
        return open_page(file, build_once.html, installed, code, given, view)

    opened.claims = Facts(build_once.workspace).claims
    return opened


DIALOGS = "await tab.locator('dialog[open].xray-dialog').count()"
WORDS = "await tab.locator('.xray-words').innerText()"


def test_escape_closes_the_enlarged_film_and_leads_back_to_it(page):
    code = f"""
    await tab.locator(".xray-open").first().focus();
    await tab.keyboard.press("Enter");
    const seen = [{DIALOGS}, {WORDS}];
    await tab.keyboard.press("ArrowRight");
    seen.push({WORDS});
    await tab.keyboard.press("Escape");
    const back = tab.locator(":focus");
    return [...seen, {DIALOGS}, await back.getAttribute("aria-label")];"""
    first, second = "first · 1 of 2", "second · 2 of 2"
    assert page(code) == [1, first, second, 0, "Enlarge: first"]


def test_a_finger_opens_and_closes_a_film(page):
    code = f"""
    await tab.locator(".xray-open").first().tap();
    const open = {DIALOGS};
    await tab.locator(".xray-close").tap();
    return [open, {DIALOGS}];"""
    assert page(code, **PHONE, colorScheme="dark") == [1, 0]


def test_a_link_into_a_folded_table_unfolds_it(page):
    code = """
    const row = tab.locator(`#claim-${given}`);
    const before = await row.isVisible();
    await tab.evaluate((id) => { location.hash = `claim-${id}`; }, given);
    await row.waitFor();
    return [before, await row.evaluate((one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    })];"""
    assert page(code, [*page.claims][-1]) == [False, True]


def test_a_head_sorts_by_its_column_and_back(page):
    code = """
    await tab.locator("details.full-table > summary").click();
    const ids = () => tab.locator("table.claims tbody tr").evaluateAll(
      (rows) => rows.map((row) => row.id.replace("claim-", "")));
    const head = tab.locator("table.claims thead th", { hasText: "Verdict" });
    const seen = [await ids()];
    await head.getByRole("button").click();
    seen.push(await ids(), await head.getAttribute("aria-sort"));
    await head.getByRole("button").press("Enter");
    seen.push(await ids(), await head.getAttribute("aria-sort"));
    return seen;"""
    start, up, rising, down, falling = page(code)
    verdict = {id_: claim["verdict"] for id_, claim in page.claims.items()}
    assert start == [*verdict] and len({*verdict.values()}) > 3
    assert (rising, falling) == ("ascending", "descending")
    assert sorted(up) == sorted(down) == sorted(start)
    words = sorted(verdict.values())
    assert [verdict[id_] for id_ in up] == words
    assert [verdict[id_] for id_ in down] == words[::-1]


def test_numbers_are_sorted_as_numbers(page):
    code = """
    await tab.locator("details.full-table > summary").click();
    await tab.locator("table.claims thead th button").nth(1).click();
    return tab.locator("table.claims tbody tr").evaluateAll((rows) =>
      rows.map((row) => row.cells[1].innerText.trim()));"""
    shown = [text.replace(",", "") for text in page(code)]
    numbers = [float(text) for text in shown if text.replace(".", "").isdigit()]
    assert len(numbers) > 100 and numbers == sorted(numbers)
