"""A program: a gRPC server with grpcio's own health service, as its options in JSON say."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


class _Guard(grpc.ServerInterceptor):
    """Lets in who has the token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def intercept_service(self, continuation: Any, call: Any) -> Any:
        given = dict(call.invocation_metadata).get("authorization")
        if given == f"Bearer {self._token}":
            return continuation(call)
        code = grpc.StatusCode.PERMISSION_DENIED if given else grpc.StatusCode.UNAUTHENTICATED

        def refuse(_: Any, context: Any) -> Any:
            context.abort(code, f"not with {given}")

        return grpc.unary_unary_rpc_method_handler(refuse)


def main(port: int, options: dict[str, Any]) -> None:
    guards = [_Guard(options["token"])] if options["token"] else []
    server = grpc.server(ThreadPoolExecutor(4), interceptors=guards, options=[("grpc.so_reuseport", 0)])
    if options["services"] is not None:
        service = health.HealthServicer()
        for name, status in options["services"].items():
            service.set(name, health_pb2.HealthCheckResponse.ServingStatus.Value(status))
        health_pb2_grpc.add_HealthServicer_to_server(service, server)
    if options["key"]:
        pair = Path(options["key"]).read_bytes(), Path(options["certificate"]).read_bytes()
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
