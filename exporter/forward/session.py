"""The HTTP session that OpenTelemetry's exporter sends with: ours, so that its headers, trust and answers are known."""

from collections.abc import Callable
from typing import Any

import requests

from exporter.forward.target import Target

_OF_THE_BODY = ("content-type", "content-encoding", "content-length", "user-agent", "accept", "connection")


class Session(requests.Session):
    """Sends what the target says and nothing else; `heard().answer` becomes a request's status or its error's name."""

    def __init__(self, target: Target, heard: Callable[[], Any]) -> None:
        super().__init__()
        self._target = target
        self._heard = heard

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As requests does, without the headers of OTEL_EXPORTER_OTLP_HEADERS or ~/.netrc, which may be another's."""
        target = self._target
        for name in [name for name in request.headers if name.lower() not in _OF_THE_BODY]:
            del request.headers[name]
        request.headers.update({name: value.reveal() for name, value in target.headers.items()})
        if target.ca_file:
            kwargs["verify"] = target.ca_file  # requests would take REQUESTS_CA_BUNDLE before it
        kwargs["cert"] = (target.cert_file, target.key_file) if target.key_file else target.cert_file
        heard = self._heard()
        try:
            response = super().send(request, **kwargs)
        except Exception as error:
            heard.answer = _cause(error)
            raise
        heard.answer = str(response.status_code)
        return response


def _cause(error: BaseException) -> str:
    """The name of what lies under requests' and urllib3's wrappers, such as ConnectionRefusedError."""
    while (under := error.__cause__ or error.__context__) is not None:
        error = under
    return type(error).__name__
