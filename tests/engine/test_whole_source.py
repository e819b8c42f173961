"""A submission's source reaches its worker whole, up to the limit of a file, and what is above it is refused unrun."""

import json

import pytest
from nnkata.grader.engine import engine
from nnkata.grader.exercise import catalog
from nnkata.grader.model import GradingOptions
from nnkata.grader.submission import source

LOSSES = catalog.find("03_losses")


@pytest.fixture(scope="module")
def grader():
    with engine.Engine() as running:
        running.warm_up()
        yield running


def padded(size, line):
    """The reference, its last part behind so many lines that the whole file has `size` bytes."""
    text = LOSSES.solution.read_text("utf-8").rstrip("\n")
    head, cut, tail = text.rpartition("\ndef ")
    missing = size - len(text.encode()) - 1
    filling = line * (missing // len(line.encode()))
    return head + "\n" + filling + "#" * (missing - len(filling.encode())) + cut + tail


def grade(grader, folder, text):
    file = folder / LOSSES.module
    file.write_text(text, "utf-8")
    return grader.grade(engine.GradingRequest(LOSSES, file, GradingOptions(seed=20, training="none")))


@pytest.mark.parametrize("line", ["# comment\n", "# größer ∑ 😀\n", "_ = 1\n"], ids=["ascii", "unicode", "statements"])
@pytest.mark.parametrize("size", [23_800, 199_000, source.MAX_SOURCE_BYTES])
def test_the_last_part_of_a_long_file_is_graded(grader, tmp_path, size, line):
    text = padded(size, line)
    assert len(text.encode()) == size
    result = grade(grader, tmp_path, text)
    assert [test.message for test in result.tests if test.status not in ("pass", "skip")] == []
    assert result.score == result.max_score == LOSSES.points


def test_one_byte_more_is_refused_before_anything_runs_and_the_limit_is_named(grader, tmp_path):
    result = grade(grader, tmp_path, padded(source.MAX_SOURCE_BYTES + 1, "# comment\n"))
    assert (result.status, result.score, result.tests) == ("fail", 0.0, ())
    assert "200,000 bytes" in result.notes[0]


@pytest.mark.parametrize(("size", "whole"), [(190_000, True), (source.MAX_SOURCE_BYTES, False)])
def test_a_long_cell_of_a_notebook_is_graded_whole_or_refused_whole(grader, tmp_path, size, whole):
    """What the stub imports comes on top of the cell, so that one as large as a file may be is too large."""
    head, tail = (
        "def mse_loss(input, target, reduction='mean'):\n    #",
        "\n    return ((input - target) ** 2).mean()\n",
    )
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cell["source"] = head + "x" * (size - len(head + tail)) + tail
    file = tmp_path / "losses.ipynb"
    file.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    options = GradingOptions(seed=20, parts=("mse_loss",), training="none")
    result = grader.grade(engine.GradingRequest(LOSSES, file, options))
    assert [test.status for test in result.tests if "mean_is_the_default" in test.id] == ["pass"] * whole
    assert whole or "200,000 bytes" in result.notes[0]
