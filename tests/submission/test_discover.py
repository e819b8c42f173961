"""What there is to grade: layouts, patterns, hostile names, and zip files that play tricks."""

import os
import stat
import struct
import zipfile

import pytest
from nnkata.grader.errors import SubmissionError, UsageError
from nnkata.grader.exercise import catalog
from nnkata.grader.submission import archives, discover, layouts, location

EXERCISES = catalog.exercises()


def lay(root, *paths):
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# {path}\n", "utf-8")
    return root


def zipped(file, *names, content="x = 1\n"):
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return file


def found(root, pattern="", **options):
    return discover.find_submissions(root, options.pop("exercises", EXERCISES), pattern, **options)


def pairs(gathered):
    return {(one.student, one.exercise) for one in gathered.submissions}


BOTH = {("anna", "03_losses"), ("ben", "03_losses")}


@pytest.mark.parametrize(
    "paths",
    [
        ("submitted/anna/ps1/03_losses.ipynb", "submitted/ben/ps1/03_losses.ipynb"),
        ("anna/ps1/03_losses.ipynb", "ben/ps1/losses.ipynb"),
        ("anna/03_losses/losses.py", "ben/03_losses/losses.py"),
        ("03_losses/anna/losses.py", "03_losses/ben/losses.py"),
        ("anna/losses.py", "ben/Losses.py"),
        ("anna/losses (1).py", "ben/losses-2.py"),
    ],
    ids=["nbgrader", "collected", "by exercise", "exercise first", "flat", "second downloads"],
)
def test_usual_layouts_are_known(tmp_path, paths):
    gathered = found(lay(tmp_path, *paths))
    assert pairs(gathered) == BOTH
    assert gathered.skipped == ()


def test_one_students_files_are_called_after_their_folder(tmp_path):
    root = lay(tmp_path / "anna", "losses.py", "01_neurons/neurons.py")
    assert pairs(found(root)) == {("anna", "03_losses"), ("anna", "01_neurons")}
    assert pairs(found(root / "losses.py")) == {("anna", "03_losses")}


@pytest.mark.parametrize(
    "names",
    [
        ("anna/losses.py", "ben/losses.py"),
        ("class/anna/losses.py", "class/ben/losses.py"),
        ("hand-ins/anna/ps1/losses.py", "hand-ins/ben/ps1/losses.py"),
        ("anna\\losses.py", "ben\\losses.py"),
    ],
)
def test_a_zip_of_all_may_hold_a_folder_around_everybody(tmp_path, names):
    assert pairs(found(zipped(tmp_path / "class.zip", *names))) == BOTH


def test_a_students_zip_counts_as_their_folder_also_inside_of_another(tmp_path):
    zipped(tmp_path / "in" / "anna.zip", "losses.py")
    zipped(tmp_path / "in" / "ben.zip", "work/03_losses/losses.py", "__MACOSX/._losses.py")
    assert pairs(found(tmp_path / "in")) == BOTH
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in ("anna.zip", "ben.zip"):
            archive.write(tmp_path / "in" / name, name)
    gathered = found(tmp_path / "all.zip")
    assert pairs(gathered) == BOTH
    assert {bytes_at(one.location) for one in gathered.submissions} == {b"x = 1\n"}


def test_a_pattern_reads_other_names(tmp_path):
    lay(tmp_path, "anna_b_03_losses.py", "ben_losses.py", "carl-losses.py", "dora_poems.py")
    gathered = found(tmp_path, "{student}_{exercise}.py")
    assert pairs(gathered) == {("anna_b", "03_losses"), ("ben", "03_losses")}
    assert {left.where for left in gathered.skipped} == {"carl-losses.py", "dora_poems.py"}
    lay(tmp_path / "b", "hw3/anna_1234/sub/losses.py")
    assert pairs(found(tmp_path / "b", "{assignment}/{student}_*/*/losses.py")) == {("anna", "03_losses")}


@pytest.mark.parametrize("pattern", ["{exercise}.py", "{student}/{name}.py", "{student}_{student}.py"])
def test_a_pattern_of_no_sense_is_refused(tmp_path, pattern):
    with pytest.raises(UsageError, match="--pattern"):
        found(lay(tmp_path, "a/losses.py"), pattern)


def test_what_matches_nothing_is_told_and_noise_is_counted(tmp_path):
    lay(tmp_path, "anna/losses.py", "anna/poems.txt", "anna/README.md", "anna/.ipynb_checkpoints/losses.py")
    left = {(one.where, one.why) for one in found(tmp_path).skipped}
    assert ("anna/poems.txt", "its name does not match any exercise") in left
    assert (f"1 × {layouts.COMES_WITH_EXERCISES}", "skipped") in left
    assert ("1 × hidden files and the like", "skipped") in left


def test_the_newest_of_two_files_is_graded_and_the_other_told(tmp_path):
    lay(tmp_path, "anna/a/losses.py", "anna/b/losses.py")
    os.utime(tmp_path / "anna/b/losses.py", (1000, 1000))
    gathered = found(tmp_path)
    assert [one.shown for one in gathered.submissions] == ["anna/a/losses.py"]
    assert [left.where for left in gathered.skipped] == ["anna/b/losses.py"]


def test_symbolic_links_are_not_followed(tmp_path):
    lay(tmp_path / "secret", "losses.py")
    lay(tmp_path / "in", "anna/losses.py")
    (tmp_path / "in" / "ben").symlink_to(tmp_path / "secret")
    (tmp_path / "in" / "anna" / "neurons.py").symlink_to(tmp_path / "secret" / "losses.py")
    gathered = found(tmp_path / "in")
    assert pairs(gathered) == {("anna", "03_losses")}
    assert {left.where for left in gathered.skipped if "links" in left.why} == {"ben", "anna/neurons.py"}


def test_a_file_that_becomes_a_link_or_a_pipe_is_not_read(tmp_path):
    (tmp_path / "link.py").symlink_to(lay(tmp_path, "a.py") / "a.py")
    os.mkfifo(tmp_path / "pipe.py")
    for name in ("link.py", "pipe.py"):
        with pytest.raises(SubmissionError, match=name):
            bytes_at(location.Location(tmp_path / name))


def test_results_inside_of_the_submissions_are_passed_over(tmp_path):
    lay(tmp_path, "anna/losses.py", "results/ben/losses.py")
    assert pairs(found(tmp_path, skip=tmp_path / "results")) == {("anna", "03_losses")}


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../x", "/etc", "a\nb", "\x1b[2J", "\u202eevil", "n" * 300, "=cmd()", "\udcff", " ", ""]
)
def test_every_name_becomes_an_id_of_one_short_visible_line(name):
    made = layouts.student_id(name)
    assert made.strip() and "\n" not in made and made.isprintable()
    assert len(made) <= layouts.MAX_ID_LENGTH
    made.encode("utf-8")


def test_different_names_stay_different_ids():
    names = ["a\nb", "a\tb", "ab", "n" * 300, "n" * 301, "\udcff", "\udcfe", "a\u202eb"]
    assert len({layouts.student_id(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "name", ["../../etc/losses.py", "/abs/losses.py", "a/../../losses.py", "C:\\x\\losses.py", "..\\l.py"]
)
def test_zip_members_that_lead_out_are_passed_over(tmp_path, name):
    gathered = found(zipped(tmp_path / "in" / "anna.zip", "neurons.py", name).parent)
    assert pairs(gathered) == {("anna", "01_neurons")}
    assert any("points outside" in left.why for left in gathered.skipped)


# -- zip tricks --------------------------------------------------------------------------------------------------------


def test_a_broken_zip_is_its_students_failure_in_everything_the_class_handed_in(tmp_path):
    lay(tmp_path, "anna/losses.py")
    (tmp_path / "ben.zip").write_bytes(b"PK\x03\x04 no zip at all")
    gathered = found(tmp_path)
    problem = {one.student: one.problem for one in gathered.submissions}
    assert pairs(gathered) == BOTH
    assert problem["anna"] == "" and "ben.zip" in problem["ben"]


def test_a_broken_zip_alone_fails_in_what_was_asked_for(tmp_path):
    (tmp_path / "ben.zip").write_bytes(b"nothing")
    assert found(tmp_path).submissions == ()
    asked = found(tmp_path, exercises=[catalog.find("03")], only=True)
    assert pairs(asked) == {("ben", "03_losses")}
    with pytest.raises(UsageError, match=r"ben\.zip"):
        found(tmp_path / "ben.zip")


def bytes_at(place):
    with location.open_regular(place.path) as file:
        return location.read_from(file, place)


def refusal(file, name="losses.py"):
    with pytest.raises(SubmissionError) as error:
        bytes_at(location.Location(file, (name,)))
    return str(error.value)


def test_a_bomb_is_not_inflated(tmp_path):
    file = zipped(tmp_path / "anna.zip", "03_losses.ipynb", content="0" * (80 << 20))
    assert "expands" in refusal(file, "03_losses.ipynb")
    script = location.Location(zipped(tmp_path / "ben.zip", "losses.py", content="0" * (30 << 20)), ("losses.py",))
    assert len(bytes_at(script)) == script.limit


def test_a_member_that_lies_about_its_size_is_read_no_further_than_the_limit(tmp_path):
    import random

    noise = random.Random(1).randbytes(3 << 20)
    with zipfile.ZipFile(tmp_path / "anna.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("losses.py", noise)
    data = bytearray((tmp_path / "anna.zip").read_bytes())
    central = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, central + 24, 10)  # it claims ten bytes
    (tmp_path / "anna.zip").write_bytes(data)
    place = location.Location(tmp_path / "anna.zip", ("losses.py",))
    try:
        assert len(bytes_at(place)) <= place.limit
    except SubmissionError as error:
        assert "anna.zip" in str(error)


def test_a_damaged_an_encrypted_and_a_strangely_packed_member_are_told(tmp_path):
    file = zipped(tmp_path / "a.zip", "losses.py", content="x = 1\n" * 500)
    data = bytearray(file.read_bytes())
    data[45] ^= 0xFF
    file.write_bytes(data)
    assert "cannot be unpacked" in refusal(file)
    data = bytearray(zipped(tmp_path / "b.zip", "losses.py").read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    (tmp_path / "b.zip").write_bytes(data)
    assert "encrypted" in refusal(tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("losses.py", "x = 1\n" * 100)
    assert "unusual" in refusal(tmp_path / "c.zip")


def test_links_in_a_zip_and_earlier_files_of_the_same_name_are_not_read(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "anna.zip", "w") as archive:
        archive.writestr("losses.py", "first = 1\n")
        archive.writestr("losses.py", "second = 2\n")
        link = zipfile.ZipInfo("neurons.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    gathered = found(tmp_path)
    assert pairs(gathered) == {("anna", "03_losses")}
    assert bytes_at(gathered.submissions[0].location) == b"second = 2\n"
    assert any("links" in left.why for left in gathered.skipped)


def test_an_archive_that_lists_too_much_is_refused_before_it_is_read(tmp_path, monkeypatch):
    file = zipped(tmp_path / "anna.zip", *(f"{n}.py" for n in range(200)))
    monkeypatch.setattr(archives, "MAX_MEMBERS", 100)
    assert "200 files" in refusal(file)
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 4000)
    assert "too long, so it is not read" in refusal(file)


def test_zips_in_zips_end_at_the_second(tmp_path):
    inner = zipped(tmp_path / "c.zip", "losses.py")
    for outer in ("b.zip", "a.zip"):
        with zipfile.ZipFile(tmp_path / outer, "w") as archive:
            archive.write(inner, inner.name)
        inner = tmp_path / outer
    gathered = found(lay(tmp_path / "in", "ben/losses.py"))
    (tmp_path / "a.zip").rename(tmp_path / "in" / "anna.zip")
    gathered = found(tmp_path / "in")
    assert {one.student: bool(one.problem) for one in gathered.submissions} == {"anna": True, "ben": False}
