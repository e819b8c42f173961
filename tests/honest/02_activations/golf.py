import torch
from torch import nn


def relu(x):
    return (x > 0) * x


def leaky_relu(x, negative_slope=0.01):
    return x * ((x > 0) + negative_slope * (x <= 0)).to(x)


def sigmoid(x):
    return softmax(torch.stack([x, 0 * x]), 0)[0]


def tanh(x):
    return 2 * sigmoid(2 * x) - 1


def gelu(x):
    return x / 2 * (1 + (x * 0.5**0.5).erf())


def softmax(x, dim):
    return (e := (x - x.amax(dim, True)).exp()) / e.sum(dim, True)


def log_softmax(x, dim):
    return (y := x - x.amax(dim, True)) - y.exp().sum(dim, True).log()


def sigmoid_grad(x):
    return sigmoid(x) * (1 - sigmoid(x))


def tanh_grad(x):
    return 1 / torch.cosh(x) ** 2


def relu_grad(x):
    return 1.0 * (x > 0).to(x)


class ActivationNet(nn.Module):
    def __init__(s):
        super().__init__()
        s.layer1, s.layer2, s.output_layer = nn.Linear(10, 20), nn.Linear(20, 10), nn.Linear(10, 1)

    def forward(s, x):
        return sigmoid(s.output_layer(tanh(s.layer2(relu(s.layer1(x))))))
