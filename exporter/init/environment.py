"""What variables name, those of the environment or of a .env file; their values stay where they are."""

from collections.abc import Iterator, Mapping
from typing import Any

from exporter.config.discover import found
from exporter.config.variables import Found
from exporter.init import secret
from exporter.init.proposal import Proposal, Remark


def read(environ: Mapping[str, str], origin: str, *, literal: bool = False) -> Iterator[Proposal | Remark]:
    """A proposal for each component that they name, in which ${NAME} stands for the value, which may be secret.

    `literal`: values stand as they are, for those that the daemon will not have in its own environment.
    """
    for one in found(environ):
        variable = one.variable.split(", ")[0]
        if not one.probed:
            yield Remark(f"{variable} in {origin}: {one.kind}, {one.note}")
            continue
        fields = dict(one.fields)
        if not literal:
            fields = {key: _reference(variable, environ[variable], value) for key, value in one.fields.items()}
        if hidden := [key for key, value in fields.items() if value is None]:
            yield Remark(f"{variable} in {origin}: {one.kind} left out: its {hidden[0]} needs another form than it has")
            continue
        del fields["kind"]
        yield Proposal(one.name, one.kind, fields, f"{one.variable} in {origin}", place(one))


def place(one: Found) -> str:
    """The server, as far as it may be shown: as other files name it too."""
    return one.note.replace("127.0.0.1", "localhost")


def _reference(variable: str, value: str, text: Any) -> Any:
    """`text` by way of the variable; as it stands where it holds no credentials; None where neither is right."""
    if not isinstance(text, str):
        return text
    if text == value:
        return f"${{{variable}}}"
    if value in text and not secret.holds(text.replace(value, "")):
        return text.replace(value, f"${{{variable}}}")
    return None if secret.holds(text) else text
