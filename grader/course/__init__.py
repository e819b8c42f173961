"""Other systems that hand out exercises and collect work: nbgrader, Jupyter, Gradescope, GitHub Classroom."""
