"""Results for people and machines: a list of parts on a terminal, one line of JSON per result (format_version 1)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from ..model import Diagnosis, PartResult, Result, TestResult

RESULT_FORMAT_VERSION = 1
RESULT_FIELDS = (
    "exercise",
    "status",
    "score",
    "max_score",
    "device",
    "confinement",
    "seed",
    "submission",
    "student",
    "submission_sha256",
    "seconds",
    "parts",
    "tests",
    "flags",
    "diagnoses",
    "notes",
)
STATUS_MARKUP = {"pass": "[green]✓[/]", "fail": "[red]✗[/]", "error": "[yellow]![/]", "skip": "[dim]–[/]"}


def to_json(result: Result) -> str:
    """Return a result as one line of JSON."""
    return json.dumps(to_dict(result), ensure_ascii=False, separators=(",", ":"))


def to_dict(result: Result) -> dict[str, object]:
    """Return a result as plain data of format_version 1."""
    table = dataclasses.asdict(result)
    for part in table["parts"]:
        if not part.pop("unwritten"):
            continue
        part["unwritten"] = True
    for test in table["tests"]:
        for name in ("failure", "static"):
            if not test[name]:
                del test[name]
    return {"format_version": RESULT_FORMAT_VERSION, **{name: table[name] for name in RESULT_FIELDS}}


def from_dict(table: Mapping[str, Any]) -> Result:
    """Return the result that `to_dict` turned into `table`, without its trainings and prints, which are not kept.

    Raises:
        ValueError: `table` is not a result of format_version 1.
    """
    if table.get("format_version") != RESULT_FORMAT_VERSION:
        raise ValueError(f"format_version is {table.get('format_version')!r}; this kit reads {RESULT_FORMAT_VERSION}")
    try:
        plain = {
            name: table[name] for name in RESULT_FIELDS if name not in ("parts", "tests", "diagnoses", "flags", "notes")
        }
        return Result(
            **plain,
            parts=tuple(PartResult(**part) for part in table["parts"]),
            tests=tuple(TestResult(**test) for test in table["tests"]),
            diagnoses=tuple(Diagnosis(**diagnosis) for diagnosis in table["diagnoses"]),
            flags=tuple(table["flags"]),
            notes=tuple(table["notes"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is not a result: {error}") from None


def show(result: Result, title: str, console: Console, *, verbose: bool = False) -> None:
    """Print a result: one line per part, the first failing test of each part in full, and what to type next."""
    console.print()
    head = f"[bold]{escape(result.exercise)}[/] · {escape(title)}"
    console.print(head, highlight=False)
    for note in result.notes:
        console.print(Padding(Text(note, style="red"), (1, 0, 0, 2)))
    console.print()
    for part in result.parts:
        _show_part(part, result, console, verbose)
    _show_summary(result, console)


def _show_part(part: PartResult, result: Result, console: Console, verbose: bool) -> None:
    tests = [test for test in result.tests if test.part == part.name]
    mark = "[dim]○[/]" if part.unwritten else STATUS_MARKUP[part.status]
    points = f"{part.score:g}/{part.max_score:g}"
    console.print(f" {mark} {escape(part.name):<36} [dim]{points:>9}[/]", highlight=False)
    if part.unwritten:
        _print_indented(Text("not written yet", style="dim"), console)
        return
    failing = [test for test in tests if test.status in ("fail", "error")]
    if verbose:
        for test in tests:
            name = escape(test.id.partition("::")[2])
            console.print(f"     {STATUS_MARKUP[test.status]} [dim]{escape(test.rung):<9}[/] {name}", highlight=False)
            if test.status in ("fail", "error", "skip") and test not in failing[:1]:
                _print_indented(Text(test.message, style="dim"), console)
    for test in failing[:1]:
        _show_failure(test, result, console, len(failing), len(tests))


def _show_failure(test: TestResult, result: Result, console: Console, failing: int, total: int) -> None:
    if test.status == "error":
        _print_indented(Text("The grader itself failed here; this is not your mistake:", style="yellow"), console)
    first, *rest = test.message.split("\n")
    _print_indented(Text(first, style="bold"), console)
    for line in rest:
        _print_indented(Text(line), console)
    if test.misconception:
        for diagnosis in result.diagnoses:
            if diagnosis.misconception == test.misconception:
                _show_diagnosis(diagnosis, console)
    if failing > 1:
        _print_indented(
            Text(f"{failing} of {total} tests of this part fail; this is the first ({test.rung}).", style="dim"),
            console,
        )


def _show_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    _print_indented(Text.assemble(("→ ", "cyan"), (diagnosis.explanation, "cyan")), console)
    _print_indented(Text.assemble(("  Try: ", "cyan"), (diagnosis.advice, "cyan")), console)


def _print_indented(text: Text, console: Console) -> None:
    console.print(Padding(text, (0, 0, 0, 5), expand=False), highlight=False)


def _show_summary(result: Result, console: Console) -> None:
    for flag in result.flags:
        console.print(f" [yellow]flag[/] {escape(flag)}", highlight=False)
    if result.prints:
        console.print(" [dim]printed while the file was imported:[/]")
        for line in result.prints.splitlines()[:10]:
            _print_indented(Text(line, style="dim"), console)
    console.print()
    console.print(f" [bold]{result.score:g} of {result.max_score:g} points[/]  {_facts(result)}", highlight=False)
    for line in next_steps(result):
        console.print(f" [bold cyan]{escape(line)}[/]", highlight=False)


def _facts(result: Result) -> str:
    return f"[dim]seed {result.seed} · {escape(result.confinement)} · {result.seconds:.1f} s[/]"


def next_steps(result: Result) -> Iterator[str]:
    """Yield what to type next."""
    if result.status == "pass" and result.bars and all(bar.bar.quick for bar in result.bars):
        yield f"Next: run the full training with nnkata check {result.exercise}"
        return
    if result.status == "pass":
        yield f"All correct! Compare with our solution: nnkata solution {result.exercise}"
        return
    if result.status == "error":
        yield "The grader failed, not your code. Run `nnkata doctor` and tell your teacher."
        return
    broken = [part for part in result.parts if part.status == "fail"]
    begun = [part for part in broken if not part.unwritten]
    if result.notes or not broken:
        yield f"Next: fix the file, then run nnkata check {result.exercise}"
        return
    part = (begun or broken)[0]
    yield f"Next: nnkata hint {result.exercise} {part.name}"
