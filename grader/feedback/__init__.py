"""A result said to a reader: on a terminal, as JSON, as HTML, and no more than its level may disclose."""
