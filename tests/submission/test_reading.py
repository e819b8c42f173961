"""Whatever is handed in becomes a submission or an `Unreadable`, by one way."""

import json

import pytest
from nnkata.grader.exercise import catalog
from nnkata.grader.submission import forbidden_uses, notebook_cells, reading
from nnkata.grader.submission.examination import Examined, examine
from nnkata.grader.submission.reading import Unreadable
from nnkata.grader.submission.source import Submission

LOSSES = catalog.find("03_losses")
CODE = "def mse_loss(input, target, reduction='mean'):\n    return ((input - target) ** 2).mean()\n"
NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": CODE, "metadata": {}}], "nbformat": 4}).encode()


@pytest.mark.parametrize(("name", "data"), [("losses.py", CODE.encode()), ("03_losses.ipynb", NOTEBOOK)])
def test_a_file_and_its_bytes_give_the_same_submission(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    from_file = reading.read_file(tmp_path / name, LOSSES)
    assert isinstance(from_file, Submission) and "def mse_loss" in from_file.text
    assert from_file == reading.read_bytes(data, name, LOSSES)


def test_a_notebooks_ending_counts_in_any_case():
    assert isinstance(reading.read_bytes(NOTEBOOK, "WORK.IPYNB", LOSSES), Submission)


def test_cells_give_what_their_notebook_gives():
    cells = [notebook_cells.stripped(raw) for raw in json.loads(NOTEBOOK)["cells"]]
    read = reading.read_bytes(json.dumps({"cells": cells}).encode(), "03_losses.ipynb", LOSSES)
    assert isinstance(read, Submission) and read == reading.read_bytes(NOTEBOOK, "03_losses.ipynb", LOSSES)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("losses.py", b"\0", "binary"),
        ("losses.py", "é".encode("latin-1"), "UTF-8"),
        ("losses.py", b"#" * 300_000, "larger"),
        ("a.ipynb", b"{", "not a notebook"),
        ("a.ipynb", b"[]", "no cells"),
    ],
)
def test_what_cannot_be_read_is_unreadable_and_says_why(tmp_path, name, data, reason):
    (tmp_path / name).write_bytes(data)
    for read in (reading.read_bytes(data, name, LOSSES), reading.read_file(tmp_path / name, LOSSES)):
        assert isinstance(read, Unreadable) and read.name == name and reason in read.reason


def test_a_file_that_is_not_there_is_unreadable(tmp_path):
    read = reading.read_file(tmp_path / "losses.py", LOSSES)
    assert isinstance(read, Unreadable) and "There is no file" in read.reason


def test_what_does_not_parse_keeps_its_digest():
    read = reading.read_bytes(b"def (", "losses.py", LOSSES)
    assert isinstance(read, Submission)
    examined = examine(read, LOSSES)
    assert isinstance(examined, Unreadable) and examined.sha256 == read.sha256 and "line 1" in examined.reason


def test_an_examination_holds_all_that_the_text_says():
    text = "import ctypes\nimport torch.nn.functional as F\ndef mse_loss(a, b):\n    return F.mse_loss(a, b)\n"
    read = reading.read_bytes((text + "def l1_loss(a, b):\n    return mse_loss(a, b)\n").encode(), "losses.py", LOSSES)
    examined = examine(read, LOSSES)
    assert isinstance(examined, Examined)
    assert {violation.part for violation in forbidden_uses.find_violations(examined.names, LOSSES)} == {
        "mse_loss",
        "l1_loss",
    }
    assert examined.flags == ("line 1: uses ctypes",)
    assert examined.uses["l1_loss"] == {"mse_loss"}
