"""The pretended device finds code that forgets where tensors live, and lets all other code work as on a GPU."""

import copy

import pytest
import torch
from nnkata.grader.worker import no_compiler
from nnkata.grader.worker.fake_device import (
    FakeDeviceMode,
    FakeDeviceTensor,
    WrongDevice,
    find_output_device,
    unwrap,
    wrap,
)
from torch import nn
from torch.nn import functional as F

no_compiler.install()


def inputs():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(4, 3, generator=generator), torch.tensor([0, 2, 1, 1])


def away(code):
    """What the code gives with its inputs on the pretended device, as it comes."""
    with FakeDeviceMode():
        return code(*wrap(list(inputs())))


# -- code that is right, in many styles ------


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 2 * x * grad


class Scale(nn.Module):
    """A module with a parameter and a buffer of its own."""

    def __init__(self, device=None):
        super().__init__()
        self.weight = nn.Parameter(torch.full((3,), 2.0, device=device))
        self.register_buffer("shift", torch.ones(3, device=device))

    def forward(self, x):
        return x * self.weight + self.shift


def seeded(make):
    """The network that `make` makes, always with the same weights."""
    torch.manual_seed(0)
    return make()


def assigned(x, y):
    out = x.clone()
    out[[0, 2]] = 1.0
    out[range(2), [0, 1]] = 5.0
    out[out > 4] = 7.0
    out[y == 2] = -out[y == 2]
    out[:, 1:] *= 2
    out[3] = torch.tensor(3.0)
    out[1] = torch.ones(3)  # a GPU copies it, too
    return out


def in_place(x, y):
    out = torch.zeros_like(x)
    out += x
    out[0] = 1
    out.mul_(2).clamp_(min=0)
    out.data.add_(1)
    return out


def element_by_element(x, y):
    out = torch.empty(4, 3, device=x.device)
    for i in range(4):
        for j in range(3):
            out[i, j] = x[i, j].item() * 2 if x[i, j] > 0 else 0.5
    return out


def slopes_of_function(x, y):
    x = x.detach().requires_grad_()
    Square.apply(x).sum().backward()
    return x.grad


def slopes_of_formula(x, y):
    x = x.detach().clone().requires_grad_(True)
    return torch.autograd.grad((x.exp() * x).sum(), x)[0]


def trained(optimizer):
    def train(x, y):
        model = seeded(lambda: nn.Linear(3, 3, device=x.device))
        steps = optimizer(model.parameters(), lr=0.1)
        for _ in range(2):
            steps.zero_grad()
            F.cross_entropy(model(x), y).backward()
            steps.step()
        return model.weight.detach()

    return train


def without_graph(x, y):
    with torch.no_grad():
        weight = torch.ones(3, device=x.device, requires_grad=True)
        weight.sub_(0.5)
    return x * weight


def device_context(x, y):
    with torch.device(x.device):
        return torch.zeros(3) + x


RIGHT = {
    "index list": lambda x, y: x[[0, 2]],
    "index range": lambda x, y: x[range(4), y],
    "index tuple of ranges": lambda x, y: x[(range(3), range(3))],
    "index lists": lambda x, y: x[[0, 1], [1, 2]],
    "index slice and list": lambda x, y: x[:, [0, 2]],
    "index ellipsis and list": lambda x, y: x[..., [0]],
    "index none and list": lambda x, y: x[:, None, [0, 1]],
    "index boolean list": lambda x, y: x[[True, False, True, False]],
    "index mask": lambda x, y: x[x > 0],
    "index labels": lambda x, y: x[torch.arange(4, device=x.device), y],
    "index arange on the cpu": lambda x, y: x[torch.arange(4), y],
    "index one label": lambda x, y: x[y[0]],
    "index int of label": lambda x, y: x[int(y[1])],
    "index nonzero": lambda x, y: x[(y == 1).nonzero(as_tuple=True)],
    "assignment": assigned,
    "gather": lambda x, y: x.gather(1, y[:, None]),
    "take_along_dim": lambda x, y: x.take_along_dim(y[:, None], 1),
    "index_select": lambda x, y: x.index_select(0, torch.tensor([0, 1], device=x.device)),
    "index_add": lambda x, y: torch.zeros(3, 3, device=x.device).index_add(0, y, x),
    "scatter_": lambda x, y: torch.zeros_like(x).scatter_(1, y[:, None], 1.0) * x,
    "one_hot": lambda x, y: F.one_hot(y, 3).to(x.dtype) * x,
    "one_hot without a number of classes": lambda x, y: F.one_hot(y).float() * x,
    "eye": lambda x, y: torch.eye(3, device=x.device)[y] * x,
    "eye moved": lambda x, y: torch.eye(3).to(x.device)[y] * x,
    "eye moved to a tensor": lambda x, y: torch.eye(3).to(x)[y] * x,
    "type_as": lambda x, y: torch.ones(3).type_as(x) * x,
    "torch.tensor": lambda x, y: x * torch.tensor([1.0, 2.0, 3.0], device=x.device),
    "torch.tensor of elements": lambda x, y: torch.tensor([x[0, 0], x[1, 1]], device=x.device),
    "torch.tensor of a list": lambda x, y: torch.tensor([[v * 2 for v in row] for row in x.tolist()], device=x.device),
    "torch.tensor moved": lambda x, y: torch.tensor([1.0, 2.0, 3.0]).to(x.device) * x,
    "as_tensor": lambda x, y: torch.as_tensor([1.0, 2.0, 3.0], device=x.device) * x,
    "device as a word": lambda x, y: torch.zeros(3, device=str(x.device)) + x,
    "device context": device_context,
    "new_tensor": lambda x, y: x * x.new_tensor([1.0, 2.0, 3.0]),
    "new_zeros and new_full": lambda x, y: x + x.new_zeros(3) + x.new_full((3,), 2.0),
    "zeros full linspace": lambda x, y: (
        torch.zeros(x.shape, device=x.device) + torch.full((4, 3), 2.0, device=x.device) * torch.linspace(0, 1, 3).to(x)
    ),
    "scalar on the cpu": lambda x, y: x * torch.tensor(2.0),
    "where": lambda x, y: torch.where(x > 0, x, torch.zeros_like(x)) + torch.where(x > 0, x, 0.0),
    "masked_fill": lambda x, y: x.masked_fill(x < 0, 0.0) + x.clone().masked_fill_(x > 0, 1.0),
    "in place": in_place,
    "copy_ and fill_": lambda x, y: torch.empty_like(x).copy_(x) + torch.empty_like(x).fill_(2.0),
    "out": lambda x, y: torch.add(x, x, out=torch.empty_like(x)),
    "element by element": element_by_element,
    "row by row": lambda x, y: torch.stack([row * 2 for row in x]),
    "sum of picked": lambda x, y: sum(x[i, c] for i, c in enumerate(y)),
    "stack of picked": lambda x, y: torch.stack([x[i, c] for i, c in enumerate(y.tolist())]),
    "cat": lambda x, y: torch.cat([x, torch.ones(4, 1, device=x.device)], 1),
    "data-dependent step": lambda x, y: x.abs() if (x < 0).any() else x,
    "item and float": lambda x, y: x * x.max().item() + float(x.min()),
    "matmul and einsum": lambda x, y: x @ x.T + torch.einsum("ij,kj->ik", x, x),
    "unfold and pad": lambda x, y: F.unfold(F.pad(x, (1, 1))[None, None], 2),
    "conv": lambda x, y: F.conv2d(x[None, None], torch.ones(1, 1, 2, 2, device=x.device)).relu(),
    "sort and topk": lambda x, y: x.sort(dim=1)[0][:, :2] + x.topk(2).values,
    "var_mean": lambda x, y: (x - x.mean(0)) / torch.var_mean(x, 0)[0].sqrt(),
    "wider floats": lambda x, y: x.double().exp().to(x.dtype),
    "cross_entropy": lambda x, y: F.cross_entropy(x, y),
    "bincount": lambda x, y: torch.bincount(y, minlength=3).float() * x,
    "random mask": lambda x, y: x * (torch.rand(x.shape, device=x.device) < 2) * (torch.rand_like(x) < 2),
    "random order": lambda x, y: x[torch.randperm(4, device=x.device)].sum(0),
    "meshgrid": lambda x, y: torch.meshgrid(y, torch.arange(3, device=x.device), indexing="ij")[0] * x,
    "numpy and back": lambda x, y: torch.from_numpy(x.cpu().numpy() * 2).to(x.device),
    "deep copy": lambda x, y: copy.deepcopy(x),
    "autograd.Function": slopes_of_function,
    "autograd.grad": slopes_of_formula,
    "no_grad": without_graph,
    "module made there": lambda x, y: seeded(lambda: nn.Linear(3, 2, device=x.device))(x),
    "module moved": lambda x, y: seeded(lambda: nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))).to(x.device)(x),
    "own module made there": lambda x, y: Scale(x.device)(x),
    "own module moved": lambda x, y: Scale().to(x.device)(x),
    "parameter": lambda x, y: nn.Parameter(torch.ones(3, device=x.device)) * x,
    "init": lambda x, y: nn.init.constant_(torch.empty(3, device=x.device), 2.0) * x,
    "SGD": trained(torch.optim.SGD),
    "Adam": trained(torch.optim.Adam),
}


@pytest.mark.parametrize("style", RIGHT)
def test_right_code_gives_on_the_pretended_device_what_it_gives_here(style):
    code = RIGHT[style]
    torch.manual_seed(1)
    expected = code(*inputs())
    torch.manual_seed(1)
    result = away(code)
    assert isinstance(result, FakeDeviceTensor)
    assert unwrap(result).nnkata_device == "elsewhere"
    torch.testing.assert_close(unwrap(result).detach(), expected.detach())


def test_numbers_and_truth_values_come_out_of_the_pretended_device():
    x, y = inputs()
    assert away(lambda x, y: x.sum().item()) == x.sum().item()
    assert away(lambda x, y: y.tolist()) == y.tolist()
    assert away(lambda x, y: bool((x > 9).any())) is False
    assert away(lambda x, y: (torch.equal(x, x), torch.allclose(x, x + 1))) == (True, False)
    assert away(lambda x, y: f"{x.max().item():.3f} {len(x)}") == f"{x.max().item():.3f} 4"


# -- code that forgets ------


FORGETFUL = {
    "zeros": lambda x, y: x + torch.zeros(3),
    "tensor": lambda x, y: x * torch.tensor([1.0, 2.0, 3.0]),
    "device cpu": lambda x, y: x * torch.ones(3, device="cpu"),
    "arange": lambda x, y: y == torch.arange(4),
    "random mask": lambda x, y: x * (torch.rand(4, 3) < 0.5),
    "where": lambda x, y: torch.where(x > 0, x, torch.zeros(4, 3)),
    "cat": lambda x, y: torch.cat([x, torch.ones(4, 1)], 1),
    "matmul": lambda x, y: x @ torch.ones(3, 2),
    "eye indexed": lambda x, y: torch.eye(3)[y] * x,
    "module": lambda x, y: nn.Linear(3, 2)(x),
    "buffer of a module": lambda x, y: Scale()(x),
    "numpy": lambda x, y: torch.from_numpy(x.numpy()),
    "moved then mixed": lambda x, y: x.cpu() + x,
    "gradient": lambda x, y: torch.autograd.grad((x.requires_grad_() * torch.ones(4, 3)).sum(), x)[0],
    "in place": lambda x, y: x.clone().add_(torch.ones(3)),
}


@pytest.mark.parametrize("mistake", FORGETFUL)
def test_code_that_mixes_devices_is_stopped(mistake):
    FORGETFUL[mistake](*inputs())  # works where everything is on the CPU
    with pytest.raises(WrongDevice):
        away(FORGETFUL[mistake])


STAYS = {
    "cpu": lambda x, y: x.cpu() * 2,
    "to cpu": lambda x, y: x.to("cpu"),
    "tensor of a number": lambda x, y: torch.tensor(x.sum().item()),
    "tensor of numbers": lambda x, y: torch.tensor([float(v) for v in x.sum(1)]),
    "filled on the cpu": lambda x, y: torch.stack([torch.zeros(3).copy_(row) for row in x]),
    "zeros alone": lambda x, y: torch.zeros(x.shape),
}


@pytest.mark.parametrize("mistake", STAYS)
def test_a_result_made_on_the_cpu_is_told_from_one_that_lives_there(mistake):
    result = away(STAYS[mistake])
    assert not isinstance(result, FakeDeviceTensor)
    assert getattr(unwrap(result), "nnkata_device", "cpu") == "cpu"


def test_a_pretending_tensor_says_that_it_lives_on_another_device():
    assert away(lambda x, y: (x.device.type == y.device.type != "cpu", x.shape, x.dtype)) == (
        True,
        (4, 3),
        torch.float32,
    )


def test_values_in_lists_and_dicts_are_sent_and_brought_back():
    x, _ = inputs()
    sent = wrap({"a": [x, (x, 1)], "b": None})
    assert isinstance(sent["a"][0], FakeDeviceTensor) and isinstance(sent["a"][1][0], FakeDeviceTensor)
    back = unwrap(sent)
    assert torch.equal(back["a"][0], x) and back["a"][1][1] == 1 and back["b"] is None


def test_what_is_made_after_the_world_ends_lives_here_again():
    away(lambda x, y: x)
    assert type(torch.zeros(2) + 1) is torch.Tensor
    assert type(torch.tensor([1.0])) is torch.Tensor


class Layer(nn.Module):
    """A layer with a parameter and a buffer, whose steps can be replaced."""

    def __init__(self, forward):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("mean", torch.zeros(3))
        self.stray = torch.zeros(3)
        self.answer = forward

    def forward(self, x):
        return self.answer(self, x)


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, x: x * self.weight + self.mean,
        lambda self, x: torch.cat([x, torch.zeros(x.shape, device=x.device)]),
        lambda self, x: F.dropout(x, 0.5, self.training) * self.weight,
        lambda self, x: F.batch_norm(x, self.mean, self.weight.detach(), training=self.training),
    ],
    ids=["registered", "made there", "dropout", "norm"],
)
def test_a_module_that_moves_as_a_whole_answers_on_the_pretended_device(forward):
    assert find_output_device(Layer(forward), inputs()[0]) == "elsewhere"


@pytest.mark.parametrize(
    "forward",
    [
        lambda self, x: x * self.stray,
        lambda self, x: x.cpu() * self.weight,
        lambda self, x: x * (torch.rand(x.shape) > 0.5),
        lambda self, x: x if self.training else torch.cat([x, torch.zeros(1, 3)]),
        lambda self, x: x + torch.zeros(3, device="cpu"),
    ],
    ids=["not registered", "sent to the CPU", "mask", "in eval mode only", "device named"],
)
def test_a_module_that_mixes_devices_is_stopped(forward):
    with pytest.raises(WrongDevice):
        find_output_device(Layer(forward), inputs()[0])


def test_a_module_that_answers_on_the_cpu_is_told_from_one_that_cannot_be_followed():
    def unknown(self, x):
        raise RuntimeError("PyTorch has no such thing there")

    assert find_output_device(Layer(lambda self, x: (x * self.weight).cpu()), inputs()[0]) == "cpu"
    assert find_output_device(Layer(lambda self, x: x if self.training else x.cpu()), inputs()[0]) == "cpu"
    assert find_output_device(Layer(unknown), inputs()[0]) == "unknown"


def test_a_module_that_is_not_written_yet_says_so_elsewhere():
    def unwritten(self, x):
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        find_output_device(Layer(unwritten), inputs()[0])
