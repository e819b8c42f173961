"""Asks a submission questions and compares the answers with the reference's and PyTorch's."""
