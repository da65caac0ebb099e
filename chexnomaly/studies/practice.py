"""What practice on phantoms is worth, by how many real films are learned from."""

from pathlib import Path

from chexnomaly.claims.lookup import Ref, Shelf
from chexnomaly.results import Entry
from chexnomaly.studies.central import differences
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
