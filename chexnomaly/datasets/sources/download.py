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
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        variable: What then names the folder, where it is not the data set's own name.
        kaggle: Its competition there.
        git: Its repository and the commit that is fetched.
        archives: File names to addresses.
    """

    title: str
    terms: str
    address: str
    size: str
    variable: str = ""
    kaggle: str = ""
    git: Sequence[str] = ()
    archives: Mapping[str, str] = field(default_factory=dict)

    def fetch(self, out: Path) -> None:
        """Fetch it into a folder, in every way that it has."""
        out.mkdir(parents=True, exist_ok=True)
        if self.kaggle:
            _kaggle(self.kaggle, out)
        if self.git:
            _git(*self.git, out)
        _archives(self.archives, out)


def _kaggle(competition: str, out: Path) -> None:
    needed = "pip install kagglehub"
    with raised_as(DownloadError, "kagglehub is not installed", expected=needed):
        import kagglehub
    expected = "the competition's rules accepted on its page, and an API token in "
    expected += "~/.kaggle or KAGGLE_API_TOKEN"
    with raised_as(DownloadError, "Kaggle refused", file=out, expected=expected):
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
    for name, address in addresses.items():
        folder, safe = out / name.partition(".")[0], {"filter": "data"}
        if folder.is_dir():
            continue
        sys.stderr.write(f"{name}\n")
        expected = f"an archive at {address}; call again to go on"
        named = raised_as(DownloadError, name, file=out, expected=expected)
        with named, tempfile.TemporaryDirectory(dir=out) as place:
            archive, films = Path(place) / name, Path(place) / "films"
            urlretrieve(address, archive)
            shutil.unpack_archive(archive, films, **(safe if ".tar" in name else {}))
            films.rename(folder)


def _check_films(out: Path) -> None:
    """Compare NIH's films with those that are shipped."""
    images, _ = nih.scan_folder(out)
    with (nih.shipped() / "SOURCES.csv").open(newline="") as stream:
        known = {row["image_id"]: row["sha256"] for row in csv.DictReader(stream)}
    for name in sorted(known.keys() & images.keys()):
        if hashlib.sha256(images[name].read_bytes()).hexdigest() != known[name]:
            expected = f"sha256 {known[name]}; remove its archive's folder, call again"
            raise DownloadError("other bytes", file=images[name], expected=expected)


_TEXT = Path(__file__).with_name("download.toml").read_text(encoding="utf-8")
OFFERS = {name: Offer(**offer) for name, offer in tomllib.loads(_TEXT).items()}
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
    if not (offer.kaggle or offer.git or offer.archives):
        expected = f"a request: {offer.address}"
        raise DownloadError(f"{offer.title} cannot be fetched", expected=expected)
    if not accept_terms:
        raise DownloadError("the terms were not accepted", expected="--accept-terms")
    offer.fetch(out)
    if name == "nih":
        _check_films(out)
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
