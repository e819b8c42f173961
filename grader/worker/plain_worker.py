"""The process of a worker without confinement (see `sandbox.plain_client`): it connects back and serves.

This module runs beside the student's code: the standard library and what `worker` imports only.
"""

from __future__ import annotations

import json
import socket
import sys


def main(port: int) -> None:
    """Read the configuration from standard input, connect, and answer until the channel closes."""
    token, config_data = json.loads(sys.stdin.readline())
    from . import process_setup, worker
    from .worker_config import WorkerConfig

    config = WorkerConfig.from_dict(config_data)
    process_setup.prepare_torch(torchvision=True)
    channel = socket.create_connection(("127.0.0.1", port))
    channel.sendall(token.encode("ascii"))
    process_setup.configure_process(config.template)
    worker.serve(worker.Channel(channel.recv, channel.send), config, None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
