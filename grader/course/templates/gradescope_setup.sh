#!/usr/bin/env bash
# Run once by Gradescope, as root, when the autograder is built: Python, torch for the CPU, and nnkata from the wheel.
set -euo pipefail
AUTOGRADER="${AUTOGRADER:-/autograder}"
cd "$AUTOGRADER/source"

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends libseccomp2 python3 python3-venv
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi
"$python" -m venv "$AUTOGRADER/venv"
pip=("$AUTOGRADER/venv/bin/python" -m pip install --no-cache-dir)
"${pip[@]}" torch torchvision --index-url https://download.pytorch.org/whl/cpu
"${pip[@]}" nnkata-*.whl
"$AUTOGRADER/venv/bin/nnkata" doctor || true
