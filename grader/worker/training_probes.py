"""Probes of `train_classifier`, which several exercises ask for. Runs beside the student's code.

Each calls `train_classifier(images, labels, *, epochs, seed, device="cpu", on_epoch=None)` and returns plain data. The
tests that ask these questions are in `contracts/classifier_training.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from .training_progress import report


def trained(
    impl: Any, images: Tensor, labels: Tensor, others: Tensor, epochs: int, seed: int, before: int = 0
) -> dict[str, object]:
    """train_classifier is called with on_epoch, and the module that it returns gives scores to other images."""
    images, labels = images.cpu(), labels.cpu()
    torch.manual_seed(before)
    told: list[list[object]] = []
    model = impl.train_classifier(
        images,
        labels,
        epochs=epochs,
        seed=seed,
        device="cpu",
        on_epoch=lambda epoch, mean_loss: told.append([epoch, mean_loss]),
    )
    said = {"type": type(model).__name__, "module": isinstance(model, torch.nn.Module), "told": told}
    said["images"], said["labels"] = images, labels
    if said["module"]:
        said["training"] = [m.training for m in model.modules()]
        said["scores"] = _scores(model, others.cpu())
    return said


def trained_silently(impl: Any, images: Tensor, labels: Tensor, others: Tensor, epochs: int, seed: int) -> Tensor:
    """train_classifier is called without on_epoch, and the module that it returns gives scores to other images."""
    model = impl.train_classifier(images.cpu(), labels.cpu(), epochs=epochs, seed=seed)
    return _scores(model, others.cpu())


def trained_twice(
    impl: Any, images: Tensor, labels: Tensor, others: Tensor, epochs: int, seeds: list[int], before: list[int]
) -> list[Tensor]:
    """train_classifier is called twice, with other global random states; its seed alone must decide the network."""
    images, labels, others = images.cpu(), labels.cpu(), others.cpu()
    scores = []
    for seed, state in zip(seeds, before, strict=True):
        torch.manual_seed(state)
        model = impl.train_classifier(images.clone(), labels.clone(), epochs=epochs, seed=seed)
        scores.append(_scores(model, others))
    return scores


def taught(impl: Any, images: Tensor, labels: list[Tensor], others: Tensor, epochs: int, seed: int) -> list[Tensor]:
    """train_classifier is called once with each of several sets of labels, which must make a difference."""
    images, others = images.cpu(), others.cpu()
    scores = []
    for several in labels:
        model = impl.train_classifier(images.clone(), several.cpu().clone(), epochs=epochs, seed=seed)
        scores.append(_scores(model, others))
    return scores


def losses_of_runs(impl: Any, images: Tensor, labels: Tensor, runs: list[list[int]], seed: int) -> list[list[float]]:
    """train_classifier is run on so many of the images, for so many epochs each time, and tells on_epoch mean losses.

    A run is how many images, how many epochs, and what is added to the seed.
    """
    images, labels = images.cpu(), labels.cpu()
    told = []
    for count, epochs, other in runs:
        losses: list[float] = []

        def on_epoch(epoch: int, mean_loss: float, losses: list[float] = losses) -> None:
            del epoch  # a name of the contract
            losses.append(float(mean_loss))

        impl.train_classifier(
            images[:count].clone(), labels[:count].clone(), epochs=epochs, seed=seed + other, on_epoch=on_epoch
        )
        told.append(losses)
    return told


def trained_on_device(impl: Any, images: Tensor, labels: Tensor, epochs: int, seed: int) -> dict[str, object]:
    """train_classifier is called with the device on which this test runs; its module must live there."""
    device = images.device.type
    model = impl.train_classifier(images.cpu(), labels.cpu(), epochs=epochs, seed=seed, device=device)
    return {
        "device": device,
        "parameters": [p.device.type for p in model.parameters()],
        "scores": _scores(model, images),
    }


def train_on_mnist(
    impl: Any, images: Tensor, labels: Tensor, test_images: Tensor, epochs: int, seed: int, device: str = "cpu"
) -> dict[str, object]:
    """train_classifier is trained on MNIST, and its module names the digits of other images."""
    told: list[float] = []

    def on_epoch(epoch: int, mean_loss: float) -> None:
        told.append(mean_loss)
        report(epoch=epoch, epochs=epochs, loss=float(mean_loss))

    model = impl.train_classifier(_scaled(images), labels, epochs=epochs, seed=seed, device=device, on_epoch=on_epoch)
    with torch.no_grad():
        answers = [model(_scaled(batch).to(device)).argmax(dim=1).cpu() for batch in test_images.split(1000)]
    return {"predictions": torch.cat(answers), "losses": [float(loss) for loss in told]}


def _scaled(images: Tensor) -> Tensor:
    return images.to(torch.float32).div_(127.5).sub_(1.0).reshape(-1, 1, 28, 28)


def _scores(model: Any, images: Tensor) -> Tensor:  # Any: whatever a student returns
    with torch.no_grad():
        scores: Tensor = model(images).detach()
    return scores


PROBES: Mapping[str, Callable[..., object]] = {
    probe.__name__: probe
    for probe in (trained, trained_silently, trained_twice, taught, losses_of_runs, trained_on_device, train_on_mnist)
}
"""By name. An exercise's own probe of the same name comes first."""
