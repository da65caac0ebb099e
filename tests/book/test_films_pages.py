"""Drawings on pages: dark mode may turn those that hold no film."""

from types import SimpleNamespace

from book.extensions.html.films import mark_plots


def test_only_drawings_without_a_film_are_marked(tmp_path):
    (tmp_path / "plot.svg").write_text("<svg><path/></svg>")
    (tmp_path / "case.svg").write_text('<svg><image href="data:"/></svg>')
    images = {"plot.svg": "a1.svg", "case.svg": "b2.svg", "film.webp": "c3.webp"}
    app = SimpleNamespace(srcdir=tmp_path, builder=SimpleNamespace(images=images))
    pictures = ("a1.svg", "b2.svg", "c3.webp", "elsewhere.svg")
    told = [f'<img alt="{name}" src="../_images/{name}"/>' for name in pictures]
    context = {"body": "".join(told)}
    mark_plots(app, "page", "page.html", context, None)
    assert context["body"].count("data-plot") == 1
    assert '<img data-plot alt="a1.svg"' in context["body"]
