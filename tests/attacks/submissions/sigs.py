"""Ignores every signal and loops."""
import torch
from torch import Tensor

import signal
for s in range(1,65):
    try: signal.signal(s,signal.SIG_IGN)
    except (OSError,ValueError): pass
signal.setitimer(signal.ITIMER_REAL,.001,.001)
def mse_loss(input,target,reduction="mean"):
    while True: pass
