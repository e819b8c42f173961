# part: clip_grad_norm_
# mistake: The square of the norm is compared with max_norm, the root is only taken afterwards.
# expects: square-compared-with-the-limit
import torch


@torch.no_grad()
def clip_grad_norm_(parameters, max_norm):
    parameters = [parameters] if isinstance(parameters, torch.Tensor) else parameters
    grads = [p.grad for p in parameters if p.grad is not None]
    if not grads:
        return torch.tensor(0.0)
    squares = sum((grad * grad).sum() for grad in grads)
    if squares > max_norm:
        for grad in grads:
            grad.mul_(max_norm / squares.sqrt())
    return squares.sqrt()
