"""Drawings on pages: dark mode turns words and lines, never a film or a map."""

from types import SimpleNamespace

from book.extensions.html.films import turn_drawings

CASE = """<svg width="9"><path style="fill: #ffffff"/><image href="data:"/>
<path style="fill: none; stroke: #000000"/><path style="fill: #e69f00"/></svg>"""


def test_a_plot_is_marked_and_a_drawing_of_a_film_gets_a_twin(tmp_path):
    (tmp_path / "plot.svg").write_text("<svg><path/></svg>")
    (tmp_path / "case.svg").write_text(CASE)
    images = {"plot.svg": "a1.svg", "case.svg": "b2.svg", "film.webp": "c3.webp"}
    builder = SimpleNamespace(images=images)
    app = SimpleNamespace(srcdir=tmp_path, outdir=tmp_path / "html", builder=builder)
    pictures = ("a1.svg", "b2.svg", "c3.webp", "elsewhere.svg")
    told = [f'<img alt="{name}" src="../_images/{name}"/>' for name in pictures]
    context = {"body": "".join(told)}
    turn_drawings(app, "page", "page.html", context, None)
    case = '<img class="only-light" alt="b2.svg" src="../_images/b2.svg"/>'
    case += '<img loading="lazy" class="only-dark" '
    case += 'alt="dark-b2.svg" src="../_images/dark-b2.svg"/>'
    told[0] = '<img data-plot alt="a1.svg" src="../_images/a1.svg"/>'
    assert context["body"] == "".join([told[0], case, *told[2:]])
    twin = (tmp_path / "html" / "_images" / "dark-b2.svg").read_text()
    assert '<image href="data:"/>' in twin and "#e69f00" in twin
    assert "#ffffff" not in twin and "#000000" not in twin
    assert twin.startswith('<svg fill="#ebebeb" width')  # words without a color
