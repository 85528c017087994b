"""The client for a back end's protocol; gRPC is imported only for one that speaks it."""

from typing import Literal, Protocol

from exporter.forward.grpc_client import GrpcClient
from exporter.forward.http import HttpClient
from exporter.forward.peer import Peer
from exporter.forward.ports import Client


class Spoken(Peer, Protocol):
    """A back end with its protocol."""

    @property
    def protocol(self) -> Literal["grpc", "http"]: ...


def client(peer: Spoken) -> Client:
    """Opens nothing yet."""
    return GrpcClient(peer) if peer.protocol == "grpc" else HttpClient(peer)
