"""A notebook becomes a submission: the parts' own cells, and of the others only what these need."""

import json

import pytest
from nnkata.grader.errors import SubmissionError
from nnkata.grader.exercise import catalog
from nnkata.grader.submission import notebook, notebook_cells, source

LOSSES = catalog.find("losses")
MSE = "def mse_loss(input, target, reduction='mean'):\n    return ((input - target) ** 2).mean()"
STUB = "def mse_loss(input, target):\n    '''Squared error.'''\n    # YOUR CODE HERE\n    raise NotImplementedError"


def book(*found, **more):
    """A notebook's bytes: each cell is its source, or (source, grade id), or (source, grade id, cell type)."""
    raws = []
    for one in found:
        text, grade_id, kind = (*((one,) if isinstance(one, str) else one), "", "")[:3]
        marks = {"nbgrader": {"grade_id": grade_id, "solution": True}} if grade_id else {}
        raws.append({"cell_type": kind or "code", "metadata": marks, "source": text.splitlines(True), "outputs": []})
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": raws, **more}).encode()


def submission(*found):
    return notebook.from_bytes(book(*found), "03_losses.ipynb", LOSSES)


def defined(*found):
    """The names that the submission of these cells defines when it is executed."""
    namespace = {}
    exec(compile(submission(*found).text, "submission", "exec"), namespace)
    return namespace


def test_a_solution_cell_is_taken_with_the_exercises_own_imports():
    found = defined((MSE, "mse_loss"))
    assert found["mse_loss"](found["torch"].ones(2), found["torch"].zeros(2)) == 1


def test_what_is_tried_out_between_the_answers_is_left_behind():
    text = submission(
        "print('hello')",
        (MSE + "\nmse_loss(torch.ones(2), torch.ones(3))", "mse_loss"),
        "for i in range(10**12):\n    x = i",
        "import nonsense_that_is_not_installed",
        "result = mse_loss(torch.ones(2), torch.zeros(2))",
        "assert False",
    ).text
    assert "nonsense" not in text and "for i" not in text and "result" not in text and "assert" not in text
    assert text.count("mse_loss(") == 1


def test_a_helper_in_an_unmarked_cell_is_used_with_what_it_needs_itself():
    answer = "def mse_loss(input, target, reduction='mean'):\n    return helper(input - target)"
    found = defined(
        "import math as m", "SCALE = m.sqrt(4)", "def helper(x):\n    return (SCALE * x).sum()", (answer, "mse_loss")
    )
    assert found["mse_loss"](found["torch"].ones(2), found["torch"].zeros(2)) == 4


def test_a_local_name_does_not_pull_in_a_global_one_that_is_called_alike():
    answer = "def mse_loss(input, target, reduction='mean'):\n    loss = (input - target) ** 2\n    return loss.mean()"
    assert "expensive" not in submission("loss = expensive()", (answer, "mse_loss")).text


def test_a_helper_that_stands_below_is_found_above_what_needs_it_at_once():
    answer = "class Base2(Base):\n    pass\ndef mse_loss(input, target):\n    return Base2().f()"
    found = defined((answer, "mse_loss"), "class Base:\n    def f(self):\n        return 5")
    assert found["mse_loss"](1, 2) == 5


@pytest.mark.parametrize(
    ("cells", "name", "value"),
    [
        (("twice = double", "def double(x):\n    return 2 * x"), "twice", 6),
        (("step = 3\nstep = 2 * step", "step = 1"), "step", 1),
        (("rate = 0.5", "rate = 0.1"), "rate", 0.1),
        (("class SGD:\n    pass", "def step(x):\n    return x + 1", "SGD.step = staticmethod(step)"), "SGD.step", 4),
    ],
    ids=["what is needed now comes first", "not a later value", "a later value stays later", "a change stays below"],
)
def test_statements_run_in_an_order_that_works_and_keeps_their_meaning(cells, name, value):
    answer = f"def mse_loss(input, target):\n    found = {name}\n    return found(3) if callable(found) else found"
    assert defined(*cells, (answer, "mse_loss"))["mse_loss"](1, 2) == value


def test_the_parts_own_cell_comes_before_a_scratch_version():
    found = defined((MSE, "mse_loss"), "def mse_loss(input, target):\n    return 'scratch'")
    assert found["mse_loss"](found["torch"].ones(2), found["torch"].zeros(2)) == 1


@pytest.mark.parametrize("other", ["", "another-name"])
def test_an_answer_in_another_cell_counts_where_the_own_one_is_not_written(other):
    found = defined((STUB, "mse_loss"), (MSE, other))
    assert found["mse_loss"](found["torch"].ones(2), found["torch"].zeros(2)) == 1


def test_of_two_cells_of_the_same_name_the_later_written_one_counts():
    first = MSE.replace(".mean()", ".sum()")
    found = defined((first, "mse_loss"), (MSE, "mse_loss"), (STUB, "mse_loss"))
    assert found["mse_loss"](found["torch"].ones(2), found["torch"].zeros(2)) == 1


def test_a_cell_that_became_text_is_code_still():
    found = defined((MSE, "mse_loss", "markdown"))
    assert callable(found["mse_loss"])


def test_ipythons_own_lines_do_no_harm():
    magic = "%matplotlib inline\n!pip install torch\nfiles = !ls\n" + MSE + "\nmse_loss?\n"
    found = defined((magic, "mse_loss"), "%%bash\nrm -rf /", "%%time\nimport math")
    assert callable(found["mse_loss"]) and "rm" not in submission("%%bash\nrm -rf /", (MSE, "mse_loss")).text


def test_a_percent_sign_that_is_arithmetic_stays():
    assert "% 3" in notebook_cells.plain_python("x = (7\n     % 3)\n")


def test_a_cell_that_does_not_parse_stops_its_own_part_alone():
    found = submission(("def l1_loss(input:\n    return 1", "l1_loss"), (MSE, "mse_loss"))
    assert list(found.blocked) == ["l1_loss"] and "line 1 of the cell l1_loss" in found.blocked["l1_loss"]
    assert "def mse_loss" in found.text


def test_lines_are_called_by_their_cells():
    found = submission("import math", ("x = math.pi\n\n" + MSE.replace("2)", "x)"), "mse_loss"))
    line = found.text.split("\n").index("    return ((input - target) ** x).mean()") + 1
    assert found.location(line) == "line 4 of the cell mse_loss"


def test_a_class_changed_from_outside_keeps_the_change():
    answer = "class mse_loss:\n    pass"
    found = defined((answer, "mse_loss"), "def call(self):\n    return 7\n\nmse_loss.call = call")
    assert found["mse_loss"]().call() == 7


def test_an_older_notebook_format_is_read():
    raw = {"cell_type": "code", "language": "python", "input": MSE.splitlines(True), "outputs": [], "metadata": {}}
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": [raw]}]}).encode()
    assert "def mse_loss" in notebook.from_bytes(data, "n.ipynb", LOSSES).text


@pytest.mark.parametrize(
    "data",
    [b"", b"not json", b"[]", b'{"cells": 3}', b"\xff\xfe\x00", b"[" * 100_000, b'{"worksheets": [3]}x'],
)
def test_what_is_no_notebook_is_refused_by_name(data):
    with pytest.raises(SubmissionError, match=r"n\.ipynb is not a notebook"):
        notebook.from_bytes(data, "n.ipynb", LOSSES)


def test_cells_of_odd_form_are_passed_over():
    raws = [3, {}, {"cell_type": "code"}, {"cell_type": "code", "source": 5}, {"cell_type": "code", "source": [1, "x"]}]
    raws += [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["a"]}}, "source": MSE}, None, []]
    data = json.dumps({"cells": raws}).encode()
    assert "def mse_loss" in notebook.from_bytes(data, "n.ipynb", LOSSES).text


def test_too_much_code_is_refused():
    with pytest.raises(SubmissionError, match="larger than"):
        submission((MSE + "\n    '" + "x" * source.MAX_SOURCE_BYTES + "'", "mse_loss"))


def test_saved_outputs_of_any_size_cost_nothing_but_their_reading():
    data = book((MSE, "mse_loss"), outputs="x" * 20_000_000)
    assert len(notebook.from_bytes(data, "n.ipynb", LOSSES).text) < 2_000
