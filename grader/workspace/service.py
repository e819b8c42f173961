"""What a caller can ask for: check, hint, reset, solution, progress. The command line and the notebook are thin
callers of it.

Nothing here imports torch until something is graded.
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


def here() -> Workspace:
    """The workspace of the current folder; UsageError if there is none."""
    return workspace.find(Path.cwd().resolve(), catalog.KIT)


def init(folder: Path) -> tuple[list[str], list[str]]:
    """Make a workspace, or add what is missing to one; never overwrites. The files written and those kept."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder.")
    try:
        return workspace.create(folder, catalog.exercises())
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}): choose another folder.") from None


@dataclass(frozen=True)
class Entry:
    """One exercise in the list: its progress in this workspace."""

    exercise: Exercise
    score: float
    passed: bool
    begun: bool


def entries(space: Workspace | None) -> list[Entry]:
    """Every exercise with its progress; without a workspace, with none."""
    found = []
    for exercise in catalog.exercises():
        record = space.record(exercise.id) if space else workspace.Record()
        found.append(Entry(exercise, record.score, record.passed, record.attempts > 0))
    return found


def next_exercise(space: Workspace, after: str = "") -> Exercise | None:
    """The first exercise that is not passed yet, later than `after`; None if there is none."""
    for exercise in catalog.exercises():
        if exercise.id > after and not space.record(exercise.id).passed:
            return exercise
    return None


@dataclass(frozen=True)
class CheckRequest:
    """What `check` was asked for; see the command's options.

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
                raise UsageError(f"{exercise.id} came without a solution.")
        else:
            assert space is not None
            file = space.file(exercise)
        if file.is_dir():
            raise SubmissionError(f"{file} is a folder: give a Python file.")
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
    selected = _exercises(request, space)
    for exercise in selected:
        for name in request.options.parts:
            part_of(exercise, name)
    return selected


def _exercises(request: CheckRequest, space: Workspace | None) -> list[Exercise]:
    if request.everything:
        return catalog.exercises()
    if request.exercises:
        named = [catalog.find(name) for name in request.exercises]
        if request.submission and len(named) > 1:
            raise UsageError("--submission goes with one exercise.")
        return named
    if file := request.submission:
        for exercise in catalog.exercises():
            if exercise.module == file.name:
                return [exercise]
        raise UsageError(f"Which exercise is {file.name} for? Name it: nnkata check ID --submission {file}")
    following = next_exercise(space) if space else None
    if following is None:
        raise UsageError("Every exercise is passed. `nnkata check --all` checks them all again.")
    return [following]


def part_of(exercise: Exercise, name: str) -> Part:
    """The part of that name; UsageError names those there are."""
    import difflib

    names = [part.name for part in exercise.parts]
    if name in names:
        return exercise.part(name)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    advice = f"Did you mean {nearest[0]}?" if nearest else f"There are: {', '.join(names)}."
    raise UsageError(f"{exercise.id} has no part {name!r}. {advice}")


@contextlib.contextmanager
def grading(first: Exercise, local: bool = False) -> Iterator[Engine]:
    """An engine, and soon: the workers' server imports torch and gets ready for `first` while this process imports
    it too.

    Args:
        local: no workers are needed.
    """
    server = None if local else start_server(catalog.hidden())
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
    """Grade, and remember the result if it is about the workspace's own file and about the whole exercise."""
    result = _debugged(engine, request) if request.in_process else engine.grade(request)
    if space and not request.options.parts and request.submission == space.file(request.exercise):
        space.remember(result, whole=request.options.training == "full" or not request.exercise.bars)
        if result.bars:
            from . import training_pictures

            try:
                training_pictures.keep(result, space.state / "results" / result.exercise)
            except OSError as error:
                space.warnings.append(f"the training's curves could not be kept ({error.strerror})")
    return result


def _debugged(engine: Engine, request: GradingRequest) -> Result:
    """Grade in this process; what the student's code prints goes where ours goes, so that `breakpoint()` works too."""
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
    """One hint: which part, the how-manieth of how many (0: the diagnosis of the last check), and its text."""

    exercise: Exercise
    part: Part
    level: int
    of: int
    text: str
    last: bool


def hint(space: Workspace, exercise: Exercise, name: str | None) -> Hint:
    """The next hint for a part, one level more each time; from the last check's diagnosis, if there is one."""
    record = space.record(exercise.id)
    if name is None:
        part = next((p for p in exercise.parts if not record.parts.get(p.name)), exercise.parts[0])
    else:
        part = part_of(exercise, name)
    if found := record.diagnoses.pop(part.name, None):
        space.save()
        return Hint(exercise, part, 0, len(part.hints), f"{found[0]}\nTry: {found[1]}", False)
    if not part.hints:
        raise UsageError(f"{exercise.id} has no hints for {part.name}. Its lesson: {exercise.id}/README.md")
    level = min(record.hints.get(part.name, 0) + 1, len(part.hints))
    record.hints[part.name] = level
    space.save()
    text = disclosure.flowing(part.hints[level - 1])
    return Hint(exercise, part, level, len(part.hints), text, level == len(part.hints))


def reset(space: Workspace, exercise: Exercise, name: str | None) -> Path | None:
    """Bring the stub back, of one part or of all; the backup's path, None if there was nothing to keep."""
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
    text = fresh if name is None else _with_part_reset(file, fresh, part_of(exercise, name).name)
    try:
        kept = workspace.backup(file, space.state)
        files.write_whole(file, text)
    except OSError as error:
        raise UsageError(f"{file} cannot be reset ({error.strerror}).") from None
    return kept


def _with_part_reset(file: Path, fresh: str, name: str) -> str:
    try:
        mine = file.read_text("utf-8")
        place = stub.span_of(mine, name)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        raise SubmissionError(
            f"{file} cannot be parsed, so no part of it can be reset alone."
            f" Mend the file, or bring all of it back: nnkata reset {file.parent.name}"
        ) from None
    new = stub.span_of(fresh, name)
    assert new is not None
    lines, stub_lines = mine.splitlines(), fresh.splitlines()[new.begin : new.end]
    if place is None:
        lines += ["", "", *stub_lines]
    else:
        lines[place.begin : place.end] = stub_lines
    return "\n".join(lines) + "\n"


def solution(space: Workspace | None, exercise: Exercise, spoil: bool) -> str:
    """The reference solution's text, without its markers: after a pass, or when asked to spoil it."""
    if not exercise.solution.is_file():
        raise UsageError(f"{exercise.id} came without a solution.")
    if not spoil and not (space and space.record(exercise.id).passed):
        raise UsageError(
            f"{exercise.id} is not passed yet. Pass it first, or spoil it: nnkata solution {exercise.id} --spoil"
        )
    lines = exercise.solution.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if line.strip() not in (stub.BEGIN, stub.END)) + "\n"
