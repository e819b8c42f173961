"""What is done with an optimizer: it gets parameters and gradients, and their way is written down."""

import copy

import torch


def steps(impl, part, parameters, grads, missing=(), **options):
    """An optimizer takes one step for each set of gradients."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, leaves, options)
    return _take(optimizer, leaves, _rounds(grads, missing))


def refilled_gradients(impl, part, parameters, grads, **options):
    """An optimizer takes steps while the same gradient tensors are refilled in place before each."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, leaves, options)
    for p in leaves:
        p.grad = torch.zeros_like(p)
    after = {}
    for number, given in enumerate(_rounds(grads), 1):
        for p, grad in zip(leaves, given, strict=True):
            p.grad.zero_()
            p.grad.add_(grad)
        optimizer.step()
        after[f"after step {number}"] = _values(leaves)
    return after


def gradients_afterwards(impl, part, parameters, grads, **options):
    """An optimizer takes steps, and the gradients are read again after each."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, leaves, options)
    after = {}
    for number, given in enumerate(_rounds(grads), 1):
        _give(leaves, given)
        optimizer.step()
        after[f"gradients after step {number}"] = [p.grad for p in leaves]
    return after


def changed_options(impl, part, parameters, grads, changes, **options):
    """Options are changed in `param_groups` before each step, as schedulers and people do."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, leaves, options)
    after = {}
    for number, (given, change) in enumerate(zip(_rounds(grads), changes, strict=True), 1):
        optimizer.param_groups[0].update(change)
        after |= _take(optimizer, leaves, [given], first=number)
    return after


def scheduled(impl, part, parameters, grads, step_size, gamma, **options):
    """An optimizer takes steps while `torch.optim.lr_scheduler.StepLR` lowers its learning rate."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, leaves, options)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=step_size, gamma=gamma)
    after = {}
    for number, given in enumerate(_rounds(grads), 1):
        after |= _take(optimizer, leaves, [given], first=number)
        scheduler.step()
    return after


def two_groups(impl, part, parameters, grads, second, **options):
    """An optimizer takes steps; the last parameter is in a second group with options of its own."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, _grouped(leaves, second), options)
    return _take(optimizer, leaves, _rounds(grads))


def group_added_later(impl, part, parameters, grads, second, **options):
    """An optimizer takes steps; the last parameter comes with `add_param_group` after the first of them."""
    leaves = _leaves(parameters)
    groups = _grouped(leaves, second)
    optimizer = _make(impl, part, groups[:1], options)
    rounds = _rounds(grads)
    before = _take(optimizer, leaves, rounds[:1])
    optimizer.add_param_group(groups[1])
    return before | _take(optimizer, leaves, rounds[1:], first=2)


def from_a_generator(impl, part, parameters, grads, **options):
    """An optimizer is given its parameters by a generator, as `model.parameters()` is one, and takes steps."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, (p for p in leaves), options)
    return _take(optimizer, leaves, _rounds(grads))


def frozen(impl, part, parameters, grads, **options):
    """An optimizer takes steps while the first parameter is frozen (no `requires_grad`, no gradient)."""
    leaves = _leaves(parameters)
    leaves[0].requires_grad_(False)
    optimizer = _make(impl, part, leaves, options)
    return _take(optimizer, leaves, [[None, *given[1:]] for given in _rounds(grads)])


def frozen_with_gradient(impl, part, parameters, grads, **options):
    """An optimizer takes steps; the first parameter is frozen (no `requires_grad`) but has gradients all the same."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, leaves, options)
    leaves[0].requires_grad_(False)
    return _take(optimizer, leaves, _rounds(grads))


def resumed(impl, part, parameters, grads, saved_after, missing=(), **options):
    """A new optimizer goes on from the `state_dict` of another."""
    rounds = _rounds(grads, missing)
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, leaves, options)
    before = _take(optimizer, leaves, rounds[:saved_after])
    saved = copy.deepcopy(optimizer.state_dict())
    leaves = _leaves(leaves)
    fresh = _make(impl, part, leaves, {"lr": 123.0})
    fresh.load_state_dict(saved)
    after = _take(fresh, leaves, rounds[saved_after:], first=saved_after + 1)
    kept = all(len(fresh.state.get(p) or ()) > 0 for p in leaves)
    return before | after | {"self.state[p] holds something for every parameter p": kept}


def closure(impl, part, parameter, x, y, count, **options):
    """An optimizer takes steps with a closure that computes a loss and calls `backward`."""
    (w,) = _leaves([parameter])
    optimizer = _make(impl, part, [w], options)
    calls = []

    def evaluate():
        calls.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = ((x @ w - y) ** 2).mean()
        loss.backward()
        return loss

    after = {}
    for number in range(1, count + 1):
        loss = optimizer.step(evaluate)
        after[f"step {number}"] = {
            "returned": _kept(loss),
            "parameter": w.detach().clone(),
            "calls so far": len(calls),
        }
    after["gradients were on in the closure"] = all(calls)
    after["returned without a closure"] = _kept(optimizer.step())
    after["returned with a closure that gives 0.25"] = optimizer.step(closure=lambda: 0.25)
    after["returned with a closure that gives 0.0"] = optimizer.step(closure=lambda: 0.0)
    return after


def closure_of_two_groups(impl, part, parameters, second, count, **options):
    """An optimizer with two groups takes steps with a closure, which notes the parameters at each of its calls."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, _grouped(leaves, second), options)
    seen = []

    def evaluate():
        seen.append(_values(leaves))
        optimizer.zero_grad()
        loss = sum((p**2).sum() for p in leaves)
        loss.backward()
        return loss

    for _ in range(count):
        optimizer.step(evaluate)
    return {"calls": len(seen), "parameters at each call": seen, "parameters afterwards": _values(leaves)}


def graph(impl, part, parameters, grads, **options):
    """An optimizer takes steps; then parameters and state are searched for a graph."""
    leaves = _leaves(parameters)
    optimizer = _make(impl, part, leaves, options)
    _take(optimizer, leaves, _rounds(grads))
    state = [tensor for entry in optimizer.state.values() for tensor in _tensors(entry)]
    return {
        "every parameter is a leaf": all(p.is_leaf for p in leaves),
        "every parameter has no grad_fn": all(p.grad_fn is None for p in leaves),
        "every parameter requires a gradient": all(p.requires_grad for p in leaves),
        "no state hangs on a graph": not any(tensor.requires_grad for tensor in state),
        "no gradient hangs on a graph": not any(p.grad is not None and p.grad.requires_grad for p in leaves),
        "every parameter has moved": not any(
            torch.equal(p, value) for p, value in zip(leaves, parameters, strict=True)
        ),
    }


def in_place(impl, part, parameters, grads, **options):
    """An optimizer takes steps, and the parameters are read through views that were made before."""
    leaves = _leaves(parameters)
    views = [p.detach() for p in leaves]
    optimizer = _make(impl, part, leaves, options)
    _take(optimizer, leaves, _rounds(grads))
    held = [p for group in optimizer.param_groups for p in group["params"]]
    return {
        "parameters": _values(leaves),
        "views of the parameters": _values(views),
        "the optimizer still holds the same parameters": len(held) == len(leaves)
        and all(a is b for a, b in zip(held, leaves, strict=True)),
    }


def where_state_lives(impl, part, shapes, count, **options):
    """An optimizer must keep its state on the device of its parameters."""
    with elsewhere.FakeDeviceMode():  # noqa: F821 (a name that every probe is given)
        leaves = [elsewhere.wrap(torch.zeros(shape)).requires_grad_() for shape in shapes]  # noqa: F821
        try:
            optimizer = _make(impl, part, leaves, options)
            for _ in range(count):
                for p in leaves:
                    p.grad = torch.zeros_like(p)
                optimizer.step()
        except elsewhere.WrongDevice:  # noqa: F821
            return "mixed with the CPU"
        state = [tensor for entry in optimizer.state.values() for tensor in _tensors(entry)]
        here = any(tensor.dim() > 0 and tensor.device.type == "cpu" for tensor in state)
    return "state on the CPU" if here else "one device"


def training(impl, part, parameter, x, y, count, **options):
    """An optimizer trains a small linear regression with the usual loop: `zero_grad`, `backward`, `step`."""
    (w,) = _leaves([parameter])
    optimizer = _make(impl, part, [w], options)
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = ((x @ w - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def clip(impl, parameters, grads, max_norm, form="list", frozen=()):
    """`clip_grad_norm_` is called on parameters with gradients."""
    leaves = _leaves(parameters)
    _give(leaves, grads)
    for place in frozen:
        leaves[place].requires_grad_(False)
    handed = {
        "list": lambda: list(leaves),
        "tuple": lambda: tuple(leaves),
        "generator": lambda: (p for p in leaves),
        "iterator": lambda: iter(leaves),
        "dict values": lambda: {str(i): p for i, p in enumerate(leaves)}.values(),
        "one tensor": lambda: leaves[0],
    }[form]()
    norm = impl.clip_grad_norm_(handed, max_norm)
    return {"returned": _kept(norm), "gradients": [p.grad for p in leaves], "parameters": _values(leaves)}


def clip_module(impl, weights, max_norm):
    """`clip_grad_norm_` is called on `module.parameters()` after a real `backward`."""
    module = torch.nn.Linear(weights.shape[1], weights.shape[0]).to(weights)
    with torch.no_grad():
        module.weight.copy_(weights)
        module.bias.zero_()
    module(weights).pow(2).sum().backward()
    norm = impl.clip_grad_norm_(module.parameters(), max_norm)
    return {"returned": _kept(norm), "gradients": [p.grad for p in module.parameters()]}


def clip_nothing(impl, parameters, max_norm, form="list"):
    """`clip_grad_norm_` is called where there is no gradient at all."""
    leaves = _leaves(parameters)
    handed = {"list": lambda: leaves, "generator": lambda: iter(leaves), "one tensor": lambda: leaves[0]}[form]()
    norm = impl.clip_grad_norm_(handed, max_norm)
    if not isinstance(norm, torch.Tensor):
        return {"returned": norm}
    return {"returned": float(norm.sum()), "shape": list(norm.shape), "gradients": [p.grad for p in leaves]}


def clip_in_place(impl, parameters, grads, max_norm):
    """`clip_grad_norm_` is called, and the gradients are read through views that were made before."""
    leaves = _leaves(parameters)
    _give(leaves, grads)
    views = [None if p.grad is None else p.grad.detach() for p in leaves]
    norm = impl.clip_grad_norm_(leaves, max_norm)
    return {"returned": _kept(norm), "views of the gradients": views}


def clip_layouts(impl, grads, max_norm):
    """`clip_grad_norm_` is called on gradients that are laid out in memory in other ways."""
    leaves = [torch.zeros_like(grad).requires_grad_() for grad in grads]
    for p, grad in zip(leaves, grads, strict=True):
        p.grad = grad
    norm = impl.clip_grad_norm_(leaves, max_norm)
    return {"returned": _kept(norm), "gradients": [p.grad for p in leaves]}


def laid_out(impl, part, parameters, rounds, **options):
    """An optimizer takes steps on tensors that are laid out in memory in other ways."""
    leaves = [value.detach().requires_grad_() for value in parameters]
    optimizer = _make(impl, part, leaves, options)
    after = {}
    for number, grads in enumerate(rounds, 1):
        for p, grad in zip(leaves, grads, strict=True):
            p.grad = grad
        optimizer.step()
        after[f"after step {number}"] = _values(leaves)
    return after


def _make(impl, part, parameters, options):
    return getattr(impl, part)(parameters, **_plain(options))


def _grouped(leaves, second):
    return [{"params": leaves[:-1]}, {"params": leaves[-1:], **_plain(second)}]


def _leaves(values):
    return [value.detach().clone().requires_grad_() for value in values]


def _rounds(grads, missing=()):
    """The gradients of each step, from a stack for each parameter; `missing` lists (step, parameter) to be None."""
    rounds = [list(given) for given in zip(*(grad.unbind(0) for grad in grads), strict=True)]
    for step, place in missing:
        rounds[step][place] = None
    return rounds


def _values(leaves):
    return [p.detach().clone() for p in leaves]


def _give(leaves, grads):
    for p, grad in zip(leaves, grads, strict=True):
        p.grad = None if grad is None else grad.clone()


def _take(optimizer, leaves, rounds, first=1):
    after = {}
    for number, grads in enumerate(rounds, first):
        _give(leaves, grads)
        optimizer.step()
        after[f"after step {number}"] = _values(leaves)
    return after


def _plain(options):
    return {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}


def _tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for item in value.values() for tensor in _tensors(item)]
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in _tensors(item)]
    return []


def _kept(value):
    return value.detach().clone() if isinstance(value, torch.Tensor) else value
