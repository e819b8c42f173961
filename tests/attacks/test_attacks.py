"""Hostile submissions: none gains a point, none reaches what is not its own, none stops the next one.

`submissions/` try to get points without doing the work, or to stop the grader. `trespasses/` try what a worker may not do and say
`held` or what they gained. Each file's first line says what it does. The controls show that the same attacks work
where the layer that holds them is left out, or where the verdict is made beside the student's code.
"""

from __future__ import annotations

import ast
import dataclasses
import os
from pathlib import Path

import pytest
import torch

from nnkata.grader.exercise import catalog
from nnkata.grader.engine import engine
from nnkata.grader.submission import source
from nnkata.grader.model import GradingOptions, Result
from nnkata.grader.sandbox.worker_handle import Defences

HERE = Path(__file__).parent
SUBMISSIONS = sorted((HERE / "submissions").glob("*.py"))
TRESPASSES = sorted((HERE / "trespasses").glob("*.py"))
LOSSES = catalog.find("03_losses")
QUICK = dataclasses.replace(LOSSES.limits, call_seconds=4.0, import_seconds=4.0, total_seconds=40.0, memory_mb=1024)
SINGLE = ("mse_loss", "cross_entropy")


@pytest.fixture(scope="module")
def grader():
    with engine.Engine() as running:
        running.warm_up()
        yield running


def grade(
    grader: engine.Engine, text: str, parts: tuple[str, ...] = SINGLE, defences: Defences | None = None
) -> Result:
    read = source.from_bytes("losses.py", text.encode())
    options = GradingOptions(seed=5, parts=parts, limits=QUICK)
    return grader.grade(engine.GradingRequest(LOSSES, read, options, defences=defences or Defences()))


def told(file: Path) -> str:
    return file.read_text().replace("@KIT@", str(catalog.KIT))


def test_there_are_at_least_forty_attacks_and_each_says_what_it_does():
    assert len(SUBMISSIONS) + len(TRESPASSES) >= 40
    for file in SUBMISSIONS + TRESPASSES:
        assert ast.get_docstring(ast.parse(file.read_text())), file


@pytest.mark.parametrize("file", SUBMISSIONS, ids=lambda file: file.stem)
def test_an_attack_gains_no_point(grader, file):
    result = grade(grader, told(file))
    assert result.status == "fail", [(test.id, test.message) for test in result.tests if test.status == "error"]
    assert result.score == 0.0, [(test.id, test.score) for test in result.tests if test.score]
    assert result.confinement == "landlock+seccomp"
    for test in result.tests:
        assert "\x1b" not in test.message and "\u202e" not in test.message
        assert len(test.message) < 3_000
        assert "Traceback" not in test.message


@pytest.mark.parametrize("file", TRESPASSES, ids=lambda file: file.stem)
def test_a_trespass_is_held(grader, file):
    result = grade(grader, told(file), parts=("mse_loss",))
    assert result.score == 0.0
    messages = {test.message for test in result.tests}
    assert any("RuntimeError: held" in message for message in messages), messages
    assert not list(Path("/tmp").glob("nnkata-attack*")) and not list(Path("/dev/shm").glob("nnkata-attack*"))


def test_after_every_attack_an_honest_submission_still_passes(grader):
    result = grade(grader, LOSSES.solution.read_text())
    assert result.status == "pass"
    assert result.score == result.max_score == 4.0


def test_a_looping_part_leaves_the_others_graded(grader):
    honest = LOSSES.solution.read_text()
    broken = honest + "\n\ndef l1_loss(input, target, reduction='mean'):\n    while True:\n        pass\n"
    result = grade(grader, broken, parts=("mse_loss", "l1_loss", "cross_entropy"))
    statuses = {part.name: part.status for part in result.parts}
    assert statuses == {"mse_loss": "pass", "l1_loss": "fail", "cross_entropy": "pass"}


def test_no_worker_outlives_its_submission(grader):
    import psutil

    grade(grader, "while True: pass\n")
    assert grader.server is not None
    templates = psutil.Process(grader.server.process.pid).children()
    assert templates and not any(template.children() for template in templates)


# -- controls: the same attacks where a layer is missing -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("read_files", {"landlock": False}),
        ("write_files", {"landlock": False}),
        ("sockets", {"seccomp": False}),
    ],
)
def test_control_the_trespass_works_without_the_layer_that_holds_it(grader, name, missing):
    result = grade(
        grader,
        told(HERE / "trespasses" / f"{name}.py"),
        parts=("mse_loss",),
        defences=dataclasses.replace(Defences(), **missing),
    )
    for leftover in (
        *Path("/tmp").glob("nnkata-*"),
        *Path("/dev/shm").glob("nnkata-*"),
        *Path("/var/tmp").glob("nnkata-*"),
    ):
        leftover.unlink() if not leftover.is_dir() else None
    (catalog.KIT / "nnkata-attack").unlink(missing_ok=True)
    assert any("gained" in test.message for test in result.tests)


BUILT_IN = """
from torch.nn import functional as F
def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    return F.cross_entropy(input, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing)
"""


@pytest.mark.parametrize("layer", ["guard_source", "guard_calls", "guard_operators"])
def test_each_layer_of_the_guard_holds_alone(grader, layer):
    off = {name: name == layer for name in ("guard_source", "guard_calls", "guard_operators")}
    result = grade(grader, BUILT_IN, parts=("cross_entropy",), defences=dataclasses.replace(Defences(), **off))
    assert result.score == 0.0
    assert all("may not call" in test.message for test in result.tests)


def test_control_without_the_guard_the_built_in_passes(grader):
    off = dataclasses.replace(Defences(), guard_source=False, guard_calls=False, guard_operators=False)
    assert grade(grader, BUILT_IN, parts=("cross_entropy",), defences=off).status == "pass"


@pytest.mark.parametrize("name", ["patch_allclose", "always_equal"])
def test_control_a_verdict_made_beside_the_student_is_fooled(name, monkeypatch):
    for patched in ("allclose", "equal"):
        monkeypatch.setattr(torch, patched, getattr(torch, patched))
    monkeypatch.setattr(torch.testing, "assert_close", torch.testing.assert_close)
    namespace: dict[str, object] = {}
    exec(told(HERE / "submissions" / f"{name}.py"), namespace)
    wrong = namespace["mse_loss"](torch.ones(3), torch.zeros(3))  # type: ignore[operator]
    assert torch.equal(wrong, torch.tensor(1.0)) or bool(wrong == torch.tensor(1.0))


def test_control_the_memory_limit_is_what_stops_the_allocation(grader):
    text = "import torch\ndef mse_loss(input, target, reduction='mean'):\n    torch.ones(1 << 28)\n    return ((input - target) ** 2).mean()\n"
    roomy = dataclasses.replace(QUICK, memory_mb=4096)
    tight = dataclasses.replace(QUICK, memory_mb=512)
    read = source.from_bytes("losses.py", text.encode())
    for limits, passes in ((roomy, True), (tight, False)):
        result = grader.grade(
            engine.GradingRequest(LOSSES, read, GradingOptions(seed=5, parts=("mse_loss",), limits=limits))
        )
        by_hand = next(test for test in result.tests if "mean_is_the_default" in test.id)
        assert (by_hand.status == "pass") is passes


def test_what_looks_like_evasion_is_flagged(grader):
    text = "import ctypes\nimport sys\nimport torch\ntorch.equal = None\nframe = sys._getframe()\n"
    result = grade(grader, text, parts=("mse_loss",))
    assert [flag for flag in result.flags if "ctypes" in flag]
    assert [flag for flag in result.flags if "rebinds torch.equal" in flag]
    assert [flag for flag in result.flags if "call stack" in flag]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to lose")
def test_a_worker_has_no_capabilities(grader):
    text = "import os\ntry:\n    os.setuid(1)\n    raise RuntimeError('gained')\nexcept OSError:\n    raise RuntimeError('held')\n"
    result = grade(grader, text, parts=("mse_loss",))
    assert any("held" in test.message for test in result.tests)


def test_without_confinement_the_report_says_so_and_other_peoples_code_is_refused():
    from nnkata.grader.errors import GraderError
    from nnkata.grader.sandbox.plain_client import PlainServer

    read = source.from_bytes("losses.py", LOSSES.solution.read_bytes())
    options = GradingOptions(seed=5, parts=("mse_loss",), limits=QUICK)
    order = engine.GradingRequest(LOSSES, read, options)
    with engine.Engine(PlainServer()) as plain:
        result = plain.grade(order)
        assert (result.status, result.confinement) == ("pass", "none")
        with pytest.raises(GraderError, match="allow-unconfined"):
            plain.grade(dataclasses.replace(order, options=dataclasses.replace(options, require_confinement=True)))
        looping = source.from_bytes("losses.py", b"while True: pass")
        assert plain.grade(dataclasses.replace(order, submission=looping)).status == "fail"
