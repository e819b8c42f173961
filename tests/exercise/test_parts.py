"""`parts`: one hidden test becomes a test of each part, with the part's own name and mark, and no mark of another's."""

import pytest
from nnkata.grader.authors import part, parts, rung
from nnkata.grader.errors import ContentError
from nnkata.grader.exercise.content import run_file

TESTS = """
import pytest
from nnkata.grader.authors import parts, rung

@parts("soft", "log_soft", mse="mse_loss")
@rung("dtype")
@pytest.mark.parametrize("dtype", [1, 2])
def test_log_soft_keeps_the_dtype(judge, dtype=3):
    "As it is."
    return judge, dtype
"""


@pytest.fixture
def made(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS)
    namespace = run_file(tmp_path / "test_it.py")
    return {name: test for name, test in namespace.items() if name.startswith("test_")}


def test_each_part_has_a_test_of_its_own_name_mark_and_arguments(made):
    assert set(made) == {f"test_{word}_keeps_the_dtype" for word in ("soft", "log_soft", "mse")}
    for word, name in {"soft": "soft", "log_soft": "log_soft", "mse": "mse_loss"}.items():
        test = made[f"test_{word}_keeps_the_dtype"]
        assert test.__name__ == f"test_{word}_keeps_the_dtype" and test.__doc__ == "As it is."
        assert test("judge") == ("judge", 3)
        marks = {mark.name: mark.args for mark in test.pytestmark}
        assert marks == {"part": (name,), "rung": ("dtype",), "parametrize": ("dtype", [1, 2])}
        assert len(test.pytestmark) == 3


def test_a_test_that_is_named_after_none_of_its_parts_is_refused():
    def test_softly(judge):
        return judge

    with pytest.raises(ContentError, match="test_softly is not named after one of its parts"):
        parts("soft", "hard")(rung("shape")(test_softly))


def test_control_part_alone_marks_one_test():
    @part("soft")
    @rung("shape")
    def test_soft(judge):
        return judge

    assert {mark.name: mark.args for mark in test_soft.pytestmark} == {"part": ("soft",), "rung": ("shape",)}
