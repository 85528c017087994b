"""A small request of spans cut into pieces by the parser itself, in a third of the time that cutting by hand takes."""

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from exporter.ingest.otlp_wire import PIECE, PIECE_BYTES, Piece, messages

WHOLE_BYTES, MOST_WHOLE = 256 * 1024, 2_000
"""Of a request that is cut at once, which takes 1 ms: its bytes, and the spans of a scope."""
EACH_WHOLE = PIECE_BYTES // PIECE
"""Bytes of a span from which on pieces of a large request are to have fewer than others."""


def whole(data: bytes) -> list[Piece]:
    """A request of spans that is cut by one call of the parser; nothing where it is large or not so simple."""
    if len(data) > WHOLE_BYTES:
        return []
    try:
        found = messages()["Raws"].FromString(data)
    except DecodeError:
        return []
    found.DiscardUnknownFields()
    if len(found.resources) > PIECE or found.ByteSize() != len(data):  # written oddly, which is to be looked at
        return []
    made = []
    for one in found.resources:
        if len(one.scopes) > PIECE:
            return []
        resource = b"".join(one.resource)  # protobuf joins what comes again in the place of one message
        for scope in one.scopes:
            raws = scope.spans[:]
            if len(raws) > MOST_WHOLE or (len(data) > PIECE_BYTES and max(map(len, raws), default=0) > EACH_WHOLE):
                return []
            made += [
                Piece(resource, b"", min(PIECE, len(raws) - begin), raws=raws[begin : begin + PIECE])
                for begin in range(0, len(raws), PIECE)
            ]
    return made
