import subprocess
import sys
from pathlib import Path

import pytest

from chexnomaly.datasets.sources import packaged

ROOT = Path(__file__).parents[3]


def test_an_absent_package_gives_none(monkeypatch):
    monkeypatch.setattr(packaged, "PACKAGE", "no_such_package_anywhere")
    assert packaged.find_table(packaged.VINDR_FILE) is None
    assert packaged.read_vindr() is None and packaged.read_rsna() is None


def test_an_absent_file_gives_none():
    assert packaged.find_table("no_such_table.csv") is None


def test_the_package_itself_is_not_imported():
    if packaged.find_table(packaged.RSNA_FILE) is None:
        pytest.skip("the package with the table is not installed")
    code = (
        "import sys; from chexnomaly.datasets.sources import packaged;"
        "packaged.read_rsna();"
        "sys.exit('torchxrayvision' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_sizes_are_known_for_rsna_alone():
    if packaged.find_table(packaged.RSNA_FILE) is None:
        pytest.skip("the package with the table is not installed")
    table, _ = packaged.read_rsna()
    assert (table["width_px"] == 1024).all() and (table["source"] == "rsna").all()
