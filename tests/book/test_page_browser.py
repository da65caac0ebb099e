"""What every page can do in a real browser: films, folded tables, links into them."""

from collections import Counter

import numpy as np
import pytest

from book.pieces.facts import Facts
from book.site.browser import install
from chexnomaly.claims.decisions import load_decisions
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
:file: rendered/decisions.html
```

```{{raw}} html
{films}
```
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(build_once, browser):
    """A page in the book's theme with films, a folded table and a register."""
    installed = install(ROOT / "_build" / "browser")
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
    const row = tab.locator(`#item-${given} dl`);
    const before = await row.isVisible();
    await tab.evaluate((id) => { location.hash = `item-${id}`; }, given);
    await row.waitFor();
    return [before, await row.evaluate((one) => {
      const { top, bottom } = one.getBoundingClientRect();
      return bottom > 0 && top < innerHeight;
    })];"""
    assert page(code, int(load_decisions().index[-1])) == [False, True]


def test_a_head_sorts_by_its_column_and_back_numbers_as_numbers(page):
    code = """
    await tab.locator("details.full-table > summary").click();
    const rows = () => tab.locator("table.places tbody tr").evaluateAll(
      (rows) => rows.map((row) => [0, 1].map((k) => row.cells[k].innerText.trim())));
    const head = tab.locator("table.places thead th", { hasText: "Claims" });
    const seen = [await rows()];
    await head.getByRole("button").click();
    seen.push(await rows(), await head.getAttribute("aria-sort"));
    await head.getByRole("button").press("Enter");
    seen.push(await rows(), await head.getAttribute("aria-sort"));
    return seen;"""
    start, up, rising, down, falling = page(code)
    asked = Counter(claim["where"] for claim in page.claims.values())
    assert [[place, str(n)] for place, n in asked.items()] == start
    assert (rising, falling) == ("ascending", "descending")
    numbers = [int(n) for _, n in up]
    assert numbers == sorted(numbers) and len({len(n) for _, n in up}) > 1
    assert [int(n) for _, n in down] == numbers[::-1]
    assert sorted(up) == sorted(down) == sorted(start)
