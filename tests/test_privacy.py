"""Marked headers and names go in; what is built of them is searched for the marks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.dicom_files import write_dicom

ROOT = Path(__file__).parents[1]
MARK = "Zyxwvut"
PLANTED = {
    "PatientName": f"{MARK}^Name",
    "PatientID": f"{MARK}-id",
    "PatientBirthDate": "19010203",
    "StudyDate": "19020304",
    "InstitutionName": f"{MARK} Hospital",
    "ReferringPhysicianName": f"{MARK}^Doctor",
    "StudyDescription": f"{MARK} study",
    "ImageComments": f"{MARK} comment",
    "AccessionNumber": MARK[:7],
    "StationName": MARK,
}
N_FILMS = 40
NAMES = [f"{MARK.lower()}{i:025x}" for i in range(N_FILMS)]
TRACES = [MARK, MARK.lower(), "19010203", "19020304"]


def write_layouts(root: Path) -> None:
    """Write a small VinDr-CXR and RSNA folder whose every header is marked."""
    rng = np.random.default_rng(0)
    lines = ["image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"]
    labels = ["patientId,x,y,width,height,Target"]
    for i, name in enumerate(NAMES):
        film = rng.integers(0, 4096, (64, 48), np.uint16)
        write_dicom(root / "vindr" / "train" / f"{name}.dicom", film, 12, **PLANTED)
        for reader in ("R1", "R2", "R3"):
            box = "Cardiomegaly,3,{},5,6,40,50" if i % 2 else "No finding,14,{},,,,"
            lines.append(f"{name}," + box.format(reader))
        images = root / "rsna" / "stage_2_train_images"
        write_dicom(images / f"{name}.dcm", film, 12, **PLANTED)
        labels.append(f"{name}," + ("5,6,20,30,1" if i % 2 else ",,,,0"))
    (root / "vindr" / "train.csv").write_text("\n".join(lines) + "\n")
    (root / "rsna" / "stage_2_train_labels.csv").write_text("\n".join(labels) + "\n")


def traces(folder: Path) -> list[str]:
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if path.parent.name == "private":  # the owner's list of films and codes
            continue
        content = path.read_bytes()
        for mark in TRACES:
            if any(mark.encode(code) in content for code in ("utf-8", "utf-16-le")):
                found.append(f"{path.relative_to(folder)}: {mark}")
    return found


@pytest.mark.slow
@pytest.mark.trust
def test_no_header_text_and_no_name_reaches_anything_that_is_built(tmp_path):
    write_layouts(tmp_path / "real")
    assert traces(tmp_path / "real")
    checkout = tmp_path / "checkout"
    profiles = checkout / "notebooks" / "profiles"
    profiles.mkdir(parents=True)
    demo = (ROOT / "notebooks" / "profiles" / "demo.yml").read_text()
    (profiles / "demo.yml").write_text(demo)
    private = demo.replace("profile: demo", "profile: private")
    (profiles / "private.yml").write_text(private.replace("workers: 2", "workers: 1"))
    shutil.copy(ROOT / "Snakefile", checkout)
    shutil.copy(ROOT / "notebooks" / "02_data.ipynb", checkout / "notebooks")
    environment = os.environ | {
        "CHEXNOMALY_VINDR": str(tmp_path / "real" / "vindr"),
        "CHEXNOMALY_RSNA": str(tmp_path / "real" / "rsna"),
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("MPLBACKEND", None)
    environment.pop("CHEXNOMALY_REAL_DATA", None)
    command = [sys.executable, "-m", "papermill", "02_data.ipynb", "out.ipynb"]
    command += ["-p", "profile", "private", "-p", "source", "real"]
    command += ["-p", "size_px", "32", "--no-progress-bar"]
    run = subprocess.run(
        command,
        cwd=checkout / "notebooks",
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    built = checkout / "_build" / "scratch"  # a run by hand works on copies
    assert (built / "data" / "private" / "vindr" / "store" / "images.npy").is_file()
    assert traces(checkout) == []
    listed = (built / "data" / "private" / "private" / "vindr.csv").read_text()
    assert all(name in listed for name in NAMES)
    assert not [mark for mark in TRACES if mark in run.stdout + run.stderr]
