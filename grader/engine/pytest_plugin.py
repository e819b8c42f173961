"""`pytest tests/hidden/03_losses --submission losses.py`: the hidden tests as ordinary pytest, with the same verdicts.

Loaded with `-p nnkata.grader.engine.pytest_plugin`. Without `--submission` the reference solutions are judged.
Whatever is not a hidden test is left alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ..exercise.catalog import KIT


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of hidden tests."""
    group = parser.getgroup("nnkata")
    group.addoption(
        "--submission", metavar="FILE", help="judge this file with the hidden tests (default: the reference solution)"
    )
    group.addoption("--seed", type=int, default=0, help="draw the hidden tests' inputs from this seed")


def pytest_configure(config: pytest.Config) -> None:
    """Register the judge, if hidden tests are asked for by path."""
    paths = [Path(str(arg).split("::")[0]).resolve() for arg in config.args]
    if not any("hidden" in path.parts for path in paths):
        return
    from ..judge.verdict_plugin import JudgePlugin
    from ..worker import process_setup
    from .pytest_trials import Trials

    process_setup.prepare_torch()
    trials = Trials(config.getoption("--submission"), config.getoption("--seed"))
    config.pluginmanager.register(JudgePlugin(trials.trial_of), "nnkata-judge")
    config.add_cleanup(trials.close)


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the kit's root as a folder: its `__init__.py` would make pytest take it for a package of tests, and
    import a second copy of it under another name.
    """
    return pytest.Dir.from_parent(parent, path=path) if path == KIT else None
