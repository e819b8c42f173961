"""`make demo`: a half-finished student's workspace, checked as the student would check it."""

import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "demo"
NNKATA = str(Path(sys.executable).with_name("nnkata"))


def run(*words: str) -> None:
    """Show a command and run it."""
    print(f"\n$ nnkata {' '.join(words)}", flush=True)
    subprocess.run([NNKATA, *words], cwd=BUILD, check=False)


def main() -> None:
    """Copy the workspace, so that the one that ships stays as it is, and work in it."""
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(HERE / "workspace", BUILD)
    print("A student has worked on 03_losses: some parts are right, some have typical mistakes, one is not begun.")
    run("init")
    run("check", "03_losses")
    run("hint", "03_losses", "cross_entropy")
    run("list")
    print("\nAnd a short real training on MNIST, with the reference's own loop:")
    run("check", "06_training", "--part", "fit", "--solution", "--quick")
    print(f"\nThe workspace is {BUILD}: edit {BUILD / '03_losses' / 'losses.py'} and check again.")


if __name__ == "__main__":
    main()
