"""What is done with the parts of 06_training: small models and an optimizer that note what happens to them."""

import torch
from torch import nn
from torch.nn import functional as F

# -- what is trained, and by what ------------------------------------------------------------------------------------


class _Diary(list):
    """What happened, in order; the copy of a model writes into the same one."""

    def __deepcopy__(self, memo):
        return self


class _Noted(torch.autograd.Function):
    """Passes a model's output on, and notes when a gradient comes back through it."""

    @staticmethod
    def forward(output, diary, entry):
        return output.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.diary, ctx.entry = inputs

    @staticmethod
    def backward(ctx, grad):
        ctx.diary.append(("backward", ctx.entry))
        return grad, None, None


class _Line(nn.Module):
    """x · weightᵀ + bias, with a diary of forward and backward passes."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight = nn.Parameter(weight.detach().clone())
        self.bias = nn.Parameter(bias.detach().clone())
        self.diary = _Diary()

    def prepare(self, x):
        return x

    def forward(self, x):
        first = x.detach().reshape(len(x), -1)[:, 0].tolist()
        output = self.prepare(x) @ self.weight.T + self.bias
        entry = (first, [module.training for module in self.modules()], output.requires_grad)
        self.diary.append(("forward", entry))
        return _Noted.apply(output, self.diary, entry)


class _Normed(_Line):
    """A line behind a batch norm, a dropout and one more dropout that asks the model itself for its mode."""

    def __init__(self, weight, bias, dropout):
        super().__init__(weight, bias)
        self.norm = nn.BatchNorm1d(weight.shape[1]).to(weight)
        self.drop = nn.Dropout(dropout)

    def prepare(self, x):
        return F.dropout(self.drop(self.norm(x)), self.drop.p, self.training)


class _Witness(nn.Module):
    """Lets everything pass, and notes its mode on the way forward and on the way back."""

    def __init__(self, diary):
        super().__init__()
        self.diary = diary

    def forward(self, x):
        self.diary.append(("forward", self.training))
        return _Noted.apply(x, self.diary, self.training)


def _nested(weight, bias, modes):
    """A linear model whose batch norm lies two levels deep, and the diary of a witness beside it and of one outside."""
    diary = _Diary()
    deepest = nn.Sequential(nn.BatchNorm1d(weight.shape[1]), _Witness(diary))
    line = nn.Linear(weight.shape[1], weight.shape[0])
    model = nn.Sequential(nn.Sequential(deepest, line), _Witness(diary)).to(weight)
    with torch.no_grad():
        line.weight.copy_(weight)
        line.bias.copy_(bias)
    for module, training in zip(model.modules(), modes, strict=True):
        module.training = training
    return model, diary


class _Descent:
    """Gradient descent with momentum that notes its steps, with as much of an optimizer's face as a loop may touch."""

    def __init__(self, params, lr, momentum, diary):
        self.defaults = {"lr": lr, "momentum": momentum}
        self.param_groups = [{"params": list(params), **self.defaults}]
        self.state = {}
        self.diary = diary

    def zero_grad(self, set_to_none=True):
        for p in self.param_groups[0]["params"]:
            if p.grad is not None and set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad = torch.zeros_like(p.grad)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        group = self.param_groups[0]
        with torch.no_grad():
            grads = [p.grad for p in group["params"] if p.grad is not None]
            self.diary.append(("step", any(bool(grad.any()) for grad in grads)))
            for p in group["params"]:
                if p.grad is not None:
                    last = self.state.get(p)
                    speed = p.grad.clone() if last is None else group["momentum"] * last + p.grad
                    self.state[p] = speed
                    p -= group["lr"] * speed
        return loss


def _lopsided(output, target):
    """A mean squared error that cares more about large targets, so that its arguments cannot be swapped."""
    return ((output - target) ** 2 * (1 + target**2)).mean()


_LOSSES = {"cross_entropy": F.cross_entropy, "mse": F.mse_loss, "lopsided": _lopsided}


def _optimizer(model, lr, momentum=0.9):
    return _Descent(model.parameters(), lr, momentum, model.diary)


def _cut(x, y, sizes):
    return list(zip(x.split(sizes), y.split(sizes), strict=True))


def _parameters(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _plain(value):
    """Numbers that are floats in all but name (NumPy's) as floats, through dicts, lists and tuples."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, float) else value


def _generator(seed):
    return None if seed is None else torch.Generator().manual_seed(seed)


# -- iterate_batches -------------------------------------------------------------------------------------------------


def batches(impl, x, y, batch_size, seed=None, world=0, **options):
    """All batches of one call of iterate_batches are collected."""
    torch.manual_seed(world)
    if seed is not None:
        options["generator"] = _generator(seed)
    pairs = list(impl.iterate_batches(x, y, batch_size, **options))
    return {"x": [a for a, _ in pairs], "y": [b for _, b in pairs], "the argument x": x, "the argument y": y}


def orders(impl, x, y, batch_size, seeds, worlds, **options):
    """iterate_batches is called twice with one generator, for several generators and states of PyTorch's global one."""
    collected = []
    for seed, world in zip(seeds, worlds, strict=True):
        torch.manual_seed(world)
        generator = _generator(seed)
        passes = []
        for _ in range(2):
            pairs = impl.iterate_batches(x.clone(), y.clone(), batch_size, generator=generator, **options)
            passes.append([labels.tolist() for _, labels in pairs])
        collected.append(passes)
    return collected


def learned_from_batches(impl, x, y, classes, epochs, seed):
    """A classifier is trained on the batches of iterate_batches, then asked about the same samples."""
    torch.manual_seed(seed)
    weight = torch.zeros(classes, x.shape[1], device=x.device)
    generator = _generator(seed)
    for _ in range(epochs):
        for a, b in impl.iterate_batches(x, y, 20, generator=generator):
            error = torch.softmax(a @ weight.T, dim=1) - F.one_hot(b, classes)
            weight = weight - 0.5 * error.T @ a / len(a)
    return float(((x @ weight.T).argmax(dim=1) == y).double().mean())


# -- train_step ------------------------------------------------------------------------------------------------------


def steps(impl, weight, bias, x, y, sizes, lr, loss="cross_entropy"):
    """train_step is called once for each batch, with a linear model and gradient descent with momentum."""
    model = _Line(weight, bias)
    optimizer = _optimizer(model, lr)
    losses = [_plain(impl.train_step(model, optimizer, _LOSSES[loss], a, b)) for a, b in _cut(x, y, sizes)]
    return {"losses": losses, **_parameters(model)}


def step_over_old_gradients(impl, weight, bias, x, y, old, lr):
    """train_step is called while the parameters still hold gradients from something else."""
    model = _Line(weight, bias)
    model.weight.grad, model.bias.grad = torch.full_like(model.weight, old), torch.full_like(model.bias, old)
    loss = _plain(impl.train_step(model, _optimizer(model, lr), F.cross_entropy, x, y))
    return {"loss": loss, **_parameters(model)}


def order_in_steps(impl, weight, bias, x, y, sizes, lr):
    """train_step is called once for each batch, and what happens meanwhile is noted."""
    model = _Line(weight, bias)
    optimizer = _optimizer(model, lr)
    noted = []
    for a, b in _cut(x, y, sizes):
        model.diary.clear()
        before = model.weight.detach().clone()
        impl.train_step(model, optimizer, F.cross_entropy, a, b)
        events = [f"{what} with a gradient" if what == "step" and said else what for what, said in model.diary]
        noted.append(events if torch.equal(before, model.weight) else [*events, "moved"])
    return noted


def step_in_modes(impl, weight, bias, x, y, modes, lr):
    """train_step is called with a model whose submodules (itself, batch norm, dropout) are in these modes."""
    model = _Normed(weight, bias, 0.0)
    for module, training in zip(model.modules(), modes, strict=True):
        module.training = training
    impl.train_step(model, _optimizer(model, lr), F.cross_entropy, x, y)
    during = [entry[1] for what, entry in model.diary if what == "forward"]
    return {
        "modes during": during[-1],
        "modes after": [m.training for m in model.modules()],
        **_parameters(model),
    }


def step_on_some_parameters(impl, weight, bias, x, y, lr):
    """train_step is called with a frozen weight and a parameter that the model does not use."""
    model = _Line(weight, bias)
    model.weight.requires_grad_(False)
    model.unused = nn.Parameter(bias.detach().clone())
    optimizer = _Descent([model.bias], lr, 0.9, model.diary)
    losses = [_plain(impl.train_step(model, optimizer, F.cross_entropy, x, y)) for _ in range(2)]
    return {"losses": losses, **_parameters(model)}


# -- train_epoch -----------------------------------------------------------------------------------------------------


def epoch(impl, weight, bias, x, y, sizes, lr, epochs=1, lazy=False, loss="cross_entropy"):
    """train_epoch goes through batches of several sizes, with a linear model and gradient descent with momentum."""
    model = _Line(weight, bias)
    optimizer = _optimizer(model, lr)
    losses = []
    for _ in range(epochs):
        pairs = _cut(x, y, sizes)
        losses.append(_plain(impl.train_epoch(model, optimizer, _LOSSES[loss], iter(pairs) if lazy else pairs)))
    return {"mean losses": losses, **_parameters(model)}


def steps_in_an_epoch(impl, weight, bias, x, y, sizes, lr):
    """train_epoch goes through some batches, and the optimizer counts its steps."""
    model = _Line(weight, bias)
    impl.train_epoch(model, _optimizer(model, lr), F.cross_entropy, _cut(x, y, sizes))
    return sum(what == "step" for what, _ in model.diary)


def epoch_over_old_gradients(impl, weight, bias, x, y, sizes, old, lr):
    """train_epoch is called while the parameters still hold gradients from something else."""
    model = _Line(weight, bias)
    model.weight.grad, model.bias.grad = torch.full_like(model.weight, old), torch.full_like(model.bias, old)
    loss = _plain(impl.train_epoch(model, _optimizer(model, lr), F.cross_entropy, _cut(x, y, sizes)))
    return {"mean loss": loss, **_parameters(model)}


def epoch_in_modes(impl, weight, bias, x, y, sizes, training, lr):
    """train_epoch is called with a model (with batch norm and dropout) that comes in train or in eval mode."""
    model = _Normed(weight, bias, 0.0).train(training)
    loss = _plain(impl.train_epoch(model, _optimizer(model, lr), F.cross_entropy, _cut(x, y, sizes)))
    modes = [entry[1] for what, entry in model.diary if what == "backward"]
    return {"modes at each batch": modes, "mean loss": loss, **_parameters(model)}


def epoch_of_nested_modules(impl, weight, bias, x, y, sizes, modes, lr):
    """train_epoch is called with a model whose modules lie inside of modules, and which come in these modes."""
    model, diary = _nested(weight, bias, modes)
    impl.train_epoch(model, _Descent(model.parameters(), lr, 0.9, diary), F.cross_entropy, _cut(x, y, sizes))
    return [training for what, training in diary if what == "backward"]


# -- evaluate --------------------------------------------------------------------------------------------------------


def _evaluation(impl, model, loss_fn, pairs):
    with torch.enable_grad():
        result = impl.evaluate(model, loss_fn, pairs)
        still_on = torch.is_grad_enabled()
    return _plain(result), still_on


def _normed(weight, bias, mean, var, modes):
    model = _Normed(weight, bias, 0.5)
    model.norm.running_mean.copy_(mean)
    model.norm.running_var.copy_(var)
    for module, training in zip(model.modules(), modes, strict=True):
        module.training = training
    return model


def evaluation_of_logits(impl, logits, y, sizes, lazy=False):
    """evaluate measures a model that returns its input, so the batches' x are the logits."""
    pairs = _cut(logits, y, sizes)
    return _evaluation(impl, nn.Identity(), F.cross_entropy, iter(pairs) if lazy else pairs)[0]


def evaluation(impl, weight, bias, x, y, sizes, lazy=False):
    """evaluate measures a linear model on batches of several sizes."""
    pairs = _cut(x, y, sizes)
    return _evaluation(impl, _Line(weight, bias), F.cross_entropy, iter(pairs) if lazy else pairs)[0]


def evaluation_in_modes(impl, weight, bias, mean, var, x, y, sizes, modes, seed):
    """evaluate measures a model with batch norm and dropout that comes in these modes (model, batch norm, dropout)."""
    torch.manual_seed(seed)
    model = _normed(weight, bias, mean, var, modes)
    return _evaluation(impl, model, F.cross_entropy, _cut(x, y, sizes))[0]


def modes_after_evaluation(impl, weight, bias, mean, var, x, y, sizes, modes):
    """evaluate is called with a model in these modes (model, batch norm, dropout), whose modes are read afterwards."""
    model = _normed(weight, bias, mean, var, modes)
    _evaluation(impl, model, F.cross_entropy, _cut(x, y, sizes))
    return [module.training for module in model.modules()]


def evaluation_of_nested_modules(impl, weight, bias, x, y, sizes, modes):
    """evaluate is called with a model whose modules lie inside of modules, and which come in these modes."""
    model, diary = _nested(weight, bias, modes)
    _evaluation(impl, model, F.cross_entropy, _cut(x, y, sizes))
    during = [training for what, training in diary if what == "forward"]
    return {"before": modes, "during": during, "after": [module.training for module in model.modules()]}


def state_after_evaluation(impl, weight, bias, mean, var, x, y, sizes, modes):
    """evaluate is called, and the model's parameters (the bias is frozen) and buffers are read afterwards."""
    model = _normed(weight, bias, mean, var, modes)
    model.bias.requires_grad_(False)
    _evaluation(impl, model, F.cross_entropy, _cut(x, y, sizes))
    return {"requires_grad": [p.requires_grad for p in model.parameters()], **_parameters(model)}


def graph_of_evaluation(impl, weight, bias, x, y, sizes):
    """evaluate is called, and the model notes whether a graph is recorded for its output."""
    model = _Line(weight, bias)
    _, still_on = _evaluation(impl, model, F.cross_entropy, _cut(x, y, sizes))
    graphs = [entry[2] for what, entry in model.diary if what == "forward"]
    return {"passes": len(graphs), "graphs": sum(graphs), "still on": still_on}


# -- fit -------------------------------------------------------------------------------------------------------------


def run_of_whole_batches(impl, weight, bias, x, y, val_x, val_y, epochs, lr):
    """fit trains a linear model with all training samples in one batch, so that their order does not matter."""
    model = _Line(weight, bias)
    optimizer, loss_fn = _optimizer(model, lr), F.cross_entropy
    with torch.enable_grad():
        history = impl.fit(model, optimizer, loss_fn, (x, y), (val_x, val_y), epochs, batch_size=len(x))
    return {"history": _plain(history), **_parameters(model)}


def reports_of_a_run(impl, weight, bias, x, y, val_x, val_y, epochs, lr):
    """fit trains a linear model and calls on_epoch, which notes what it is told and the model's bias at that moment."""
    model = _Line(weight, bias)
    optimizer, loss_fn = _optimizer(model, lr), F.cross_entropy
    told = []

    def on_epoch(epoch, metrics):
        told.append({"epoch": epoch, "metrics": _plain(metrics), "bias": model.bias.detach().clone()})

    with torch.enable_grad():
        impl.fit(model, optimizer, loss_fn, (x, y), (val_x, val_y), epochs, batch_size=len(x), on_epoch=on_epoch)
    return told


def kept_reports(impl, weight, bias, x, y, val_x, val_y, epochs, lr):
    """fit trains a linear model and calls on_epoch, which keeps the metrics that it is given until the run is over."""
    model = _Line(weight, bias)
    optimizer, loss_fn = _optimizer(model, lr), F.cross_entropy
    told, kept = [], []

    def on_epoch(epoch, metrics):
        told.append(_plain(metrics))
        kept.append(metrics)

    with torch.enable_grad():
        impl.fit(model, optimizer, loss_fn, (x, y), (val_x, val_y), epochs, batch_size=len(x), on_epoch=on_epoch)
    return {"told": told, "kept": _plain(kept)}


def data_after_a_run(impl, weight, bias, x, y, val_x, val_y, epochs, lr):
    """fit must leave the samples that it was given unchanged."""
    given = [data.clone() for data in (x, y, val_x, val_y)]
    model = _Line(weight, bias)
    optimizer, loss_fn = _optimizer(model, lr), F.cross_entropy
    with torch.enable_grad():
        impl.fit(model, optimizer, loss_fn, tuple(given[:2]), tuple(given[2:]), epochs, batch_size=4)
    return [torch.equal(after, before) for after, before in zip(given, (x, y, val_x, val_y), strict=True)]


def samples_of_runs(impl, weight, bias, x, y, val_x, val_y, epochs, seeds, worlds, **options):
    """fit is run once for each generator; the model notes which samples every training batch holds."""
    runs = []
    for seed, world in zip(seeds, worlds, strict=True):
        torch.manual_seed(world)
        model = _Line(weight, bias)
        optimizer, loss_fn = _optimizer(model, 0.0), F.cross_entropy
        train, val = (x.clone(), y.clone()), (val_x.clone(), val_y.clone())
        with torch.enable_grad():
            impl.fit(model, optimizer, loss_fn, train, val, epochs, generator=_generator(seed), **options)
        runs.append([[int(first) for first in entry[0]] for what, entry in model.diary if what == "backward"])
    return runs


def modes_of_a_run(impl, weight, bias, x, y, val_x, val_y, epochs, lr):
    """fit trains a model with batch norm and dropout, which notes its modes in training and in validation."""
    model = _Normed(weight, bias, 0.5).eval()
    optimizer, loss_fn = _optimizer(model, lr), F.cross_entropy
    with torch.enable_grad():
        impl.fit(model, optimizer, loss_fn, (x, y), (val_x, val_y), epochs, batch_size=4)
    training = [entry[1] for what, entry in model.diary if what == "backward"]
    validating = [entry[1] for what, entry in model.diary if what == "forward" and entry[0][0] < 0]
    return {
        "every training batch in train mode": all(all(modes) for modes in training),
        "every validation batch in eval mode": not any(any(modes) for modes in validating),
    }


def trained(impl, weight, bias, x, y, val_x, val_y, epochs, seed, lr):
    """fit trains a linear classifier on samples that are easy to tell apart."""
    model = _Line(weight, bias)
    optimizer, loss_fn = _optimizer(model, lr), F.cross_entropy
    with torch.enable_grad():
        history = impl.fit(
            model,
            optimizer,
            loss_fn,
            (x, y),
            (val_x, val_y),
            epochs,
            batch_size=16,
            generator=_generator(seed),
        )
    return _plain(history)


def softmax_regression(impl, images, labels, test_images, epochs, seed):
    """A softmax regression is trained on images by normalize and fit, then asked about other images."""
    torch.manual_seed(seed)
    x, tests = impl.normalize(images), impl.normalize(test_images)
    held = max(len(x) // 10, 1)
    train, val = (x[:-held], labels[:-held]), (x[-held:], labels[-held:])
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).to(x.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.002, momentum=0.9)
    history = impl.fit(
        model, optimizer, F.cross_entropy, train, val, epochs, generator=_generator(seed),
        on_epoch=lambda epoch, metrics: report(epoch=epoch, epochs=epochs, loss=float(metrics["train_loss"])),  # noqa: F821
    )  # fmt: skip
    with torch.no_grad():
        predictions = model(tests).argmax(dim=1)
    return {"predictions": predictions, "train_loss": _plain(history["train_loss"])}
