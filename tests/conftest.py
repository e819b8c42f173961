"""What every test process has: torch set up as the grader's entry points do it."""

from nnkata.grader.worker import process_setup


def pytest_sessionstart() -> None:
    """Set up torch before anything is collected."""
    process_setup.prepare_torch()
