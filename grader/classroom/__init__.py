"""Many submissions: graded in parallel, resumable, reported."""
