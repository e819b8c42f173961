"""What is done with an implementation of 09_unet."""

import torch


def _norms(module):
    """The batch norms in a module that call their buffers and parameters as PyTorch's do."""
    names = ("running_mean", "running_var", "weight", "bias")
    return [m for m in module.modules() if all(isinstance(getattr(m, name, None), torch.Tensor) for name in names)]


def _with_shapes(module, *inputs):
    """The module, run once in eval mode if it has layers that find out their sizes then."""
    if any(isinstance(p, torch.nn.parameter.UninitializedParameter) for p in module.parameters()):
        module.eval()(*(value.cpu().float() for value in inputs))
        module.train()
    return module


def _fill(module, x, weights, scale=None, shift=None):
    """Sets a module's weights, found by their shapes, and its norms; convolutions get no bias. Gives the weights.

    Kernels of other shapes, which a right module has not, take means: the same numbers for all who have them.
    """
    module.to(x.device, x.dtype)
    found = []
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data.fill_(1 / parameter[0].numel())
    for weight in weights:
        alike = [p for p in module.parameters() if p.shape == weight.shape]
        if not alike:
            raise LookupError(f"the module has no weight of shape {tuple(weight.shape)} among its parameters")
        for parameter in alike:
            parameter.data.copy_(weight)
        found.append(alike[0])
    for part in module.modules():
        own = list(part.parameters(recurse=False))
        if hasattr(part, "running_mean"):
            part.momentum, part.eps = 0.1, 1e-5
        elif any(p.dim() == 4 for p in own):
            for parameter in own:
                if parameter.dim() == 1 and not bool((parameter == 1).all()):  # ones are the scale of a norm
                    parameter.data.zero_()
    if scale is not None:
        for norm in _norms(module):
            norm.weight.data.copy_(scale)
            norm.bias.data.copy_(shift)
    return found


def _passed(module, inputs, found):
    """The outcome of three passes in train mode, the gradients of the first one, and then one pass in eval mode."""
    module.train()
    leaves = [value.detach().requires_grad_() for value in inputs]
    first = module(*leaves)
    into = gradients(first, [*leaves, *found])  # noqa: F821
    for factor in (2.0, 3.0):
        module(*(factor * value + 1.0 for value in inputs))
    module.eval()
    return {"train": first.detach(), "gradients": into, "eval": module(*inputs).detach()}


def double_conv(impl, x, weights, scale=None, shift=None):
    """DoubleConv with given weights handles a batch in train mode, two more, and the first again in eval mode."""
    module = _with_shapes(impl.DoubleConv(x.shape[1], weights[0].shape[0]), x)
    found = _fill(module, x, weights, scale, shift)
    if scale is not None and not _norms(module):
        return {"norms found": False}
    return _passed(module, [x], found)


def double_conv_shape(impl, x, out_channels):
    """A fresh DoubleConv handles a batch; what comes out has this shape."""
    module = _with_shapes(impl.DoubleConv(x.shape[1], out_channels), x).to(x.device)
    return {"shape": list(module(x).shape), "parameters": sum(p.numel() for p in module.parameters())}


def double_conv_elsewhere(impl, x, out_channels):
    """A DoubleConv is moved to another device and handles a batch that lives there."""
    return elsewhere.find_output_device(_with_shapes(impl.DoubleConv(x.shape[1], out_channels), x), x)  # noqa: F821 (a name that every probe is given)


def down(impl, x, weights, scale=None, shift=None):
    """Down with given weights handles a batch in train mode, two more, and the first again in eval mode."""
    module = _with_shapes(impl.Down(x.shape[1], weights[0].shape[0]), x)
    return _passed(module, [x], _fill(module, x, weights, scale, shift))


def down_shape(impl, x, out_channels):
    """A fresh Down handles a batch; what comes out has this shape."""
    return {"shape": list(impl.Down(x.shape[1], out_channels).to(x.device)(x).shape)}


def down_elsewhere(impl, x, out_channels):
    """A Down is moved to another device and handles a batch that lives there."""
    return elsewhere.find_output_device(_with_shapes(impl.Down(x.shape[1], out_channels), x), x)  # noqa: F821 (a name that every probe is given)


def up(impl, x, skip, weights, scale=None, shift=None):
    """Up with given weights handles x and skip in train mode, two more pairs, and the first again in eval mode."""
    module = _with_shapes(impl.Up(x.shape[1], weights[-1].shape[0]), x, skip)
    return _passed(module, [x, skip], _fill(module, x, weights, scale, shift))


def up_shape(impl, x, skip, out_channels):
    """A fresh Up handles x and skip; what comes out has this shape."""
    return {"shape": list(impl.Up(x.shape[1], out_channels).to(x.device)(x, skip).shape)}


def up_weights(impl, in_channels, out_channels):
    """A fresh Up is built; its parameters have these shapes."""
    inputs = torch.zeros(2, in_channels, 2, 2), torch.zeros(2, in_channels // 2, 4, 4)
    return [list(p.shape) for p in _with_shapes(impl.Up(in_channels, out_channels), *inputs).parameters()]


def up_elsewhere(impl, x, skip, out_channels):
    """An Up is moved to another device and handles x and skip that live there."""
    return elsewhere.find_output_device(_with_shapes(impl.Up(x.shape[1], out_channels), x, skip), x, skip)  # noqa: F821 (a name that every probe is given)


def _unet(impl, x, seed, in_channels, out_channels, options):
    torch.manual_seed(seed)
    net = impl.UNet(in_channels, out_channels, **options)
    side = 2 ** (options.get("depth", 3) + 1)
    return _with_shapes(net, torch.zeros(2, in_channels, side, side)).to(x.device, x.dtype)


def unet_shape(impl, x, out_channels, seed, **options):
    """A fresh UNet handles images in eval mode; what comes out has this shape."""
    net = _unet(impl, x, seed, x.shape[1], out_channels, options).eval()
    logits = net(x)
    return {"shape": list(logits.shape), "dtype": str(logits.dtype)}


def unet_weights(impl, seed, in_channels, out_channels, **options):
    """A fresh UNet is built; its parameters have these shapes."""
    net = _unet(impl, torch.zeros(()), seed, in_channels, out_channels, options)
    return [list(p.shape) for p in net.parameters()]


def unet_logits(impl, x, out_channels, seed, training=True, **options):
    """A fresh UNet handles images, and again with its last layer's numbers multiplied by −2."""
    net = _unet(impl, x, seed, x.shape[1], out_channels, options).train(training)
    torch.manual_seed(seed)
    logits = net(x).detach()
    last = [p for p in net.parameters() if p.dim() > 0 and p.shape[0] == out_channels]
    for parameter in last:
        parameter.data.mul_(-2.0)
    torch.manual_seed(seed)
    return {"logits": logits, "scaled": net(x).detach() if last else None}


def unet_skip(impl, x, level, seed, out_channels, **options):
    """The skip at one level of a UNet must reach the output by itself: the path below it is silenced."""
    base = options["base_channels"]
    net = _unet(impl, x, seed, x.shape[1], out_channels, options).train()
    above = (base * 2**level, x.shape[1] if level == 0 else base * 2 ** (level - 1), 3, 3)
    below = (base * 2 ** (level + 1), base * 2**level, 3, 3)
    ways_in = [p for p in net.parameters() if tuple(p.shape) == above]
    ways_down = [p for p in net.parameters() if tuple(p.shape) == below]
    if not ways_in or not ways_down:
        return {"found": False}
    for parameter in ways_down:
        parameter.data.zero_()
    torch.manual_seed(seed)
    before = net(x)
    into = gradients(before, ways_in[:1])[0]  # noqa: F821
    other = torch.randn(above, generator=torch.Generator().manual_seed(seed + 1), dtype=x.dtype)
    ways_in[0].data.copy_(other)
    torch.manual_seed(seed)
    change = (net(x) - before).detach()
    return {
        "found": True,
        "change": float(change.abs().max()),
        "gradient": 0.0 if into is None else float(into.abs().max()),
    }


def unet_gradients(impl, x, out_channels, seed, **options):
    """A fresh UNet handles images in train mode; how large the gradient is that reaches each parameter."""
    net = _unet(impl, x, seed, x.shape[1], out_channels, options).train()
    names = ["the images", *(name for name, _ in net.named_parameters())]
    leaves = [x.detach().requires_grad_(), *net.parameters()]
    shapes = [list(leaf.shape) for leaf in leaves]
    sizes = [None if g is None else float(g.abs().max()) for g in gradients(net(leaves[0]), leaves)]  # noqa: F821
    return {"names": names, "shapes": shapes, "sizes": sizes}


def unet_modes(impl, x, out_channels, seed, **options):
    """A UNet handles images in train mode and in eval mode, each time the first one beside others too."""
    net = _unet(impl, x, seed, x.shape[1], out_channels, options).train()
    others = torch.cat([x[:1], 3.0 * x[1:] + 1.0])
    said = {}
    for mode in ("train", "eval"):
        net.train(mode == "train")
        torch.manual_seed(seed)
        together = net(x)[0]
        torch.manual_seed(seed)
        said[mode] = float((net(others)[0] - together).detach().abs().max())
    return said


def unet_of_layouts(impl, x, out_channels, seed, **options):
    """One UNet handles the same images as they lie in memory and as a contiguous copy, in eval mode."""
    net = _unet(impl, x, seed, x.shape[1], out_channels, options).eval()
    return float((net(x) - net(x.contiguous())).detach().abs().max())


def unet_elsewhere(impl, x, out_channels, **options):
    """A UNet is moved to another device and handles images that live there."""
    return elsewhere.find_output_device(_with_shapes(impl.UNet(x.shape[1], out_channels, **options), x), x)  # noqa: F821 (a name that every probe is given)


def overlaps(impl, prediction, target, num_classes):
    """iou is called; its numbers in double precision, whether they are floats, and its inputs afterwards."""
    result = impl.iou(prediction, target, num_classes)
    if not isinstance(result, torch.Tensor):
        return {"iou": result, "floats": False, "prediction": prediction, "target": target}
    floats = result.dtype in (torch.float32, torch.float64)
    return {"iou": result.detach().double(), "floats": floats, "prediction": prediction, "target": target}


def overlaps_elsewhere(impl, prediction, target, num_classes):
    """iou is called with class maps that live on another device."""

    class Measure(torch.nn.Module):
        def forward(self, prediction, target):
            return impl.iou(prediction, target, num_classes)

    return elsewhere.find_output_device(Measure(), prediction, target)  # noqa: F821 (a name that every probe is given)


def dice_learns(impl, logits, target, steps):
    """Logits follow the gradient of the Dice loss for some steps; the losses on the way."""
    logits, losses = logits.clone().requires_grad_(), []
    for _ in range(steps):
        loss = impl.dice_loss(logits, target)
        (step,) = torch.autograd.grad(loss, [logits])
        logits = (logits - 30.0 * step).detach().requires_grad_()
        losses.append(loss.detach())
    return torch.stack(losses)


def train(impl, images, masks, num_classes, epochs, seed, before=0):
    """train_segmenter trains on a few images; what it told on the way, and the model that it gave."""
    told = []
    torch.manual_seed(before)
    model = impl.train_segmenter(
        images, masks, num_classes=num_classes, epochs=epochs, seed=seed, device=images.device.type,
        on_epoch=lambda epoch, loss: told.append([int(epoch), float(loss), type(loss) is float]),
    )  # fmt: skip
    if not isinstance(model, torch.nn.Module):
        return {"type": type(model).__name__}
    training = sum(part.training for part in model.modules())
    with torch.no_grad():
        logits = model(images)
    return {
        "epochs": [epoch for epoch, _, _ in told],
        "losses": [loss for _, loss, _ in told],
        "losses are floats": all(is_float for _, _, is_float in told),
        "training": training,
        "shape": list(logits.shape),
        "prediction": logits.argmax(dim=1).to(torch.uint8),
        "on the device": logits.device == images.device,
    }


def train_quietly(impl, images, masks, num_classes, epochs, seed):
    """train_segmenter trains without on_epoch; what it gave, and whether the images and masks are as they were."""
    kept = images.clone(), masks.clone()
    model = impl.train_segmenter(images, masks, num_classes=num_classes, epochs=epochs, seed=seed)
    with torch.no_grad():
        shape = list(model(images).shape)
    return {"shape": shape, "unchanged": bool(torch.equal(kept[0], images) and torch.equal(kept[1], masks))}


def losses_of_runs(impl, images, masks, runs, num_classes, seed):
    """train_segmenter is run on so many of the images, for so many epochs each time; what losses it tells.

    A run is how many images, how many epochs, and what is added to the seed.
    """
    told = []
    for count, epochs, other in runs:
        losses = []
        impl.train_segmenter(
            images[:count].clone(), masks[:count].clone(), num_classes=num_classes, epochs=epochs, seed=seed + other,
            device=images.device.type, on_epoch=lambda epoch, loss, losses=losses: losses.append(float(loss)),
        )  # fmt: skip
        told.append(losses)
    return told


def train_twice(impl, images, masks, num_classes, epochs, seeds):
    """train_segmenter trains once for each seed, the global random state being another each time."""
    given = []
    for turn, seed in enumerate(seeds):
        torch.manual_seed(1000 + turn)
        given.append(_taught(impl, images, masks, num_classes, epochs, seed))
    return given


def train_with_each(impl, images, several, num_classes, epochs, seed):
    """train_segmenter trains once with each of some masks, with the same seed; what its models say of the images."""
    return [_taught(impl, images, masks, num_classes, epochs, seed) for masks in several]


def _taught(impl, images, masks, num_classes, epochs, seed):
    model = impl.train_segmenter(images.clone(), masks.clone(), num_classes=num_classes, epochs=epochs, seed=seed)
    with torch.no_grad():
        return model(images)


def train_on_scenes(impl, scenes, masks, test_scenes, num_classes, epochs, seed, device="cpu"):
    """train_segmenter trains on scenes, and its model says of every pixel of new scenes which class it is."""
    losses = []

    def on_epoch(epoch, loss):
        losses.append(float(loss))
        report(epoch=epoch, epochs=epochs, loss=float(loss))  # noqa: F821 (every probe is given it)

    model = impl.train_segmenter(
        scenes, masks, num_classes=num_classes, epochs=epochs, seed=seed, device=device, on_epoch=on_epoch
    )
    with torch.no_grad():
        maps = [model(batch.to(device)).argmax(dim=1).to(torch.uint8).cpu() for batch in test_scenes.split(50)]
    return {"predictions": torch.cat(maps), "losses": losses}
