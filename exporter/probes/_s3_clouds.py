"""Google Cloud Storage and Azure Blob Storage by obstore: the same four requests as to a bucket of S3."""

import importlib.util
import re
from collections.abc import Callable, Mapping
from typing import Any

from exporter.probe import Down, Readings
from exporter.probes._s3_bucket import PAGE, Page
from exporter.probes._s3_url import Place

_MORE = "more"
# One attempt; the run's deadline cancels what takes longer, and obstore's futures end when they are cancelled.
_CLIENT = {"timeout": "300s", "connect_timeout": "300s"}
# What is in the text of an error that has no class of its own: reqwest's and hyper's words, and HTTP's statuses.
_WORDS = (
    (re.compile(r"dns error|failed to lookup"), "resolve"),
    (re.compile(r"ConnectionRefused|Connection refused"), "refused"),
    (re.compile(r"ConnectionReset|Connection reset"), "reset"),
    (re.compile(r"IncompleteMessage|UnexpectedEof|connection closed"), "closed"),
    (re.compile(r"UnknownIssuer|self-signed|SelfSigned"), "tls_untrusted"),
    (re.compile(r"certificate.{0,40}[Ee]xpired|Expired"), "tls_expired"),
    (re.compile(r"NotValidForName"), "tls_hostname"),
    (re.compile(r"InvalidCertificate|AlertReceived|InvalidMessage"), "tls"),
    (re.compile(r"status code: 401"), "auth"),
    (re.compile(r"status code: 403"), "permission"),
    (re.compile(r"status code: 404"), "no_bucket"),
    (re.compile(r"status code: (429|503)"), "slow_down"),
    (re.compile(r"status code: 507"), "full"),
    (re.compile(r"status code: 5"), "server_error"),
    (re.compile(r"error sending request|tcp connect error"), "unreachable"),
)


def problem(place: Place, endpoint: str, options: Mapping[str, str], clean: Callable[[str], str]) -> str:
    """What is wrong with what is configured, '' if nothing is."""
    if importlib.util.find_spec("obstore") is None:
        return "url: gs:// and az:// need obstore: pip install 'stack-exporter[s3]'"
    try:
        _store(place, endpoint, options)
    except Exception as error:  # noqa: BLE001 - whatever obstore raises, it is what it was given that it refuses
        return f"options: {clean(_first(error))}"
    return ""


class Cloud:
    """`close` it whatever happens."""

    def __init__(
        self, out: Readings, place: Place, endpoint: str, options: Mapping[str, str], clean: Callable[[str], str]
    ) -> None:
        self._out = out
        self._place = place
        self._clean = clean
        try:
            # Anew each time, as its connections are kept with it.
            self._store = _store(place, endpoint, options)
        except Exception as error:  # noqa: BLE001 - it was well when the configuration was read: a file of keys is gone
            raise Down("auth", clean(f"{place.url}: {_first(error)}")) from None
        self._stream: Any = None

    def close(self) -> None:
        self._store = self._stream = None

    async def page(self, prefix: str, token: str = "", most: int = PAGE) -> Page:
        """Raises Down. A prefix is one of whole names here: a/b holds a/b/c, not a/bc."""
        import obstore  # noqa: PLC0415 - an extra

        if not token:
            self._stream = obstore.list(self._store, prefix or None, chunk_size=most)
        try:
            with self._out.phase("list"):
                found = await anext(self._stream)
        except StopAsyncIteration:
            return Page(0, 0, "")
        except (obstore.exceptions.BaseError, OSError) as error:
            raise self._down("list", error) from None
        return Page(len(found), sum(int(each["size"]) for each in found), _MORE)

    async def put(self, key: str, body: bytes) -> None:
        import obstore  # noqa: PLC0415

        await self._do("put", obstore.put_async(self._store, key, body, use_multipart=False))

    async def get(self, key: str) -> bytes:
        import obstore  # noqa: PLC0415

        async def read() -> bytes:
            return bytes(await (await obstore.get_async(self._store, key)).bytes_async())

        answer: bytes = await self._do("get", read())
        return answer

    async def delete(self, key: str) -> None:
        import obstore  # noqa: PLC0415

        await self._do("delete", obstore.delete_async(self._store, key))

    async def _do(self, phase: str, request: Any) -> Any:
        import obstore  # noqa: PLC0415

        try:
            with self._out.phase(phase):
                return await request
        except (obstore.exceptions.BaseError, OSError) as error:
            raise self._down(phase, error) from None

    def _down(self, phase: str, error: Exception) -> Down:
        name, text = type(error).__name__, str(error)
        if isinstance(error, FileNotFoundError):
            reason = "no_bucket"
        elif name in ("PermissionDeniedError", "UnauthenticatedError"):
            reason = "permission" if name.startswith("P") else "auth"
        else:
            reason = next((word for pattern, word in _WORDS if pattern.search(text)), "unexpected")
        return Down(reason, self._clean(f"{self._place.url}: {phase}: {_first(error)}"))


def _store(place: Place, endpoint: str, options: Mapping[str, str]) -> Any:
    from obstore import store  # noqa: PLC0415

    client = {**_CLIENT, "allow_http": endpoint.startswith("http://")}
    retry = {"max_retries": 0}
    if place.cloud == "gs":
        config = {**options, **({"base_url": endpoint} if endpoint else {})}
        return store.GCSStore(place.bucket, config=config, client_options=client, retry_config=retry)  # type: ignore[arg-type]
    config = {**options, **({"endpoint": endpoint} if endpoint else {})}
    return store.AzureStore(place.bucket, config=config, client_options=client, retry_config=retry)  # type: ignore[arg-type]


def _first(error: Exception) -> str:
    """Its message without the dump of Rust values that follows it."""
    text = str(error).partition("\n\nDebug source:")[0]
    # The address of a request is known, and long.
    return re.sub(r"Error performing [A-Z]+ \S+ in \S+ - ", "", text).replace("\n", " ")
