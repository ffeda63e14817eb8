# Copyright The otelcol-risk Authors
# SPDX-License-Identifier: Apache-2.0
"""A service that calls http://127.0.0.1:PORT/ for GET /PORT, and answers 502 if that fails. It passes on a traceparent that
it gets. POST does the same once its body is there. Where the request has X-Share, another process asks the called connection
for its peer before the request is whole. Threads serve with the argument `threads`. Prints its port, and ends with its standard input."""
import http.client
import http.server
import os
import sys
import threading
import time


def share(sock):
    """Has another process, which lives on until it can have been looked at, use a socket, and waits until it has."""
    done, tell = os.pipe()
    if os.fork() == 0:
        sock.getpeername()
        os.write(tell, b"x")
        time.sleep(5)
        os._exit(0)
    os.read(done, 1)
    os.close(done)
    os.close(tell)


class Front(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status = 200
        call = http.client.HTTPConnection("127.0.0.1", int(self.path[1:]), timeout=0.5)
        headers = {}
        if "traceparent" in self.headers:
            headers["traceparent"] = self.headers["traceparent"]
        try:
            if "x-share" in self.headers:
                call.putrequest("POST", "/called")
                call.putheader("Content-Length", "1")
                call.endheaders()
                share(call.sock)
                call.send(b"x")
            else:
                call.request("GET", "/called", headers=headers)
            if call.getresponse().status >= 500:
                status = 502
        except OSError:
            status = 502
        except http.client.HTTPException:
            status = 502
        finally:
            call.close()
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *arguments):
        pass


kind = http.server.ThreadingHTTPServer if sys.argv[1:] == ["threads"] else http.server.HTTPServer
server = kind(("127.0.0.1", 0), Front)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()
