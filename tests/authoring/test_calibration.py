"""Accuracy bars are calibrated: what is committed says so for every bar, at the height that it has."""

import json
from pathlib import Path

import pytest
from nnkata.grader.authoring import calibration
from nnkata.grader.exercise import catalog, datasets
from nnkata.grader.judge import accuracy_bars

KNOWN = {
    (one.exercise, one.bar, one.dataset): one
    for one in calibration.load(Path(__file__).resolve().parents[2] / "docs" / "calibration.json")
}
BARS = [
    (exercise, bar, name)
    for exercise in catalog.exercises()
    for bar in exercise.bars
    for name in datasets.DATASETS
    if accuracy_bars.at_dataset(bar, name).threshold
]


@pytest.mark.parametrize(("exercise", "bar", "dataset"), BARS, ids=[f"{e.id}-{b.name}-{name}" for e, b, name in BARS])
def test_a_bar_lies_four_deviations_below_what_the_reference_reaches(exercise, bar, dataset):
    measured = KNOWN[exercise.id, bar.name, dataset]
    assert measured.threshold == accuracy_bars.at_dataset(bar, dataset).threshold
    assert len(measured.reached) >= 20
    assert measured.margin >= calibration.MIN_MARGIN


def test_what_is_committed_is_about_bars_that_there_are():
    assert set(KNOWN) == {(exercise.id, bar.name, name) for exercise, bar, name in BARS}


def test_bars_that_ask_the_same_training_share_it(monkeypatch):
    cnn = catalog.find("cnn")
    trained = []
    monkeypatch.setattr(calibration, "_train", lambda exercise, namespace, bar, *rest: trained.append(bar.name) or "no")
    with pytest.raises(Exception, match="cannot be measured"):
        list(calibration.calibrate(cnn, 1, ("full", "best"), wrong=False, dataset="mnist", on_step=str))
    full, best = (accuracy_bars.find_bar(cnn, name) for name in ("full", "best"))
    assert trained == ["full"] and accuracy_bars.same_training(full, best)


def test_figures_survive_being_kept(tmp_path):
    one = calibration.Calibration("06_training", "full", 0.9, "mnist", (0.91, 0.93), (1.0, 2.0), {"wrong": 0.5})
    calibration.save([one], tmp_path / "figures.json")
    assert calibration.load(tmp_path / "figures.json") == [one]
    assert json.loads((tmp_path / "figures.json").read_text())["06_training/full/mnist"]["mean"] == 0.92
