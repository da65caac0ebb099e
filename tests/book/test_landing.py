"""The landing page's pieces, films as files, and what can be downloaded."""

import hashlib
import json
import re

import numpy as np
from PIL import Image

from chexnomaly.figures.viewer import Panel, Viewer, boxes_layer

FILM = np.linspace(0, 1, 48 * 40).reshape(48, 40)

PAGE = """# Start

{verdict}`t1-vindr-supermodel-mean_iou`, {level}`phantom`

```{raw} html
:file: rendered/verdicts.html
```

```{raw} html
:file: rendered/actions.html
```
"""
ADDRESS = "https://github.com/somebody/chexnomaly"


def project(build, urls=""):
    with (build.source.parent / "pyproject.toml").open("a") as file:
        file.write(urls)
    conf = build.source / "conf.py"  # the theme that the address is an option of
    conf.write_text(conf.read_text().replace('"basic"', '"sphinx_book_theme"'))


def test_the_pieces_print_what_the_build_found(build):
    project(build)
    status, html, messages = build(PAGE)
    assert (status, messages) == (0, "")
    assert '<span class="verdict not-testable-here">not testable here</span>' in html
    assert 'class="evidence evidence-phantom"' in html
    counts = [int(n) for n in re.findall(r"<b>(\d+)</b>", html)]
    shares = [int(n) for n in re.findall(r'style="flex:(\d+)"', html)]
    assert counts == shares and sum(counts) > 250
    assert "mybinder" not in html and "colab" not in html
    assert 'href="results.zip"' in html and 'href="book.pdf"' not in html
    assert '<span data-built="book.pdf" hidden>' in html
    assert 'href="run_it.html#in-jupyterlab"' in html


def test_buttons_that_need_an_address_come_with_it(build):
    project(build, f'[project.urls]\nRepository = "{ADDRESS}"\n')
    status, html, messages = build(PAGE)
    assert (status, messages) == (0, "")
    assert f'href="{ADDRESS}"' in html
    assert "mybinder.org/v2/gh/somebody/chexnomaly/main" in html
    assert "github/somebody/chexnomaly/blob/main/notebooks/" in html


def test_an_unknown_verdict_or_level_fails_the_build(build):
    status, _, messages = build("# Page\n\n{verdict}`t9-none` {level}`guessed`")
    assert status != 0
    assert "t9-none" in messages and "guessed" in messages


def test_a_film_becomes_one_file_for_all_its_copies(build):
    layers = (boxes_layer("readers", [[1, 2, 3, 4]], (32, 32)),)
    shown = Viewer({"": [Panel(FILM, "phantom", layers)] * 2})._repr_html_()
    text = f"# Page\n\n```{{raw}} html\n{shown}\n{shown}\n```\n"
    status, html, messages = build(text)
    assert (status, messages) == (0, "")
    assert "base64" not in html
    names = set(re.findall(r'src="(_images/films/\w+\.webp)"', html))
    assert len(names) == 1
    content = (build.html / names.pop()).read_bytes()
    assert hashlib.sha256(content).hexdigest()[:20] in html
    assert html.count("<style>") == 1
    assert "viewer.js" in html and "viewer.css" in html


def test_the_picture_in_front_stands_with_caption_and_evidence(build):
    pictures = build.workspace.pictures
    pictures.mkdir(parents=True)
    page = "# Start\n\n```{include} rendered/hero.md\n```\n\nText."
    assert "hero" not in build(page)[1]
    Image.fromarray((255 * FILM).astype("uint8")).save(pictures / "hero.webp")
    about = {"caption": "Four films.", "alt": "Films", "evidence": "phantom"}
    (pictures / "hero.json").write_text(json.dumps(about))
    status, html, messages = build(page)
    assert (status, messages) == (0, "")
    assert re.search(r'<img alt="Films" class="dark-light" src="_images/hero', html)
    assert "Four films." in html and 'class="evidence evidence-phantom"' in html


def test_a_page_without_films_loads_no_viewer(build):
    assert "viewer.js" not in build("# Page\n\nText.")[1]
