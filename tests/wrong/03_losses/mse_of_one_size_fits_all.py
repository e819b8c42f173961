# part: mse_loss
# mistake: `reduction` is never looked at, nothing else is wrong.
# expects: always-the-mean


def mse_loss(input, target, reduction="mean"):
    _same_shape(input, target)  # noqa: F821
    return ((input - target) ** 2).mean()
