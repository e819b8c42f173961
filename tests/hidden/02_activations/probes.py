"""What is done with an implementation of 02_activations beyond one call."""

import torch

LAYERS = ("layer1", "layer2", "output_layer")


def without_graph(impl, part, x):
    """The function is called where autograd is switched off (torch.no_grad)."""
    with torch.no_grad():
        return getattr(impl, part)(x)


def two_calls(impl, part, x, y, **options):
    """The function is called on x and on y, and differentiated; without a graph it is called on both again,
    x changes in place, and it is called on x once more.
    """
    x, y = x.detach().clone().requires_grad_(), y.detach().clone().requires_grad_()
    f = getattr(impl, part)
    a, b = f(x, **options), f(y, **options)
    found = {"gradient of x": gradients(a, [x])[0], "gradient of y": gradients(b, [y])[0]}  # noqa: F821
    with torch.no_grad():
        z = x.detach().clone()
        first, other = f(z, **options), f(y.detach(), **options)
        z += 1
        after = f(z, **options)
    return {**found, "f(x), in the end": first, "f(y), in the end": other, "f(x) of the changed x": after}


def changed_result(impl, part, x, **options):
    """The function is called on x, and 1 is added to its result in place, which must leave x as it was."""
    with torch.no_grad():
        result = getattr(impl, part)(x, **options)
        result += 1
    return {"x afterwards": x}


def made(impl):
    """A new ActivationNet must have three registered layers, each with a weight and a bias of the right shape."""
    net = impl.ActivationNet()
    shapes = {}
    for name in LAYERS:
        layer = getattr(net, name, None)
        for kind in ("weight", "bias"):
            value = getattr(layer, kind, None)
            shapes[f"{name}.{kind}"] = None if value is None else list(value.shape)
    return {"shapes": shapes, "registered": sum(parameter.numel() for parameter in net.parameters())}


def fresh_answer(impl, seed, x):
    """A fresh ActivationNet is called on a batch."""
    torch.manual_seed(seed)
    return impl.ActivationNet().to(x.device)(x)


def forward(impl, weights, x):
    """An ActivationNet with given weights is called on a batch."""
    net = _loaded(impl, weights, x)
    return {"output": net(x), "x afterwards": x}


def evaluated(impl, weights, x):
    """An ActivationNet with given weights is called on a batch in evaluation mode, after net.eval()."""
    return _loaded(impl, weights, x).eval()(x)


def backward(impl, weights, x):
    """An ActivationNet with given weights is called, and its output is differentiated by x and by every weight."""
    net = _loaded(impl, weights, x)
    x = x.detach().requires_grad_()
    output = net(x)
    wrt = [value for name in LAYERS for value in (getattr(net, name).weight, getattr(net, name).bias)]
    found = gradients(output, [x, *wrt])  # noqa: F821
    names = ["x", *(f"{name}.{kind}" for name in LAYERS for kind in ("weight", "bias"))]
    return {"output": output, "gradients": dict(zip(names, found, strict=True))}


def two_networks(impl, weights, other_weights, x):
    """Two ActivationNets are made, each gets weights of its own, and the first is called on a batch."""
    first = _loaded(impl, weights, x)
    _loaded(impl, other_weights, x)
    return first(x)


def descent(impl, weights, x, target, lr, steps):
    """An ActivationNet with given weights takes some steps of gradient descent on its registered parameters."""
    net = _loaded(impl, weights, x)
    for _ in range(steps):
        net.zero_grad()
        ((net(x) - target) ** 2).mean().backward()
        with torch.no_grad():
            for parameter in net.parameters():
                if parameter.grad is not None:
                    parameter -= lr * parameter.grad
    return net(x)


def _loaded(impl, weights, x):
    net = impl.ActivationNet().to(device=x.device, dtype=x.dtype)
    with torch.no_grad():
        for name, weight, bias in zip(LAYERS, weights[::2], weights[1::2], strict=True):
            getattr(net, name).weight.copy_(weight)
            getattr(net, name).bias.copy_(bias)
    return net
