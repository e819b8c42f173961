"""What is done with a Linear and with count_parameters; `gradients` is given."""

import itertools
import math

import torch
from torch import nn


def _filled(impl, weight, bias):
    layer = impl.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.to(device=weight.device, dtype=weight.dtype)
    layer.load_state_dict({"weight": weight} if bias is None else {"weight": weight, "bias": bias})
    return layer


def registers(impl, in_features, out_features, **options):
    """A Linear is made, and what it has registered as parameters is listed."""
    layer = impl.Linear(in_features, out_features, **options)
    return {
        name: tensor
        if tensor is None
        else {
            "shape": list(tensor.shape),
            "dtype": str(tensor.dtype),
            "is an nn.Parameter": isinstance(tensor, nn.Parameter),
            "requires_grad": tensor.requires_grad,
        }
        for name, tensor in layer._parameters.items()
    }


def attributes(impl, in_features, out_features, **options):
    """A Linear is made, and the shapes of its weight and bias are read."""
    layer = impl.Linear(in_features, out_features, **options)
    shapes = [value if value is None else list(value.shape) for value in (layer.weight, layer.bias)]
    return {"weight": shapes[0], "bias": shapes[1]}


def answers(impl, x, weight, bias=None):
    """A Linear loads this weight and bias with load_state_dict and answers x."""
    layer = _filled(impl, weight, bias)
    return {
        "answer": layer(x).detach(),
        "answer to the same again": layer(x).detach(),
        "x afterwards": x.detach(),
    }


def learns(impl, x, weight, bias=None):
    """A Linear loads this weight and bias and answers x, and the gradients of x and of its parameters are taken."""
    layer = _filled(impl, weight, bias)
    x = x.detach().requires_grad_()
    answer = layer(x)
    asked = {"x": x, "weight": layer.weight, "bias": layer.bias}
    wanted = {name: value for name, value in asked.items() if value is not None and value.requires_grad}
    found = dict(zip(wanted, gradients(answer, list(wanted.values())), strict=True))  # noqa: F821
    return {"answer": answer.detach(), **{f"gradient of {name}": found.get(name) for name in asked}}


def saves(impl, weight, bias=None):
    """A Linear loads this weight and bias with load_state_dict, and its own state_dict is taken."""
    return dict(_filled(impl, weight, bias).state_dict())


def first_state(impl, in_features, out_features, seed, **options):
    """A new Linear's state_dict is taken, to be loaded into an nn.Linear."""
    torch.manual_seed(seed)
    return dict(impl.Linear(in_features, out_features, **options).state_dict())


def drawn(impl, in_features, out_features, seed):
    """A new Linear must draw its weight and its bias uniformly between −1/√in_features and 1/√in_features."""
    torch.manual_seed(seed)
    layer = impl.Linear(in_features, out_features)
    return {"weight": layer.weight.detach(), "bias": layer.bias.detach()}


def drawn_again(impl, in_features, out_features, seed):
    """After torch.manual_seed two Linears are made, after the same seed one more, and one after another seed."""
    torch.manual_seed(seed)
    layers = [impl.Linear(in_features, out_features), impl.Linear(in_features, out_features)]
    torch.manual_seed(seed)
    layers.append(impl.Linear(in_features, out_features))
    torch.manual_seed(seed + 1)
    layers.append(impl.Linear(in_features, out_features))
    names = ["first", "second", "same seed", "other seed"]
    return {
        name: {"weight": layer.weight.detach(), "bias": layer.bias.detach()}
        for name, layer in zip(names, layers, strict=True)
    }


def made_of(impl, in_features, out_features):
    """A Linear is made, and the classes that it extends and contains are listed."""
    layer = impl.Linear(in_features, out_features)
    own = 1 if type(layer) is impl.Linear else 0

    def names(classes):
        return [f"{c.__module__}.{c.__qualname__}" for c in classes]

    held = list(layer.modules())[1:]
    for value in vars(layer).values():
        items = value if isinstance(value, list | tuple) else [value]
        held += [item for item in items if isinstance(item, nn.Module)]
    inside = [name for part in held for name in names(type(part).__mro__)]
    return {"extends": names(type(layer).__mro__[own:]), "contains": inside}


def descends(impl, x, target, weight, bias, steps, lr):
    """A Linear loads this weight and bias and takes steps of gradient descent on its parameters towards a target."""
    layer = _filled(impl, weight, bias)
    losses = []
    for _ in range(steps):
        layer.zero_grad()
        loss = ((layer(x) - target) ** 2).mean()
        loss.backward()
        losses.append(loss.detach())
        with torch.no_grad():
            for parameter in layer.parameters():
                if parameter.grad is not None:
                    parameter -= lr * parameter.grad
    return {"losses": torch.stack(losses), "answer afterwards": layer(x).detach()}


def moved(impl, in_features, out_features, **options):
    """A Linear is moved to another device and answers an x that lives there."""
    layer = impl.Linear(in_features, out_features, **options)
    return elsewhere.find_output_device(layer, torch.zeros(2, in_features))  # noqa: F821 (a name that every probe is given)


# -- modules to count --------------------------------------------------------------------------------------------


class _Holder(nn.Module):
    """A module with a parameter of each given shape, 0, 1, 2, …; those whose name is in `frozen` take no gradient."""

    def __init__(self, frozen=(), **shapes):
        super().__init__()
        for name, shape in shapes.items():
            values = torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)
            self.register_parameter(name, nn.Parameter(values, requires_grad=name not in frozen))


def _layer(in_features, out_features, frozen=()):
    return _Holder(frozen, weight=(out_features, in_features), bias=(out_features,))


def count_layer(impl, in_features, out_features, **options):
    """Count a layer with a weight (out_features, in_features) and a bias (out_features)."""
    return impl.count_parameters(_layer(in_features, out_features), **options)


def count_shapes(impl, shapes, **options):
    """Count a module whose parameters have these shapes."""
    named = {f"p{i}": tuple(shape) for i, shape in enumerate(shapes)}
    return impl.count_parameters(_Holder(**named), **options)


def count_network(impl, sizes, **options):
    """Count a network of layers (each a weight and a bias) between these sizes, nested three modules deep."""
    layers = [_layer(a, b) for a, b in itertools.pairwise(sizes)]
    outer = _Holder(scale=(sizes[0],))
    outer.body = nn.Sequential(nn.ModuleList(layers[:1]), nn.Sequential(nn.Sequential(*layers[1:])))
    return impl.count_parameters(outer, **options)


def count_frozen(impl, sizes, **options):
    """Count a network whose first layer is frozen and whose second has a frozen bias; are they frozen afterwards?"""
    a, b, c = sizes
    network = nn.Sequential(_layer(a, b, frozen=("weight", "bias")), _layer(b, c, frozen=("bias",)))
    count = impl.count_parameters(network, **options)
    return {"count": count, "requires_grad afterwards": [p.requires_grad for p in network.parameters()]}


def count_tied(impl, words, width, **options):
    """Count a model whose last layer uses the weight (words, width) of its first, and has a bias of its own."""
    network = nn.Sequential(_Holder(weight=(words, width)), _layer(width, words))
    network[1].weight = network[0].weight
    return impl.count_parameters(network, **options)


def count_tied_frozen(impl, words, width, **options):
    """Count a model in which a frozen weight (words, width) is registered in two modules, beside a bias that learns."""
    network = nn.Sequential(_Holder(("weight",), weight=(words, width)), _layer(width, words))
    network[1].weight = network[0].weight
    return impl.count_parameters(network, **options)


def count_used_twice(impl, width, **options):
    """Count a network in which one and the same layer stands in two places."""
    layer = _layer(width, width)
    return impl.count_parameters(nn.Sequential(layer, nn.Sequential(layer)), **options)


def count_buffers(impl, width, **options):
    """Count a layer followed by a batch norm, which has two parameters and three buffers."""
    return impl.count_parameters(nn.Sequential(_layer(width, width), nn.BatchNorm1d(width)), **options)


def count_without_bias(impl, in_features, out_features, **options):
    """Count a layer whose bias is registered as None."""
    layer = _Holder(weight=(out_features, in_features))
    layer.register_parameter("bias", None)
    return impl.count_parameters(nn.Sequential(layer), **options)


def count_nothing(impl, **options):
    """Count a module that has no parameters."""
    return impl.count_parameters(nn.Sequential(nn.Flatten(), nn.Sequential()), **options)
