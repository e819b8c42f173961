"""Exercises on disk, what their authors write with, and the data that they train on."""
