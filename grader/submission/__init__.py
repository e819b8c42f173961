"""From untrusted bytes to checked source text, without running any of it."""
