"""The kernel ends in the middle, without a word."""

import os

os._exit(0)
