"""Right answers to a question: the reference's and, where there is one, PyTorch's built-in's."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..errors import GraderError
from ..exercise import content
from ..model import Exercise, Outcome, Value
from ..worker import probing, wire
from .question import Question
from .trial import Local, find_probe, parse_outcome

RightAnswers = list[tuple[str, Value]]
"""Who answers (`reference`, then perhaps `built-in`), and the answer."""


def ask_for_right_answers(
    exercise: Exercise,
    part: str,
    question: Question,
    *,
    test: str,
    builtin: bool,
    rejects: type[Exception] | None = None,
) -> RightAnswers:
    """Ask the reference and, if `builtin`, the part's built-in where it has one.

    Args:
        test: the hidden test that asks; errors name it.
        rejects: the exception that they must raise; their answers are None then.

    Raises:
        GraderError: if one of them raises what it should not, or nothing where it should.
    """
    implementations = [("reference", content.reference(exercise))]
    if builtin and exercise.part(part).builtin:
        with_builtin = {**content.reference(exercise), part: content.builtins(exercise)[part]}
        implementations.append(("built-in", with_builtin))
    answers = []
    for source, namespace in implementations:
        outcome = run_trusted(exercise, namespace, question)
        failure = outcome.failure
        if rejects:
            if failure is None or rejects.__name__ not in failure.bases:
                raise GraderError(f"{test}: the {source} does not raise {rejects.__name__}")
        elif failure:
            raise GraderError(f"{test}: the {source} raised {failure.type}: {failure.message}")
        answers.append((source, outcome.value))
    return answers


def run_trusted(exercise: Exercise, namespace: Mapping[str, object], question: Question) -> Outcome:
    """Run a probe on our own code, on the CPU.

    As `Local.run`, but the shared probes, which change nothing, work on the inputs themselves.
    """
    if not question.is_shared:
        return Local(exercise, namespace).run(question.on("cpu"))
    probe = find_probe(exercise, question.probe)
    state = torch.random.get_rng_state()
    reply = probing.run(probing.Implementation(namespace), probe, question.args, question.options, "")
    torch.random.set_rng_state(state)
    return parse_outcome(wire.as_received(reply), 0.0)
