"""The front page's sentences, for every way that results can come out."""

import json
import re

import pytest

from book.pieces.facts import Facts
from book.pieces.render import environment
from chexnomaly.workspace import Workspace

FILMS = {"seen": "nih_boxes", "unseen": "nih_unseen_mass", "pairs": "nih_pairs"}
PHANTOMS = {"seen": "study_test", "unseen": "other_200", "pairs": "study_pairs"}
ORIGIN = {"nih": "open-images"}
ABOVE, BELOW, OPEN = (0.05, 0.03, 0.07), (-0.05, -0.07, -0.03), (0.01, -0.02, 0.04)


@pytest.fixture
def book(tmp_path):
    """Give a folder for made-up results, and a function that reads the sentences."""
    return Book(tmp_path)


class Book:
    """Writes results that were made up and renders the front page's findings."""

    def __init__(self, root):
        self.workspace = Workspace("demo", root)
        self.workspace.results.mkdir(parents=True)

    def write(self, system, dataset, values, paired=None, seeds=3):
        """Write one results file; a triple is a value with its interval."""
        origin = ORIGIN.get(dataset[:3], "phantom")
        result = {
            "schema": 1,
            "system": system,
            "set": dataset,
            "profile": "demo",
            "notebook": "09_comparison",
            "evidence": origin,
            "trained_on": origin,
            "scored_on": origin,
            "n": 54,
            "seeds": list(range(seeds)),
            "resampled": ["seeds", "films"],
            "values": entries(values),
            "paired": {other: entries(gaps) for other, gaps in (paired or {}).items()},
        }
        path = self.workspace.results / f"{system}__{dataset}.json"
        path.write_text(json.dumps(result))

    def compare(self, gap, at_other=None, sets=PHANTOMS, seeds=3, auc=(0.7, 0.6, 0.8)):
        """Hold CheX-Nomaly against the U-Net on seen films, the twin having an AUC."""
        both = {"iou_c": gap, "iou_c@operating": at_other or gap}
        value = (0.3, 0.25, 0.35)
        own = dict.fromkeys(both, value)
        self.write("supermodel", sets["seen"], own, seeds=seeds)
        self.write("chexnomaly", sets["seen"], own, {"supermodel": both}, seeds=seeds)
        self.write("siamese_unet", sets["pairs"], {"auc": auc}, seeds=seeds)

    def html(self, piece="findings.html"):
        """Render the findings, or another piece."""
        made = environment(Facts(self.workspace))
        return made.get_template(piece).render(up="")

    def said(self, question):
        """Give the text of one finding, marks taken away."""
        found = rf'<section class="finding" id="{question}.*?</section>'
        part = re.search(found, self.html(), re.S)
        linked = re.sub(r"</?a\b[^>]*>", "", part[0])
        text = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", linked, flags=re.S)
        return " ".join(text.replace("&#39;", "'").split())


def entries(values):
    """Write triples as entries of a results file; a fourth is what is excluded."""
    names = ("value", "low", "high", "within")
    told = {key: dict(zip(names, one, strict=False)) for key, one in values.items()}
    return {key: one | {"n": 54} for key, one in told.items()}


BETTER, UNSEEN, LOOKS = "is-it-better", "does-it-find", "does-it-look"
ADDS_UP, CHOICES, TEACHES = "can-the-printed", "how-much", "what-does"


@pytest.mark.parametrize("question", [BETTER, UNSEEN, LOOKS, ADDS_UP, CHOICES, TEACHES])
def test_without_results_every_question_says_that_nothing_was_measured(book, question):
    assert "Not measured yet." in book.said(question)


@pytest.mark.parametrize(
    ("gap", "answer", "words"),
    [
        (ABOVE, "Yes.", "0.050 higher [+0.030, +0.070] than a plain U-Net's"),
        (BELOW, "No.", "0.050 lower [-0.070, -0.030] than a plain U-Net's"),
        (OPEN, "Cannot tell.", "the interval includes 0"),
    ],
)
@pytest.mark.parametrize("sets", [FILMS, PHANTOMS])
def test_better_follows_the_interval_over_networks(book, gap, answer, words, sets):
    book.compare(gap, sets=sets)
    said = book.said(BETTER)
    assert answer in said and words in said
    assert ("On real films" if sets is FILMS else "On phantoms") in said
    assert "(54 films, 3 seeds)" in said
    leads = f'href="results/chexnomaly__{sets["seen"]}.json">54 films</a>'
    assert leads in book.html()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"at_other": BELOW}, "the answer differs at the threshold chosen on"),
        ({"seeds": 2}, "fewer than three networks do not speak for others"),
        ({"auc": (0.55, 0.48, 0.62)}, "its pre-training is not shown to have worked"),
    ],
)
def test_a_rule_that_is_not_passed_keeps_the_answer_open(book, changed, words):
    book.compare(ABOVE, **changed)
    said = book.said(BETTER)
    assert "Cannot tell." in said and words in said and "Yes." not in said


@pytest.mark.parametrize(
    ("within", "answer"),
    [(0.015, "No difference beyond 0.02."), (0.03, "Cannot tell.")],
)
def test_what_an_open_answer_excludes_at_both_thresholds_is_said(book, within, answer):
    book.compare((0.001, -0.01, 0.012, 0.011), (0.001, -0.012, 0.014, within))
    said = book.said(BETTER)
    assert answer in said and f"beyond {within:.3f} either way is excluded" in said


def test_the_central_questions_are_answered_one_by_one(book):
    assert book.html("central.html").count("Not measured yet.") == 4
    book.compare(BELOW)
    both = dict.fromkeys(("iou_c", "iou_c@operating"), (0.3, 0.25, 0.35))
    gaps = {"chexnomaly__random_base": dict.fromkeys(both, ABOVE)}
    book.write("chexnomaly__random_base", "study_test", both)
    book.write("chexnomaly__from_supermodel", "study_test", both, gaps)
    answers = re.findall('class="answer">([^<]*)<', book.html("central.html"))
    assert answers[0] == "No." and answers[3] == "Yes."
    told = "the detour through a frozen map"
    assert told not in book.html("central.html")
    gaps = {"chexnomaly__random_base": dict.fromkeys(both, OPEN)}
    book.write("chexnomaly__from_supermodel", "study_test", both, gaps)
    assert told in book.html("central.html")


def test_real_films_decide_and_phantoms_stand_behind(book):
    book.compare(BELOW, sets=FILMS)
    book.compare(ABOVE, sets=PHANTOMS)
    said = book.said(BETTER)
    assert "No. On real films" in said
    assert said.index("On real films") < said.index("On phantoms")
    assert said.count("there the answer is") == 1  # the first word says the other
    assert "phantom ; there the answer is yes." in said


@pytest.mark.parametrize(
    ("gap", "auc", "answer"),
    [
        (ABOVE, None, "Yes."),
        (BELOW, (0.8, 0.7, 0.9), "Yes, but its masks do not show it."),
        (BELOW, (0.5, 0.4, 0.6), "Cannot tell."),
        (OPEN, None, "Cannot tell."),
        (None, (0.8, 0.7, 0.9), "Yes, but its masks do not show it."),
        (None, (0.5, 0.4, 0.6), "Cannot tell."),
    ],
)
def test_it_looks_where_it_beats_a_fixed_mask_or_tells_sick_from_healthy(
    book, gap, auc, answer
):
    if gap is not None:
        key = "iou_c@operating"
        paired = {"mean_mask": {key: gap}}
        book.write("chexnomaly", "nih_boxes", {key: (0.3, 0.2, 0.4)}, paired)
    if auc is not None:
        book.write("chexnomaly", "nih_boxes_pa", {"auc": auc})
    assert answer in book.said(LOOKS)


@pytest.mark.parametrize(
    ("counts", "answer", "words"),
    [
        ((0, 0), "Yes.", "all can have the printed MAE"),
        ((2, 3), "No.", "at least 2 cannot have the printed MAE"),
        ((0, 3), "Only under some readings.", "1 of 2 readings"),
    ],
)
def test_printed_numbers_add_up_by_the_readings_that_allow_them(
    book, counts, answer, words
):
    made = {f"reading {k}": (k, None, None) for k in range(len(counts))}
    values = {key: (n, None, None) for key, n in zip(made, counts, strict=True)}
    book.write("paper", "vindr_triples", values)
    said = book.said(ADDS_UP)
    assert answer in said and words in said


@pytest.mark.parametrize(
    ("gap", "answer"),
    [
        ((0.2, 0.1, 0.3), "By more than the paper's own gain."),
        ((-0.02, -0.03, -0.01), "By less than the paper's own gain."),
        (OPEN, "Cannot tell."),
    ],
)
def test_open_choices_are_held_against_the_printed_gain(book, gap, answer):
    key = "4.convention_a.mean_iou"
    book.write(
        "multiverse", "vindr_test", {key: (0.3, 0.2, 0.4)}, {"default": {key: gap}}
    )
    assert answer in book.said(CHOICES)


@pytest.mark.parametrize(
    ("gap", "answer"), [(ABOVE, "Yes."), (BELOW, "No."), (OPEN, "Cannot tell.")]
)
def test_a_phantom_teaches_what_practice_on_it_adds(book, gap, answer):
    both = {"iou_c": gap, "iou_c@operating": gap}
    own = dict.fromkeys(both, (0.3, 0.2, 0.4))
    book.write("supermodel", "nih_boxes", own)
    beside = {"supermodel": both, "supermodel__longer": {"iou_c@operating": BELOW}}
    book.write("supermodel__from_phantoms", "nih_boxes", own, beside)
    said = book.said(TEACHES)
    assert answer in said
    assert "0.050 lower [-0.070, -0.030] than that of one that took as many" in said
    assert "never saw a real film" not in said  # not measured
    own_alone = {"mean_mask": {"iou_c@operating": BELOW}}
    book.write("supermodel__from_phantoms__0", "nih_boxes", own, own_alone)
    assert re.search(r"\. A U-Net that never saw a real film", book.said(TEACHES))


def test_a_plot_says_in_words_what_it_draws(book):
    book.compare(ABOVE)
    html = (
        environment(Facts(book.workspace)).get_template("findings.html").render(up="")
    )
    drawn = re.findall(r'<svg[^>]*aria-label="([^"]*)"', html)
    assert any("phantoms, at 0.5 +0.050 [+0.030, +0.070]" in said for said in drawn)


def test_where_phantoms_show_what_real_films_do_not_both_are_said(book):
    key = "iou_c@operating"
    for dataset, gap in (("nih_boxes", BELOW), ("study_test", ABOVE)):
        paired = {"mean_mask": {key: gap}}
        book.write("chexnomaly", dataset, {key: (0.3, 0.2, 0.4)}, paired)
    said = book.said(LOOKS)
    assert "Cannot tell." in said
    assert "On phantoms its mean IoU is 0.050 higher" in said


def test_a_study_goes_before_one_network(book):
    book.compare(OPEN, seeds=1)
    value = {"iou_c": (0.5, 0.4, 0.6)}
    folder = book.workspace.reference / "study"
    folder.mkdir(parents=True)
    book.write("chexnomaly", "study_test", value, {"supermodel": {"iou_c": ABOVE}})
    made = book.workspace.results / "chexnomaly__study_test.json"
    made.rename(folder / made.name)
    book.compare(OPEN, seeds=1)
    facts = Facts(book.workspace)
    assert facts.value("chexnomaly", "study_test", "iou_c").value == 0.5
    assert facts.value("chexnomaly", "study_test", "supermodel/iou_c").value == 0.05
    assert facts.value("supermodel", "study_test", "chexnomaly/iou_c").value == -0.05
    book.write("mean_mask", "study_test", value, seeds=0)  # no network, more films
    made = book.workspace.results / "mean_mask__study_test.json"
    (folder / made.name).write_text(made.read_text().replace('"n": 54', '"n": 99'))
    assert Facts(book.workspace).value("mean_mask", "study_test", "iou_c").n == 99


def test_what_a_control_marks_is_not_drawn_among_what_was_never_seen(book):
    for dataset in ("nih_unseen_mass", "nih_unseen_mass_control"):
        paired = {"supermodel": {"iou_c@operating": OPEN}}
        book.write("chexnomaly", dataset, {"iou_c@operating": ABOVE}, paired)
    (drawn,) = re.findall(r'aria-label="(mean IoU, unseen[^"]*)"', book.html())
    assert "real films, mass +0.010" in drawn and "control" not in drawn


def test_an_interval_as_wide_as_iou_itself_does_not_hide_the_others(book):
    for finding, gap in (("mass", OPEN), ("emphysema", (0.1, -1.1, 1.3))):
        paired = {"supermodel": {"iou_c@operating": gap}}
        dataset = f"nih_unseen_{finding}"
        book.write("chexnomaly", dataset, {"iou_c@operating": ABOVE}, paired)
    (drawn,) = re.findall(r'aria-label="(mean IoU, unseen[^"]*)"', book.html())
    assert "real films, mass +0.010" in drawn and "emphysema" not in drawn


def test_of_phantoms_those_are_drawn_of_which_a_control_lets_something_be_asked(book):
    key = "iou_c@operating"
    own = dict.fromkeys(("iou_c", key), (0.3, 0.2, 0.4))
    for finding, gap in (("mass", OPEN), ("lump", OPEN), ("cyst", BELOW)):
        dataset = f"study_without_{finding}"
        gaps = {"supermodel": dict.fromkeys(own, gap)}
        book.write("chexnomaly", dataset, own, gaps)
        book.write("supermodel", dataset, own)
        control = OPEN if finding == "cyst" else ABOVE
        paired = {"mean_mask": {key: control}}
        book.write("supermodel", f"{dataset}_control", own, paired)
    book.write("supermodel", "study_unseen_flu", own)
    book.write("chexnomaly", "study_unseen_flu", own, {"supermodel": {key: BELOW}})
    book.write("siamese_unet", "study_pairs", {"auc": (0.7, 0.6, 0.8)})
    (drawn,) = re.findall(r'aria-label="(mean IoU, unseen[^"]*)"', book.html())
    assert "phantoms, mass +0.010" in drawn and "cyst" not in drawn
    assert "phantoms, flu, no control -0.050" in drawn
    assert "leave it open (at least 54 films" in book.said(UNSEEN)
    assert "not every interval excludes 0 where a network" in book.said(UNSEEN)


def test_a_claim_leads_to_the_files_of_the_networks_that_decided_it(book):
    claim = "q-chex-maintains"
    for dataset in ("vindr_test", "nih_boxes"):
        book.compare(BELOW, sets=FILMS | {"seen": dataset}, seeds=1)
    book.write("siamese_unet", "siamese_pairs", {"auc": (0.7, 0.6, 0.8)}, seeds=1)
    keys = ["chexnomaly__nih_boxes", "supermodel__nih_boxes"]
    facts = Facts(book.workspace)
    assert (facts.claims[claim]["evidence"], facts.files[claim]) == (
        "open-images",
        keys,
    )
    study = book.workspace.reference / "study"
    study.mkdir(parents=True)
    built = {file: file.read_text() for file in book.workspace.results.iterdir()}
    book.compare(BELOW, sets=FILMS)
    for file in book.workspace.results.glob("*__nih_*.json"):
        file.rename(study / file.name)
    for file, text in built.items():
        file.write_text(text)
    assert Facts(book.workspace).files[claim] == [f"study/{key}" for key in keys]
