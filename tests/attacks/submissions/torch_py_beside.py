"""Imports a module that lies beside it in the student's folder under the name of one of torch's."""

import sys

sys.path.insert(0, "")
import torch

if not hasattr(torch, "Tensor"):
    raise RuntimeError("gained: a fake torch was imported")
import conftest
