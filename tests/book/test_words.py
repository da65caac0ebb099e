"""Words and faults of a site are counted as a reader meets them."""

import pytest

from tests.book.words import Counts, bare_axes, count, main

PAGE = """<html><body><nav>not these words</nav><article>
<h1>One two</h1><p>three <b>fo</b>ur</p><svg><text>drawn</text></svg>
<details><summary>five</summary><p>six seven</p></details>
<div class="cell tag_hide-input"><div class="cell_input"><pre>eight(nine)</pre></div>
<div class="cell_output"><table><tr><td>ten</td><td>eleven</td></tr></table></div></div>
</article></body></html>"""
DRAWING = """<svg><g>
   <g id="matplotlib.axis_1">
    <!-- 0.0 --><!-- −1.5 -->{label}
   </g>
</g></svg>"""


def written(site, article):
    (site / "notebooks").mkdir(exist_ok=True)
    page = f"<html><body><article>{article}</article></body></html>"
    (site / "notebooks" / "01_one.html").write_text(page)
    return count(site)["notebooks/01_one.html"]


def test_what_a_click_unfolds_is_counted_apart(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_one.html").write_text(PAGE)
    (tmp_path / "search.html").write_text(PAGE)
    wanted = Counts(7, 10, code_lines=0, tables=1, keys=0, typed=0, bare=0)
    assert count(tmp_path) == {"notebooks/01_one.html": wanted}


def test_only_code_that_shows_above_the_first_figure_is_counted(tmp_path):
    shown = "<pre>one\ntwo</pre>"
    folded = f"<details><summary>more</summary>{shown}</details>"
    printed = f'<div class="cell_output">{shown}</div>'
    figure = "<figure><figcaption>A plate.</figcaption></figure>"
    page = shown + folded + printed + figure + shown
    assert written(tmp_path, page).code_lines == 2
    assert written(tmp_path, shown).code_lines == 0


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("chexnomaly__concat on vindr_test", 2),
        ("<code>vindr_test</code> <q>fantastic_hirarin</q> x86_64 train_labels.csv", 0),
        ("<details><summary>rows</summary>mean_mask</details>", 1),
    ],
)
def test_raw_keys_are_found_outside_of_code_and_quotes(tmp_path, text, keys):
    assert written(tmp_path, f"<p>{text}</p>").keys == keys


def test_a_number_is_typed_unless_it_comes_from_a_file(tmp_path):
    looked_up = (
        '<span class="result">0.412</span> <table><tr><td>0.5123</td></tr></table>'
    )
    assert written(tmp_path, f"<p>{looked_up}</p>").typed == 0
    assert written(tmp_path, "<p>it reached 0.412 and 93.1 %</p>").typed == 2


def test_an_axis_of_numbers_needs_a_word(tmp_path):
    bare, named = (DRAWING.format(label=one) for one in ("", "<!-- loss, nats -->"))
    assert len([*bare_axes(bare)]) == 1 and not [*bare_axes(named)]
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "bare.svg").write_text(bare)
    pictures = '<img src="bare.svg" alt="Curves."><img src="film.webp">'
    assert written(tmp_path, pictures).bare == 2


def test_a_count_above_its_limit_fails_and_says_so(tmp_path, capsys):
    written(tmp_path, "<p>few words</p>")
    assert main(tmp_path) == 0
    written(tmp_path, f"<p>{'word ' * 50_001}</p>")
    assert main(tmp_path) == 1
    assert "words: visible 50,001, at most 50,000" in capsys.readouterr().err
