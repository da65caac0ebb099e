"""What phantoms are worth: as practice before real films, and beside simpler ones."""

from pathlib import Path

import pandas as pd

from chexnomaly.claims.lookup import Ref, Shelf
from chexnomaly.evaluation.intervals import mean_entry
from chexnomaly.results import Entry
from chexnomaly.studies.central import AT_BOTH, differences
from chexnomaly.studies.contrasts import NETWORKS_FILE
from chexnomaly.studies.films import ON_SOME

AMOUNTS = {"0": "0", **{n: n for n in ON_SOME}, "": "all"}
"""What follows an arm's name to a number of films in words."""

BY_AMOUNT = {
    "U-Net, films alone": "supermodel",
    "U-Net, phantoms first": "supermodel__from_phantoms",
    "CheX-Nomaly, films alone": "chexnomaly",
    "CheX-Nomaly, phantoms first": "chexnomaly__from_phantoms",
}
"""Words to an arm that is trained on few and many films."""

PRACTISED_ON = {
    "phantoms": "supermodel__from_phantoms",
    "phantoms of the films' own findings": "supermodel__from_own_findings",
    "painted phantoms": "supermodel__from_painted",
    "phantoms of one anatomy": "supermodel__from_one_anatomy",
    "labels of films": "supermodel__from_labels",
    "nothing, but as many steps": "supermodel__longer",
}
"""What was practised on, in words, to an arm."""

SIMPLER_ARMS = {
    "every finding painted": "supermodel__painted",
    "one body for everybody": "supermodel__one_anatomy",
    "readers who draw the truth": "supermodel__perfect_readers",
}
"""What is simpler about phantoms, in words, to the arm that learned from them."""


def curves(folder: Path, dataset: str, key: str) -> dict[str, dict[str, Entry]]:
    """Look up what arms reach by the number of films that they learn from.

    Args:
        folder: Results of the study.
        dataset: Set key.
        key: Results key.

    Returns:
        By words of an arm and of a number; what is not measured is left out.
    """
    shelf, found = Shelf(folder), {}
    for words, arm in BY_AMOUNT.items():
        for ending, number in AMOUNTS.items():
            ref = Ref("__".join(filter(None, [arm, ending])), dataset, key)
            if one := shelf.find(ref):
                found.setdefault(words, {})[number] = one._asdict()
    return found


def gains(folder: Path, dataset: str) -> dict[str, dict[str, dict[str, Entry]]]:
    """Look up what each kind of practice adds, beside none and as many films.

    Args:
        folder: Results of the study.
        dataset: Set key.

    Returns:
        By words of a number of films, of a threshold and of what was practised on.
    """
    found = {}
    for ending in ("__100", ""):
        place = {f"{AMOUNTS[ending.strip('_')]} real films": dataset}
        arms = {words: arm + ending for words, arm in PRACTISED_ON.items()}
        found |= differences(folder, arms, place, f"supermodel{ending}")
    return found


def simpler(folder: Path) -> dict[str, dict[str, dict[str, Entry]]]:
    """Look up how far U-Nets of simpler phantoms are above those of natural ones.

    Args:
        folder: Results of the study, with its tables of networks.

    Returns:
        By words of the test films, of a threshold and of what is simpler. On films as
        simple as they learned from, the others are scored on the same people's natural
        films, and intervals are over networks, paired by seed, alone. What is not
        measured is left out.
    """
    table = pd.read_csv(folder / NETWORKS_FILE.format("phantoms"))
    scores, own = table.set_index(["set", "arm", "seed"]), {}
    for threshold, key in AT_BOTH.items():
        for words, arm in SIMPLER_ARMS.items():
            if ("own_test", arm) in scores.index:
                natural = scores.loc[("vindr_test", "supermodel"), key]
                gap = scores.loc[("own_test", arm), key] - natural
                own.setdefault(threshold, {})[words] = mean_entry(gap)
    natural = {"tested on natural films": "study_test"}
    found = {"tested on films as simple": own} if own else {}
    return found | differences(folder, SIMPLER_ARMS, natural, "supermodel")
