"""What the code is asked of its design, each kind against an oracle of its own."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml
from torch import nn

from chexnomaly import claims, systems
from chexnomaly.claims import design
from chexnomaly.claims.design import PROFILES, measure
from chexnomaly.claims.ledger import load_ledger, way
from chexnomaly.datasets.sampling import specialized_part
from chexnomaly.errors import ProfileError
from chexnomaly.losses import contrastive_loss, sigmoid_focal_loss
from chexnomaly.models import UNet

LEDGER = load_ledger()
ROWS = LEDGER[LEDGER["needs"].str.startswith("design:")]
PAPER = yaml.safe_load((PROFILES / "paper.yml").read_text())["parameters"]


def test_a_name_that_the_code_lacks_is_no_number():
    with pytest.raises(AttributeError):
        measure("network.stem.0.colour", "supermodel")


def test_statements_of_design_are_implemented_or_deviate(tmp_path):
    table = claims.compare(ROWS["id"], tmp_path).set_index("id")
    assert table.index[table["verdict"] == "deviates"].tolist() == ["cnn-8-numbers"]
    others = table.drop(index="cnn-8-numbers")
    assert set(others["verdict"]) == {"implemented"}
    assert set(table["rule"]) == {"design"}
    assert set(table["before"]) == {"not testable here"}


def test_what_no_code_decides_says_what_would_make_it_testable():
    left = LEDGER[(LEDGER["kind"] == "design") & (LEDGER.apply(way, axis=1) == "code")]
    assert left["needs"].str.contains("testable|tests it").all()


def test_sizes_and_splits_are_those_of_the_profile_file():
    assert measure("data.size_px", "paper") == PAPER["02_data"]["size_px"]
    assert measure("shares.test", "paper") == PAPER["02_data"]["test_share"]
    assert measure("shares.val", "paper") == PAPER["02_data"]["val_share"]
    # 1,000 films, 10 % and 10 % of them kept apart
    assert measure("shares.train", "paper") == 800 / 1000
    live = yaml.safe_load((PROFILES / "demo.yml").read_text())["parameters"]["02_data"]
    assert measure("data.size_px", "paper", "demo") == live["size_px"] == 64


def test_another_profile_would_deviate_and_is_named(tmp_path, monkeypatch):
    (tmp_path / "demo").mkdir()
    row = claims.compare(["input-size"], tmp_path / "demo").iloc[0]
    assert row.verdict == "implemented"
    assert row.reason == "512 in profile paper; 64 in profile demo"
    monkeypatch.setattr(
        design, "measure", lambda check, system, _="": measure(check, system, "demo")
    )
    assert claims.compare(["input-size"], tmp_path).iloc[0].verdict == "deviates"


@pytest.mark.parametrize("profile", ["paper", "demo"])
def test_shapes_are_those_of_networks_at_full_width(profile):
    """The checks build narrow networks; a full one has the same shapes."""
    side = int(measure("data.size_px", "paper", profile))
    settings = {"base_channels": 16, "depth": 3}
    assert UNet(**settings)(torch.zeros(1, 1, side, side)).shape[-1] == side
    assert measure("mask_side", "supermodel", profile) == side
    assert measure("map_side", "siamese_unet", profile) == side


def test_numbers_of_units_channels_and_inputs():
    assert measure("network.stem.0.in_channels", "model_ensemble") == 14
    assert measure("network.stem.0.in_channels", "supermodel") == 1
    code = "network.base.dense.out_features"
    assert measure(code, "siamese_cnn") == 128
    assert measure(code, "siamese_cnn__8_units") == 8
    assert measure("n_inputs", "siamese_cnn") == 2 > measure("n_inputs", "chexnomaly")
    for twin in ("siamese_cnn", "siamese_unet"):
        assert measure("n_twins", twin) == 2


def test_a_filter_of_another_size_is_seen():
    assert measure("kernel_side", "paper") == 3
    built = design.BuiltSystem("paper")
    built.network.downs[0][1][0] = nn.Conv2d(1, 2, 5)
    assert np.isnan(built.kernel_side())


def test_the_losses_coefficients_are_read_off_parabolas():
    far = torch.tensor([2.0, 4.0])
    ones, zeros = torch.ones(1), torch.zeros(1)
    near = [contrastive_loss(far[[k]], ones).item() for k in (0, 1)]
    curve = np.polyfit([0.0, 2.0, 4.0], [0.0, *near], 2)
    assert measure("weight_of_similar", "paper") == pytest.approx(curve[0])
    short = [contrastive_loss(zeros, zeros, m).item() for m in (1.0, 2.0)]
    curve = np.polyfit([0.0, 1.0, 2.0], [0.0, *short], 2)
    assert measure("weight_of_dissimilar", "paper") == pytest.approx(curve[0])


def test_alpha_and_gamma_are_those_of_the_loss_that_the_recipe_trains_with():
    logits, mask = torch.randn(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    a, g = (measure(f"options.{name}", "paper") for name in ("alpha", "gamma"))
    p = torch.sigmoid(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, mask, reduction="none")
    expected = (a * (1 - p) ** g * entropy).mean()
    assert sigmoid_focal_loss(logits, mask).item() == pytest.approx(expected.item())


def test_labels_of_pairs_and_masks():
    assert measure("pairs.similar.label", "paper") == 1
    assert measure("pairs.others.label", "paper") == 0
    assert measure("pairs.others.healthy", "paper") == 1
    assert np.isnan(measure("pairs.all.label", "paper"))  # both occur
    assert measure("box.max", "paper") == 1 == measure("label_of_yes", "paper")
    assert measure("box.min", "paper") == 0 == measure("label_of_no", "paper")


def test_systems_are_counted_as_their_keys_say():
    own = [key for key in systems.RECIPES if "__" not in key]
    specialized = [key for key in own if key.startswith("specialized_")]
    assert measure("own.specialized.finding.nunique", "paper") == len(specialized)
    assert measure("own.ensembles.kind.nunique", "paper") == 2
    assert {k for k in own if "ensemble" in k} == {"max_ensemble", "model_ensemble"}
    assert measure("own.supermodels.attention.nunique", "paper") == 2
    assert {k for k in own if k.startswith("siamese")} == {
        "siamese_cnn",
        "siamese_unet",
    }
    assert measure("own.siamese.base.nunique", "paper") == 2
    assert measure("own.on_twins.twin.nunique", "paper") == 2


def test_specialized_sets_are_balanced_on_real_sets_too(squares):
    found = squares.findings.finding
    finding = found[found != "no_finding"].iloc[0]
    has, lacks = specialized_part(squares, "train", finding, "any").kinds()
    share = len(has) / (len(has) + len(lacks))
    assert measure("positive_share", "paper") == share == 0.5


def test_categories_and_limits():
    assert measure("n_categories", "paper") == len({"TP", "TN", "FP", "FN"})
    assert measure("n_groups", "paper") == len({"TP", "FN", "50/50"})
    assert measure("strict_limit", "paper") == 100
    # 100 of 262,144 px are 1.56 px of 64 x 64: two wrong pixels spoil it
    assert measure("strict_limit", "paper", "demo") == 2
    assert measure("outlier_error", "paper") == 0.04


def test_a_package_without_notebooks_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr(design, "PROFILES", tmp_path)
    measure.cache_clear()
    with pytest.raises(ProfileError):
        measure("data.size_px", "paper")
    row = claims.compare(["input-size"], tmp_path).iloc[0]
    assert row.verdict == "not testable here" and "testable in a checkout" in row.reason
    measure.cache_clear()
