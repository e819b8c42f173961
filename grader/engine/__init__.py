"""One submission to one result: the only road to a verdict."""
