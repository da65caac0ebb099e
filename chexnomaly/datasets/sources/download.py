"""Fetch what may be fetched, terms first; say where to ask for the rest.

    python -m chexnomaly.datasets.sources.download vindr --out DATA --accept-terms

Nothing is fetched before the terms were shown and accepted on the command line, and
nothing by any other part of this project. kagglehub checks Kaggle's files against
Kaggle's hashes and takes an interrupted download up; a git commit is its own hash,
and an interrupted fetch leaves nothing behind. Archives are unpacked one by one, each
appears whole or not at all, and a second call goes on with those that lack; NIH states
no checksums, so films are compared with the hashes of those that are shipped. All tell
how far they are.
"""

import argparse
import csv
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.request import urlretrieve

from chexnomaly.datasets.sources import nih
from chexnomaly.errors import DownloadError, raised_as


@dataclass(frozen=True)
class Offer:
    """A data set and the terms it comes under.

    Attributes:
        title: Its name.
        terms: What its holders ask for, in our words.
        address: Where the terms stand and access is asked for.
        size: How much it is, in words.
        fetch: Fetches it into a folder; None where only its holders give it out.
        variable: What then names the folder, where it is not the data set's own name.
    """

    title: str
    terms: str
    address: str
    size: str
    fetch: Callable[[Path], None] | None = None
    variable: str = ""


def _kaggle(competition: str, out: Path) -> None:
    expected = "the competition's rules accepted on its page, and an API token in "
    expected += "~/.kaggle or KAGGLE_API_TOKEN"
    with raised_as(DownloadError, "Kaggle refused", file=out, expected=expected):
        try:
            import kagglehub
        except ImportError:
            expected = "pip install kagglehub"
            raise DownloadError(
                "kagglehub is not installed", expected=expected
            ) from None
        kagglehub.competition_download(competition, output_dir=str(out))


def _git(address: str, commit: str, out: Path) -> None:
    try:
        for call in (
            ("init", "--quiet"),  # leaves a repository that is there as it is
            ("fetch", "--progress", "--depth", "1", address, commit),
            ("checkout", "--quiet", "--force", "--detach", commit),
        ):
            subprocess.run(["git", "-C", str(out), *call], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise DownloadError(
            f"git failed: {error}", expected="git, and a way to the repository"
        ) from error


def _archives(addresses: Mapping[str, str], out: Path) -> None:
    """Unpack archives, file name to address, each into a folder of its name."""
    broken = (OSError, ValueError, EOFError, tarfile.TarError, zipfile.BadZipFile)
    for name, address in addresses.items():
        folder, safe = out / name.partition(".")[0], {"filter": "data"}
        if folder.is_dir():
            continue
        sys.stderr.write(f"{name}\n")
        try:
            with tempfile.TemporaryDirectory(dir=out) as place:
                archive, films = Path(place) / name, Path(place) / "films"
                urlretrieve(address, archive)
                shutil.unpack_archive(
                    archive, films, **(safe if ".tar" in name else {})
                )
                films.rename(folder)
        except broken as error:
            problem = f"{name}: {type(error).__name__}"
            expected = f"an archive at {address}; call again to go on"
            raise DownloadError(problem, file=out, expected=expected) from error


def _nih(out: Path) -> None:
    _archives(NIH_ARCHIVES, out)
    images, _ = nih.scan_folder(out)
    with (nih.shipped() / "SOURCES.csv").open(newline="") as stream:
        known = {row["image_id"]: row["sha256"] for row in csv.DictReader(stream)}
    for name in sorted(known.keys() & images.keys()):
        if hashlib.sha256(images[name].read_bytes()).hexdigest() != known[name]:
            expected = f"sha256 {known[name]}; remove its archive's folder, call again"
            raise DownloadError("other bytes", file=images[name], expected=expected)


def _chestx_det(out: Path) -> None:
    _git(CHESTX_DET, "d82eb07e66aae1423ba2502522bafaf10cdceb0d", out)
    _archives(CHESTX_DET_ARCHIVES, out)


_BOX_KEYS = (
    "vfk49d74nhbxq3nqjg0900w5nvkorp5c i28rlmbvmfjbl8p2n3ril0pptcmcu9d1 "
    "f1t00wrtdk94satdfb9olcolqx20z2jp 0aowwzs5lhjrceb3qp67ahp0rd1l1etg "
    "v5e3goj22zr6h8tzualxfsqlqaygfbsn asi7ikud9jwnkrnkj99jnpfkjdes7l6l "
    "jn1b4mw4n6lnh74ovmcjb8y48h8xj07n tvpxmn7qyrgl0w8wfh9kqfjskv6nmm1j "
    "upyy3ml7qdumlgk2rfcvlb9k6gvqq2pj l6nilvfa9cg3s28tqv1qc1olm3gnz54p "
    "hhq8fkdgvcari67vfhs7ppg2w6ni4jze ioqwiy20ihqwyr8pf4c24eazhh281pbu"
)
NIH_ARCHIVES = {
    f"images_{k:03d}.tar.gz": f"https://nihcc.box.com/shared/static/{key}.gz"
    for k, key in enumerate(_BOX_KEYS.split(), start=1)
}
"""The twelve archives that the list at NIH's download site leads to."""

CHESTX_DET = "https://github.com/Deepwise-AILab/ChestX-Det-Dataset"
CHESTX_DET_ARCHIVES = {
    name: f"http://resource.deepwise.com/ChestX-Det/{name}"
    for name in ("train_data.zip", "test_data.zip")
}

COVID = "https://github.com/ieee8023/covid-chestxray-dataset"

OFFERS = {
    "vindr": Offer(
        "VinDr-CXR, training part, as the Kaggle competition gives it",
        "For research and education, not for commerce; no passing on; no attempt to "
        "find out who a patient is. Kaggle's rules of the competition have to be "
        "accepted there first. PhysioNet gives the same films with the official test "
        "part to credentialed users.",
        "https://www.kaggle.com/c/vinbigdata-chest-xray-abnormalities-detection/rules",
        "about 190 GB",
        partial(_kaggle, "vinbigdata-chest-xray-abnormalities-detection"),
    ),
    "rsna": Offer(
        "RSNA Pneumonia Detection Challenge",
        "For research and education, not for commerce; to be cited as its page says. "
        "Kaggle's rules of the competition have to be accepted there first.",
        "https://www.kaggle.com/c/rsna-pneumonia-detection-challenge/rules",
        "about 4 GB",
        partial(_kaggle, "rsna-pneumonia-detection-challenge"),
    ),
    "covid": Offer(
        "covid-chestxray-dataset",
        "Each film has a license of its own, in the column `license` of metadata.csv; "
        "many may be used for non-commercial purposes only. Its authors warn against "
        "claims of diagnostic value.",
        COVID,
        "about 0.6 GB",
        partial(_git, COVID, "6a4242344473ccb5ed0d2148d8c7bfb1691e4ed8"),
    ),
    "nih": Offer(
        "NIH ChestX-ray14, all 112,120 films",
        "No restriction on use. NIH asks for a link to its download site, for the "
        "citation of Wang et al. (CVPR 2017), and that the NIH Clinical Center be "
        "named as the provider. Make no attempt to find out who a patient is.",
        "https://nihcc.app.box.com/v/ChestXray-NIHCC",
        "about 42 GB",
        _nih,
    ),
    "chestxdet": Offer(
        "ChestX-Det: 3,578 films of NIH with boxes and outlines",
        "The annotations under Apache-2.0, with attribution (Lian et al., 2021); the "
        "films under NIH's terms. The films come without encryption, and their holder "
        "states no checksum.",
        CHESTX_DET,
        "size not stated",
        _chestx_det,
        "CHEXNOMALY_NIH",
    ),
    "candid": Offer(
        "CANDID-PTX",
        "Given out by its holders alone, after ethics training and a signed agreement.",
        "https://doi.org/10.1148/ryai.2021210136",
        "size not stated",
    ),
}
"""Key to data set."""


def download(name: str, out: Path, accept_terms: bool = False) -> Path:
    """Fetch one data set, once its terms are accepted.

    Args:
        name: Key of `OFFERS`.
        out: Folder for it; made where it is missing.
        accept_terms: That the reader has read and accepts its terms.

    Returns:
        The folder.

    Raises:
        DownloadError: The data set is unknown or only given out by its holders, its
            terms were not accepted, or its host refused.
    """
    if (offer := OFFERS.get(name)) is None:
        raise DownloadError(f"data set {name!r}", expected=f"one of {[*OFFERS]}")
    if offer.fetch is None:
        expected = f"a request: {offer.address}"
        raise DownloadError(f"{offer.title} cannot be fetched", expected=expected)
    if not accept_terms:
        raise DownloadError("the terms were not accepted", expected="--accept-terms")
    out.mkdir(parents=True, exist_ok=True)
    offer.fetch(out)
    return out


def main(arguments: list[str] | None = None) -> int:
    """Show the terms, then fetch where they were accepted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=OFFERS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--accept-terms", action="store_true")
    given = parser.parse_args(arguments)
    name, offer = given.name, OFFERS[given.name]
    sys.stderr.write(
        f"{offer.title} ({offer.size})\n"
        f"Terms, in our words; what binds you stands at {offer.address}:\n"
        f"  {offer.terms}\n"
    )
    try:
        folder = download(name, given.out, given.accept_terms)
    except DownloadError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    variable = offer.variable or f"CHEXNOMALY_{name.upper()}"
    sys.stderr.write(f"done; now: export {variable}={folder.resolve()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
