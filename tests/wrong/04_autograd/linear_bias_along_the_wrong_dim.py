# part: LinearFunction
# mistake: The gradient of the bias is summed over dim 1.
# expects: bias-gradient-summed-over-the-outputs
import torch


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        y = torch.mm(x, weight.t())
        return y if bias is None else y + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grads = [None, None, None]
        if ctx.needs_input_grad[0]:
            grads[0] = torch.mm(grad_output, weight)
        if ctx.needs_input_grad[1]:
            grads[1] = torch.mm(grad_output.t(), x)
        if ctx.needs_input_grad[2]:
            grads[2] = torch.sum(grad_output, dim=1)
        return tuple(grads)
