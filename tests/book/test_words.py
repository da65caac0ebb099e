"""Words of a site are counted as a reader meets them."""

from tests.book.words import count

PAGE = """<html><body><nav>not these words</nav><article>
<h1>One two</h1><p>three <b>fo</b>ur</p><svg><text>drawn</text></svg>
<details><summary>five</summary><p>six seven</p></details>
<div class="cell tag_hide-input"><div class="cell_input"><pre>eight(nine)</pre></div>
<div class="cell_output"><table><tr><td>ten</td><td>eleven</td></tr></table></div></div>
</article></body></html>"""


def test_what_a_click_unfolds_is_counted_apart(tmp_path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01_one.html").write_text(PAGE)
    (tmp_path / "search.html").write_text(PAGE)
    visible, everything = 7, 10
    assert count(tmp_path) == {"notebooks/01_one.html": (visible, everything)}
