"""What must hold of an exercise's content, and the tools that check it."""
