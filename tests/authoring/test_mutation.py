"""Mutants: every operator makes what it should, none that lives is passed over, none that hangs stops the tool."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

import pytest
from nnkata.grader.authoring import mutant_runs, mutation, new_exercise, operators, survivors
from nnkata.grader.errors import ContentError
from nnkata.grader.exercise.catalog import KIT, exercises

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
ID = "10_doubling"

MADE = [
    ("arithmetic", "y = a + b", ["y = a - b", "y = a", "y = b"]),
    ("arithmetic", "y = a @ b", ["y = a * b", "y = a", "y = b"]),
    ("arithmetic", "y += b", ["y -= b", "y = b"]),
    ("comparison", "y = a < b", ["y = a <= b", "y = a > b"]),
    ("comparison", "y = a is None", ["y = a is not None"]),
    ("comparison", "y = 0 <= p <= 1", ["y = 0 < p <= 1", "y = 0 >= p <= 1", "y = 0 <= p < 1", "y = 0 <= p >= 1"]),
    ("constant", "y = 5", ["y = 6", "y = 4", "y = 0", "y = 1", "y = 2", "y = -5"]),
    ("constant", "y = 0.5", ["y = 1.5", "y = 1.0", "y = 0.0", "y = -0.5"]),
    ("constant", "y = x.sum(keepdim=True)", ["y = x.sum(keepdim=False)"]),
    ("constant", "y = reduction == 'mean'", ["y = reduction == 'sum'"]),
    ("connective", "y = a and b", ["y = a or b", "y = b", "y = a"]),
    ("connective", "y = not a", ["y = a"]),
    ("condition", "y = a if c else b", ["y = a if True else b", "y = a if False else b", "y = a if not c else b"]),
    ("condition", "y = [a for a in b if a]", ["y = [a for a in b]"]),
    ("argument", "y = x.sum(dim=1)", ["y = x.sum()"]),
    ("argument", "y = f(a, b)", ["y = f(b)", "y = f(a)", "y = f(b, a)"]),
    ("call", "y = x.detach()", ["y = x"]),
    ("call", "y = torch.exp(x)", ["y = x"]),
    ("call", "y = int(x)", ["y = x"]),
    ("call", "y = nn.Linear(2, 3)", []),
    ("attribute", "y = x.mean()", ["y = x.sum()"]),
    ("attribute", "y = x.min()", ["y = x.max()"]),
    ("attribute", "y = x.mul_(2)", ["y = x.mul(2)"]),
    ("attribute", "y = x.mul(2)", ["y = x.mul_(2)"]),
    ("attribute", "y = x @ w.T", ["y = x @ w"]),
    ("sign", "y = -x", ["y = x"]),
    ("bound", "y = x[:n]", ["y = x[:]", "y = x[:n + 1]", "y = x[:n - 1]"]),
    ("bound", "y = range(n)", ["y = range(n + 1)", "y = range(n - 1)"]),
    ("statement", "y += 1", ["pass"]),
    ("statement", "model.eval()", ["pass"]),
    ("statement", "state['step'] = 1", ["pass"]),
    ("statement", "y = y.sum()", ["pass"]),
    ("statement", "y = x.sum()", []),
    ("in_place", "y = y + x", ["y += x"]),
    ("recording", "with torch.no_grad():\n    x", ["if True:"]),
    ("recording", "with open(x):\n    x", []),
]
"""Operator, statement, what becomes of it."""


def made(body, operator=None, part="part"):
    source = "def part(x):\n" + "\n".join(f"    {line}" for line in body.splitlines())
    return [mutant for mutant in mutation.mutants(source, [part]) if operator in (None, mutant.operator)]


@pytest.mark.parametrize(("operator", "statement", "expected"), MADE, ids=lambda value: str(value)[:40])
def test_each_operator_makes_its_mistakes_and_no_others(operator, statement, expected):
    found = made(statement, operator)
    assert sorted(mutant.after for mutant in found) == sorted(expected)
    assert all(mutant.before == statement.partition("\n")[0] for mutant in found)


def test_every_operator_is_tried():
    assert {operator for operator, _, expected in MADE if expected} == set(operators.OPERATORS)


def test_an_if_becomes_always_never_and_opposite():
    assert [m.after for m in made("if x > 0:\n    y", "condition")] == ["if True:", "if False:", "if not x > 0:"]


def test_no_grad_is_dropped_as_a_decorator():
    source = "class Part:\n    @torch.no_grad()\n    def step(self):\n        return None\n"
    [found] = [m for m in mutation.mutants(source, ["Part"]) if m.operator == "recording"]
    assert (found.before, found.after) == ("@torch.no_grad() def step(self):", "def step(self):")


def test_a_mutant_is_the_module_with_one_change():
    source = "import torch\n\ndef part(x):\n    y = x + 1\n    return y * 2\n"
    lines = source.splitlines()
    for mutant in mutation.mutants(source, ["part"]):
        now = mutant.source.splitlines()
        changed = [place for place, (a, b) in enumerate(zip(lines, now, strict=True)) if a.strip() != b.strip()]
        assert len(changed) == 1, mutant
        assert (lines[changed[0]].strip(), now[changed[0]].strip()) == (mutant.before, mutant.after)
        assert mutant.line == changed[0] + 1


def test_text_types_and_what_is_raised_are_left_alone():
    source = 'def part(x: "list[1]") -> "list[2]":\n    """Says 3."""\n    raise ValueError(f"{x + 4} is not {5}")\n'
    assert [mutant.after for mutant in mutation.mutants(source, ["part"])] == ["pass"]  # no error at all


def test_a_helper_is_spoilt_for_each_part_that_uses_it():
    source = (
        "def one(x):\n    return _inner(x)\n\ndef two(x):\n    return one(x)\n\n"
        "def _inner(x):\n    return _innermost(x)\n\ndef _innermost(x):\n    return -x\n"
    )
    signs = [mutant for mutant in mutation.mutants(source, ["one", "two"]) if mutant.operator == "sign"]
    assert [(mutant.part, mutant.line) for mutant in signs] == [("one", 11)]  # `two` uses no helper of its own


def test_no_mutant_is_made_twice_and_all_of_the_kits_can_be_compiled():
    for exercise in exercises():
        for part in exercise.parts:
            found = list(mutation.mutants(exercise.solution.read_text("utf-8"), [part.name]))
            assert found, f"{exercise.id}: {part.name}"
            assert len({mutant.source for mutant in found}) == len(found)
            for mutant in found:
                ast.parse(mutant.source)


# -- before the hidden tests ---------------------------------------------------------------------------------------

JUDGED = """
import dataclasses, json, sys
from nnkata.grader.authoring import mutant_runs, mutation
from nnkata.grader.exercise import catalog

exercise = catalog.find(sys.argv[1])
right = exercise.solution.read_text("utf-8")
some = next(mutation.mutants(right, ["double"]))
told = {}
for name, body in json.loads(sys.argv[2]).items():
    source = right.replace("return 2 * x", body)
    found = mutant_runs.run_mutant(exercise, dataclasses.replace(some, source=source), 0, 3.0)
    told[name] = [found.status, found.by]
print(json.dumps(told))
"""


@pytest.fixture
def root(tmp_path):
    new_exercise.create(tmp_path, ID)
    return tmp_path


def run(root, *words):
    environment = {**ENVIRONMENT, "NNKATA_PATH": str(root)}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, timeout=120)


def mutate(root, *words):
    return run(root, "-m", "nnkata.cli", "dev", "mutate", ID, *words)


def test_whatever_a_mutant_does_it_is_killed_and_only_what_is_right_lives(root):
    bodies = {
        "right": "return x + x",
        "wrong": "return 3 * x",
        "hanging": "while True: pass",
        "crashing": "import os; os.abort()",
        "greedy": "return [bytearray(1 << 30) for _ in range(1_000)]",
        "leaving": "raise SystemExit",
    }
    ran = run(root, "-c", JUDGED, ID, json.dumps(bodies))
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert {name: status for name, (status, _) in found.items()} == {
        name: "survived" if name == "right" else "killed" for name in bodies
    }
    assert found["hanging"][1] == "time"
    assert found["crashing"][1] == "crash"
    assert "test_double_by_hand" in found["wrong"][1]


def test_the_command_is_content_where_the_tests_notice_everything(root):
    ran = mutate(root)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "100.0%" in ran.stdout


def spoil_tests(root):
    """The tests ask for 0 and 2 only, which the square gives too."""
    file = root / "tests" / "hidden" / ID / "test_doubling.py"
    text = file.read_text("utf-8").replace(
        "torch.tensor([2.0, -6.0]), torch.tensor([1.0, -3.0])", "0.0, torch.zeros(())"
    )
    file.write_text(text.partition('@part("double")\n@rung("gradient")')[0], "utf-8")


def test_a_survivor_is_named_with_its_line_and_fails_the_command(root):
    spoil_tests(root)
    ran = mutate(root, "--save", str(root / "kept.json"))
    assert ran.returncode == 1
    assert "doubling.py:16: double: return 2 * x → return x" in ran.stdout
    kept = json.loads((root / "kept.json").read_text("utf-8"))[ID]
    assert kept["killed"] + len(kept["survivors"]) == kept["mutants"]


def test_explained_survivors_are_none_and_what_explains_nothing_is_said(root):
    spoil_tests(root)
    alive = [line for line in mutate(root).stdout.splitlines() if "→" in line]
    after = [line.partition(" → ")[2] for line in alive]
    entry = {"exercise": ID, "part": "double", "before": "return 2 * x", "why": "0 is asked for only"}
    folder = root / "tests" / "mutation"
    folder.mkdir()

    def explain(after):
        fields = "".join(f"{name} = {json.dumps(value)}\n" for name, value in {**entry, "after": after}.items())
        (folder / "equivalents.toml").write_text("[[equivalent]]\n" + fields, "utf-8")
        return mutate(root)

    assert explain(after).returncode == 0
    ran = explain([*after, "return 7 * x"])
    assert ran.returncode == 1
    assert "no longer explains a survivor: double: return 2 * x → return 7 * x" in ran.stdout


def test_what_is_only_out_of_time_makes_no_explanation_stale():
    [exercise] = [one for one in exercises() if one.id == "01_neurons"]
    mutant = mutation.Mutant("neuron", "constant", 1, "batch_size = 64", "batch_size = 1", "")
    known = survivors.Equivalent(exercise.id, ("neuron",), mutant.before, (mutant.after,), "Free.")

    def stale(by):
        return survivors.make_report(exercise, [mutant_runs.MutantOutcome(mutant, "killed", by)], (known,)).stale

    assert stale("time") == ()
    assert stale("test_neurons.py::test_neuron_by_hand") == ("neuron: batch_size = 64 → batch_size = 1",)


def test_a_part_that_is_not_there_is_said(root):
    ran = mutate(root, "--part", "triple")
    assert ran.returncode == 2
    assert "has no part 'triple'" in ran.stderr


def test_the_kits_equivalents_are_of_exercises_and_parts_that_there_are():
    known = {(exercise.id, part.name) for exercise in exercises() for part in exercise.parts}
    entries = survivors.read_equivalents(KIT / "tests" / "mutation" / "equivalents.toml")
    assert {(entry.exercise, part) for entry in entries for part in entry.parts} <= known
    assert all(entry.why.endswith(".") and entry.after for entry in entries)


def test_an_entry_that_does_not_say_why_is_refused(tmp_path):
    file = tmp_path / "equivalents.toml"
    file.write_text('[[equivalent]]\nexercise = "01_neurons"\npart = "neuron"\nbefore = "a"\nafter = "b"\n', "utf-8")
    with pytest.raises(ContentError, match="why"):
        survivors.read_equivalents(file)
