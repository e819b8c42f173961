"""The grader: from a submission to a verdict."""
