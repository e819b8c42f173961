"""The groups of the command line beside `check` and its kin, what a terminal shows, and exit codes."""
