"""Films are found by what they are, once each, and never through a link."""

import numpy as np
from PIL import Image

from chexnomaly.studies.phantom_worth.film_statistics import film_files, read_films


def test_films_are_found_once_and_masks_are_not(tmp_path):
    ramp = Image.fromarray(np.arange(0, 200, 2, dtype=np.uint8).reshape(10, 10))
    for name in ("one/images/a.png", "two/images/a.png", "two/masks/b.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp.save(path)
    (tmp_path / "one/images/notes.txt").write_text("no film")
    (tmp_path / "one/images/broken.jpg").write_text("no film either")
    (tmp_path / "one/images/link.png").symlink_to(tmp_path / "two/masks/b.png")
    files = film_files(tmp_path)
    assert [file.name for file in files] == ["a.png", "broken.jpg"]
    films = read_films(tmp_path, 5)
    assert len(films) == 1 and films[0].shape == (5, 5)
    # 2 x 2 means of the ramp 0, 1, ... 99 over 99: the first is 5.5 / 99
    assert films[0][0, 0] == np.float32(5.5 / 99)
