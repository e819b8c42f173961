"""Stand-ins for what scripts plot, log and show progress with: a student's imports of it cost nothing, and do nothing.

A student's own import statements go through `import_for_student`. Well-known libraries for plots, progress, logs and
tables are never imported, installed or not: a stand-in takes their place, which accepts every call and computes
nothing. Of any other library that is not there the import succeeds, and its use says what is missing; a `try` with an
`except` of its own is left to the student. Nothing of this reaches the guard: a stand-in holds no function of PyTorch,
and is no value that could be right. This module runs beside the student's code: the standard library and torch only.
"""

from __future__ import annotations

import ast
import builtins
import dis
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

_PICTURES = """
    matplotlib mpl_toolkits pylab seaborn plotly bokeh altair plotnine pygal visdom livelossplot graphviz pydot torchviz
    torchview netron hiddenlayer cv2 imageio skimage celluloid scienceplots cycler"""
_NOTEBOOKS = "IPython ipywidgets ipykernel jupyterthemes nbconvert google"
_PROGRESS = """
    tqdm fastprogress alive_progress progressbar rich tabulate prettytable termcolor colorama coloredlogs loguru wandb
    tensorboard tensorboardX mlflow comet_ml neptune clearml aim torchsummary torchsummaryX torchinfo psutil GPUtil
    pytorch_model_summary thop ptflops fvcore pynvml nvidia_smi humanize icecream"""
_TABLES = "pandas polars sklearn datasets kaggle kagglehub gdown h5py tensorflow_datasets requests"
_TYPES = "jaxtyping beartype typeguard torchtyping"

STOOD_IN = frozenset(" ".join((_PICTURES, _NOTEBOOKS, _PROGRESS, _TABLES, _TYPES)).split())
"""Top-level modules that are never imported for a student."""

STOOD_IN_UNLESS_INSTALLED = frozenset({"PIL"})
"""What torchvision needs, so that the real one may be there already."""

TENSORBOARD = "torch.utils.tensorboard"
KEPT = frozenset({"torch", "numpy", "torchvision", "nnkata", "pytest"}) | sys.stdlib_module_names
"""Modules whose failing import stays a failing import."""

ASKED_FOR = frozenset({"google"})
"""Modules whose import is tried to learn where the code runs (`try: import google.colab`): there it fails."""

NOTHING = object()

UNPACKING = {dis.opmap[name] for name in ("UNPACK_SEQUENCE", "UNPACK_EX") if name in dis.opmap}


class StandIn:
    """An object that takes the place of a library, and of everything in it and made by it.

    Args:
        name: dotted, as the student would write it.
        items: what iterating over it gives: of `tqdm(batches)` the batches.
    """

    def __init__(self, name: str, items: object = NOTHING) -> None:
        self._name, self._items = name, items
        self.__name__ = name.rpartition(".")[2]
        self.__version__ = "0.0.0"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{self._name} has no {name} here")
        return StandIn(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        pass

    def __call__(self, *args: Any, **options: Any) -> Any:
        decorated = args[0] if len(args) == 1 and not options else None
        if isinstance(decorated, types.FunctionType | type):
            return decorated
        items = args[0] if args else options.get("iterable", options.get("sequence", NOTHING))
        if self.__name__ == "trange" and args:
            items = range(*args)
        return StandIn(f"{self._name}()", items)

    def __iter__(self) -> Iterator[Any]:
        count = _count_unpacked(sys._getframe(1))
        if count is not None:  # fig, axes = plt.subplots()
            return iter([StandIn(f"{self._name}[{i}]") for i in range(count)])
        try:
            return iter(self._items)  # type: ignore[call-overload, no-any-return]
        except TypeError:
            return iter(())

    def __len__(self) -> int:
        try:
            if self._items is not NOTHING:
                return len(self._items)  # type: ignore[arg-type]
        except TypeError:
            pass
        return self._refuse()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<stand-in for {self._name}: it computes nothing>"

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __contains__(self, _item: object) -> bool:
        return False

    def __getitem__(self, _key: object) -> StandIn:
        return StandIn(f"{self._name}[…]")

    def __setitem__(self, _key: object, _value: object) -> None:
        pass

    def __delitem__(self, _key: object) -> None:
        pass

    def __instancecheck__(self, _instance: object) -> bool:
        return False

    def __subclasscheck__(self, _subclass: type) -> bool:
        return False

    def __mro_entries__(self, _bases: tuple[object, ...]) -> tuple[type, ...]:
        return ()

    def _operate(self, *_: object) -> Any:
        return StandIn(self._name)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _operate
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _operate
    __or__ = __ror__ = __and__ = __rand__ = __neg__ = __pos__ = __abs__ = __invert__ = _operate

    def _refuse(self, *_: object, **_options: object) -> NoReturn:
        top = self._name.partition(".")[0]
        raise TypeError(
            f"{top} is left out while your code is graded, so {self._name} has no value: compute it with torch or numpy"
        )

    __int__ = __float__ = __complex__ = __index__ = __array__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse


StandIn.__module__ = "builtins"  # messages call it by its name alone


class MissingLibrary(types.ModuleType):
    """A library that is not there: it may be imported, and whoever uses it is told."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return MissingName(f"{self.__name__}.{name}")


class MissingName:
    """A name of a library that is not there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _refuse(self, *_: object, **_options: object) -> NoReturn:
        top = self._name.partition(".")[0]
        raise ModuleNotFoundError(
            f"there is no {top} where your code is graded, so {self._name} cannot be used:"
            " write it here, with torch, numpy and Python's standard library",
            name=top,
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return MissingName(f"{self._name}.{name}")

    def __mro_entries__(self, _bases: tuple[object, ...]) -> tuple[type, ...]:
        return self._refuse()

    def __repr__(self) -> str:
        return f"<{self._name}, which is not there>"

    def _annotate(self, *_: object) -> MissingName:
        return self

    __getitem__ = __or__ = __ror__ = _annotate
    __call__ = __iter__ = __enter__ = __len__ = __bool__ = __float__ = __int__ = __index__ = __array__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __lt__ = __gt__ = (
        _refuse
    )


MissingName.__module__ = "builtins"


def _count_unpacked(frame: types.FrameType) -> int | None:
    """Return how many names a frame is about to unpack a value into, None if it does something else with it."""
    code, at = frame.f_code.co_code, frame.f_lasti
    if not 0 <= at < len(code) - 1 or code[at] not in UNPACKING:
        return None
    return code[at + 1] + (dis.opname[code[at]] == "UNPACK_EX")  # first, *others: one of the others, too


def prepare() -> None:
    """Put the stand-in for TensorBoard where torch keeps the real one, which needs a library of its own."""
    import torch

    if TENSORBOARD not in sys.modules:
        stand_in: Any = StandIn(TENSORBOARD)
        sys.modules[TENSORBOARD] = torch.utils.tensorboard = stand_in


def make_builtins(source: str, file: str, *, notebook: bool) -> dict[str, Any]:
    """Return the built-ins of a student's module: Python's, but for what its import statements lead to.

    Args:
        source: the module's text; imports that it tries itself (`try: import …  except ImportError: …`) are left to it.
        file: the name under which it is compiled.
        notebook: whether it was a notebook, in which `display` and `get_ipython` need no import.
    """
    tried = _find_tried_imports(source)

    def import_for_student(
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        top = name.partition(".")[0]
        frame = sys._getframe(1)
        is_tried = frame.f_code.co_filename == file and frame.f_lineno in tried
        if not level and not (is_tried and top in ASKED_FOR) and _is_stood_in(name):
            if top == "torch" and not fromlist:
                return builtins.__import__("torch.utils")
            return StandIn(name if fromlist else top)
        try:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        except ImportError as error:
            if level or top in KEPT or is_tried or error.name not in (None, top):
                raise
            return StandIn(name if fromlist else top) if top in STOOD_IN_UNLESS_INSTALLED else _missing(name, fromlist)

    names: dict[str, Any] = {**vars(builtins), "__import__": import_for_student}
    if notebook:
        names |= {name: StandIn(name) for name in ("display", "get_ipython")}
    return names


def _is_stood_in(name: str) -> bool:
    return name.partition(".")[0] in STOOD_IN or f"{name}.".startswith(f"{TENSORBOARD}.")


def _missing(name: str, fromlist: Sequence[str] | None) -> MissingLibrary:
    return MissingLibrary(name if fromlist else name.partition(".")[0])


def _find_tried_imports(source: str) -> set[int]:
    """Return the lines of imports in a `try` that has an `except`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and node.handlers:
            for statement in node.body:
                for inner in ast.walk(statement):
                    if isinstance(inner, ast.Import | ast.ImportFrom):
                        lines |= set(range(inner.lineno, (inner.end_lineno or inner.lineno) + 1))
    return lines
