"""The same notebooks through nbgrader with its own Execute, with ours, and through `nnkata grade`, in one run.

    python benchmarks/notebooks.py [--count 40] [--default 40]

Prints seconds a notebook, how many times faster ours are, and whether honest notebooks get the same grades. With
`--default N` only N of them go through the slow default, and its time a notebook is taken from these.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "benchmarks"))

from kernel_attacks import with_nbgraders_own  # noqa: E402
from nbgrader_course import MSE, RIGHT, Course  # noqa: E402

ANSWERS = (
    RIGHT,
    {**RIGHT, "mse_loss": MSE.replace("losses.mean()", "losses.sum()")},
    {**RIGHT, "l1_loss": RIGHT["l1_loss"].replace("losses.mean()", "losses.detach().mean()")},
    {"mse_loss": RIGHT["mse_loss"]},
)


def fill_course(folder: Path, count: int) -> Course:
    """A course into which `count` students have handed in."""
    course = Course(folder)
    draw = random.Random(1)
    for number in range(count):
        course.hand_in(f"student{number:03}", draw.choice(ANSWERS))
    return course


def time_autograde(course: Course) -> float:
    """Seconds of `nbgrader autograde`."""
    began = time.perf_counter()
    course.autograde(fails=True)
    return time.perf_counter() - began


def main() -> None:
    """Measure all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--default", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = fill_course(Path(folder), options.count)
        default = object.__new__(Course)
        default.folder = Path(folder) / "default"
        shutil.copytree(ours.folder, default.folder)
        with_nbgraders_own(default)
        for number in range(options.default, options.count):
            shutil.rmtree(default.folder / "submitted" / f"student{number:03}")
        slow = time_autograde(default) / min(options.default, options.count)
        quick = time_autograde(ours) / options.count
        began = time.perf_counter()
        ours.run("nnkata", "grade", "submitted", "-o", "results", "--feedback", "diagnosis")
        batch = (time.perf_counter() - began) / options.count
        for name, seconds, target in (("autograde with ours", quick, 5), ("nnkata grade", batch, 20)):
            print(f"{name:<32}{seconds:6.2f} s a notebook, {slow / seconds:5.1f}x faster (at least {target}x)")
        print(f"{'autograde with Execute':<32}{slow:6.2f} s a notebook")
        same, different = compare_grades(default, ours)
        print(f"the same grades: {same} of {same + different} parts")


def compare_grades(default: Course, ours: Course) -> tuple[int, int]:
    """How many grades agree between all three, and how many do not."""
    same = different = 0
    mine = ours.grades()
    for student, grades in default.grades().items():
        file = ours.folder / "results" / "results" / student / "03_losses.json"
        parts = {part["name"]: part for part in json.loads(file.read_text())["parts"]}
        for name, (score, _, _) in grades.items():
            points = {"mse_loss": 4.0, "l1_loss": 2.0}[name]
            batch = points * parts[name]["score"] / parts[name]["max_score"]
            agree = all(abs((score or 0.0) - other) < 0.001 for other in (mine[student][name][0] or 0.0, batch))
            same, different = same + agree, different + (not agree)
            if not agree:
                print(
                    f"{student} {name}: {score} by default, {mine[student][name][0]} with ours, {batch} by nnkata grade"
                )
    return same, different


if __name__ == "__main__":
    main()
