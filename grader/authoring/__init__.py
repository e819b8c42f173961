"""The tools that check the content of an exercise."""
