"""The programs' front door: what `import nnkata` offers, under the same names. Needs no torch until it grades.

It is stable as `CHANGELOG.md` says: names, arguments and the fields of `Result` stay as they are within a major
version. Nothing in the grader imports this module.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, get_args

from .errors import GraderError, NnkataError, UsageError
from .exercise import catalog
from .exercise.datasets import DATASETS
from .model import Exercise, GradingOptions, Result, Training
from .sandbox.fork_client import start_server
from .sandbox.reader_client import Reader
from .seeds import MAX_SEED
from .submission.reading import FileBytes
from .workspace.service import find_part

if TYPE_CHECKING:
    from .course import jupyter
    from .engine.engine import Engine

__all__ = [
    "Exercise",
    "Grader",
    "GraderError",
    "NnkataError",
    "Result",
    "UsageError",
    "check",
    "exercises",
    "grade",
    "hint",
]

Device = Literal["cpu", "cuda", "auto"]


def exercises() -> list[Exercise]:
    """List every exercise in the order of their ids: the kit's own and those of the folders in `NNKATA_PATH`.

    Raises:
        GraderError: an exercise's `exercise.toml` is malformed; the message names it.
    """
    return catalog.exercises()


def grade(
    submission: Path | str | bytes,
    exercise: str | Exercise,
    *,
    parts: str | Iterable[str] = (),
    seed: int | None = None,
    device: Device = "cpu",
    training: Training = "full",
    dataset: str = "mnist",
    data: Path | None = None,
    confined: bool = True,
    student: str | None = None,
    name: str = "",
) -> Result:
    """Grade one submission and return its result; for many in a row, `Grader` keeps the workers' server warm.

    The submission runs in a confined process and never in this one. What the student got wrong, an unreadable file
    included, is in the result; its `status` is `error` where a test of ours failed, which is no grade.

    Args:
        submission: a `Path` to a Python file or a notebook (`.ipynb`); or Python source as `str`; or a file's `bytes`.
        exercise: an id as on the command line (`03_losses`, `3` or `losses`), or one of `exercises()`.
        parts: grade only this part or these; empty for all.
        seed: of the drawn inputs, from 0; None draws one, which the result names.
        device: `cpu`; `cuda` runs every test on the GPU as well; `auto` does so where there is one.
        training: which accuracy bars are tried: `none`, the `quick` ones (seconds), or the `full` ones too (minutes).
        dataset: what the accuracy bars train on, `mnist` or `fashion-mnist`.
        data: a torchvision root to read it from, instead of `NNKATA_DATA` or the kit's own.
        confined: refuse to run the submission where it cannot be confined wholly. False is for code that you trust.
        student: copied into the result.
        name: how a submission given as text or bytes is called in the result and in messages, `losses.py` by default;
            one that ends in `.ipynb` has its bytes read as a notebook.

    Raises:
        UsageError: there is no such file, exercise, part or option.
        GraderError: content or machine failed, or `confined` cannot be granted; never a grade.
    """
    with Grader() as grader:
        return grader.grade(
            submission,
            exercise,
            parts=parts,
            seed=seed,
            device=device,
            training=training,
            dataset=dataset,
            data=data,
            confined=confined,
            student=student,
            name=name,
        )


class Grader:
    """Grades submissions one after another on one warm server of workers; a context manager.

        with nnkata.Grader() as grader:
            results = [grader.grade(file, "03_losses") for file in files]

    The first grade starts the server and imports torch. While a grader is open, torch computes with one thread in this
    process; `close` restores what was set before. One thread at a time may use it; many submissions in parallel are
    what `nnkata grade` is for.
    """

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._restore_threads: Callable[[], None] = lambda: None

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers' server. A later grade starts another."""
        engine, self._engine = self._engine, None
        if engine:
            engine.close()
            self._restore_threads()

    def grade(
        self,
        submission: Path | str | bytes,
        exercise: str | Exercise,
        *,
        parts: str | Iterable[str] = (),
        seed: int | None = None,
        device: Device = "cpu",
        training: Training = "full",
        dataset: str = "mnist",
        data: Path | None = None,
        confined: bool = True,
        student: str | None = None,
        name: str = "",
    ) -> Result:
        """Grade one submission and return its result; arguments and errors are those of `nnkata.grade`."""
        chosen = exercise if isinstance(exercise, Exercise) else catalog.find(exercise)
        names = (parts,) if isinstance(parts, str) else tuple(parts)
        for part in names:
            find_part(chosen, part)
        _require_choice("device", device, get_args(Device))
        _require_choice("training", training, get_args(Training))
        _require_choice("dataset", dataset, tuple(DATASETS))
        if seed is not None and not 0 <= seed <= MAX_SEED:
            raise UsageError(f"The seed {seed} is out of range: choose one from 0 to {MAX_SEED}.")
        origin = _origin(submission, name or chosen.module)
        options = GradingOptions(
            device=device,
            seed=seed,
            parts=names,
            training=training,
            dataset=dataset,
            data=data,
            require_confinement=confined,
        )
        engine = self._open(chosen)
        from .engine.engine import GradingRequest

        return engine.grade(GradingRequest(chosen, origin, options, student=student))

    def _open(self, first: Exercise) -> Engine:
        """Return the engine, made now if need be: workers and reader get ready while this process imports torch."""
        if self._engine is None:
            reader, server = Reader(), start_server(catalog.private_roots())
            try:
                reader.warm_up()
                server.prepare(first)
                import torch

                threads = torch.get_num_threads()
                from .engine.engine import Engine
            except BaseException:  # an interrupted import too: nobody else would end these processes
                server.close()
                reader.close()
                raise
            self._restore_threads = functools.partial(torch.set_num_threads, threads)
            self._engine = Engine(server, reader)
        return self._engine


def check(exercise: str, part: str = "", *, full: bool = False) -> jupyter.CheckDisplay:
    """Check in a notebook the cells that were run so far, and return what the notebook then displays.

    Args:
        exercise: an id as on the command line: `03_losses`, `3` or `losses`.
        part: only this part; empty for all of them.
        full: try the whole training of an accuracy bar too, which may take minutes; else the quick one.

    Returns:
        HTML in a notebook and text elsewhere, with the property `passed`.

    Raises:
        UsageError: outside of a notebook, or for an exercise or a part that does not exist.
        GraderError: the grader's own process failed.
    """
    return _in_notebook(catalog.find(exercise).id).check(part, full=full)


def hint(exercise: str, part: str) -> jupyter.HintDisplay:
    """Return a hint for a part, in a notebook: from the last check's diagnosis if there is one, then one level more
    each time.

    Raises:
        UsageError: there is no such exercise or part.
    """
    return _in_notebook(catalog.find(exercise).id).hint(part)


@functools.cache
def _in_notebook(exercise_id: str) -> jupyter.NotebookExercise:
    """Return the exercise as this kernel works on it: it remembers diagnoses and the hints taken."""
    from .course import jupyter

    return jupyter.NotebookExercise(exercise_id, prefix="nnkata.")


def _require_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"There is no {option} {value!r}: choose one of {', '.join(choices)}.")


def _origin(submission: Path | str | bytes, name: str) -> Path | FileBytes:
    """Return where the engine finds a submission's bytes; UsageError if there is nothing to be found."""
    if isinstance(submission, Path):
        if not submission.exists():
            raise UsageError(f"There is no file {submission}.")
        if submission.is_dir():
            raise UsageError(f"{submission} is a folder: give a Python file or a notebook.")
        return submission
    if isinstance(submission, str):
        if "\n" not in submission and submission.endswith((".py", ".ipynb")):  # a path by mistake would earn 0 points
            raise UsageError(f"{submission!r} is a string, so it would be graded as source: pass Path({submission!r}).")
        submission = submission.encode("utf-8", "surrogatepass")
    return FileBytes(name, submission)
