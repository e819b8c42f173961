"""The report on a class and the students' pages: what they say, and what they must not."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from nnkata.grader import model
from nnkata.grader.classroom import class_statistics, outputs, results_folder
from nnkata.grader.classroom.class_report import ClassReport
from nnkata.grader.exercise import catalog
from nnkata.grader.model import Diagnosis, PartResult, Result
from nnkata.grader.submission.discover import SkippedFile

LOSSES, NEURONS = catalog.find("03"), catalog.find("01")
EXERCISES = {one.id: one for one in (LOSSES, NEURONS)}
SECRET = "input tensor([[17.25]]) expected 4.125"
EVIL = "<script>alert('x')</script>"


def result(student, exercise=LOSSES, share=0.5, status="fail", wrong="twice", message=SECRET, **fields):
    first, second = exercise.parts[:2]
    parts = (
        PartResult(first.name, first.points, first.points, "pass"),
        PartResult(second.name, share * second.points, second.points, status),
    )
    tests = (model.TestResult("test_x.py::test_hidden", second.name, "values", status, 0.0, 1.0, message, wrong),)
    diagnoses = (Diagnosis(second.name, wrong, f"You do it {wrong}.", "Do it `once`."),) if wrong else ()
    facts = {"exercise": exercise.id, "status": status, "device": "cpu", "confinement": "landlock+seccomp", "seed": 1}
    facts |= {"score": sum(p.score for p in parts), "max_score": sum(p.max_score for p in parts)}
    facts |= {"submission": "x.py", "submission_sha256": "", "seconds": 1.0, "parts": parts, "tests": tests}
    return Result(**{**facts, "student": student, "diagnoses": diagnoses, **fields})


class Page(HTMLParser):
    """What a page holds: tags with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def report(tmp_path, *results, level="diagnosis", left=()):
    found = ClassReport(tmp_path, EXERCISES, level)
    for student in dict.fromkeys(one.student for one in results):
        found.add(student, [one for one in results if one.student == student])
    found.write(left, (), 7)
    return found, (tmp_path / "report.html").read_text("utf-8")


def test_the_report_names_hard_parts_and_common_mistakes_with_their_counts(tmp_path):
    results = [result(f"s{n}", wrong="twice" if n < 4 else "never", share=0.0) for n in range(5)]
    found, html = report(tmp_path, *results, result("good", status="pass", share=1.0, wrong=None, message=""))
    text = " ".join(Page(html).text.split())
    common = found.statistics.misconceptions()
    assert [(one.misconception, one.count, one.of) for one in common] == [("twice", 4, 6), ("never", 1, 6)]
    assert "4 of 6 students who wrote it: You do it twice." in text
    assert "You do it never." in text.partition("Most common misconceptions")[2]
    assert "You do it never." not in text.partition("The class")[0], "one student alone is no lesson"
    hardest = found.statistics.hardest_parts()
    assert hardest[0].name == LOSSES.parts[1].name and hardest[0].failed == 5 and hardest[0].passed == 1
    assert hardest[0].share == pytest.approx(1 / 6)


def test_an_unwritten_part_is_counted_as_such(tmp_path):
    parts = (PartResult(LOSSES.parts[0].name, 0.0, 1.0, "fail", unwritten=True),)
    found, _ = report(tmp_path, result("a", parts=parts, wrong=None))
    (part,) = found.statistics.hardest_parts()
    assert (part.passed, part.failed, part.unwritten) == (0, 0, 1)


def test_the_distribution_counts_everybody_once(tmp_path):
    scores = [0.0, 0.05, 0.5, 0.99, 1.0, 1.0]
    results = [replace(result(f"s{n}"), score=4 * share, max_score=4.0) for n, share in enumerate(scores)]
    found, _ = report(tmp_path, *results, result("broken", status="error"))
    chart = found.statistics.histogram(LOSSES.id)
    assert [bar.count for bar in chart.bars] == [2, 0, 0, 0, 0, 1, 0, 0, 0, 1, 2]
    assert chart.mean == pytest.approx(sum(scores) / 6)


def test_errors_flags_and_files_that_were_passed_over_are_told(tmp_path):
    error = result("ed", status="error", notes=("the worker server ended",))
    flagged = result("flo", flags=("line 3: walks the call stack",))
    _, html = report(tmp_path, error, flagged, left=[SkippedFile("poems.txt", "its name does not match any exercise")])
    text = " ".join(Page(html).text.split())
    assert "the worker server ended" in text.partition("Not graded")[2]
    assert "flo · 03_losses: line 3: walks the call stack" in text
    assert "poems.txt" in text


def test_what_was_not_handed_in_is_no_zero(tmp_path):
    _, html = report(tmp_path, result("a"), result("a", NEURONS), result("b"))
    assert html.count('class="gone"') == 1


def test_every_link_leads_to_a_page(tmp_path):
    names = ["anna", "a b#c?d", "ä%20", "../x", "x" * 300, EVIL]
    _, html = report(tmp_path, *(result(name) for name in names))
    from urllib.parse import unquote

    links = {tag["href"].partition("#")[0] for name, tag in Page(html).tags if name == "a"}
    assert len(links) == len(names) and not any(" " in link for link in links)
    assert {(tmp_path / unquote(link)).resolve() for link in links} == set((tmp_path / "students").glob("*.html"))


def test_nothing_that_a_student_wrote_becomes_html_and_nothing_is_fetched(tmp_path):
    evil = result(EVIL, message=EVIL, flags=(EVIL,), notes=(EVIL,), submission=EVIL, status="error")
    _, html = report(tmp_path, evil, result("b", message=EVIL), left=[SkippedFile(EVIL, EVIL)], level="full")
    pages = [html, *(file.read_text("utf-8") for file in (tmp_path / "students").glob("*.html"))]
    assert len(pages) == 3
    for text in pages:
        page = Page(text)
        assert "alert('x')" in page.text
        assert sum(name == "script" for name, _ in page.tags) == ("Class report" in page.text)
        assert not any({"src", "onerror", "onload"} & set(tag) for _, tag in page.tags)
        assert not any(tag.get("href", "").startswith(("http", "//")) for _, tag in page.tags)
        assert not re.search(r"url\(|@import", text)


@pytest.mark.parametrize("level", ["score", "diagnosis", "full"])
def test_a_students_page_says_no_more_than_its_level(tmp_path, level):
    report(tmp_path, result("anna", flags=("a flag",)), level=level)
    text = (tmp_path / "students" / "anna.html").read_text("utf-8")
    assert (SECRET in text) == (level == "full")
    assert ("You do it twice" in text) == (level != "score")
    assert "test_hidden" not in text and "a flag" not in text
    assert LOSSES.parts[1].name in text


def test_what_to_teach_again_names_the_lessons_section():
    assert class_statistics.lesson_section(NEURONS, "neuron") == "One neuron"
    assert class_statistics.lesson_section(NEURONS, "no_such_part") == ""


def test_outputs_are_made_of_the_results_folder_alone(tmp_path):
    provenance = results_folder.Provenance(file="", content="", seed=1, training="full", device="cpu", confined=True)
    with results_folder.open_results(tmp_path) as book:
        for student in ("anna", "ben", "=cmd()"):
            book.store(result(student), provenance)
        (tmp_path / "results" / "ben" / "03_losses.json").write_text("{")
        outputs.write(book, (), level="diagnosis", seed=7)
    assert len((tmp_path / "grades.csv").read_text().splitlines()) == 3
    assert sorted(file.name for file in (tmp_path / "students").iterdir()) == ["=cmd().html", "anna.html"]
    assert "'=cmd()" in (tmp_path / "grades.csv").read_text()
    assert json.loads((tmp_path / "gradescope" / "anna" / "results.json").read_text())["tests"]
    assert "results/ben/03_losses.json" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "junit.xml").read_text().count("<testsuite ") == 2
