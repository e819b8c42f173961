"""Writes outside: temporary folders, shared memory, the kit."""

import os
import tempfile

import torch

gained = []
for place in ["/tmp/nnkata-attack", "/dev/shm/nnkata-attack", "/var/tmp/nnkata-attack", "nnkata-attack", "@KIT@/nnkata-attack"]:
    try:
        open(place, "w").write("x")
        gained.append(place)
    except OSError:
        pass
for make in (tempfile.mkdtemp, tempfile.TemporaryFile, lambda: os.mkfifo("/tmp/nnkata-fifo"), lambda: os.symlink("/", "/tmp/nnkata-link"), lambda: os.memfd_create("x")):
    try:
        make()
        gained.append(str(make))
    except (OSError, FileNotFoundError):
        pass
try:
    torch.save(torch.ones(2), "/tmp/nnkata-attack.pt")
    gained.append("torch.save")
except Exception:
    pass

raise RuntimeError("gained: " + repr(gained) if gained else "held")
