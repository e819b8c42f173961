"""What several exercises ask for, and what goes wrong in several: tests and misconceptions that are written once."""
