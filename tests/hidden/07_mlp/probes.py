"""What is done with the networks of 07_mlp. Runs beside the student's code."""

import torch


def mlp_shapes(impl, **options):
    """An MLP is made; the shapes of its parameters, in order, and whether they are trained."""
    model = impl.MLP(**_settings(options))
    _with_shapes(model, torch.zeros(2, options.get("sizes", [784])[0]))
    return [[list(p.shape), p.requires_grad] for p in model.parameters()]


def mlp_logits(impl, images, parameters, training=False, seed=0, **options):
    """An MLP whose parameters are set to given ones looks at a batch."""
    torch.manual_seed(seed)
    model = _filled(impl.MLP(**_settings(options)), parameters).to(images)
    return model.train(training)(images).detach()


def mlp_of_a_list(impl, images, parameters, sizes):
    """An MLP is made from a list of sizes, looks at a batch, and the list is read again."""
    given = list(sizes)
    model = _filled(impl.MLP(given), parameters).to(images).eval()
    return {"logits": model(images).detach(), "sizes": given}


def mlp_gradients(impl, images, parameters, **options):
    """An MLP whose parameters are set to given ones looks at a batch, and gradients flow back to both."""
    model = _filled(impl.MLP(**_settings(options)), parameters).to(images).eval()
    images = images.detach().requires_grad_()
    result = model(images)
    return {"logits": result.detach(), "gradients": gradients(result, [images, *model.parameters()])}  # noqa: F821


def mlp_start(impl, seed, **options):
    """A new MLP; its parameters as they start out, and which of them a gradient reaches."""
    torch.manual_seed(seed)
    model = impl.MLP(**_settings(options))
    return _start(model, torch.ones(3, options["sizes"][0]))


def mlp_elsewhere(impl, images, **options):
    """An MLP is moved to another device and looks at images that live there."""
    model = _with_shapes(impl.MLP(**_settings(options)), images)
    return elsewhere.find_output_device(model, images)  # noqa: F821 (a name that every probe is given)


def log_shapes(impl):
    """A LogSoftmaxMLP is made; the names and shapes of its parameters."""
    model = _with_shapes(impl.LogSoftmaxMLP(), torch.zeros(2, 784))
    return {name: list(p.shape) for name, p in model.named_parameters()}


def log_probabilities(impl, images, parameters, training=False):
    """A LogSoftmaxMLP whose parameters are set to given ones looks at a batch."""
    return _named(impl.LogSoftmaxMLP(), parameters).to(images).train(training)(images).detach()


def log_in_both_modes(impl, images, parameters):
    """A LogSoftmaxMLP whose parameters are set to given ones looks at a batch in training mode and in eval mode."""
    model = _named(impl.LogSoftmaxMLP(), parameters).to(images)
    return {"training": model.train()(images).detach(), "eval": model.eval()(images).detach()}


def log_gradients(impl, images, parameters):
    """A LogSoftmaxMLP whose parameters are set to given ones looks at a batch, and gradients flow back."""
    model = _named(impl.LogSoftmaxMLP(), parameters).to(images).eval()
    images = images.detach().requires_grad_()
    result = model(images)
    named = dict(model.named_parameters())
    wrt = [images, *(named[name] for name in parameters)]
    return {"result": result.detach(), "gradients": gradients(result, wrt)}  # noqa: F821


def log_start(impl, seed):
    """A new LogSoftmaxMLP; its parameters as they start out, and which of them a gradient reaches."""
    torch.manual_seed(seed)
    return _start(impl.LogSoftmaxMLP(), torch.ones(3, 784))


def log_elsewhere(impl, images):
    """A LogSoftmaxMLP is moved to another device and looks at images that live there."""
    return elsewhere.find_output_device(_with_shapes(impl.LogSoftmaxMLP(), images), images)  # noqa: F821 (a name that every probe is given)


def _settings(options):
    return {name: tuple(value) if name == "sizes" else value for name, value in options.items()}


def _filled(model, tensors):
    _with_shapes(model, torch.zeros(2, tensors[0].shape[1]))
    parameters = list(model.parameters())
    shapes, wanted = [list(p.shape) for p in parameters], [list(t.shape) for t in tensors]
    if shapes != wanted:
        raise ValueError(f"its parameters have the shapes {shapes}; {wanted} are to be put in")
    with torch.no_grad():
        for parameter, tensor in zip(parameters, tensors, strict=True):
            parameter.copy_(tensor)
    return model


def _named(model, tensors):
    _with_shapes(model, torch.zeros(2, 784))
    named = dict(model.named_parameters())
    shapes, wanted = ({n: list(t.shape) for n, t in kind.items()} for kind in (named, tensors))
    if shapes != wanted:
        raise ValueError(f"its parameters are {shapes}; {wanted} are to be put in")
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[name])
    return model


def _start(model, images):
    _with_shapes(model, images)
    parameters = list(model.parameters())
    reached = [g is not None for g in gradients(model(images), parameters)]  # noqa: F821
    first = next((p for p in parameters if p.dim() == 2), None)
    return {"reached": reached, "first": None if first is None else first.detach()}


def _with_shapes(model, images):
    """The model, run once if it has layers that find out their sizes then."""
    if any(isinstance(p, torch.nn.parameter.UninitializedParameter) for p in model.parameters()):
        model(images.cpu())
    return model
