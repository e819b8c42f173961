"""The first difference between two values is found from coarse to fine, and told so that a person can act on it."""

import math

import pytest
import torch
from nnkata.grader.judge.compare import (
    EXACT,
    FLOAT,
    TOLERANCES,
    Tolerance,
    difference,
    named,
    same,
    short,
    tolerance_for,
)
from nnkata.grader.model import Opaque

T = torch.tensor


def kind(actual, expected, **options):
    found = difference(actual, expected, **options)
    return found.kind if found else None


def lines(actual, expected, **options):
    return difference(actual, expected, **options).lines


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 2.5, "a", math.nan, math.inf, Opaque("x", "y"), [], [1, [T([1.0])]], {"a": {"b": None}}, T(1.0),
        torch.zeros(0, 3), T([math.nan, math.inf, -math.inf]), T([True, False]), T([1 + 2j]), T([1], dtype=torch.uint8),
        torch.ones(2, dtype=torch.bfloat16),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_does_not_differ_from_itself(value):
    assert difference(value, value) is None


@pytest.mark.parametrize(
    ("actual", "expected", "found"),
    [
        (1.0, T(1.0), "type"),
        (T(1.0), 1.0, "type"),
        ([1.0], T([1.0]), "type"),
        (None, T(1.0), "type"),
        (Opaque("numpy.ndarray"), T(1.0), "type"),
        ({}, [], "type"),
        ([], {}, "type"),
        ({"a": 1}, {"b": 1}, "keys"),
        ([1, 2], [1], "length"),
        (True, 1, "type"),
        (1, True, "type"),
        (1, 1.0, "type"),
        (1.0, 1, "type"),
        (1.0, True, "type"),
        (2, 1, "value"),
        ("a", "b", "value"),
        (None, 0, "type"),
        (0, None, "type"),
        (torch.ones(2, 1), torch.ones(2), "shape"),
        (torch.ones(1, 2), torch.ones(2, 1), "shape"),
        (torch.ones(2, dtype=torch.float64), torch.ones(2), "dtype"),
        (torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.bool), "dtype"),
        (T([1.0, 2.0]), T([1.0, 2.1]), "value"),
        (T([1, 2]), T([1, 3]), "value"),
        (T([True]), T([False]), "value"),
        ([T([1.0])], [T([2.0])], "value"),
    ],
)
def test_the_coarsest_difference_is_found_first(actual, expected, found):
    assert kind(actual, expected) == found


def test_shape_comes_before_dtype_and_dtype_before_values():
    wrong_everything = torch.zeros(3, dtype=torch.float64)
    assert kind(wrong_everything, torch.ones(2)) == "shape"
    assert kind(wrong_everything, torch.ones(3)) == "dtype"
    assert kind(wrong_everything.float(), torch.ones(3)) == "value"


@pytest.mark.parametrize("dtype", list(TOLERANCES), ids=str)
def test_each_dtype_has_a_tolerance_that_rounding_passes_and_a_mistake_does_not(dtype):
    expected = torch.ones(4, dtype=dtype) * 3
    allowed = TOLERANCES[dtype]
    limit = allowed.atol + 3 * allowed.rtol
    wide = expected.to(torch.complex128)
    assert (
        kind((wide + 0.3 * limit).to(dtype) if dtype.is_complex else (wide + 0.3 * limit).real.to(dtype), expected)
        is None
    )
    assert kind((wide * 1.2).to(dtype) if dtype.is_complex else (wide * 1.2).real.to(dtype), expected) == "value"


def on_gpu(tensor):
    """A tensor as one that was sent from a GPU."""
    tensor.sent_device = "cuda"
    return tensor


@pytest.mark.parametrize("dtype", [None, *TOLERANCES], ids=str)
@pytest.mark.parametrize("tolerance", [None, Tolerance(1e-3, 1e-4)])
def test_a_gpu_is_allowed_more_than_the_cpu(dtype, tolerance):
    cpu, gpu = (tolerance_for(dtype, device, tolerance) for device in ("cpu", "cuda"))
    assert gpu.rtol > cpu.rtol and gpu.atol > cpu.atol
    assert tolerance_for(dtype, "elsewhere", tolerance) == tolerance_for(dtype, "any", tolerance) == cpu


@pytest.mark.parametrize("dtype", list(TOLERANCES), ids=str)
def test_what_passes_on_the_cpu_passes_on_a_gpu_and_a_mistake_fails_on_both(dtype):
    expected = torch.ones(4, dtype=dtype) * 3
    allowed = TOLERANCES[dtype]
    near, wrong = expected + 0.3 * (allowed.atol + 3 * allowed.rtol), expected * 1.2
    assert kind(near, expected) is None and kind(on_gpu(near), expected, device="cuda") is None
    assert kind(wrong, expected) == "value" and kind(on_gpu(wrong), expected, device="cuda") == "value"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_one_unit_in_the_last_place_of_half_precision_is_allowed_on_a_gpu(dtype):
    expected = torch.ones(1, dtype=dtype)
    assert kind(on_gpu(expected + torch.finfo(dtype).eps), expected, device="cuda") is None


def test_a_gpu_may_not_change_whole_numbers_nor_what_must_be_exact():
    assert kind(on_gpu(T([1_000_000])), T([1_000_001]), device="cuda") == "value"
    assert kind(on_gpu(T([1.0 + 1e-6])), T([1.0]), device="cuda", tolerance=EXACT) == "value"


def test_whole_numbers_have_no_tolerance():
    assert kind(T([1_000_000]), T([1_000_001])) == "value"
    assert kind(1_000_000, 1_000_001) == "value"


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        (5.0, math.inf), (-math.inf, math.inf), (math.inf, 5.0), (math.nan, 5.0), (5.0, math.nan), (math.nan, math.inf),
        (math.inf, math.nan),
    ],
)  # fmt: skip
def test_nan_and_infinities_match_only_themselves(actual, expected):
    assert kind(actual, expected) == "value"
    for dtype in (torch.float32, torch.float16, torch.float64):
        assert kind(T([1.0, actual], dtype=dtype), T([1.0, expected], dtype=dtype)) == "value"
        assert kind(T(actual, dtype=dtype), T(expected, dtype=dtype), tolerance=Tolerance(1.0, 1.0)) == "value"
    assert kind(T([complex(actual, 0)]), T([complex(expected, 0)])) == "value"


def test_a_given_tolerance_replaces_the_usual_one():
    assert kind(T([1.0]), T([1.5]), tolerance=Tolerance(0.0, 0.6)) is None
    assert kind(1.0, 1.5, tolerance=Tolerance(0.0, 0.6)) is None
    assert kind(T([1.0]), T([1.0]) + 1e-6, tolerance=EXACT) == "value"
    assert kind(1.0, 1.0 + FLOAT.atol / 2) is None


def test_the_device_that_a_tensor_was_sent_from_counts_for_results():
    sent = T([1.0])
    sent.sent_device = "elsewhere"
    assert kind(sent, T([1.0])) == "device"
    assert kind(T([1.0]), T([1.0]), device="elsewhere") == "device"
    assert kind(sent, T([1.0]), device="elsewhere") is None
    assert same(sent, T([1.0]))


def test_wrong_values_are_told_with_their_place_number_and_size():
    first, second = lines(T([[1.0, 2.0], [3.0, 9.0]]), T([[1.0, 2.5], [3.0, 4.0]]))
    assert first == "the result[0, 1] is 2; expected 2.5"
    assert "2 of 4 values differ" in second and "by up to 5" in second and "is allowed" in second


def test_a_single_number_is_told_without_a_place():
    assert lines(T(2.0), T(2.5)) == ("the result is 2; expected 2.5",)


def test_nan_of_the_students_is_counted():
    assert "2 of yours are NaN" in lines(T([math.nan, math.nan, 1.0]), T([1.0, 2.0, 1.0]))[1]
    assert "1 of yours is NaN" in lines(T([math.nan, 1.0]), T([1.0, 1.0]))[1]
    assert "NaN" not in lines(T([math.nan, 1.0]), T([math.nan, 2.0]))[1]


def test_the_place_inside_of_lists_and_dicts_is_told():
    told = lines({"a": [1, {"b": T([1.0])}]}, {"a": [1, {"b": T([2.0])}]}, path="answer")[0]
    assert told.startswith("answer['a'][1]['b'][0] is 1")


def test_shapes_and_kinds_are_told_in_words():
    assert lines(torch.ones(2, 3), torch.ones(3)) == ("the result has the shape (2, 3); expected (3,)",)
    assert "a float; expected a torch.Tensor of shape (2,), float32" in lines(1.0, torch.ones(2))[0]
    assert "a numpy.ndarray" in lines(Opaque("numpy.ndarray", "array(…)"), 1.0)[0]
    assert lines(None, 3) == ("the result is None; expected 3",)


@pytest.mark.parametrize(
    ("value", "name"), [(None, "None"), (1, "an int"), (1.0, "a float"), (Opaque("a.B"), "an a.B"), ("x", "a str")]
)
def test_kinds_are_named_as_a_sentence_needs_them(value, name):
    assert named(value) == name


@pytest.mark.parametrize("number", [1 / 3, -1.23456789e-30, 1e300, math.nan, -math.inf, 12345.678])
def test_numbers_are_told_shortly(number):
    assert len(short(number)) <= 11
    assert short(math.nan) == "NaN" and short(0.5) == "0.5"


def test_empty_tensors_are_compared_by_form():
    assert kind(torch.zeros(0, 3), torch.zeros(0, 2)) == "shape"
    assert kind(torch.zeros(0), torch.zeros(0, dtype=torch.int64)) == "dtype"


@pytest.mark.parametrize(
    ("actual", "expected", "told"),
    [
        (torch.tensor(2.34961), torch.tensor(2.34963), "the result is 2.34961; expected 2.34963"),
        (2.34961, 2.34963, "the result is 2.34961; expected 2.34963"),
        (
            torch.tensor([1.0 + 1e-9], dtype=torch.float64),
            torch.tensor([1.0], dtype=torch.float64),
            "[0] is 1.000000001;",
        ),
        (torch.tensor(2.5), torch.tensor(2.25), "the result is 2.5; expected 2.25"),
    ],
)
def test_two_numbers_that_differ_are_told_with_the_digits_in_which_they_do(actual, expected, told):
    found = difference(actual, expected, tolerance=Tolerance(0.0, 0.0))
    assert found is not None and told in found.lines[0]
