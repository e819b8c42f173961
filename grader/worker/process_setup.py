"""The process-wide state of torch, set in one place and at start-up: in the grader, the fork server and every worker.

This module runs beside the student's code too: torch and the standard library only.
"""

from __future__ import annotations

import signal

import torch

from . import guard, no_compiler, script_habits, stand_ins, torchvision_compat
from .worker_config import TemplateConfig


def prepare_torch(*, threads: int = 1, torchvision: bool = False) -> None:
    """Set up torch for this process and every process forked from it; once, before anything is computed.

    PyTorch's compiler is kept out, since importing it takes longer than importing torch (see `no_compiler`).

    Args:
        threads: torch's threads. On small tensors, as the grader's are, more than one only wait for each other; and
            whatever forks or confines itself must not have started any.
        torchvision: load torchvision's native operators, or declare them, so that `import torchvision` works in a
            student's code. The grader leaves this to `torchvision_compat.import_torchvision`, when it needs any.
    """
    no_compiler.install()
    if torchvision:
        torchvision_compat.prepare()
    torch.set_num_threads(threads)


def configure_process(config: TemplateConfig) -> None:
    """Set up a process in which, or in forks of which, a student's code will run: after `prepare_torch`.

    Ctrl-C is left to the grader, random numbers begin at the same seed in every worker, a GPU computes in full float32
    precision (no TF32), habits of scripts do no harm, and the guard refuses what is forbidden, for good.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(config.threads)
    torch.manual_seed(0)
    if config.gpu:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    script_habits.install()
    stand_ins.prepare()
    guard.install(config.forbidden, calls=config.guard_calls, operators=config.guard_operators, gpu=config.gpu)
