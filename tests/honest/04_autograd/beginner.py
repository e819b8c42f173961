"""Long-winded and careful: plain loops, plain lists, every case written out."""

import math

import torch
from torch import nn


def numerical_gradient(f, x, eps=1e-6):
    # I copy x into a flat list of Python numbers and build every nudged tensor from it
    numbers = x.flatten().tolist()
    result = []
    for i in range(len(numbers)):
        plus = list(numbers)
        plus[i] = plus[i] + eps
        minus = list(numbers)
        minus[i] = minus[i] - eps
        plus_tensor = torch.tensor(plus, dtype=torch.float64, device=x.device).reshape(x.shape)
        minus_tensor = torch.tensor(minus, dtype=torch.float64, device=x.device).reshape(x.shape)
        difference = f(plus_tensor) - f(minus_tensor)
        result.append(difference.item() / (2 * eps))
    return torch.tensor(result, dtype=x.dtype, device=x.device).reshape(x.shape)


def unbroadcast(grad, shape):
    result = grad.clone()
    if len(shape) == 0:
        return result.sum()
    how_many_more = len(result.shape) - len(shape)
    for _ in range(how_many_more):
        result = torch.sum(result, dim=0, keepdim=False)
    for i in range(len(shape)):
        if (shape[i] == 1 and result.shape[i] > 1) or (shape[i] == 1 and result.shape[i] == 0):
            result = torch.sum(result, dim=i, keepdim=True)
    return result


class LinearFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        columns = []
        for o in range(weight.shape[0]):
            column = (x * weight[o]).sum(dim=1)
            if ctx.has_bias:
                column = column + bias[o]
            columns.append(column)
        return torch.stack(columns, dim=1)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        grad_x = None
        grad_weight = None
        grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_x = torch.zeros_like(x)
            for o in range(weight.shape[0]):
                grad_x = grad_x + grad_output[:, o : o + 1] * weight[o]
        if ctx.needs_input_grad[1]:
            rows = []
            for o in range(weight.shape[0]):
                rows.append((grad_output[:, o : o + 1] * x).sum(dim=0))
            grad_weight = torch.stack(rows)
        if ctx.has_bias and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(dim=0)
        return grad_x, grad_weight, grad_bias


class Value:
    def __init__(self, data):
        self.data = data
        self.grad = 0.0
        self.op = "leaf"
        self.left = None
        self.right = None
        self.number = None

    @staticmethod
    def make(op, data, left, right=None, number=None):
        v = Value(data)
        v.op = op
        v.left = left
        v.right = right
        v.number = number
        return v

    def __add__(self, other):
        if not isinstance(other, Value):
            other = Value(other)
        return Value.make("+", self.data + other.data, self, other)

    def __radd__(self, other):
        return Value(other) + self

    def __sub__(self, other):
        if not isinstance(other, Value):
            other = Value(other)
        return Value.make("-", self.data - other.data, self, other)

    def __rsub__(self, other):
        return Value(other) - self

    def __mul__(self, other):
        if not isinstance(other, Value):
            other = Value(other)
        return Value.make("*", self.data * other.data, self, other)

    def __rmul__(self, other):
        return Value(other) * self

    def __truediv__(self, other):
        if not isinstance(other, Value):
            other = Value(other)
        return Value.make("/", self.data / other.data, self, other)

    def __rtruediv__(self, other):
        return Value(other) / self

    def __neg__(self):
        return Value.make("neg", -self.data, self)

    def __pow__(self, number):
        return Value.make("**", self.data**number, self, None, number)

    def exp(self):
        return Value.make("exp", math.exp(self.data), self)

    def log(self):
        return Value.make("log", math.log(self.data), self)

    def tanh(self):
        return Value.make("tanh", math.tanh(self.data), self)

    def relu(self):
        if self.data > 0:
            return Value.make("relu", self.data, self)
        return Value.make("relu", 0.0, self)

    def slopes(self):
        if self.op == "+":
            return 1.0, 1.0
        if self.op == "-":
            return 1.0, -1.0
        if self.op == "*":
            return self.right.data, self.left.data
        if self.op == "/":
            return 1.0 / self.right.data, -self.left.data / self.right.data**2
        if self.op == "neg":
            return -1.0, None
        if self.op == "**":
            return self.number * self.left.data ** (self.number - 1), None
        if self.op == "exp":
            return self.data, None
        if self.op == "log":
            return 1.0 / self.left.data, None
        if self.op == "tanh":
            return 1.0 - self.data**2, None
        if self.op == "relu":
            if self.left.data > 0:
                return 1.0, None
            return 0.0, None
        raise AssertionError(self.op)

    def backward(self):
        # 1. find everything
        everything = {id(self): self}
        to_do = [self]
        while len(to_do) > 0:
            v = to_do.pop()
            for parent in (v.left, v.right):
                if parent is not None and id(parent) not in everything:
                    everything[id(parent)] = parent
                    to_do.append(parent)
        # 2. count by how many each one is used
        waiting_for = dict.fromkeys(everything, 0)
        for v in everything.values():
            for parent in (v.left, v.right):
                if parent is not None:
                    waiting_for[id(parent)] += 1
        # 3. those that wait for nobody pass on what they have
        derivative = dict.fromkeys(everything, 0.0)
        derivative[id(self)] = 1.0
        ready = [self]
        while len(ready) > 0:
            v = ready.pop(0)
            v.grad = v.grad + derivative[id(v)]
            if v.op == "leaf":
                continue
            for parent, slope in zip((v.left, v.right), v.slopes(), strict=True):
                if parent is not None:
                    derivative[id(parent)] += slope * derivative[id(v)]
                    waiting_for[id(parent)] -= 1
                    if waiting_for[id(parent)] == 0:
                        ready.append(parent)


def named_parameters(module):
    answer = []
    already = []

    def look_at(this, path):
        for name in this._parameters:
            parameter = this._parameters[name]
            if parameter is None:
                continue
            is_new = True
            for old in already:
                if old is parameter:
                    is_new = False
            if is_new:
                already.append(parameter)
                if path == "":
                    answer.append((name, parameter))
                else:
                    answer.append((path + "." + name, parameter))
        for name in this._modules:
            child = this._modules[name]
            if not isinstance(child, nn.Module):
                continue
            if path == "":
                look_at(child, name)
            else:
                look_at(child, path + "." + name)

    look_at(module, "")
    return answer


def accumulate_gradients(model, loss_fn, micro_batches):
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.zero_()
    number_of_samples = 0
    sum_of_losses = 0.0
    for x, y in micro_batches:
        prediction = model(x)
        loss = loss_fn(prediction, y)
        summed = loss * len(x)
        summed.backward()
        sum_of_losses = sum_of_losses + summed.item()
        number_of_samples = number_of_samples + len(x)
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad /= number_of_samples
    return sum_of_losses / number_of_samples
