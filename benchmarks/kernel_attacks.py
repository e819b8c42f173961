"""Which attacks on a notebook's kernel work: with nbgrader's own preprocessors, and with ours.

Each attack of `tests/attacks/kernel` is handed in by a student who has written nothing; so is one honest notebook.
Every one is graded in a course of its own, since some end nbgrader or lock its database. Prints a table in Markdown.

    python benchmarks/kernel_attacks.py [--only exits] [--ours]
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import nbformat  # noqa: E402
from nbgrader_course import ENVIRONMENT, RIGHT, Course  # noqa: E402

SECONDS = 150


def with_nbgraders_own(course: Course) -> None:
    """Take our reader, hook and preprocessors out of a course's configuration."""
    config = course.folder / "nbgrader_config.py"
    text = re.sub(r"c\.Autograde\.autograde_preprocessors = \[.*?\]\n", "", config.read_text(), flags=re.S)
    text = re.sub(r"c\.Autograde\.(exporter_class|pre_convert_hook) = .*\n", "", text)
    config.write_text(text + "\nc.Execute.timeout = 60\n")


def outcome(attack: Path | None, ours: bool) -> str:
    """What one attack comes to."""
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder))
        if not ours:
            with_nbgraders_own(course)
        if attack:
            text = attack.read_text("utf-8")
            course.hand_in("attacker", {}, lambda book: book.cells.insert(1, nbformat.v4.new_code_cell(text)))
        course.hand_in("honest", RIGHT)
        honest = course.folder / "submitted" / "honest" / "ps1" / "03_losses.ipynb"
        before = honest.read_bytes()
        process = subprocess.Popen(
            ["nbgrader", "autograde", "ps1"],
            cwd=course.folder,
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return "nbgrader hangs"
        found = []
        try:
            grades = course.grades()
        except sqlite3.OperationalError:
            return "the gradebook stays locked"
        gained = sum((score or 0.0) for score, _, _ in grades.get("attacker", {}).values())
        by_hand = max([manual or 0.0 for student in grades.values() for _, _, manual in student.values()], default=0.0)
        if gained:
            found.append(f"{gained:g} of 6 points")
        if by_hand:
            found.append(f"manual scores of {by_hand:g}")
        if attack and not (course.folder / "autograded" / "attacker").exists():
            found.append("no graded notebook")
        if sum((score or 0.0) for score, _, _ in grades.get("honest", {}).values()) < 6:
            found.append("an honest student has no points")
        if "edited by a student" in (course.folder / "nbgrader_config.py").read_text():
            found.append("configuration edited")
        seed = (course.folder / "secret" / "seed").read_text().strip()
        if any(seed in file.read_text() for file in course.folder.glob("autograded/attacker/ps1/*.ipynb")):
            found.append("secret seed read")
        if honest.read_bytes() != before:
            found.append("another student's notebook destroyed")
        return ", ".join(found) or "nothing"


def main() -> None:
    """Try them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="attacks whose name holds this")
    parser.add_argument("--ours", action="store_true", help="with ours too (the tests do that as well)")
    options = parser.parse_args()
    attacks = [file for file in sorted((ROOT / "tests/attacks/kernel").glob("*.py")) if options.only in file.stem]
    print("| attack | with nbgrader's own preprocessors |" + (" with ours |" if options.ours else ""))
    print("|---|---|" + ("---|" if options.ours else ""), flush=True)
    print(f"| (none: two empty parts) | {outcome(None, False)} |" + (" |" if options.ours else ""), flush=True)
    for attack in attacks:
        what = (ast.get_docstring(ast.parse(attack.read_text("utf-8"))) or attack.stem).rstrip(".")
        told = [outcome(attack, False)] + ([outcome(attack, True)] if options.ours else [])
        print(f"| {what} | " + " | ".join(told) + " |", flush=True)


if __name__ == "__main__":
    main()
