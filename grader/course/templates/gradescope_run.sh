#!/usr/bin/env bash
# Run by Gradescope for each submission. Without a grade there is no results.json: Gradescope then reports that
# the autograder failed, and gives no points.
set -uo pipefail
AUTOGRADER="${AUTOGRADER:-/autograder}"
PYTHON="${NNKATA_PYTHON:-$AUTOGRADER/venv/bin/python}"
if [ -d "$AUTOGRADER/source/content" ]; then
  export NNKATA_PATH="$AUTOGRADER/source/content"
fi
cd "$AUTOGRADER"
exec "$PYTHON" -P -m nnkata.grader.course.autograder gradescope \
  "$AUTOGRADER/submission" "$AUTOGRADER/results" "$AUTOGRADER/source/settings.json"
