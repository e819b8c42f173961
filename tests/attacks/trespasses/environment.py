"""Looks for secrets in its environment and its arguments."""

import os
import sys

gained = [name for name in os.environ if name not in ("PATH", "LANG", "HOME", "PYTHONDONTWRITEBYTECODE", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "LD_LIBRARY_PATH", "LC_CTYPE", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK", "CUDA_VISIBLE_DEVICES")]
gained += [word for word in sys.argv if "solution" in word or "seed" in word]

raise RuntimeError("gained: " + repr(gained) if gained else "held")
