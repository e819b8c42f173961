"""Results for readers: on a terminal, as JSON, as HTML, and no more than a feedback level may disclose."""
