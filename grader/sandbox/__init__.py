"""Workers from the grader's side: start, ask, limit, kill."""
