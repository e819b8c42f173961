"""Exercises on disk, the vocabulary of their authors, and the data that they train on."""
