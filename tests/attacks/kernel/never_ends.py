"""A loop without an end holds the kernel."""

while True:
    pass
