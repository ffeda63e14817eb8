"""A gRPC server and clients that say what they saw. Usage: calls.py THREADS CALLS; prints the port, then one line a call."""
import sys
import threading
from concurrent import futures

import grpc

CODES = {"Good": grpc.StatusCode.OK, "Absent": grpc.StatusCode.NOT_FOUND, "Broken": grpc.StatusCode.INTERNAL}


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        if name == "Count":
            return grpc.unary_stream_rpc_method_handler(lambda request, context: (b"x" * 100 for _ in range(5)))

        def answer(request, context):
            context.set_code(CODES[name])
            return b"answer"

        return grpc.unary_unary_rpc_method_handler(answer)


def call(channel, calls, told):
    for i in range(calls):
        name = ["Good", "Absent", "Broken", "Count"][i % 4]
        method = "/test.Python/" + name
        try:
            if name == "Count":
                list(channel.unary_stream(method)(b"ask"))
            else:
                channel.unary_unary(method)(b"ask")
            code = grpc.StatusCode.OK
        except grpc.RpcError as e:
            code = e.code()
        told.append(f"test.Python/{name} {code.name}")


threads, calls = int(sys.argv[1]), int(sys.argv[2])
server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), handlers=[Handler()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print("port", port, flush=True)
sys.stdin.readline()
told = []
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    running = [threading.Thread(target=call, args=(channel, calls, told)) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
print("\n".join(told), flush=True)
print("end", flush=True)
sys.stdin.readline()
server.stop(None)
