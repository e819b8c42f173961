# part: fires
# mistake: The sum has to exceed the threshold. (The tests that show it are those about equality, under every seed.)
# expects: must-exceed-the-threshold


def fires(x, weight, threshold):
    return (x * weight).sum(dim=-1) > threshold
