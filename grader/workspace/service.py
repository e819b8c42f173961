"""The actions in a workspace: check, hint, reset, solution, progress.

The command line and the notebook are thin callers. Nothing here imports torch until something is graded.
"""

from __future__ import annotations

import contextlib
import gc
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import files
from ..errors import NnkataError, SubmissionError, UsageError
from ..exercise import catalog, stub
from ..feedback import disclosure
from ..model import Exercise, GradingOptions, Part, Result
from ..sandbox.fork_client import start_server
from ..sandbox.reader_client import Reader
from . import workspace
from .workspace import Workspace

if TYPE_CHECKING:
    from ..engine.engine import Engine, GradingRequest
    from ..sandbox.worker_handle import Progress


def current_workspace() -> Workspace:
    """Return the workspace of the current folder; UsageError if there is none."""
    return workspace.find(files.find_working_folder(), catalog.KIT)


def init(folder: Path) -> tuple[list[str], list[str]]:
    """Create a workspace, or add what is missing to one; return the files written and the existing ones kept."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: give a folder.")
    try:
        return workspace.create(folder, catalog.exercises())
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from None


@dataclass(frozen=True)
class ExerciseProgress:
    """One exercise and the student's progress in it."""

    exercise: Exercise
    score: float
    passed: bool
    begun: bool


def list_progress(space: Workspace | None) -> list[ExerciseProgress]:
    """Return every exercise with its progress, which is none without a workspace."""
    progress = []
    for exercise in catalog.exercises():
        record = space.record(exercise.id) if space else workspace.Record()
        progress.append(ExerciseProgress(exercise, record.score, record.passed, record.attempts > 0))
    return progress


def next_exercise(space: Workspace, after: str = "") -> Exercise | None:
    """Return the first exercise after `after` that is not passed yet, or None."""
    for exercise in catalog.exercises():
        if exercise.id > after and not space.record(exercise.id).passed:
            return exercise
    return None


@dataclass(frozen=True)
class CheckRequest:
    """A request to `check`; see the command's options.

    Attributes:
        options: of the grading; `require_confinement` is meant for a `submission` alone.
        call_seconds, memory_mb: instead of the limits of each exercise.
    """

    exercises: tuple[str, ...] = ()
    everything: bool = False
    submission: Path | None = None
    solution: bool = False
    debug: bool = False
    options: GradingOptions = field(default_factory=GradingOptions)
    call_seconds: float | None = None
    memory_mb: int | None = None


def grading_requests(
    request: CheckRequest, space: Workspace | None, on_progress: Progress | None = None
) -> Iterator[GradingRequest]:
    """Yield what a check comes to, one per exercise, checked for sense before anything is graded."""
    from ..engine.engine import GradingRequest

    for exercise in select_exercises(request, space):
        if request.submission:
            file = request.submission
        elif request.solution:
            file = exercise.solution
            if not file.is_file():
                raise UsageError(f"{exercise.id} has no solution.")
        else:
            assert space is not None
            file = space.file(exercise)
        own = request.submission is None
        limits = replace(
            exercise.limits,
            call_seconds=request.call_seconds or exercise.limits.call_seconds,
            memory_mb=request.memory_mb or exercise.limits.memory_mb,
        )
        options = request.options
        yield GradingRequest(
            exercise,
            file,
            replace(options, limits=limits, require_confinement=options.require_confinement and not own),
            in_process=request.debug,
            on_progress=on_progress,
        )


def select_exercises(request: CheckRequest, space: Workspace | None) -> list[Exercise]:
    """Return the exercises that a check is about. Needs no torch.

    Raises:
        UsageError: there is none of that name, or no such part.
    """
    selected = _requested_exercises(request, space)
    for exercise in selected:
        for name in request.options.parts:
            find_part(exercise, name)
    return selected


def _requested_exercises(request: CheckRequest, space: Workspace | None) -> list[Exercise]:
    if request.everything:
        return catalog.exercises()
    if request.exercises:
        named = [catalog.find(name) for name in request.exercises]
        if request.submission and len(named) > 1:
            raise UsageError("--submission needs exactly one exercise.")
        return named
    if file := request.submission:
        for exercise in catalog.exercises():
            if exercise.module == file.name:
                return [exercise]
        raise UsageError(f"Which exercise is {file.name} for? Name it: nnkata check ID --submission {file}")
    following = next_exercise(space) if space else None
    if following is None:
        raise UsageError("You have passed every exercise. `nnkata check --all` checks them all again.")
    return [following]


def find_part(exercise: Exercise, name: str) -> Part:
    """Return the part of that name; UsageError lists the existing ones."""
    import difflib

    names = [part.name for part in exercise.parts]
    if name in names:
        return exercise.part(name)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    advice = f"Did you mean {nearest[0]}?" if nearest else f"Its parts are {', '.join(names)}."
    raise UsageError(f"{exercise.id} has no part {name!r}. {advice}")


@contextlib.contextmanager
def open_engine(first: Exercise, *, local: bool = False) -> Iterator[Engine]:
    """Open an engine quickly: the workers' server imports torch and prepares for `first` while this process imports it.

    Args:
        local: true if no workers are needed.
    """
    server = None if local else start_server(catalog.private_roots())
    reader = Reader()
    try:
        reader.warm_up()
        if server:
            server.prepare(first)
        gc.disable()  # importing torch makes millions of objects, none of them garbage
        from ..engine.engine import Engine

        gc.freeze()
        gc.enable()
        with Engine(server, reader) as engine:
            yield engine
    finally:
        reader.close()
        if server:
            server.close()


def check(engine: Engine, request: GradingRequest, space: Workspace | None) -> Result:
    """Grade, and record the result if it is about the workspace's own file and the whole exercise."""
    result = _grade_in_process(engine, request) if request.in_process else engine.grade(request)
    if space and not request.options.parts and request.submission == space.file(request.exercise):
        space.remember(result, whole=request.options.training == "full" or not request.exercise.bars)
        if result.bars:
            from . import training_pictures

            try:
                training_pictures.save(result, space.state / "results" / result.exercise)
            except OSError as error:
                space.warnings.append(f"the training's curves could not be saved ({error.strerror})")
    return result


def _grade_in_process(engine: Engine, request: GradingRequest) -> Result:
    """Grade in this process, with the student's prints on the terminal, so that `breakpoint()` works, too."""
    from ..worker import probing

    try:
        with probing.prints_shown():
            return engine.grade(request)
    except NnkataError:
        raise
    except (Exception, SystemExit) as error:  # importing it failed
        assert isinstance(request.submission, Path)  # one's own file, or one that was named
        name = request.submission.name
        trace = traceback.extract_tb(error.__traceback__)
        where = next((f", line {frame.lineno}" for frame in reversed(trace) if frame.filename == f"<{name}>"), "")
        raise SubmissionError(f"{name}{where}: importing the file: {type(error).__name__}: {error}") from None


@dataclass(frozen=True)
class Hint:
    """One hint.

    Attributes:
        level: its number, from 1; 0 for the diagnosis of the last check.
        of: the number of hints for the part.
        last: true if there is none after it.
    """

    exercise: Exercise
    part: Part
    level: int
    of: int
    text: str
    last: bool


def hint(space: Workspace, exercise: Exercise, name: str | None) -> Hint:
    """Return the next hint for a part; the last check's diagnosis comes first, if there is one."""
    record = space.record(exercise.id)
    if name is None:
        part = next((p for p in exercise.parts if not record.parts.get(p.name)), exercise.parts[0])
    else:
        part = find_part(exercise, name)
    if diagnosis := record.diagnoses.pop(part.name, None):
        space.save()
        return Hint(exercise, part, 0, len(part.hints), f"{diagnosis[0]}\nTry: {diagnosis[1]}", False)
    if not part.hints:
        raise UsageError(f"{exercise.id} has no hints for {part.name}. Read the lesson: {exercise.id}/README.md")
    level = min(record.hints.get(part.name, 0) + 1, len(part.hints))
    record.hints[part.name] = level
    space.save()
    text = disclosure.unwrap_paragraphs(part.hints[level - 1])
    return Hint(exercise, part, level, len(part.hints), text, level == len(part.hints))


def reset(space: Workspace, exercise: Exercise, name: str | None) -> Path | None:
    """Restore the stub, for one part or the whole file; return the backup's path, None if there was no file."""
    file = space.file(exercise)
    fresh = exercise.stub.read_text("utf-8")
    if file.resolve() == exercise.stub.resolve():
        if not exercise.solution.is_file():
            raise UsageError(f"{file} is the stub itself.")
        fresh = stub.make_stub(exercise.solution.read_text("utf-8"))
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(file, fresh)
        return None
    text = fresh if name is None else _reset_part(file, fresh, find_part(exercise, name).name)
    try:
        kept = workspace.backup(file, space.state)
        files.write_whole(file, text)
    except OSError as error:
        raise UsageError(f"{file} cannot be reset ({error.strerror}).") from None
    return kept


def _reset_part(file: Path, fresh: str, name: str) -> str:
    try:
        mine = file.read_text("utf-8")
        place = stub.span_of(mine, name)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        raise SubmissionError(
            f"{file} cannot be parsed, so a single part cannot be reset."
            f" Fix the file, or reset all of it: nnkata reset {file.parent.name}"
        ) from None
    new = stub.span_of(fresh, name)
    assert new is not None
    lines, stub_lines = mine.splitlines(), fresh.splitlines()[new.begin : new.end]
    if place is None:
        lines += ["", "", *stub_lines]
    else:
        lines[place.begin : place.end] = stub_lines
    return "\n".join(lines) + "\n"


def solution(space: Workspace | None, exercise: Exercise, *, spoil: bool) -> str:
    """Return the reference solution's text without its markers, after a pass or with `spoil`."""
    if not exercise.solution.is_file():
        raise UsageError(f"{exercise.id} has no solution.")
    if not spoil and not (space and space.record(exercise.id).passed):
        raise UsageError(
            f"{exercise.id} is not passed yet. Pass it first, or see it anyway: nnkata solution {exercise.id} --spoil"
        )
    lines = exercise.solution.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if line.strip() not in (stub.BEGIN, stub.END)) + "\n"
