"""Real annotation tables that an installed package carries as its data.

torchxrayvision ships the VinDr-CXR and the RSNA stage-2 training tables. They are
found without importing the package, which would need a matching torchvision, and
read by the same code as the data sets themselves. They fall under their data-use
agreements: compute from them, copy no row.
"""

import importlib.util
from pathlib import Path

import pandas as pd

from chexnomaly.datasets.sources import rsna, vindr
from chexnomaly.errors import Refusal

PACKAGE = "torchxrayvision"
VINDR_FILE = "vinbigdata-train.csv.gz"
RSNA_FILE = "kaggle_stage_2_train_labels.csv.zip"


def find_table(name: str) -> Path | None:
    """Return the path of a table in the package's data, None where it is absent."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "data" / name
    return path if path.is_file() else None


def read_vindr() -> tuple[pd.DataFrame, list[Refusal]] | None:
    """Read the VinDr-CXR training table; None where the package is absent."""
    path = find_table(VINDR_FILE)
    return None if path is None else vindr.read_findings(path)


def read_rsna() -> tuple[pd.DataFrame, list[Refusal]] | None:
    """Read the RSNA stage-2 training table; None where the package is absent."""
    path = find_table(RSNA_FILE)
    return None if path is None else rsna.read_findings(path)
