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


def trained(impl, images, labels, others, epochs, seed, before=0):
    """train_classifier is called, and the module that it returns looks at other images."""
    images, labels, others = images.cpu(), labels.cpu(), others.cpu()
    return _trained(impl, images, labels, others, epochs, seed, before, "cpu")


def trained_silently(impl, images, labels, others, epochs, seed):
    """train_classifier is called without on_epoch, and the module that it returns looks at other images."""
    model = impl.train_classifier(images.cpu(), labels.cpu(), epochs=epochs, seed=seed)
    return _scores(model, others.cpu())


def trained_twice(impl, images, labels, others, epochs, seeds, before):
    """train_classifier is called twice, with other global random states, and both modules look at other images."""
    images, labels, others = images.cpu(), labels.cpu(), others.cpu()
    scores = []
    for seed, state in zip(seeds, before, strict=True):
        torch.manual_seed(state)
        model = impl.train_classifier(images.clone(), labels.clone(), epochs=epochs, seed=seed)
        scores.append(_scores(model, others))
    return scores


def taught(impl, images, labels, others, epochs, seed):
    """train_classifier is called once with each of several sets of labels; the modules look at other images."""
    images, others = images.cpu(), others.cpu()
    scores = []
    for several in labels:
        model = impl.train_classifier(images.clone(), several.cpu().clone(), epochs=epochs, seed=seed)
        scores.append(_scores(model, others))
    return scores


def losses_of_runs(impl, images, labels, runs, seed):
    """train_classifier is run on so many of the images, for so many epochs each time; what losses it tells.

    A run is how many images, how many epochs, and what is added to the seed.
    """
    images, labels = images.cpu(), labels.cpu()
    told = []
    for count, epochs, other in runs:
        losses = []
        impl.train_classifier(
            images[:count].clone(),
            labels[:count].clone(),
            epochs=epochs,
            seed=seed + other,
            on_epoch=lambda epoch, mean_loss, losses=losses: losses.append(float(mean_loss)),
        )
        told.append(losses)
    return told


def trained_on_device(impl, images, labels, epochs, seed):
    """train_classifier is called with the device on which this test runs."""
    device = images.device.type
    model = impl.train_classifier(images.cpu(), labels.cpu(), epochs=epochs, seed=seed, device=device)
    return {
        "device": device,
        "parameters": [p.device.type for p in model.parameters()],
        "scores": _scores(model, images),
    }


def train_on_mnist(impl, images, labels, test_images, epochs, seed, device="cpu"):
    """train_classifier is trained on MNIST, and its module names the digits of other images."""
    told = []

    def on_epoch(epoch, mean_loss):
        told.append(mean_loss)
        report(epoch=epoch, epochs=epochs, loss=float(mean_loss))  # noqa: F821 (every probe is given it)

    model = impl.train_classifier(
        _scaled(images),
        labels,
        epochs=epochs,
        seed=seed,
        device=device,
        on_epoch=on_epoch,
    )
    with torch.no_grad():
        answers = [model(_scaled(batch).to(device)).argmax(dim=1).cpu() for batch in test_images.split(1000)]
    return {"predictions": torch.cat(answers), "losses": [float(loss) for loss in told]}


def _scaled(images):
    return images.to(torch.float32).div_(127.5).sub_(1.0).reshape(-1, 1, 28, 28)


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


def _scores(model, images):
    with torch.no_grad():
        return model(images).detach()


def _trained(impl, images, labels, others, epochs, seed, before, device):
    torch.manual_seed(before)
    told = []

    def on_epoch(epoch, mean_loss):
        told.append([epoch, mean_loss])

    model = impl.train_classifier(images, labels, epochs=epochs, seed=seed, device=device, on_epoch=on_epoch)
    said = {"type": type(model).__name__, "module": isinstance(model, torch.nn.Module), "told": told}
    said["images"], said["labels"] = images, labels
    if said["module"]:
        said["training"] = [m.training for m in model.modules()]
        said["scores"] = _scores(model, others)
    return said
