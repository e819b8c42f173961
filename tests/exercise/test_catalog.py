"""Exercises are found by any short name, the nearest are suggested, and a malformed description is named."""

import os
import subprocess
import sys

import pytest
from nnkata.grader.errors import ContentError, UnknownExercise
from nnkata.grader.exercise import catalog

GOOD = """
format_version = 1
title = "T"
minutes = 5
forbidden = ["softmax"]
[[parts]]
name = "f"
points = 2
forbidden = ["losses", "softmax"]
hints = ["one", "two"]
builtin = "torch.relu"
[[parts]]
name = "g"
points = 0.5
[limits]
call_seconds = 2.0
"""


@pytest.fixture
def described(tmp_path):
    """Writes an exercise.toml and reads it."""

    def read(text, name="42_things"):
        folder = tmp_path / "exercises" / name
        folder.mkdir(parents=True)
        (folder / "exercise.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return catalog.read(folder, tmp_path)

    return read


@pytest.mark.parametrize(
    "wanted",
    ["03_losses", "3", "03", "losses", "LOSSES", " 03_losses/ ", "loss", "exercises/03_losses", "03_losses/losses.py"],
)
def test_an_exercise_is_found_by_its_id_number_topic_or_file(wanted):
    assert catalog.find(wanted).id == "03_losses"


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [("lossses", "03_losses"), ("optimisers", "05_optimizers"), ("03_lose", "03_losses"), ("untet", "09_unet")],
)
def test_the_nearest_exercise_is_suggested_for_a_typo(wanted, nearest):
    with pytest.raises(UnknownExercise) as caught:
        catalog.find(wanted)
    assert caught.value.nearest[0] == nearest
    assert f"Did you mean {nearest}" in str(caught.value)


@pytest.mark.parametrize("wanted", ["", "xyzzy", "/", "..", "../..", "*", "\0"])
def test_what_resembles_nothing_brings_the_list_of_all(wanted):
    with pytest.raises(UnknownExercise) as caught:
        catalog.find(wanted)
    assert all(name in str(caught.value) for name in catalog.ids())


def test_a_name_that_fits_several_exercises_is_not_guessed():
    with pytest.raises(UnknownExercise) as caught:
        catalog.find("ne")  # neurons, unet
    assert {"01_neurons", "09_unet"} <= set(caught.value.nearest)


def test_every_exercise_of_the_kit_is_whole():
    for exercise in catalog.exercises():
        assert exercise.stub.is_file() and exercise.solution.is_file() and any(exercise.tests.glob("test_*.py"))
        assert exercise.points == pytest.approx(10.0)
        assert len({part.name for part in exercise.parts}) == len(exercise.parts)
        assert set(exercise.requires) <= set(catalog.ids())
        assert all(part.hints for part in exercise.parts)


def test_a_description_is_read_with_its_defaults(described):
    exercise = described(GOOD)
    assert exercise.points == 2.5 and exercise.summary == "" and exercise.requires == ()
    assert exercise.part("f").forbidden == ("softmax", "losses") and exercise.part("g").forbidden == ("softmax",)
    assert exercise.part("f").hints == ("one", "two") and exercise.part("g").builtin is None
    assert exercise.limits.call_seconds == 2.0 and exercise.limits.import_seconds == 10.0
    assert exercise.stub.parts[-3:] == ("exercises", "42_things", "things.py")
    with pytest.raises(KeyError):
        exercise.part("h")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("format_version = 1", "format_version = 2"), "format_version is 2"),
        (("format_version = 1", ""), "format_version is None"),
        (('title = "T"', ""), "'title'"),
        (('title = "T"', "title = 3"), "'title'"),
        (("minutes = 5", 'minutes = "5"'), "'minutes'"),
        (('name = "f"', ""), "'name'"),
        (("points = 2", 'points = "2"'), "'points'"),
        (('["one", "two"]', '["one", 2]'), "'hints'"),
        (('["one", "two"]', '"one"'), "'hints'"),
        (("call_seconds", "calls"), "calls"),
        (("call_seconds = 2.0", 'call_seconds = "2"'), "call_seconds"),
        (('title = "T"', "title = ["), "exercise.toml"),
    ],
)
def test_a_malformed_description_is_named_with_what_is_wrong(described, change, told):
    text = GOOD.replace(*change, 1)
    assert text != GOOD
    with pytest.raises(ContentError, match="42_things") as caught:
        described(text)
    assert told in str(caught.value)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\0"])
def test_a_description_that_is_no_text_is_named(described, text):
    with pytest.raises(ContentError, match="42_things"):
        described(text)


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace("[[parts]]", "[parts]", 1).split("[[parts]]")[0],
        "parts = 3\n" + GOOD.split("[[")[0],
        "parts = [1]\n" + GOOD.split("[[")[0],
    ],
)
def test_parts_that_are_no_tables_are_named(described, text):
    with pytest.raises(ContentError, match="42_things"):
        described(text)


@pytest.mark.parametrize("name", ["things", "4_things", "42-things", "42_Things", "42_"])
def test_a_folder_is_called_as_its_exercise_must_be(described, name):
    with pytest.raises(ContentError, match="like 03_losses"):
        described(GOOD, name)


def test_content_of_other_roots_is_found_beside_the_kits(described, tmp_path, monkeypatch):
    described(GOOD)
    monkeypatch.setenv("NNKATA_PATH", os.pathsep.join(["", str(tmp_path)]))
    assert catalog.find("things").folder == tmp_path / "exercises" / "42_things"
    assert "42_things" in catalog.ids() and "03_losses" in catalog.ids()
    assert catalog.private_roots() == (tmp_path,)


def test_the_catalog_needs_no_torch():
    code = (
        "import sys; from nnkata.grader.exercise import catalog; catalog.exercises(); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
