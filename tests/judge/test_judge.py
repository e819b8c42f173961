"""Hidden tests become verdicts: earned by values alone, and an error of ours is never a student's failure."""

import itertools
import textwrap

import pytest
import torch
from nnkata.grader.authoring import content_check
from nnkata.grader.engine.scoring import score
from nnkata.grader.errors import ContentError, WireError
from nnkata.grader.exercise import catalog, content
from nnkata.grader.judge.draw import Draw
from nnkata.grader.judge.hidden_tests import run_hidden_tests
from nnkata.grader.judge.trial import Block, Local, Trial, mask_numbers, parse_outcome
from nnkata.grader.worker import probing, training_probes

DESCRIPTION = """
format_version = 1
title = "Sums"
minutes = 5
[[parts]]
name = "total"
points = 4.0
builtin = "torch.sum"
[[parts]]
name = "mean"
points = 6.0
"""

REFERENCE = """
import torch

def total(input):
    return input.sum()

def mean(input, start=0.0):
    if input.numel() == 0:
        raise ValueError("empty")
    return input.mean() + start
"""

HEAD = """
import pytest
import torch
from nnkata.grader.authors import part, rung

ONES = torch.ones(3)

"""

RIGHT = {"total": lambda input: input.sum(), "mean": lambda input, start=0.0: checked(input).mean() + start}


def checked(input):
    if not input.numel():
        raise ValueError("nothing to average")
    return input


@pytest.fixture
def put(tmp_path):
    """Puts a student before hidden tests of a small exercise; the trial, with its verdicts."""
    count = itertools.count()

    def trial(tests, student=RIGHT, *, reference=REFERENCE, probes="", description=DESCRIPTION, **options):
        files = {
            "exercises/42_sums/exercise.toml": description,
            "solutions/42_sums/sums.py": reference,
            "tests/hidden/42_sums/probes.py": probes,
            "tests/hidden/42_sums/test_sums.py": HEAD + textwrap.dedent(tests),
        }
        root = tmp_path / str(next(count))
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        exercise = catalog.read(root / "exercises" / "42_sums", root)
        namespace = student if isinstance(student, dict) else {**RIGHT, "mean": student}
        return run_hidden_tests(Trial(exercise, Local(exercise, namespace), 7, **options))

    return trial


@pytest.fixture
def verdict(put):
    """The one verdict of one test about `mean`."""

    def of(body, student=RIGHT, *, rung="values", part="mean", **options):
        test = f"@part({part!r})\n@rung({rung!r})\ndef test_it(judge, draw):\n" + textwrap.indent(body, "    ")
        (found,) = put(test, student, **options).verdicts
        return found

    return of


# -- values ------


def test_the_right_value_passes(verdict):
    found = verdict("judge.value(draw.normal(4, 3))")
    assert (found.status, found.message, found.part, found.rung) == ("pass", "", "mean", "values")


def test_a_wrong_value_fails_with_the_call_and_what_was_expected(verdict):
    found = verdict("judge.value(ONES, start=1.0)", lambda input, start=0.0: input.sum() + start)
    assert found.status == "fail"
    assert found.message == "mean(tensor([1, 1, 1]), start=1)\nthe result is 4; expected 2"


def test_a_number_worked_out_by_hand_must_be_reached_too(verdict):
    assert verdict("judge.expect(1.0, ONES)").status == "pass"
    assert verdict("judge.expect(torch.tensor(1.0), ONES)").status == "pass"
    assert verdict("judge.expect(1.0, ONES)", lambda input: input.sum()).status == "fail"


def test_an_exception_of_the_students_fails_with_its_message(verdict):
    found = verdict("judge.value(ONES)", lambda input: input.reshape(2, 2))
    assert found.status == "fail" and "RuntimeError" in found.message


def test_a_part_that_is_missing_or_unwritten_fails_and_says_so(put):
    tests = """
        @part("total")
        @rung("values")
        def test_total(judge):
            judge.value(ONES)

        @part("mean")
        @rung("values")
        def test_mean(judge):
            judge.value(ONES)
    """
    first, second = put(tests, {"mean": RIGHT["mean"]}).verdicts
    assert (first.status, first.failure.kind, second.status) == ("fail", "missing", "pass")


def test_an_argument_that_was_changed_in_place_is_a_failure(verdict):
    found = verdict("judge.value(draw.normal(3))", lambda input: input.mul_(2).mean() / 2)
    assert found.status == "fail" and "changed in place" in found.message and "'input'" in found.message


def test_a_result_of_another_dtype_or_kind_fails(verdict):
    assert "dtype" in verdict("judge.value(ONES)", lambda input: input.double().mean()).message
    assert "a float" in verdict("judge.value(ONES)", lambda input: input.mean().item()).message


def test_gradients_are_compared(verdict):
    body = "judge.gradient(draw.normal(3))"
    assert verdict(body).status == "pass"
    assert "no gradient reaches 'input'" in verdict(body, lambda input: input.detach().mean()).message
    crooked = lambda input: input.mean().detach() + (input - input.detach()).sum()  # noqa: E731
    assert "gradient of 'input'" in verdict(body, crooked).message


def test_a_result_that_stays_on_the_cpu_is_found_elsewhere(verdict):
    assert verdict("judge.elsewhere(ONES)", rung="device").status == "pass"
    found = verdict("judge.elsewhere(ONES)", lambda input: torch.tensor(input.mean().item()), rung="device")
    assert found.status == "fail" and "lives on the CPU" in found.message
    found = verdict("judge.elsewhere(ONES)", lambda input: (input * torch.ones(3)).mean(), rung="device")
    assert found.status == "fail" and "another device" in found.message


def test_a_probe_of_the_exercise_is_asked_of_all_alike(verdict):
    probes = "def twice(impl, x):\n    'The mean, called twice.'\n    return [impl.mean(x), impl.mean(x)]\n"
    assert verdict("judge.probe('twice', ONES)", probes=probes).status == "pass"
    calls = []

    def forgetful(input):
        calls.append(1)
        return input.mean() + len(calls)

    found = verdict("judge.probe('twice', ONES)", forgetful, probes=probes)
    assert found.status == "fail" and found.message.startswith("The mean, called twice.")


def test_a_property_is_checked_by_the_grader(verdict):
    body = "judge.holds(lambda v: None if v['result'] < 2 else 'it is too large', 'call', ONES)"
    assert verdict(body).status == "pass"
    found = verdict(body, lambda input: input.sum())
    assert found.status == "fail" and "it is too large" in found.message
    found = verdict(body, lambda input: None)
    assert found.status == "fail" and "wrong form" in found.message


def test_a_judge_that_compares_otherwise_keeps_what_is_not_named(put):
    """The order of what is named does not matter, and the first judge stays as it was."""
    tests = """
        @part('mean')
        @rung('values')
        @pytest.mark.parametrize('options', [[{tolerance}], [{tolerance}, {builtin}], [{builtin}, {tolerance}]])
        def test_it(judge, options):
            wide = judge
            for changed in options:
                wide = wide.using(**changed)
            wide.value(ONES)

        @part('mean')
        @rung('edge')
        def test_it_still_compares_as_usual(judge):
            judge.using(tolerance=(1.0, 1.0))
            judge.value(ONES)
    """.replace("{tolerance}", "{'tolerance': (0.1, 0.1)}").replace("{builtin}", "{'builtin': False}")
    trial = put(tests, lambda input, start=0.0: input.mean() + 0.05)
    assert [verdict.status for verdict in trial.verdicts] == ["pass", "pass", "pass", "fail"]


def test_a_judge_without_the_builtin_stays_without_it(verdict):
    wrong = REFERENCE.replace("return input.sum()", "return input.sum() + 1")
    body = "judge.using(builtin=False).using(tolerance=(0.0, 9.0)).value(ONES)"
    assert verdict(body, part="total", reference=wrong).status == "pass"


# -- what earns nothing ------


def test_a_test_that_asks_for_no_value_is_an_error(verdict):
    assert verdict("pass").status == "error"


@pytest.mark.parametrize("student", [RIGHT["mean"], lambda input: input])
def test_a_claimed_exception_alone_earns_nothing(verdict, student):
    assert verdict("judge.rejects(ValueError, torch.zeros(0))", student).status != "pass"


def test_an_exception_beside_a_value_passes_and_its_absence_fails(verdict):
    body = "judge.value(ONES)\njudge.rejects(ValueError, torch.zeros(0))"
    assert verdict(body, rung="edge").status == "pass"
    found = verdict(body, lambda input: input.mean(), rung="edge")
    assert found.status == "fail" and "must raise a ValueError; yours returned a value" in found.message


def raises(error):
    def mean(input):
        if not input.numel():
            raise error
        return input.mean()

    return mean


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("no"), "pass"),
        (type("Mine", (ValueError,), {})("no"), "pass"),
        (TypeError("no"), "fail"),
        (NotImplementedError(), "fail"),
        (type("Lie", (RuntimeError,), {"nnkata_kind": "forbidden"})("ValueError"), "fail"),
        (SystemExit(0), "fail"),
    ],
    ids=repr,
)
def test_only_the_exception_that_was_asked_for_counts(verdict, error, status):
    assert verdict("judge.value(ONES)\njudge.rejects(ValueError, torch.zeros(0))", raises(error)).status == status


def test_nothing_is_earned_above_a_foundation_that_does_not_hold(put):
    tests = """
        @part("mean")
        @rung("values")
        def test_values(judge):
            judge.value(ONES)

        @part("mean")
        @rung("edge")
        def test_edge(judge):
            judge.value(torch.zeros(3))

        @part("total")
        @rung("values")
        def test_total(judge):
            judge.value(ONES)
    """
    trial = put(tests, lambda input: torch.zeros(()))
    assert {v.function: v.status for v in trial.verdicts} == {
        "test_values": "fail",
        "test_edge": "pass",
        "test_total": "pass",
    }
    parts, _ = score(trial, {})
    assert {part.name: part.score for part in parts} == {"total": 4.0, "mean": 0.0}


# -- what is ours ------


def test_a_reference_that_disagrees_with_the_builtin_is_an_error(verdict):
    wrong = REFERENCE.replace("return input.sum()", "return input.sum() + 1")
    found = verdict("judge.value(ONES)", part="total", reference=wrong)
    assert found.status == "error" and "built-in and the reference disagree" in found.message
    assert verdict("judge.using(builtin=False).value(ONES)", part="total", reference=wrong).status == "fail"


def test_a_number_by_hand_that_is_wrong_is_an_error_even_if_the_student_is_wrong_alike(verdict):
    found = verdict("judge.expect(3.0, ONES)", lambda input: input.sum())
    assert found.status == "error" and "worked out by hand" in found.message


@pytest.mark.parametrize(
    "body",
    [
        "judge.value(ONES, nonsense=1)",
        "judge.probe('nowhere', ONES)",
        "judge.rejects(KeyError, torch.zeros(0))",
        "judge.rejects(ValueError, ONES)",
        "judge.holds(lambda v: 'no', 'call', ONES)",
        "assert False",
        "1 / 0",
        "judge.nothing()",
        "raise SystemError",
    ],
)
def test_what_goes_wrong_in_the_tests_or_the_reference_is_an_error(verdict, body):
    assert verdict(body).status == "error"


def test_tests_without_a_part_or_a_rung_are_named(put):
    with pytest.raises(ContentError, match="42_sums"):
        put("@part('mean')\ndef test_it(judge): judge.value(ONES)")
    with pytest.raises(ContentError, match="42_sums"):
        put("@part('median')\n@rung('values')\ndef test_it(judge): judge.value(ONES)")


@pytest.mark.parametrize("tests", ["import nowhere_to_be_found", "def test_it(:", "x = 1"])
def test_tests_that_cannot_be_run_are_named(put, tests):
    with pytest.raises(ContentError, match="42_sums"):
        put(tests)


def test_an_exercise_without_hidden_tests_is_named(tmp_path):
    (tmp_path / "exercises" / "42_sums").mkdir(parents=True)
    (tmp_path / "exercises" / "42_sums" / "exercise.toml").write_text(DESCRIPTION)
    exercise = catalog.read(tmp_path / "exercises" / "42_sums", tmp_path)
    with pytest.raises(ContentError, match="no hidden tests"):
        run_hidden_tests(Trial(exercise, Local(exercise, {}), 0))


# -- order, parts and seeds ------


def test_tests_run_by_part_and_rung_whatever_their_order_in_the_file(put):
    tests = """
        @part("mean")
        @rung("edge")
        def test_a(judge):
            judge.value(ONES)

        @part("mean")
        @rung("number")
        def test_b(judge):
            judge.value(ONES)

        @part("total")
        @rung("dtype")
        @pytest.mark.parametrize("size", [1, 2])
        def test_c(judge, size):
            judge.value(torch.ones(size))
    """
    verdicts = put(tests).verdicts
    assert [(v.id, v.function) for v in verdicts] == [
        ("test_sums.py::test_c[1]", "test_c"),
        ("test_sums.py::test_c[2]", "test_c"),
        ("test_sums.py::test_b", "test_b"),
        ("test_sums.py::test_a", "test_a"),
    ]
    assert {v.part for v in put(tests, only=frozenset({"mean"})).verdicts} == {"mean"}


def test_a_stopped_part_fails_with_the_reason_and_is_not_asked(put):
    asked = []
    tests = "@part('mean')\n@rung('values')\ndef test_it(judge): judge.value(ONES)"
    block = Block("mean may not call torch.mean (line 3)", static=True)
    trial = put(tests, lambda input: asked.append(1), blocked={"mean": block})
    assert trial.verdicts[0].status == "fail" and "line 3" in trial.verdicts[0].message and not asked


@pytest.mark.parametrize("static", [True, False])
def test_where_a_message_comes_from_travels_to_the_result(put, static):
    tests = "@part('mean')\n@rung('values')\ndef test_it(judge): judge.value(ONES)"
    trial = put(tests, blocked={"mean": Block("mean may not call torch.mean (line 3)", static=static)})
    assert [test.static for test in score(trial, {})[1] if test.part == "mean"] == [static]


def test_what_was_found_by_running_is_not_static(put):
    tests = "@part('mean')\n@rung('values')\ndef test_it(judge): judge.value(ONES)"
    assert not put(tests, lambda input: input.sum() * 9).verdicts[0].static


def test_a_skip_names_what_is_missing_here(put):
    tests = "@part('mean')\n@rung('values')\ndef test_it(judge): judge.value(ONES)"
    verdicts = put(tests, devices=("cpu", "cuda")).verdicts
    assert sorted(v.status for v in verdicts) == ["pass", "skip"]
    assert next(v for v in verdicts if v.status == "skip").message == "there is no GPU here"


def test_inputs_are_drawn_alike_for_a_seed_and_a_test_and_differently_for_others():
    def drawn(seed, test):
        draw = Draw(seed, test)
        return torch.cat([draw.normal(3), draw.uniform(2, low=5, high=6), draw.integers(9, 4).float()])

    assert torch.equal(drawn(1, "a"), drawn(1, "a"))
    assert not torch.equal(drawn(1, "a"), drawn(2, "a"))
    assert not torch.equal(drawn(1, "a"), drawn(1, "b"))


def test_other_layouts_hold_the_same_values():
    tensor = Draw(0, "t").normal(4, 3)
    layouts = list(Draw(0, "t").layouts(tensor))
    assert len(layouts) == 3 and all(torch.equal(view, tensor) for _, view in layouts)
    assert any(not view.is_contiguous() for _, view in layouts)
    assert any(view.storage_offset() for _, view in layouts)


# -- claims ------


@pytest.mark.parametrize("said", [None, 3, "pass", [], [1]])
def test_an_answer_that_is_none_is_no_outcome(said):
    with pytest.raises(WireError):
        parse_outcome(said, 0.0)


@pytest.mark.parametrize("value", [None, {}, {"result": 1.0}, [1], {"result": None, "arguments": 3}, "pass"])
def test_an_answer_of_another_form_than_the_question_fails(put, value):
    class Liar:
        def ask(self, *question):
            return lambda: parse_outcome({"value": value}, 0.0)

        def cancel_pending(self):
            pass

    tests = "@part('mean')\n@rung('values')\ndef test_it(judge):\n    judge.{}(ONES)"
    for question in ("value", "gradient", "elsewhere"):
        trial = put(tests.format(question))
        trial = run_hidden_tests(Trial(trial.exercise, Liar(), 7))
        assert trial.verdicts[0].status == "fail", question


def test_what_a_student_leaves_behind_does_not_reach_the_next_question(verdict):
    def careless(input):
        torch.set_grad_enabled(False)
        torch.manual_seed(1)
        return input.mean()

    assert verdict("judge.value(ONES)\njudge.gradient(draw.normal(3))", careless).status == "fail"
    before = torch.random.get_rng_state()
    verdict("judge.value(ONES)", careless)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.set_grad_enabled(True)


def test_complaints_differ_in_numbers_only_if_they_say_the_same():
    assert mask_numbers("3.5 of 10 are nan") == mask_numbers("-1e-3 of 7 are inf")
    assert mask_numbers("too large: 3") != mask_numbers("too small: 3")
    assert mask_numbers(None) is None


def test_probes_that_are_shared_need_no_file(put):
    trial = put("@part('mean')\n@rung('values')\ndef test_it(judge): judge.value(ONES)")
    assert set(content.probes(trial.exercise)) == {*probing.SHARED, *training_probes.PROBES}


# -- questions asked ahead of the answers ------


def test_the_first_wrong_answer_decides_although_all_were_asked(put):
    asked = []

    def mean(input):
        asked.append(float(input))
        return input + (input > 1)

    tests = """
        @part('mean')
        @rung('values')
        def test_it(judge):
            for number in (1.0, 2.0, 3.0):
                judge.using(builtin=False).value(torch.tensor(number))
    """
    trial = put(tests, mean, reference="def mean(input):\n    return input\n\n\ndef total(input):\n    return input\n")
    assert asked == [1.0, 2.0, 3.0]
    (verdict,) = trial.verdicts
    assert (verdict.status, verdict.message) == ("fail", "mean(tensor(2))\nthe result is 3; expected 2")
    assert [case.wrong for case in trial.transcript] == [False, True]


def test_a_wrong_answer_counts_before_what_the_test_itself_stumbles_over(verdict):
    body = "judge.value(ONES)\nraise ValueError('a bug of the test')"
    assert verdict(body, lambda input, start=0.0: input.sum()).status == "fail"
    assert verdict(body).status == "error"


def test_a_wrong_answer_before_a_property_is_the_one_that_is_told(verdict):
    body = "judge.value(ONES)\njudge.holds(lambda said: None if said['result'] == 1 else 'never told', 'call', ONES)"
    found = verdict(body, lambda input, start=0.0: input.sum())
    assert found.message == "mean(tensor([1, 1, 1]))\nthe result is 3; expected 1"


def test_a_check_may_close_over_what_changes_but_the_content_check_says_so(put):
    tests = """
        @part('mean')
        @rung('values')
        def test_it(judge):
            for start in (1.0, 2.0):
                judge.holds(lambda said: None if said['result'] == 1 + start else f'not {start}', 'call', ONES, start)
    """
    trial = put(tests)
    assert [verdict.status for verdict in trial.verdicts] == ["pass"]
    (told,) = content_check._find_changing_checks(trial)
    assert told == "test_sums.py::test_it: its check closes over something that changes; asked again, it says: not 2.0"
