"""A pretended device, so that a machine without a GPU can tell code that forgets about devices.

A tensor on it computes on the CPU but says that it lives on `meta`, PyTorch's device without storage, and refuses to
be mixed with tensors of the CPU, as a GPU's would. Code that makes `torch.zeros(n)` without a device, or calls
`.cpu()`, is found here. This module runs beside the student's code: torch and the standard library only.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

FAKE = torch.device("meta")

COPYING_OPERATORS = ("_to_copy", "copy_", "_copy_from")
"""They may take a tensor from one device to another."""


class WrongDevice(RuntimeError):
    """Tensors of two devices were mixed."""


class FakeDeviceTensor(torch.Tensor):
    """A tensor on the fake device; `real` holds its numbers on the CPU."""

    real: torch.Tensor
    __slots__ = ["real"]

    @staticmethod
    def __new__(cls, real: torch.Tensor) -> FakeDeviceTensor:
        return torch.Tensor._make_wrapper_subclass(
            cls,
            real.size(),
            real.stride(),
            real.storage_offset(),
            dtype=real.dtype,
            device=FAKE,
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


class FakeDeviceMode(TorchDispatchMode):
    """While it is entered, tensors made with the fake device are `FakeDeviceTensor` ones."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # to make sure that its compiler skips this, PyTorch would import it, which takes seconds

    def __enter__(self) -> Any:
        self.factory_functions = _FactoryFunctionMode()
        self.factory_functions.__enter__()  # type: ignore[no-untyped-call]
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self.factory_functions.__exit__(*error)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = _collect_tensors(args, kwargs)
        if _is_fake(kwargs.get("device")) or any(isinstance(tensor, FakeDeviceTensor) for tensor in tensors):
            return dispatch(func, args, kwargs)
        return func(*args, **kwargs)


class _FactoryFunctionMode(TorchFunctionMode):
    """`torch.tensor(data, device=…)` and its like, which build their result out of dispatch's sight."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            return func(args[0], _convert_index(args[1]), *args[2:])
        if func not in (torch.tensor, torch.as_tensor, torch.asarray, torch.Tensor.new_tensor):
            return func(*args, **kwargs)
        to_fake = _is_fake(kwargs.get("device")) or (func is torch.Tensor.new_tensor and "device" not in kwargs)
        if to_fake:
            kwargs = {**kwargs, "device": "cpu"}
        if func is not torch.tensor and args and isinstance(args[0], FakeDeviceTensor) and not to_fake:
            return func(*args, **kwargs)
        real = func(*tree_map(_as_data, args), **kwargs)
        return FakeDeviceTensor(real).requires_grad_(real.requires_grad) if to_fake else real


def _convert_index(index: Any) -> Any:
    """Return an index with its lists and ranges made tensors.

    PyTorch would make them on the fake device, without numbers.
    """
    if isinstance(index, tuple):
        return tuple(_convert_index(item) for item in index)
    if isinstance(index, list | range):
        return torch.tensor(tree_map(_as_data, list(index)))
    return index


def _as_data(value: Any) -> Any:
    """Return what a factory function may be given for `value`: a number for a tensor without dimensions."""
    if isinstance(value, FakeDeviceTensor):
        return value.real.item() if value.dim() == 0 else value.real
    return value


def dispatch(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run one operator on real tensors; return its result on the fake device if that is where it belongs."""
    name = func.overloadpacket.__name__
    _check_devices(name, args, kwargs)
    target = kwargs.get("device")
    result_is_fake = target is None or _is_fake(target)
    if target is not None and result_is_fake:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    result = func(*tree_map(_to_real, args), **tree_map(_to_real, kwargs))
    # in place and `out=`: the tensor that was given is the result, not a new one around the same numbers
    if func._schema.is_mutable and name.endswith("_") and args:
        return None if result is None else args[0]
    if "out" in kwargs:
        return kwargs["out"]
    return wrap(result) if result_is_fake else result


def _check_devices(name: str, args: Any, kwargs: dict[str, Any]) -> None:
    """Raise WrongDevice if an operator mixes devices, unless it copies between them or indexes.

    As on a GPU, a tensor without dimensions may come from the CPU, and so may an index.
    """
    tensors = _collect_tensors(args, kwargs)
    on_fake = [tensor for tensor in tensors if isinstance(tensor, FakeDeviceTensor)]
    on_cpu = [
        tensor
        for tensor in tensors
        if not isinstance(tensor, FakeDeviceTensor) and tensor.dim() > 0 and tensor.device.type == "cpu"
    ]
    indexes = name.startswith(("index", "_index")) and args and isinstance(args[0], FakeDeviceTensor)
    if on_fake and on_cpu and name not in COPYING_OPERATORS and not indexes:
        raise WrongDevice(
            "a tensor on the CPU met one on another device; make yours where the input lives (device=input.device)"
        )


def _to_real(value: Any) -> Any:
    return value.real if isinstance(value, FakeDeviceTensor) else value


def _collect_tensors(args: Any, kwargs: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]


def _is_fake(device: Any) -> bool:
    return device is not None and torch.device(device).type == FAKE.type


def wrap(value: Any) -> Any:
    """Return a value with every tensor in it moved to the fake device."""
    return tree_map(lambda leaf: FakeDeviceTensor(leaf) if isinstance(leaf, torch.Tensor) else leaf, value)


def find_output_device(module: torch.nn.Module, *inputs: torch.Tensor) -> str:
    """Move a module to the fake device and run it there, in both modes; return the device of what it returns.

    Returns:
        `elsewhere`; `cpu`; or `unknown` where PyTorch does not let it be followed.

    Raises:
        WrongDevice: if it makes a tensor on the CPU, or moves one there, and mixes that with those of the fake device.
    """
    devices = set()
    with FakeDeviceMode():  # type: ignore[no-untyped-call]
        for training in (True, False):
            try:
                result = module.to(FAKE).train(training)(*wrap([value.cpu() for value in inputs]))
            except Exception as error:  # whatever PyTorch cannot do on `meta`; but see the next line
                if isinstance(error, WrongDevice) or (isinstance(error, NotImplementedError) and not str(error)):
                    raise  # the student's: devices mixed, or a stub that is not written yet
                return "unknown"
            devices.add("elsewhere" if isinstance(result, FakeDeviceTensor) else "cpu")
    return "elsewhere" if devices == {"elsewhere"} else "cpu"


def unwrap(value: Any) -> Any:
    """Return a value with every tensor of the fake device in it made real; it says `elsewhere` when it is sent."""
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [unwrap(item) for item in value]
    if isinstance(value, FakeDeviceTensor):
        real = value.real.clone()
        real.nnkata_device = "elsewhere"  # type: ignore[attr-defined]
        return real
    return value
