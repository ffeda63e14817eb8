# Copyright The otelcol-risk Authors
# SPDX-License-Identifier: Apache-2.0
"""Server and client of one exchange on loopback, for a network namespace of its own. Prints its process id, and ends with
its standard input."""
import http.server
import os
import sys
import threading
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open("http://127.0.0.1:%d/namespace" % server.server_port).read()
print(os.getpid(), flush=True)
sys.stdin.read()
