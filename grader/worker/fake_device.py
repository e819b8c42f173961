"""Tensors that pretend to live on another device, so that a machine without a GPU can tell code that forgets about
devices.

Such a tensor computes on the CPU but says that it lives on `meta`, PyTorch's device without storage, and refuses to
be mixed with tensors of the CPU, as a GPU's would. Code that makes `torch.zeros(n)` without a device, or calls
`.cpu()`, is found here. This module runs beside the student's code: torch and the standard library only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

PRETENDED = torch.device("meta")


class WrongDevice(RuntimeError):
    """Tensors of two devices met."""


class Elsewhere(torch.Tensor):
    """A tensor on the pretended device; `real` holds its numbers on the CPU."""

    real: torch.Tensor
    __slots__ = ["real"]

    @staticmethod
    def __new__(cls, real: torch.Tensor) -> Elsewhere:
        return torch.Tensor._make_wrapper_subclass(
            cls,
            real.size(),
            real.stride(),
            real.storage_offset(),
            dtype=real.dtype,
            device=PRETENDED,
            requires_grad=real.requires_grad,
        )

    def __init__(self, real: torch.Tensor) -> None:
        self.real = real.detach()

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"tensor(shape={tuple(self.shape)}, dtype={self.dtype}, device='elsewhere')"

    def tolist(self) -> Any:
        return self.real.tolist()

    def numpy(self, *, force: bool = False) -> Any:
        if force:
            return self.real.numpy()
        raise WrongDevice("only a tensor on the CPU can become a NumPy array, and this one lives on another device")

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return dispatch(func, args, kwargs or {})


class World(TorchDispatchMode):
    """While it is entered, tensors made with the pretended device are `Elsewhere` ones."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to make sure that its compiler skips this, PyTorch would import it, which takes seconds

    def __enter__(self) -> Any:
        self.makers = _Makers()
        self.makers.__enter__()  # type: ignore[no-untyped-call]
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self.makers.__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if _is_pretended(kwargs.get("device")) or any(isinstance(leaf, Elsewhere) for leaf in _tensors(args, kwargs)):
            return dispatch(func, args, kwargs)
        return func(*args, **kwargs)


class _Makers(TorchFunctionMode):
    """`torch.tensor(data, device=…)` and its like, which build their result out of dispatch's sight."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            return func(args[0], _index(args[1]), *args[2:])
        if func not in (torch.tensor, torch.as_tensor, torch.asarray, torch.Tensor.new_tensor):
            return func(*args, **kwargs)
        there = _is_pretended(kwargs.get("device")) or (func is torch.Tensor.new_tensor and "device" not in kwargs)
        if there:
            kwargs = {**kwargs, "device": "cpu"}
        if func is not torch.tensor and args and isinstance(args[0], Elsewhere) and not there:
            return func(*args, **kwargs)
        made = func(*tree_map(_plain, args), **kwargs)
        return Elsewhere(made).requires_grad_(made.requires_grad) if there else made


def _index(index: Any) -> Any:
    """An index with its lists and ranges made tensors: PyTorch would make them on the pretended device, without
    numbers.
    """
    if isinstance(index, tuple):
        return tuple(_index(item) for item in index)
    if isinstance(index, list | range):
        return torch.tensor(tree_map(_plain, list(index)))
    return index


def _plain(value: Any) -> Any:
    if isinstance(value, Elsewhere):
        return value.real.item() if value.dim() == 0 else value.real
    return value


def dispatch(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operator on real tensors, its result back on the pretended device if that is where it belongs."""
    there = [leaf for leaf in _tensors(args, kwargs) if isinstance(leaf, Elsewhere)]
    here = [leaf for leaf in _tensors(args, kwargs) if not isinstance(leaf, Elsewhere)]
    name = func.overloadpacket.__name__
    moves = name in ("_to_copy", "copy_", "_copy_from")
    indexes = name.startswith(("index", "_index"))
    strangers = [leaf for leaf in here if leaf.dim() > 0 and leaf.device.type == "cpu"]
    if there and strangers and not moves and not (indexes and args and isinstance(args[0], Elsewhere)):
        raise WrongDevice(
            "a tensor on the CPU met one on another device; make yours where the input lives (device=input.device)"
        )
    target = kwargs.get("device")
    stays = target is None or _is_pretended(target)
    if "device" in kwargs and stays and target is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = func(*tree_map(_real, args), **tree_map(_real, kwargs))
    if func._schema.is_mutable and name.endswith("_") and args:
        return None if result is None else args[0]
    if "out" in kwargs:
        return kwargs["out"]
    return tree_map(_there, result) if stays else result


def _there(value: Any) -> Any:
    return Elsewhere(value) if isinstance(value, torch.Tensor) else value


def _real(value: Any) -> Any:
    return value.real if isinstance(value, Elsewhere) else value


def _tensors(args: Any, kwargs: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []

    def look(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            found.append(value)
        return value

    tree_map(look, (args, kwargs))
    return found


def _is_pretended(device: Any) -> bool:
    return device is not None and torch.device(device).type == PRETENDED.type


def send(value: Any) -> Any:
    """A value with every tensor in it moved to the pretended device."""
    return tree_map(lambda leaf: Elsewhere(leaf) if isinstance(leaf, torch.Tensor) else leaf, value)


def answer(module: torch.nn.Module, *inputs: torch.Tensor) -> str:
    """Where a module answers that was moved to the pretended device, asked in both modes with inputs that live there.

    Returns:
        `elsewhere`; `cpu`; or `unknown` where PyTorch does not let it be followed.

    Raises:
        WrongDevice: if it makes a tensor on the CPU, or moves one there, and that meets those of the pretended device.
    """
    places = []
    with World():  # type: ignore[no-untyped-call]
        for training in (True, False):
            try:
                result = module.to(PRETENDED).train(training)(*send([value.cpu() for value in inputs]))
            except Exception as error:
                if isinstance(error, WrongDevice) or (isinstance(error, NotImplementedError) and not str(error)):
                    raise
                return "unknown"
            places.append("elsewhere" if isinstance(result, Elsewhere) else "cpu")
    return "elsewhere" if set(places) == {"elsewhere"} else "cpu"


def bring_back(value: Any) -> Any:
    """A value with every pretending tensor in it made real."""
    if isinstance(value, dict):
        return {key: bring_back(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [bring_back(item) for item in value]
    if isinstance(value, Elsewhere):
        real = value.real.clone()
        real.nnkata_device = "elsewhere"  # type: ignore[attr-defined]
        return real
    return value
