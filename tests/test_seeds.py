"""Nobody can guess a run's seed, and what a student's code is given does not lead back to it."""

import json
import subprocess
import sys

import pytest
from nnkata.grader.exercise import catalog
from nnkata.grader.judge import accuracy_bars
from nnkata.grader.seeds import MAX_SEED, derive_seed, draw_seed

SEED = 1_234_567_890_123_456_789


def test_drawn_seeds_have_63_bits():
    drawn = [draw_seed() for _ in range(200)]
    assert max(drawn) > 1 << 60 and max(drawn) <= MAX_SEED and len(set(drawn)) == 200


def test_each_use_has_a_seed_of_its_own_and_the_same_every_time():
    names = [("a",), ("b",), ("a", "b"), ("a/b", "")]
    assert len({derive_seed(SEED, *name) for name in names} | {derive_seed(SEED + 1, "a")}) == 5
    assert derive_seed(SEED, "a") == derive_seed(SEED, "a")
    assert all(0 <= derive_seed(n, "a", bits=31) < 1 << 31 for n in range(100))


@pytest.mark.parametrize(("name", "bar"), [("07_mlp", "quick"), ("09_unet", "quick")])
def test_a_training_is_given_nothing_that_leads_to_the_runs_seed(name, bar):
    exercise = catalog.find(name)
    bar = next(one for one in exercise.bars if one.quick)
    data = accuracy_bars.training_data(exercise, bar, SEED, dataset="mnist")
    given = data.args[-1]
    assert given == derive_seed(SEED, "training", bits=31)
    # a search would have to try the run's seeds: those with the same remainder are as likely as any other
    others = [seed for seed in range(SEED % 1000, 400_000, 1000) if derive_seed(seed, "training", bits=31) == given]
    assert others == []


def test_a_run_with_a_drawn_seed_can_be_repeated(tmp_path):
    command = [sys.executable, "-m", "nnkata.cli", "check", "01", "--solution", "--part", "neuron", "--json"]
    first = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True).stdout)
    again = subprocess.run([*command, "--seed", str(first["seed"])], capture_output=True, text=True, cwd=tmp_path)
    assert json.loads(again.stdout)["seed"] == first["seed"]
