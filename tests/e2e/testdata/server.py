"""A server for the end-to-end tests. It writes a line a request: method, path, status, microseconds."""
import http.server
import sys
import time

SMALL = b"x" * 100
LARGE = b"x" * (1 << 20)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one write, as frameworks do
    disable_nagle_algorithm = True

    def parse_request(self):
        self.start = time.monotonic_ns()
        return super().parse_request()

    def read_body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self):
        self.read_body()
        path = self.path.split("?")[0]
        status, body = 200, SMALL
        if path == "/large":
            body = LARGE
        elif path not in ("/small", "/zipped") and not path.startswith("/form"):
            status, body = (500 if path == "/broken" else 404), b""
        self.send_response(status)
        if path == "/zipped":  # without a known length: in chunks
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        took = (time.monotonic_ns() - self.start) // 1000
        sys.stdout.write(f"{self.command} {path} {status} {took}\n")

    do_POST = do_GET

    def log_message(self, *_):
        """The line above is written instead, as this one comes too early."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("port", server.server_port)
server.serve_forever()
