"""Opens sockets of every kind."""

import socket

gained = []
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind)
            gained.append((family, kind))
        except OSError:
            pass
try:
    socket.socketpair()
    gained.append("socketpair")
except OSError:
    pass

raise RuntimeError("gained: " + repr(gained) if gained else "held")
