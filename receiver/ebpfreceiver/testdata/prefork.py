# Copyright The otelcol-risk Authors
# SPDX-License-Identifier: Apache-2.0
"""A server whose two workers, forked after it listens, answer with their process ids. Ends with its standard input."""
import os
import socket
import sys

listener = socket.create_server(("127.0.0.1", 0))
workers = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        while True:
            connection, _ = listener.accept()
            connection.recv(4096)
            body = str(os.getpid()).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            connection.close()
    workers.append(pid)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
for pid in workers:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
