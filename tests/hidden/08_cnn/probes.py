"""What is done with the functions and networks of 08_cnn. Runs beside the student's code."""

import torch


def with_pairs(impl, part, *args, **options):
    """A function is called with pairs (height, width)."""
    args, options = _tuples(args), dict(zip(options, _tuples(options.values()), strict=True))
    return getattr(impl, part)(*args, **options).detach()


def gradients_with_pairs(impl, part, *args, wrt, **options):
    """A function is called with pairs (height, width), and gradients flow back."""
    args, options = _tuples(args), dict(zip(options, _tuples(options.values()), strict=True))
    leaves = [arg.detach().requires_grad_() if i in wrt else arg for i, arg in enumerate(args)]
    result = getattr(impl, part)(*leaves, **options)
    return {"result": result.detach(), "gradients": gradients(result, [leaves[i] for i in wrt])}  # noqa: F821


def bn_fresh(impl, num_features):
    """A BatchNorm2d is made; its state_dict, and which of its entries are parameters."""
    layer = impl.BatchNorm2d(num_features)
    state = {name: value.detach() for name, value in layer.state_dict().items()}
    return {
        "state": state,
        "parameters": sorted(name for name, _ in layer.named_parameters()),
        "training": layer.training,
    }


def bn_outputs(impl, batches, state, training=True, **options):
    """A BatchNorm2d with a given state_dict looks at one batch after the other."""
    layer = _layer(impl, state, batches[0], training, options)
    outputs = [layer(batch).detach() for batch in batches]
    after = {name: value.detach() for name, value in layer.state_dict().items()}
    return {"outputs": outputs, "state": after, "batches": list(batches)}


def bn_gradients(impl, input, state, training=True, **options):
    """A BatchNorm2d with a given state_dict looks at a batch, and gradients flow back to input, weight and bias."""
    layer = _layer(impl, state, input, training, options)
    input = input.detach().requires_grad_()
    result = layer(input)
    named = dict(layer.named_parameters())
    wrt = [input, named["weight"], named["bias"]]
    return {"result": result.detach(), "gradients": gradients(result, wrt)}  # noqa: F821


def bn_graphs(impl, input, state):
    """A BatchNorm2d looks at a batch in training mode; which of its buffers hang on a graph afterwards."""
    layer = _layer(impl, state, input, True, {})
    result = layer(input.detach().requires_grad_())
    return {
        "result": result.detach(),
        "held": sorted(name for name, buffer in layer.named_buffers() if buffer.requires_grad),
    }


def bn_switches(impl, first, second, state):
    """A BatchNorm2d looks at a batch in training mode, at another in eval mode, and at the first again."""
    layer = _layer(impl, state, first, True, {})
    outputs = [
        layer.train(training)(batch).detach() for batch, training in [(first, True), (second, False), (first, True)]
    ]
    return {"outputs": outputs, "state": {name: value.detach() for name, value in layer.state_dict().items()}}


def bn_single_value(impl, input, other, state):
    """A BatchNorm2d gets one value per channel, and more, in training mode; then one in eval mode."""
    layer = _layer(impl, state, input, True, {})
    said = {"more": layer(other).detach()}
    try:
        layer(input)
        said["one"] = "a result"
    except ValueError:
        said["one"] = "ValueError"
    said["eval"] = _layer(impl, state, input, False, {})(input).detach()
    return said


def bn_elsewhere(impl, input):
    """A BatchNorm2d is moved to another device and looks at a batch that lives there."""
    return elsewhere.find_output_device(impl.BatchNorm2d(input.shape[1]), input)  # noqa: F821 (a name that every probe is given)


def dropped(impl, x, seed, **options):
    """dropout is called; its result, and x as it is afterwards."""
    torch.manual_seed(seed)
    return {"result": impl.dropout(x, **options).detach(), "x": x}


def dropped_twice(impl, x, seed, **options):
    """dropout is called twice on the same x."""
    torch.manual_seed(seed)
    return [impl.dropout(x, **options).detach() for _ in range(2)]


def dropout_gradient(impl, x, seed, **options):
    """dropout is called, and the gradient of the sum of its result flows back to x."""
    torch.manual_seed(seed)
    x = x.detach().requires_grad_()
    result = impl.dropout(x, **options)
    grad = torch.autograd.grad(result.sum(), x, allow_unused=True)[0] if result.requires_grad else None
    return {"result": result.detach(), "gradient": grad}


def dropped_often(impl, x, seed, times, **options):
    """dropout is called many times on the same x."""
    torch.manual_seed(seed)
    return torch.stack([impl.dropout(x, **options).detach() for _ in range(times)])


def dropout_elsewhere(impl, x, **options):
    """dropout is called with an x that lives on another device."""

    class Layer(torch.nn.Module):
        def forward(self, x):
            return impl.dropout(x, **options)

    return elsewhere.find_output_device(Layer(), x)  # noqa: F821 (a name that every probe is given)


def cnn_parameters(impl):
    """A CNN is made; the shapes of its parameters."""
    return [list(p.shape) for p in _with_shapes(impl.CNN().eval(), torch.zeros(2, 1, 28, 28)).parameters()]


def cnn_logits(impl, images, seed, training=False):
    """A new CNN looks at a batch."""
    torch.manual_seed(seed)
    return impl.CNN().to(images).train(training)(images).detach()


def cnn_enlarged(impl, images, seeds, scale):
    """Some new CNNs, all parameters multiplied by a number, look at a batch in eval mode."""
    logits = []
    for seed in seeds:
        torch.manual_seed(seed)
        model = _with_shapes(impl.CNN().to(images).eval(), images)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(scale)
        logits.append(model(images).detach())
    return torch.cat(logits)


def cnn_moved(impl, images, seed):
    """A new CNN, each parameter moved by a little noise, looks at a batch in eval mode."""
    torch.manual_seed(seed)
    model = _with_shapes(impl.CNN().to(images).eval(), images)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model(images).detach()


def cnn_twice(impl, images, seed):
    """A new CNN in eval mode looks at the same batch twice."""
    torch.manual_seed(seed)
    model = impl.CNN().to(images).eval()
    return [model(images).detach() for _ in range(2)]


def cnn_one_by_one(impl, images, seed):
    """A new CNN in eval mode looks at a batch, and then at each of its images alone."""
    torch.manual_seed(seed)
    model = impl.CNN().to(images).eval()
    together = model(images).detach()
    return {"together": together, "alone": torch.cat([model(image[None]).detach() for image in images])}


def cnn_reached(impl, images, seed):
    """A new CNN in training mode looks at a batch; which parameters a gradient reaches."""
    torch.manual_seed(seed)
    model = impl.CNN().to(images).train()
    return [g is not None for g in gradients(model(images), list(model.parameters()))]  # noqa: F821


def cnn_elsewhere(impl, images):
    """A CNN is moved to another device and looks at images that live there."""
    return elsewhere.find_output_device(impl.CNN(), images)  # noqa: F821 (a name that every probe is given)


def _tuples(values):
    return [tuple(value) if isinstance(value, list) else value for value in values]


def _layer(impl, state, like, training, options):
    layer = impl.BatchNorm2d(like.shape[1], **options).to(like)
    layer.load_state_dict(state)
    return layer.train(training)


def _with_shapes(model, images):
    """The model, run once if it has layers that find out their sizes then."""
    if any(isinstance(p, torch.nn.parameter.UninitializedParameter) for p in model.parameters()):
        model(images)
    return model
