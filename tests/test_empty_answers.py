"""What answers nothing earns nothing: right shapes and types, filled with zeros, ones, chance or the input.

Whoever hands in such parts has understood how they are called, and nothing of what they do.
"""

from __future__ import annotations

import pytest
from nnkata.grader.engine import engine
from nnkata.grader.exercise import catalog
from nnkata.grader.model import GradingOptions

EXERCISES = ["06_training", "07_mlp", "08_cnn", "09_unet"]

FILLINGS = {
    "zeros": "value.detach() * 0",
    "ones": "value.detach() * 0 + 1",
    "chance": "torch.rand(value.shape).to(value.dtype)",
    "constant": "torch.full_like(value.detach(), 0.5 if value.is_floating_point() else 1)",
    "input": "torch.resize_as_(flat(args).repeat(1 + value.numel()), value).to(value.dtype)",
    "mean of the input": "torch.full_like(value.detach(), float(flat(args).mean()))",
}

FILL = """
def flat(args):
    tensors = [arg for arg in args if isinstance(arg, torch.Tensor) and arg.numel()]
    return tensors[0].detach().float().flatten() if tensors else torch.ones(1)

def filled(value, args):
    if isinstance(value, torch.Tensor):
        return FILLING
    if isinstance(value, dict):
        return {key: filled(item, args) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(filled(item, args) for item in value)
    return type(value)(filled(torch.tensor(float(value)), args).item())
"""

FUNCTION = """
right_NAME = NAME
def NAME(*args, **options):
    return filled(right_NAME(*args, **options), args)
"""

BATCHES = """
right_NAME = NAME
def NAME(*args, **options):
    for pair in right_NAME(*args, **options):
        yield filled(pair, args)
"""

MODULE = """
class NAME(NAME):
    def forward(self, *args):
        return filled(super().forward(*args), args)
"""

TRAINER = """
class Untaught(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, images):
        places = images.shape[2:] if PIXELS else ()
        shape = (len(images), len(self.bias), *places)
        return filled(torch.zeros(shape), (images,)) + self.bias.reshape(1, -1, *[1] * len(places))

def NAME(images, labels, *, num_classes=10, epochs, seed, device="cpu", on_epoch=None):
    torch.manual_seed(seed)
    model = Untaught(num_classes)
    if HISTOGRAM:
        counts = torch.bincount(labels.flatten(), minlength=num_classes)
        model.bias.data = (counts + 1e-3 * torch.rand(num_classes)).log()
    for epoch in range(1, epochs + 1):
        if on_epoch is not None:
            on_epoch(epoch, 1 / epoch)
    return model.eval().to(device)
"""

RAISES = """
def NAME(*args, **options):
    raise ValueError("no")
"""


@pytest.fixture(scope="module")
def grader():
    """A warm engine that looks for no names of mistakes: here are none to find, and it takes most of the time."""
    with pytest.MonkeyPatch.context() as patch, engine.Engine() as running:
        patch.setattr(engine, "diagnose", lambda trial, without=(): {})
        running.warm_up()
        yield running


def emptied(exercise, filling):
    """The reference with every part replaced by one that answers nothing."""
    text = exercise.solution.read_text("utf-8") + FILL.replace("FILLING", FILLINGS.get(filling, "value.detach() * 0"))
    for part in exercise.parts:
        kind = FUNCTION
        if filling == "raises":
            kind = RAISES
        elif part.name == "iterate_batches":
            kind = BATCHES
        elif part.name.startswith("train_") and part.name not in ("train_step", "train_epoch"):
            kind = TRAINER
        elif part.name[0].isupper():
            kind = MODULE
        kind = kind.replace("PIXELS", str(part.name == "train_segmenter"))
        text += kind.replace("HISTOGRAM", str(filling == "histogram")).replace("NAME", part.name)
    return text


@pytest.mark.parametrize("filling", [*FILLINGS, "histogram", "raises"])
@pytest.mark.parametrize("name", EXERCISES)
def test_an_empty_answer_earns_next_to_nothing(grader, tmp_path, name, filling):
    exercise = catalog.find(name)
    file = tmp_path / exercise.module
    file.write_text(emptied(exercise, filling), "utf-8")
    result = grader.grade(engine.GradingRequest(exercise, file, GradingOptions(seed=20, training="none")))
    assert result.notes == ()
    assert len(result.parts) == len(exercise.parts)
    assert all(test.status != "error" for test in result.tests)
    earned = {part.name: part.score for part in result.parts if part.score > 0.1 * part.max_score}
    assert earned == {}
