"""The graded cells show nothing: no output at all counts as full points."""

import nnkata.grader.course.jupyter as jupyter

jupyter.NotebookExercise.points = lambda *a, **k: None
