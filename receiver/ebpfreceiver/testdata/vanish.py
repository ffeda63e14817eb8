# Copyright The otelcol-risk Authors
# SPDX-License-Identifier: Apache-2.0
"""Sends a request over loopback, in the hexadecimal form of the second argument, to a server on the port of the first, which
reads it; then the network is gone, and TCP gives up the third, which is to follow. Needs a network namespace of its own."""
import socket
import subprocess
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client = socket.create_connection(listener.getsockname())
server, _ = listener.accept()
request = bytes.fromhex(sys.argv[2])
client.sendall(request)
while request:
    request = request[len(server.recv(len(request))):]
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 500)
subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
try:
    client.sendall(bytes.fromhex(sys.argv[3]))
    client.recv(1)
except OSError as error:
    print(error)
else:
    sys.exit("the server is still there")
