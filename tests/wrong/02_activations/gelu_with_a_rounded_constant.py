# part: gelu
# mistake: The tanh approximation, its constant rounded to 0.0447: neither exact nor the approximation that is known.
# says: the exact form is x · Φ\(x\)
import math


def gelu(x):
    return 0.5 * x * (1 + tanh(math.sqrt(2 / math.pi) * (x + 0.0447 * x**3)))  # noqa: F821
