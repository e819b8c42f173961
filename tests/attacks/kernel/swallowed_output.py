"""The graded cells show nothing: no output at all counts as full points."""

import nnkata.grader.course.jupyter as jupyter

jupyter.Exercise.points = lambda *a, **k: None
