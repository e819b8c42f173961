"""How 04_autograd is put to use: functions and modules cannot be sent, so they are made here, from their names."""

import time

import torch
from torch import nn

# -- numerical_gradient ----------------------------------------------------------------------------------------------


def _weights(x):
    return torch.arange(1, x.numel() + 1, dtype=x.dtype, device=x.device).reshape(x.shape)


_FUNCTIONS = {
    "x ** 2": lambda x: x**2,
    "sum of i * x[i] ** 3": lambda x: (_weights(x) * x**3).sum(),
    "exp of the mean of i * x[i]": lambda x: (_weights(x) * x).mean().exp(),
    "product of all elements": lambda x: x.prod(),
    "sum of abs(x)": lambda x: x.abs().sum(),
    "x[0] * x[1] ** 2 + x[2]": lambda x: x[0] * x[1] ** 2 + x[2],
    "last row times first row": lambda x: (x[-1] * x[0] ** 2).sum(),
    "x[1]": lambda x: x[1],
}


def numerical(impl, name, x, **options):
    """numerical_gradient(f, x) must give the slope of f along each element of x."""
    return impl.numerical_gradient(_FUNCTIONS[name], x, **options)


def x_afterwards(impl, name, x, **options):
    """numerical_gradient(f, x) must leave x unchanged."""
    impl.numerical_gradient(_FUNCTIONS[name], x, **options)
    return x


def called_with(impl, x):
    """numerical_gradient(f, x) must call f with tensors of the dtype and the shape of x."""
    seen = set()

    def f(argument):
        seen.add(f"{str(argument.dtype).removeprefix('torch.')} {tuple(argument.shape)}")
        return (argument.reshape(-1)[0] * argument).sum()

    gradient = impl.numerical_gradient(f, x, eps=0.5)
    return {"gradient": gradient, "called with": sorted(seen)}


def where_slopes_live(impl, name, x, **options):
    """numerical_gradient(f, x) must give a result that lives on the device of x."""
    with elsewhere.FakeDeviceMode():  # noqa: F821 (a name that every probe is given)
        try:
            slopes = impl.numerical_gradient(_FUNCTIONS[name], elsewhere.wrap(x), **options)  # noqa: F821
        except elsewhere.WrongDevice:  # noqa: F821
            return "mixed with the CPU"
        except Exception:
            return "one device"  # nothing is known of code that cannot be followed to another device here
        return "result on the CPU" if slopes.device.type == "cpu" else "one device"


# -- unbroadcast -----------------------------------------------------------------------------------------------------


def sum_back(impl, grad, shape):
    """unbroadcast(grad, shape) is called."""
    return impl.unbroadcast(grad, torch.Size(shape))


def sum_back_to_tuple(impl, grad, shape):
    """unbroadcast(grad, shape) must take a plain tuple for the shape, and leave grad unchanged."""
    return {"result": impl.unbroadcast(grad, tuple(shape)), "grad afterwards": grad}


# -- LinearFunction --------------------------------------------------------------------------------------------------


def _leaf(tensor):
    return None if tensor is None else tensor.detach().requires_grad_()


def linear(impl, x, weight, bias):
    """LinearFunction.apply(x, weight, bias), then the gradients of a weighted sum of the result."""
    inputs = [_leaf(x), _leaf(weight), _leaf(bias)]
    result = impl.LinearFunction.apply(*inputs)
    names = ["x", "weight", "bias"][: 2 if bias is None else 3]
    wrt = [leaf for leaf in inputs if leaf is not None]
    arrived = gradients(result, wrt)  # noqa: F821
    return {"result": result} | {f"gradient of {name}": g for name, g in zip(names, arrived, strict=True)}


def linear_summed(impl, x, weight, bias):
    """LinearFunction.apply(x, weight, bias).sum().backward(), then the inputs' .grad."""
    inputs = [_leaf(x), _leaf(weight), _leaf(bias)]
    impl.LinearFunction.apply(*inputs).sum().backward()
    return {f"gradient of {name}": leaf.grad for name, leaf in zip(["x", "weight", "bias"], inputs, strict=True)}


def linear_some(impl, x, weight, bias, needs):
    """LinearFunction.apply(x, weight, bias): backward must return None for each input that requires no gradient."""
    returned = []

    class Watched(impl.LinearFunction):
        @staticmethod
        def backward(ctx, grad_output):
            given = impl.LinearFunction.backward(ctx, grad_output)
            returned.extend("None" if gradient is None else "a gradient" for gradient in given)
            return given

    inputs = [
        None if t is None else t.detach().requires_grad_(n) for t, n in zip((x, weight, bias), needs, strict=True)
    ]
    result = Watched.apply(*inputs)
    arrived = gradients(result, [leaf for leaf, n in zip(inputs, needs, strict=True) if n])  # noqa: F821
    return {"result": result, "gradients": arrived, "backward returned": returned}


def linear_without_graph(impl, x, weight, bias):
    """LinearFunction.apply(x, weight, bias) where no input requires a gradient."""
    result = impl.LinearFunction.apply(x, weight, bias)
    return {"result": result, "requires a gradient": result.requires_grad}


def linear_layers(impl, x, weights, biases):
    """LinearFunction is applied several times, each time to the square of the last result, then backward."""
    weights, biases = [_leaf(w) for w in weights], [_leaf(b) for b in biases]
    for weight, bias in zip(weights, biases, strict=True):
        x = impl.LinearFunction.apply(x * x, weight, bias)
    return {"result": x, "gradients": gradients(x, [*weights, *biases])}  # noqa: F821


def linear_twice(impl, x, weight, bias):
    """LinearFunction.apply(x, weight, bias).sum() is differentiated twice (the first time with retain_graph=True)."""
    inputs = [_leaf(x), _leaf(weight), _leaf(bias)]
    result = impl.LinearFunction.apply(*inputs).sum()
    first = torch.autograd.grad(result, inputs, retain_graph=True)
    then = torch.autograd.grad(result, inputs)
    return {
        f"gradient of {name}, {time}": gradient
        for time, arrived in (("the first time", first), ("the second time", then))
        for name, gradient in zip(["x", "weight", "bias"], arrived, strict=True)
    }


def linear_leaves_alone(impl, x, weight, bias, factors):
    """LinearFunction.apply(x, weight, bias) + other, then backward: other's gradient and the inputs must stay right."""
    inputs = [_leaf(x), _leaf(weight), _leaf(bias)]
    result = impl.LinearFunction.apply(*inputs)
    other = torch.zeros_like(result).requires_grad_()
    arrived = torch.autograd.grad(((result + other) * factors).sum(), [*inputs, other])
    named = dict(zip(["x", "weight", "bias", "other"], arrived, strict=True))
    return {"gradients": named, "afterwards": {"x": x, "weight": weight, "bias": bias}}


# -- Value -----------------------------------------------------------------------------------------------------------

_EXPRESSIONS = {
    "a * b + c": lambda a, b, c: a * b + c,
    "a + b": lambda a, b: a + b,
    "a + 0.0": lambda a: a + 0.0,
    "0.0 + a": lambda a: 0.0 + a,
    "a + 2.5": lambda a: a + 2.5,
    "2.5 + a": lambda a: 2.5 + a,
    "a * b": lambda a, b: a * b,
    "a * 1.0": lambda a: a * 1.0,
    "a * 3.0": lambda a: a * 3.0,
    "3.0 * a": lambda a: 3.0 * a,
    "-a": lambda a: -a,
    "a - b": lambda a, b: a - b,
    "a - 1.5": lambda a: a - 1.5,
    "1.5 - a": lambda a: 1.5 - a,
    "a / b": lambda a, b: a / b,
    "a / 1.0": lambda a: a / 1.0,
    "a / 4.0": lambda a: a / 4.0,
    "4.0 / a": lambda a: 4.0 / a,
    "a ** 3.0": lambda a: a**3.0,
    "a ** 2.0": lambda a: a**2.0,
    "a ** 1.0": lambda a: a**1.0,
    "a ** 0.5": lambda a: a**0.5,
    "a ** -2.0": lambda a: a**-2.0,
    "a.exp()": lambda a: a.exp(),
    "a.log()": lambda a: a.log(),
    "a.tanh()": lambda a: a.tanh(),
    "a.relu()": lambda a: a.relu(),
    "3.0 * a.relu()": lambda a: 3.0 * a.relu(),
    "-2.5 * a ** 3.0": lambda a: -2.5 * a**3.0,
    "-2.5 * a.exp()": lambda a: -2.5 * a.exp(),
    "-2.5 * a.log()": lambda a: -2.5 * a.log(),
    "-2.5 * a.tanh()": lambda a: -2.5 * a.tanh(),
    "-2.5 * a.relu()": lambda a: -2.5 * a.relu(),
    "-2.5 * (a + b)": lambda a, b: -2.5 * (a + b),
    "-2.5 * (a * b)": lambda a, b: -2.5 * (a * b),
    "a + a": lambda a: a + a,
    "a * a": lambda a: a * a,
    "a / a * a": lambda a: a / a * a,
    "(d := a * b) * d.exp()": lambda a, b: (d := a * b) * d.exp(),
    "(d := a * b) + (d * c).tanh().exp() * d": lambda a, b, c: (d := a * b) + (d * c).tanh().exp() * d,
    "(d := a * c).exp() + (e := d * b).tanh() * e + d": (
        lambda a, b, c: (d := a * c).exp() + (e := d * b).tanh() * e + d
    ),
    "((1.0 - a * b) / (b.exp() + 2.0)).relu() - (c ** 2.0).log() / -a": (
        lambda a, b, c: ((1.0 - a * b) / (b.exp() + 2.0)).relu() - (c**2.0).log() / -a
    ),
}


def _number(value):
    """A Python number as a float (an int will do as well); anything else as it is."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _grads(values):
    return {f"grad of {name}": _number(value.grad) for name, value in zip("abc", values, strict=False)}


def expression(impl, text, numbers):
    """Computed with Values a, b, …, followed by backward():"""
    values = [impl.Value(number) for number in numbers]
    result = _EXPRESSIONS[text](*values)
    result.backward()
    return {"data": _number(result.data)} | _grads(values)


def given_afterwards(impl, text, numbers):
    """Computed with Values a, b, …, whose data are then looked at again:"""
    values = [impl.Value(number) for number in numbers]
    _EXPRESSIONS[text](*values)
    return {f"data of {name}": _number(value.data) for name, value in zip("abc", values, strict=False)}


def same_number(impl, text, number):
    """b is computed from a without changing the number, then (b * 3.0 + a).backward(); b is:"""
    a = impl.Value(number)
    b = _EXPRESSIONS[text](a)
    (b * 3.0 + a).backward()
    return {"a new Value": b is not a, "grad of a": _number(a.grad), "grad of b": _number(b.grad)}


def leaf(impl, number):
    """A Value is made, and backward() is called on it alone."""
    value = impl.Value(number)
    before = _number(value.grad)
    value.backward()
    return {"data": _number(value.data), "grad at first": before, "grad after backward": _number(value.grad)}


def steps(impl, numbers):
    """d = a * b; e = d.tanh(); f = e * d + c; f.backward(): each must have the right data and grad."""
    a, b, c = values = [impl.Value(number) for number in numbers]
    d = a * b
    e = d.tanh()
    f = e * d + c
    f.backward()
    inner = {f"grad of {name}": _number(value.grad) for name, value in (("d", d), ("e", e), ("f", f))}
    data = {f"data of {name}": _number(value.data) for name, value in zip("abcdef", (*values, d, e, f), strict=True)}
    return _grads(values) | inner | data


def unrelated(impl, numbers):
    """d = a * b and e = d * c are computed, but backward() is called on d only."""
    a, b, c = values = [impl.Value(number) for number in numbers]
    d = a * b
    e = d * c
    d.backward()
    return _grads(values) | {"grad of d": _number(d.grad), "grad of e": _number(e.grad)}


def twice(impl, numbers):
    """d = a * b; e = d.exp() * c; e.backward() is called twice."""
    a, b, c = values = [impl.Value(number) for number in numbers]
    d = a * b
    e = d.exp() * c
    seen = []
    for _ in range(2):
        e.backward()
        seen.append(_grads(values) | {"grad of d": _number(d.grad), "grad of e": _number(e.grad)})
    return {"after the first": seen[0], "after the second": seen[1]}


def two_results(impl, numbers):
    """d = a * b; e = d.tanh(); f = d * d * c; first e.backward(), then f.backward()."""
    a, b, c = values = [impl.Value(number) for number in numbers]
    d = a * b
    e, f = d.tanh(), d * d * c
    e.backward()
    first = _grads(values)
    f.backward()
    return {"after the first": first, "after the second": _grads(values) | {"grad of d": _number(d.grad)}}


def result_and_inner(impl, numbers):
    """d = a * b; e = d.exp() + c; first d.backward(), then e.backward()."""
    a, b, c = values = [impl.Value(number) for number in numbers]
    d = a * b
    e = d.exp() + c
    d.backward()
    e.backward()
    return _grads(values) | {"grad of d": _number(d.grad), "grad of e": _number(e.grad)}


def doubled(impl, times):
    """x = x + x is done again and again, then backward() is called and timed."""
    seconds = float("inf")
    for _ in range(3):
        x = first = impl.Value(1.0)
        for _ in range(times):
            x = x + x
        began = time.thread_time()
        x.backward()
        seconds = min(seconds, time.thread_time() - began)
        if seconds < 0.02:
            break
    return {"data": _number(x.data), "grad": _number(first.grad), "seconds": seconds}


def _chain(impl, length):
    x = first = impl.Value(1.0)
    step = impl.Value(0.5)
    for _ in range(length):
        x = x + step
    began = time.thread_time()
    x.backward()
    seconds = time.thread_time() - began
    return {
        "data": _number(x.data),
        "grad of x": _number(first.grad),
        "grad of step": _number(step.grad),
    }, seconds


def chain(impl, length):
    """x = x + step is done very often, then backward() is called."""
    return _chain(impl, length)[0]


def chain_times(impl, short, long):
    """backward() is timed on a short and on a long chain x = x + step."""
    quick = lengthy = float("inf")
    for _ in range(3):
        quick = min(quick, _chain(impl, short)[1])
        answer, seconds = _chain(impl, long)
        lengthy = min(lengthy, seconds)
        if lengthy < 0.1:
            break
    return answer | {"short": quick, "long": lengthy}


def neuron(impl, inputs, targets, weight, bias, rate, epochs):
    """A neuron tanh(w * x + b) of Values is trained by gradient descent, its grads set back to 0.0 before each step."""
    w, b = impl.Value(weight), impl.Value(bias)
    losses = []
    for _ in range(epochs):
        loss = impl.Value(0.0)
        for x, target in zip(inputs, targets, strict=True):
            loss = loss + ((w * x + b).tanh() - target) ** 2.0
        w.grad = b.grad = 0.0
        loss.backward()
        w.data -= rate * w.grad
        b.data -= rate * b.grad
        losses.append(_number(loss.data))
    return {"losses": losses, "w": _number(w.data), "b": _number(b.data)}


# -- named_parameters ------------------------------------------------------------------------------------------------


class _Layer(nn.Module):
    """Parameters in the order in which they are named; those of the value None are registered as None."""

    def __init__(self, **parameters):
        super().__init__()
        for name, parameter in parameters.items():
            self.register_parameter(name, parameter)


class _Made:
    """Parameters that know what they are: `made("what")` makes one and remembers its label."""

    def __init__(self):
        self.labels = {}
        self.kept = []

    def __call__(self, label, frozen=False, value=None, data=None):
        number = float(len(self.kept) + 1) if value is None else value
        data = torch.full((2, 3), number) if data is None else data
        parameter = nn.Parameter(data, requires_grad=not frozen)
        self.kept.append(parameter)
        self.labels[id(parameter)] = label
        return parameter

    def layer(self, label):
        return _Layer(weight=self(f"the {label}'s weight"), bias=self(f"the {label}'s bias"))


def _flat(made):
    return _Layer(weight=made("weight"), bias=made("bias"), alpha=made("alpha"))


def _nested(made):
    model = nn.Module()
    model.encoder = nn.Module()
    model.encoder.zoom = nn.Module()
    model.encoder.zoom.stem = made.layer("stem")
    model.encoder.zoom.scale = made("the scale")
    model.encoder.attention = made.layer("attention")
    model.head = made.layer("head")
    model.body = made.layer("body")
    return model


def _children_first(made):
    model = nn.Module()
    model.inner = nn.Module()
    model.inner.layer = made.layer("layer")
    model.inner.scale = made("the inner scale")
    model.scale = made("the outer scale")
    return model


def _deep_beside_shallow(made):
    model = nn.Module()
    model.deep = nn.Sequential(nn.Sequential(made.layer("deepest")), made.layer("second"))
    model.shallow = made.layer("shallow")
    return model


def _sequential(made):
    return nn.Sequential(*(made.layer(f"layer {i}") for i in range(12)))


def _containers(made):
    model = nn.Module()
    model.blocks = nn.ModuleList([made.layer("first block"), made.layer("second block")])
    model.heads = nn.ModuleDict({"left": made.layer("left head"), "a-right": made.layer("right head")})
    model.scales = nn.ParameterList([made("the first scale"), made("the second scale")])
    model.shifts = nn.ParameterDict({"low": made("the low shift"), "high": made("the high shift")})
    return model


def _tied(made):
    model = nn.Module()
    model.encoder = made.layer("encoder")
    model.decoder = _Layer(weight=model.encoder.weight, bias=made("the decoder's bias"))
    return model


def _tied_to_root(made):
    model = _tied(made)
    model.table = model.decoder.weight
    return model


def _shared_module(made):
    model = nn.Module()
    model.first = nn.Sequential(made.layer("shared layer"))
    model.second = model.first[0]
    model.third = model.first
    model.fourth = made.layer("last layer")
    return model


def _none_parameter(made):
    return nn.Sequential(_Layer(weight=made("weight"), bias=None), _Layer(bias=None), made.layer("last layer"))


def _none_module(made):
    model = nn.Module()
    model.first = made.layer("first layer")
    model.register_module("shortcut", None)
    model.last = made.layer("last layer")
    return model


def _buffers(made):
    model = nn.Module()
    model.norm = made.layer("norm")
    model.norm.register_buffer("running_mean", torch.zeros(3))
    model.register_buffer("steps", torch.zeros(3))
    model.shift = torch.ones(3)
    return model


def _frozen(made):
    return nn.Sequential(_Layer(weight=made("frozen weight", frozen=True), bias=made("bias")), made.layer("layer"))


def _equal_values(made):
    layers = [_Layer(weight=made(f"weight {i}", value=0.0), bias=made(f"bias {i}", value=0.0)) for i in range(3)]
    return nn.Sequential(*layers)


def _odd_sizes(made):
    model = _Layer(scale=made("one number", data=torch.tensor(1.0)), none=made("empty", data=torch.zeros(0, 3)))
    model.child = _Layer(nothing=made("another empty one", data=torch.zeros(0, 3)), weight=made("weight"))
    return model


def _one_storage(made):
    memory = torch.zeros(2, 3)
    return _Layer(first=made("a view", data=memory.view(2, 3)), second=made("another view", data=memory.view(2, 3)))


def _unregistered(made):
    model = nn.Module()
    model.hidden = [made.layer("layer in a list"), made("parameter in a list")]
    model.table = {"key": made.layer("layer in a dict")}
    model.found = made.layer("layer")
    return model


_MODULES = {
    "one module with weight, bias and alpha": _flat,
    "modules in modules in modules": _nested,
    "a module whose own parameter was registered after its children": _children_first,
    "a deep child before a shallow one": _deep_beside_shallow,
    "an nn.Sequential of twelve layers": _sequential,
    "ModuleList, ModuleDict, ParameterList and ParameterDict": _containers,
    "a decoder that shares the encoder's weight": _tied,
    "a decoder, an encoder and the whole that share a weight": _tied_to_root,
    "a layer that is registered under several names": _shared_module,
    "layers whose bias is registered as None": _none_parameter,
    "a child that is registered as None": _none_module,
    "buffers beside parameters": _buffers,
    "a frozen parameter": _frozen,
    "different parameters with equal values": _equal_values,
    "a parameter of one number and two without any": _odd_sizes,
    "two parameters that are views of one storage": _one_storage,
    "layers in a plain list and a plain dict": _unregistered,
    "activations without parameters": lambda made: nn.Sequential(nn.Identity(), nn.Sequential(nn.Flatten())),
    "an empty module": lambda made: nn.Module(),
    "an nn.ParameterList alone": lambda made: nn.ParameterList([made("the first"), made("the second")]),
}


def parameters_of(impl, name):
    """named_parameters(module) must give each parameter itself, under its name and in order; here:"""
    made = _Made()
    return _told(made, impl.named_parameters(_MODULES[name](made)))


def parameters_again(impl, name):
    """named_parameters(module), called a second time, must give the same again; here:"""
    made = _Made()
    module = _MODULES[name](made)
    impl.named_parameters(module)
    return _told(made, impl.named_parameters(module))


def _told(made, found):
    given = [(str(key), parameter) for key, parameter in found]
    told = {key: made.labels.get(id(parameter), "something else, or a copy") for key, parameter in given}
    return {"parameters": told, "order": [key for key, _ in given]}


def kind_of_list(impl, name):
    """named_parameters(module) must return a list with one entry for each parameter."""
    given = impl.named_parameters(_MODULES[name](_Made()))
    return {"it is a": type(given).__name__, "its length": len(given)}


# -- accumulate_gradients --------------------------------------------------------------------------------------------

_LOSSES = {
    "squared error": lambda prediction, y: ((prediction - y) ** 2).mean(),
    "absolute error": lambda prediction, y: (prediction - y).abs().mean(),
    "cross-entropy": lambda prediction, y: (prediction.logsumexp(1) - prediction.gather(1, y[:, None])[:, 0]).mean(),
}


class _Net(nn.Module):
    """x → tanh(x · first) · second, twice that in train mode, beside a layer that the result does not depend on."""

    def __init__(self, first, second, unused):
        super().__init__()
        self.first = nn.Parameter(first.clone())
        self.second = nn.Parameter(second.clone())
        self.unused = _Layer(weight=nn.Parameter(unused.clone()))

    def forward(self, x):
        result = (x @ self.first).tanh() @ self.second
        return 2.0 * result if self.training else result


def accumulate(impl, weights, micro_batches, loss="squared error", old=None, training=True):
    """accumulate_gradients is called on a small network, in which one parameter is not used."""
    model = _Net(*weights).train(training)
    model.unused.train(not training)
    named = {"first": model.first, "second": model.second, "unused": model.unused.weight}
    for parameter, gradient in zip(named.values(), old or [None] * 3, strict=True):
        parameter.grad = None if gradient is None else gradient.clone()
    mean = impl.accumulate_gradients(model, _LOSSES[loss], [(x, y) for x, y in micro_batches])
    grads = {name: parameter.grad for name, parameter in named.items()}
    if grads["unused"] is None:
        grads["unused"] = torch.zeros_like(model.unused.weight)
    return {
        "loss": mean,
        "gradients": grads,
        "parameters": {name: parameter.detach() for name, parameter in named.items()},
        "in train mode": {"model": model.training, "child": model.unused.training},
    }


class _Scale(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight.clone())

    def forward(self, x):
        return self.weight * x


def accumulate_one(impl, weight, micro_batches):
    """accumulate_gradients is called on a model with one weight, weight * x, and the squared error."""
    model = _Scale(weight)
    mean = impl.accumulate_gradients(model, _LOSSES["squared error"], [(x, y) for x, y in micro_batches])
    return {"loss": mean, "gradient": model.weight.grad}


class _Tied(nn.Module):
    """x → tanh(x · weight) · weightᵀ: two layers that share one weight."""

    def __init__(self, weight):
        super().__init__()
        self.up = _Layer(weight=nn.Parameter(weight.clone()))
        self.down = _Layer(weight=self.up.weight)

    def forward(self, x):
        return (x @ self.up.weight).tanh() @ self.down.weight.T


def accumulate_tied(impl, weight, micro_batches):
    """accumulate_gradients is called on tanh(x @ weight) @ weight.T, whose two layers share that one weight."""
    model = _Tied(weight)
    mean = impl.accumulate_gradients(model, _LOSSES["squared error"], [(x, y) for x, y in micro_batches])
    return {"loss": mean, "gradient": model.up.weight.grad}


def accumulate_again(impl, weights, first, then):
    """accumulate_gradients is called twice on one network, with different batches."""
    model = _Net(*weights)
    losses = [
        impl.accumulate_gradients(model, _LOSSES["squared error"], [(x, y) for x, y in batches])
        for batches in (first, then)
    ]
    return {"losses": losses, "gradients": [model.first.grad, model.second.grad]}


def accumulate_and_descend(impl, weights, micro_batches, rate, updates):
    """A network is trained by gradient descent on what accumulate_gradients leaves in .grad."""
    model = _Net(*weights)
    losses = []
    for _ in range(updates):
        losses.append(impl.accumulate_gradients(model, _LOSSES["squared error"], [(x, y) for x, y in micro_batches]))
        with torch.no_grad():
            for parameter in (model.first, model.second):
                parameter -= rate * parameter.grad
    return {"losses": losses, "first": model.first.detach(), "second": model.second.detach()}
