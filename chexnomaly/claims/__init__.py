"""What the paper prints, what was measured, and the verdict on each claim."""

from chexnomaly.claims.ledger import load_ledger
from chexnomaly.claims.verdicts import (
    COMPARED,
    Verdict,
    compare,
    quantity,
    verdict,
)
