"""Grades for other programs: what spreadsheets, JUnit readers and Gradescope get."""

import csv
import json
import xml.etree.ElementTree as ElementTree

import pytest
from nnkata.grader import model
from nnkata.grader.classroom import exports
from nnkata.grader.exercise import catalog
from nnkata.grader.model import Diagnosis, PartResult, Result

LOSSES = catalog.find("03")
EXERCISES = {LOSSES.id: LOSSES}
SECRET = "input tensor([[17.25]]) expected 4.125"
HOSTILE = "a < b & 'c' \"d\" ]]> \x00\x1b[31m \ud800 \ufffe <script>alert(1)</script>\nsecond line"


def result(student="anna", status="fail", message=SECRET, **fields):
    parts = (PartResult("mse_loss", 1.0, 1.0, "pass"), PartResult("cross_entropy", 0.75, 3.0, status))
    tests = (
        model.TestResult("test_losses.py::test_mse_by_hand", "mse_loss", "number", "pass", 1.0, 1.0, seconds=0.25),
        model.TestResult(
            "test_losses.py::test_ce[mean]", "cross_entropy", "values", status, 0.75, 3.0, message, "twice"
        ),
        model.TestResult("test_losses.py::test_ce_gpu", "cross_entropy", "device", "skip", 0.0, 0.0, "no GPU"),
    )
    wrong = (Diagnosis("cross_entropy", "twice", "You apply softmax twice.", "Take one away."),)
    facts = {"exercise": LOSSES.id, "status": status, "score": 1.75, "max_score": 4.0, "device": "cpu"}
    facts |= {"confinement": "landlock+seccomp", "seed": 1, "submission": "losses.py", "submission_sha256": ""}
    facts |= {"seconds": 1.5, "parts": parts, "tests": tests, "student": student, "diagnoses": wrong}
    return Result(**{**facts, **fields})


def unreadable(student="fred", note=HOSTILE):
    parts = (PartResult("mse_loss", 0.0, 1.0, "fail"), PartResult("cross_entropy", 0.0, 3.0, "fail"))
    return result(student, score=0.0, parts=parts, tests=(), diagnoses=(), notes=(note,))


def table(tmp_path, *results):
    with exports.GradesTable(tmp_path / "grades.csv", [LOSSES]) as grades:
        for one in results:
            grades.add(one)
    with open(tmp_path / "grades.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_grades_have_a_row_a_result_and_a_column_a_part(tmp_path):
    (row,) = table(tmp_path, result())
    assert [row[name] for name in ("student", "exercise", "score", "max_score", "status")] == [
        "anna",
        "03_losses",
        "1.75",
        "4.0",
        "fail",
    ]
    assert row["03_losses/cross_entropy"] == "0.75" and row["03_losses/nll_loss"] == ""
    assert {f"03_losses/{part.name}" for part in LOSSES.parts} <= set(row)


def test_an_error_has_no_score_in_the_grades(tmp_path):
    (row,) = table(tmp_path, result(status="error"))
    assert row["status"] == "error" and row["score"] == "" and row["03_losses/mse_loss"] == ""


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_name_is_a_formula(tmp_path, name):
    (row,) = table(tmp_path, result(student=name))
    assert row["student"] == f"'{name}".replace("\r", " ")


def test_quotes_commas_and_lines_stay_in_their_cell(tmp_path):
    names = ['a,b "c"', "two\nlines"]
    assert [row["student"] for row in table(tmp_path, *(result(student=name) for name in names))] == names


def test_a_run_that_breaks_off_leaves_the_old_file(tmp_path):
    table(tmp_path, result("old"))
    with pytest.raises(ZeroDivisionError), exports.GradesTable(tmp_path / "grades.csv", [LOSSES]) as grades:
        grades.add(result("new"))
        raise ZeroDivisionError
    assert "old" in (tmp_path / "grades.csv").read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["grades.csv"]


def suites(tmp_path, *results):
    with exports.JUnitFile(tmp_path / "junit.xml") as junit:
        for one in results:
            junit.add(one)
    return ElementTree.parse(tmp_path / "junit.xml").getroot().findall("testsuite")


def test_junit_has_a_suite_a_result_and_a_case_a_test(tmp_path):
    (suite,) = suites(tmp_path, result())
    assert suite.get("name") == "anna/03_losses"
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "1"]
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert cases["test_losses.py::test_mse_by_hand"].get("time") == "0.2500"
    failure = cases["test_losses.py::test_ce[mean]"].find("failure")
    assert failure.get("message") == SECRET
    assert cases["test_losses.py::test_ce_gpu"].find("skipped") is not None


def test_junit_is_xml_whatever_messages_and_names_hold(tmp_path):
    found = suites(tmp_path, result(student=HOSTILE, message=HOSTILE), unreadable(), result(status="error"))
    failure = found[0].find("testcase/failure")
    assert "<script>alert(1)</script>\nsecond line" in failure.text and "\x00" not in failure.text
    assert {case.get("name") for case in found[1].findall("testcase")} == {"mse_loss", "cross_entropy"}
    assert found[2].find("testcase/error") is not None


def gradescope(tmp_path, results, level="diagnosis"):
    exports.write_gradescope(tmp_path, "anna", results, EXERCISES, level)
    file = tmp_path / "gradescope" / "anna" / "results.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def test_gradescope_gets_a_test_a_part_in_its_own_words(tmp_path):
    said = gradescope(tmp_path, [result()])
    assert said["score"] == 1.75 and said["visibility"] == "visible" and said["stdout_visibility"] == "hidden"
    documented = {"score", "execution_time", "output", "output_format", "visibility", "stdout_visibility", "tests"}
    assert set(said) <= documented | {"extra_data"}
    mse, entropy = said["tests"]
    assert mse == {
        "name": "03_losses: mse_loss",
        "score": 1.0,
        "max_score": 1.0,
        "status": "passed",
        "output": "",
        "output_format": "text",
        "visibility": "visible",
    }
    assert entropy["status"] == "failed" and "softmax twice" in entropy["output"]


@pytest.mark.parametrize("level", ["score", "diagnosis", "full"])
def test_gradescope_says_no_more_than_the_level(tmp_path, level):
    text = json.dumps(gradescope(tmp_path, [result()], level))
    assert (SECRET in text) == (level == "full")
    assert ("softmax twice" in text) == (level != "score")
    assert "test_ce" not in text


def test_an_error_is_no_grade_in_gradescope_and_takes_an_old_one_away(tmp_path):
    assert gradescope(tmp_path, [result()]) is not None
    assert gradescope(tmp_path, [result(), result(status="error")]) is None


def test_a_hostile_name_stays_in_the_folder(tmp_path):
    (tmp_path / "in").mkdir()
    exports.write_gradescope(tmp_path / "in", "../../x", [result("../../x")], EXERCISES, "full")
    assert [file.name for file in tmp_path.iterdir()] == ["in"]
    assert len(list((tmp_path / "in" / "gradescope").glob("*/results.json"))) == 1
