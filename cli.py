"""Neural-network exercises in PyTorch, with an autograder that can be trusted."""
