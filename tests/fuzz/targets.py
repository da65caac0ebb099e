"""Everything that reads a file from outside: how such a file is made, and read."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from pydicom import uid

from chexnomaly.claims import ledger
from chexnomaly.claims import lookup as measured
from chexnomaly.datasets.annotations.findings import COLUMNS, load_findings
from chexnomaly.datasets.annotations.identities import hash_ids, load_numbers, load_salt
from chexnomaly.datasets.annotations.splits import load_split
from chexnomaly.datasets.sources import candid, coco, covid, rsna, vindr
from chexnomaly.datasets.store import images
from chexnomaly.datasets.store.store import Store
from chexnomaly.datasets.store.writer import StoreWriter
from chexnomaly.profiles import load_profile
from chexnomaly.tensor_files import read_tensors, write_tensors
from tests.dicom_files import ENCODERS, compressed, dicom_dataset, ramp, save_dicom
from tests.run_lengths import mask_to_runs

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Target:
    """One kind of outside file.

    Attributes:
        make: Writes sound files into an empty folder; returns those to be damaged.
        read: Reads the folder; returns the refusals it reports beside its result.
        kind: "film", "image", "table" or "file", for the count of inputs.
    """

    make: Callable[[Path], list[Path]]
    read: Callable[[Path], list]
    kind: str = "file"


SYNTAXES = {
    "explicit": uid.ExplicitVRLittleEndian,
    "implicit": uid.ImplicitVRLittleEndian,
    "big endian": uid.ExplicitVRBigEndian,
    "deflated": uid.DeflatedExplicitVRLittleEndian,
    "RLE": uid.RLELossless,
    "JPEG baseline": uid.JPEGBaseline8Bit,
    "JPEG extended": uid.JPEGExtended12Bit,
    "JPEG lossless": uid.JPEGLossless,
    "JPEG lossless SV1": uid.JPEGLosslessSV1,
    "JPEG-LS": uid.JPEGLSLossless,
    "JPEG-LS near-lossless": uid.JPEGLSNearLossless,
    "JPEG 2000": uid.JPEG2000Lossless,
    "JPEG 2000 lossy": uid.JPEG2000,
    "HTJ2K": uid.HTJ2KLossless,
    "HTJ2K RPCL": uid.HTJ2KLosslessRPCL,
    "HTJ2K lossy": uid.HTJ2K,
}
"""Transfer syntaxes of still images, by the names that the table shows."""


def _films(syntax: uid.UID) -> Callable[[Path], list[Path]]:
    """Make two films of one syntax: one with a window, one inverted and signed."""

    def make(folder: Path) -> list[Path]:
        bits = 8 if syntax == uid.JPEGBaseline8Bit else 12
        first = dicom_dataset(ramp(bits), bits, WindowCenter=90, WindowWidth=70)
        first.RescaleSlope, first.RescaleIntercept = 2, -102
        tags = {"PhotometricInterpretation": "MONOCHROME1", "PixelPaddingValue": 9}
        second = dicom_dataset(ramp(bits).T.copy(), bits, PixelRepresentation=1, **tags)
        files = []
        for number, data in enumerate((first, second)):
            if syntax in ENCODERS:
                compressed(data, syntax)
            elif syntax == uid.RLELossless:
                data.compress(syntax)
            elif syntax == uid.ExplicitVRBigEndian:
                data.PixelData = (
                    np.frombuffer(data.PixelData, "<u2").byteswap().tobytes()
                )
            files.append(save_dicom(data, folder / f"film{number}.dcm", syntax))
        return files

    return make


def _read_images(folder: Path) -> list:
    for path in sorted(folder.iterdir()):
        images.read_size(path)
        image = images.read_image(path, "voi")
        if not (image.ndim == 2 and image.min() >= 0 and image.max() <= 1):
            raise AssertionError(f"read as {image.shape}, {image.min()}")
    return []


def _pictures(folder: Path) -> list[Path]:
    pixels = np.arange(30 * 40, dtype=np.uint32).reshape(30, 40)
    files = []
    for mode, ending in (("L", "png"), ("RGBA", "png"), ("L", "jpg"), ("I;16", "png")):
        gray = Image.fromarray((pixels % 251).astype(np.uint8))
        picture = Image.fromarray((pixels * 50).astype(np.uint16))
        path = folder / f"{mode.replace(';', '')}.{ending}"
        (picture if mode == "I;16" else gray.convert(mode)).save(path)
        files.append(path)
    return files


def _vindr(folder: Path) -> list[Path]:
    head = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"
    rows = [
        f"film{i},Cardiomegaly,3,R{j},{10 + j},20.5,{90 + j},80\n"
        for i in range(6)
        for j in range(3)
    ]
    rows += [f"film{i},No finding,14,R{j},,,,\n" for i in range(6, 9) for j in range(3)]
    path = folder / "train.csv"
    path.write_text(head + "".join(rows))
    return [path]


def _rsna(folder: Path) -> list[Path]:
    labels = folder / "stage_2_train_labels.csv"
    labels.write_text(
        "patientId,x,y,width,height,Target\n"
        + "".join(f"p{i},100,{i + 1},50,60,1\n" for i in range(6))
        + "".join(f"q{i},,,,,0\n" for i in range(6))
    )
    classes = folder / "stage_2_detailed_class_info.csv"
    classes.write_text(
        "patientId,class\n"
        + "".join(f"p{i},Lung Opacity\n" for i in range(6))
        + "".join(f"q{i},Normal\n" for i in range(6))
    )
    return [labels, classes]


def _candid(folder: Path) -> list[Path]:
    mask = np.zeros((1024, 1024), bool)
    mask[100:300, 50:90] = True
    path = folder / candid.REPORT_TABLE
    path.write_text(
        "SOPInstanceUID,EncodedPixels,Report\n"
        f'1.2.3,{mask_to_runs(mask)},"two\nlines"\n1.2.4,-1,clear\n'
    )
    return [path]


def _covid(folder: Path) -> list[Path]:
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    Image.fromarray(np.full((60, 80), 90, np.uint8)).save(folder / "images" / "a.png")
    crop = np.zeros((20, 30, 4), np.uint8)
    crop[5:15, 5:25] = 255
    Image.fromarray(crop).save(folder / "masks" / "m.png")
    metadata = folder / covid.LABEL_TABLE
    metadata.write_text(
        "patientid,finding,view,modality,folder,filename\n"
        "1,COVID-19,PA,X-ray,images,a.png\n2,No Finding,AP,X-ray,images,b.png\n"
    )
    regions = folder / covid.REGION_TABLE
    regions.write_text(
        "image,class,mask,left,top,width,height,resolution,finding,license\n"
        "a.png,Consolidation,masks/m.png,10,10,30,20,80x60,COVID-19,CC BY\n"
    )
    return [metadata, regions, folder / "masks" / "m.png"]


def _coco(folder: Path) -> list[Path]:
    path = folder / coco.TABLE
    image = {"id": 1, "file_name": "a.png", "width": 80, "height": 60}
    boxes = [
        {"image_id": 1, "category_id": 1, "bbox": [5, 6 + k, 20, 30]} for k in range(3)
    ]
    content = {"images": [image], "annotations": boxes}
    path.write_text(json.dumps(content | {"categories": [{"id": 1, "name": "ILD"}]}))
    return [path]


def _annotations(source) -> Callable[[Path], list]:
    def read(folder: Path) -> list:
        return source.read_annotations(folder)[1]

    return read


def _findings(folder: Path) -> list[Path]:
    rows = [
        [f"film{i}", "R1", "ild", 1.0, 2.0, 30.0, 40.0, 64, 64, "vindr", i + 2]
        for i in range(8)
    ]
    path = folder / "findings.csv"
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False)
    return [path]


def _split(folder: Path) -> list[Path]:
    from chexnomaly.datasets.annotations.splits import save_split

    parts = pd.Series({f"film{i}": ("train", "val", "test")[i % 3] for i in range(9)})
    save_split(parts, folder / "splits.csv")
    return sorted(folder.iterdir())


def _names(folder: Path) -> list[Path]:
    hash_ids([f"patient{i}" for i in range(9)], folder / "set")
    return sorted((folder / "private").iterdir())


def _read_names(folder: Path) -> list:
    load_salt(folder / "private")
    load_numbers(folder / "set")
    return []


def _store(folder: Path) -> list[Path]:
    writer = StoreWriter(folder / "store", [f"film{i}" for i in range(4)], 16)
    for row in range(4):
        writer.write(row, np.full((16, 16), row / 4, np.float32), 32, 32)
    writer.finish()
    return sorted(p for p in (folder / "store").iterdir() if p.is_file())


def _checkpoint(folder: Path) -> list[Path]:
    path = folder / "model.safetensors"
    write_tensors(path, {"a": torch.arange(6.0), "b": torch.ones(2, 3)}, {"epoch": 3})
    return [path]


def _result(folder: Path) -> list[Path]:
    path = folder / "supermodel__vindr_test.json"
    value = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    fields = {"schema": 1, "system": "supermodel", "set": "vindr_test"}
    fields |= {"profile": "tiny", "notebook": "06", "evidence": "phantom", "n": 9}
    fields |= {"trained_on": "phantom", "scored_on": "phantom"}
    fields |= {"values": {"iou_c": value}, "paired": {"mean_mask": {"iou_c": value}}}
    path.write_text(json.dumps(fields))
    return [path]


def _copy(source: Path) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        path = folder / source.name
        path.write_bytes(source.read_bytes())
        return [path]

    return make


def _each(read: Callable[[Path], object]) -> Callable[[Path], list]:
    def read_all(folder: Path) -> list:
        for path in sorted(p for p in folder.iterdir() if p.is_file()):
            read(path)
        return []

    return read_all


def _read_result(path: Path) -> None:
    measured.read_checked(path, measured.Ref("supermodel", "vindr_test", "iou_c"))


TARGETS = {
    **{
        f"DICOM {name}": Target(_films(syntax), _read_images, "film")
        for name, syntax in SYNTAXES.items()
    },
    "PNG and JPEG": Target(_pictures, _read_images, "image"),
    "VinDr-CXR table": Target(_vindr, _annotations(vindr), "table"),
    "RSNA tables": Target(_rsna, _annotations(rsna), "table"),
    "CANDID-PTX table": Target(_candid, _annotations(candid), "table"),
    "covid tables and masks": Target(_covid, _annotations(covid), "table"),
    "COCO table": Target(_coco, _annotations(coco), "table"),
    "findings table": Target(
        _findings, lambda f: [load_findings(f / "findings.csv")][:0], "table"
    ),
    "split": Target(_split, lambda f: [load_split(f / "splits.csv")][:0], "table"),
    "salt and list of names": Target(_names, _read_names, "table"),
    "claims ledger": Target(_copy(ledger.LEDGER), _each(ledger.load_ledger), "table"),
    "store": Target(_store, lambda f: [Store.open(f / "store", verify=True)][:0]),
    "checkpoint": Target(_checkpoint, _each(read_tensors)),
    "results file": Target(_result, _each(_read_result)),
    "profile": Target(
        _copy(ROOT / "notebooks" / "profiles" / "tiny.yml"), _each(load_profile)
    ),
}
"""Every reader of outside files, by the name that the reliability page shows."""
