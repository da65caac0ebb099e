"""Links, heads of pages and private words are checked without a browser."""

import re

import pytest

from book.site.links import (
    PROVIDER,
    pages_of,
    private_faults,
    private_words,
    static_faults,
)

HEAD = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'self\'" />'
    '<meta name="description" content="A page." />'
)


@pytest.fixture
def site(tmp_path):
    """Give a function that writes the body of the front page of a sound small site."""

    def write(body, head=HEAD):
        page = f"<html><head>{head}</head><body>%s</body></html>"
        (tmp_path / "index.html").write_text(page % body)
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        there = '<h1 id="there is">Other</h1><a href="../index.html#">up</a>'
        (tmp_path / "notebooks" / "other.html").write_text(page.replace("%s", there))
        (tmp_path / "film.webp").write_bytes(b"RIFF")
        return tmp_path

    return write


SOUND = """
<h2 id="here">Here</h2><a href="#here">a</a> <a href="#">top</a>
<a href="notebooks/other.html">b</a> <a href="notebooks/other.html#there%20is">c</a>
<img src="film.webp" srcset="film.webp 1x, film.webp?v=2 2x" alt="" />
<img src="data:image/png;base64,AAAA" alt="" /> <a href="https://example.org/x">d</a>
<a href="mailto:a@example.org">e</a>
"""


def test_a_sound_page_has_no_fault(site):
    assert static_faults(site(SOUND)) == {"index.html": [], "notebooks/other.html": []}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="gone.html">x</a>', "dead link: gone.html"),
        ('<a href="notebooks/">x</a>', "dead link: notebooks/"),
        ('<a href="#gone">x</a>', "dead fragment: #gone"),
        (
            '<a href="notebooks/other.html#no">x</a>',
            "dead fragment: notebooks/other.html#no",
        ),
        ('<img src="gone.png" alt="" />', "dead link: gone.png"),
        ('<img src="film.webp" srcset="film.webp 1x, b.png 2x" />', "dead link: b.png"),
        ('<svg><a xlink:href="gone.html" /></svg>', "dead link: gone.html"),
        (
            '<a href="/notebooks/other.html">x</a>',
            "link that works on a server only: /notebooks/other.html",
        ),
        (
            '<script src="https://example.org/a.js"></script>',
            "loads from outside: https://example.org/a.js",
        ),
        (
            '<link rel="stylesheet" href="//example.org/a.css" />',
            "loads from outside: //example.org/a.css",
        ),
        (
            '<img src="film.webp" srcset="https://example.org/b.png 2x" />',
            "loads from outside: https://example.org/b.png",
        ),
    ],
)
def test_each_kind_of_dead_address_is_told(site, body, fault):
    assert static_faults(site(SOUND + body))["index.html"] == [fault]


def test_a_canonical_address_is_no_load(site):
    link = '<link rel="canonical" href="https://example.org/" />'
    assert static_faults(site(SOUND, HEAD + link))["index.html"] == []


def test_a_page_without_policy_or_description_is_told(site):
    faults = static_faults(site(SOUND, head=""))["index.html"]
    assert faults == ["no Content-Security-Policy", "no description for search engines"]


def test_files_that_a_theme_brings_are_no_pages(site):
    root = site(SOUND)
    for folder in ("_static", "_sources"):
        (root / folder).mkdir()
        (root / folder / "part.html").write_text("")
    assert pages_of(root) == ["index.html", "notebooks/other.html"]


def test_what_names_this_machine_is_found(site, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setattr("socket.gethostname", lambda: "node-17")
    words = private_words(tmp_path / "checkout")
    root = site(f"{tmp_path}/checkout/book on node-17, /Users/me, checkouts of node-1")
    assert list(private_faults(root, words)) == [
        f"index.html holds a folder of this machine: {tmp_path}/checkout",
        "index.html holds somebody's home: /Users/me",
        "index.html holds the host's name: node-17",
    ]
    assert not list(private_faults(site("node-17a, a/checkout"), words))


def test_the_root_folder_is_not_private(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/")
    pattern = private_words(tmp_path)["a folder of this machine"]
    assert not re.search(pattern, "/ and /notebooks")


CREDIT = f'<p id="film-credit"><a href="{PROVIDER}">NIH</a></p>'


@pytest.mark.parametrize(
    "film",
    [
        '<img src="film.webp" alt="Chest film: 2 boxes" />',
        '<img src="film.webp" alt="Real chest films and a computed chest film" />',
        '<div class="cell tag_patients docutils"><img src="film.webp" alt="" /></div>',
    ],
)
def test_a_film_of_a_patient_needs_its_attribution(site, film):
    fault = ["a film of a patient without its attribution"]
    assert static_faults(site(film))["index.html"] == fault
    assert (
        static_faults(site(film + f'<a href="{PROVIDER}">x</a>'))["index.html"] == fault
    )
    assert static_faults(site(film + CREDIT))["index.html"] == []


def test_a_computed_film_needs_none(site):
    film = '<img src="film.webp" alt="Computed chest films: a box" />'
    assert static_faults(site(film))["index.html"] == []
