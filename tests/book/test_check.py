"""The gates in the browser: what they make of what was seen; planted faults."""

import subprocess
import sys
from pathlib import Path

import pytest

from book.site.browser import HOW, BrowserError, find_browser
from book.site.check import VIEWS, Seen

ROOT = Path(__file__).parents[2]


def seen_of(page="index.html", **more):
    seen = Seen(page)
    sound = {"outside": [], "errors": [], "violations": [], "sideways": 0, "bytes": 9e5}
    for view in VIEWS:
        seen.add({"page": page, "view": view, **sound, **more})
    seen.add({"page": page, "scores": {"best-practices": 100, "seo": 100}, "short": []})
    return seen


def test_a_sound_page_passes_and_its_row_says_so():
    seen = seen_of()
    assert seen.faults() == []
    assert list(seen.row().values()) == [
        *("index.html", 0, 0, "0/0/0/0", 0, "0.90 MB", "100/100")
    ]


VIOLATION = {"rule": "image-alt", "help": "Alt", "where": "img", "html": "<img>"}


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"outside": ["https://a.org"]}, "request outside: https://a.org"),
        ({"errors": ["x is undefined"]}, "error: x is undefined"),
        ({"violations": [VIOLATION]}, "dark-390: axe image-alt: Alt: img: <img>"),
        (
            {"violations": [VIOLATION] * 3},
            "light-390: axe image-alt (3 times): Alt: img: <img>",
        ),
        ({"sideways": 12}, "light-1440: 12 px wider than the window"),
        ({"bytes": 1_100_001}, "weighs 1.10 MB, at most 1.1 MB"),
    ],
)
def test_each_kind_of_fault_is_told(more, fault):
    assert fault in seen_of(**more).faults()


def test_only_the_front_page_has_a_limit_of_weight():
    assert seen_of("paper.html", bytes=5e6).faults() == []


def test_a_score_below_100_is_told_with_what_cost_it():
    seen = seen_of()
    scores = {"best-practices": 96, "seo": 100}
    seen.add({"page": "index.html", "scores": scores, "short": ["a: b"]})
    assert seen.faults() == ["Lighthouse: best-practices 96: a: b"]


def test_a_view_that_is_missing_is_a_fault():
    seen = seen_of()
    del seen.views["dark-390"]
    assert seen.faults() == ["dark-390: was not looked at"]


def test_without_a_browser_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr("book.site.browser.ON_A_MAC", Path("/none"))
    with pytest.raises(BrowserError, match="no chromium or .*apt-get install chromium"):
        find_browser()


def test_a_browser_that_is_named_must_be_there(monkeypatch):
    monkeypatch.setenv("CHROMIUM", "/none/chromium")
    with pytest.raises(BrowserError, match=f"no /none/chromium here: {HOW[:9]}"):
        find_browser()
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert find_browser() == sys.executable


def test_a_book_that_was_not_built_is_told(tmp_path):
    command = [sys.executable, "-m", "book.site.check", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "run `make book` first" in done.stderr


POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self'"
META = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
ABOUT = '<meta name="description" content="A small page." />'
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8" /><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1" />
<link rel="icon" href="icon.svg" />{head}</head>
<body><main><h1>A page</h1><p>Sound.</p>{body}</main></body></html>
"""
# A page each; the first lacks the policy, which would stop the request.
PLANTED = {
    "outside": ('<img src="https://example.org/a.png" alt="x" />', ABOUT),
    "refused": ('<img src="https://example.org/a.png" alt="x" />', META + ABOUT),
    "script": ('<script src="broken.js"></script>', META + ABOUT),
    "axe": ('<img src="icon.svg" />', META + ABOUT),
    "dark": (
        "<style>@media (prefers-color-scheme: dark) { p { color: #ddd } }</style>",
        META + ABOUT,
    ),
    "link": ('<a href="gone.html">Gone</a>', META + ABOUT),
    "fragment": ('<a href="#gone">Gone</a>', META + ABOUT),
    "picture": ('<img src="gone.webp" alt="x" />', META + ABOUT),
    "wide": ('<p style="width: 900px">Wide</p>', META + ABOUT),
    "path": (f"<p>{ROOT}</p>", META + ABOUT),
    "policy": ("", ABOUT),
    "index": ('<script src="heavy.js"></script>', META),
}
FOUND = (
    "outside.html: request outside: https://example.org/a.png",
    "refused.html: error: Loading the image 'https://example.org/a.png'",
    "script.html: error: undefined_name is not defined",
    "axe.html: light-1440: axe image-alt",
    "dark.html: dark-390: axe color-contrast",
    "link.html: dead link: gone.html",
    "fragment.html: dead fragment: #gone",
    "picture.html: error: Failed to load resource",
    "wide.html: light-390: ",
    "path.html holds a folder of this machine",
    "policy.html: no Content-Security-Policy",
    "index.html: weighs 1.10 MB, at most 1.1 MB",
    "index.html: Lighthouse: seo 9",
)


def write_pages(root, pages):
    (root / "icon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (root / "broken.js").write_text("undefined_name()")
    (root / "heavy.js").write_text(f"// {'x' * 1_100_000}\n")
    for name, (body, head) in pages.items():
        (root / f"{name}.html").write_text(PAGE.format(body=body, head=head))


def check(site):
    command = [sys.executable, "-m", "book.site.check", site]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_a_sound_site_passes_in_the_browser(tmp_path, browser):
    write_pages(tmp_path, {"index": ("", META + ABOUT), "other": ("", META + ABOUT)})
    status, printed, faults = check(tmp_path)
    assert (status, faults) == (0, "")
    assert "other.html  0        0       0/0/0/0  0     0.00 MB" in printed
    assert "100/100" in printed


@pytest.fixture(scope="module")
def told(tmp_path_factory, browser):
    """What the gate says of a site with one planted fault of each kind."""
    root = tmp_path_factory.mktemp("planted")
    write_pages(root, PLANTED)
    status, printed, faults = check(root)
    assert status == 1, printed
    return faults.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("fault", FOUND)
def test_a_planted_fault_of_each_kind_fails_the_gate(told, fault):
    assert [line for line in told if line.startswith(fault)]


@pytest.mark.slow
def test_a_page_is_blamed_for_its_own_fault_alone(told):
    pages = {line.split(": ")[0].split(" ")[0] for line in told}
    assert pages == {f"{name}.html" for name in PLANTED}
    link = [line for line in told if line.startswith(("link.html", "policy.html"))]
    assert len(link) == 2
