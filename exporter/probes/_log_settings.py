"""What can be said of the files of one purpose: which they are, what their lines look like, how long they are kept."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from exporter.probes._log_forms import ROLES, Form, parser
from exporter.values import Duration, Size

Number = Annotated[int, Meta(ge=0)]
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class Policy(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    size: Annotated[
        Size | None, Meta(description="A file is rotated at this size; it is a breach at a tenth more.")
    ] = None
    keep: Annotated[
        Duration | None, Meta(description="A rotated file is deleted after so long; it is a breach at a tenth more.")
    ] = None
    files: Annotated[Number | None, Meta(description="Most rotated files of one log.")] = None
    compressed: Annotated[
        bool, Meta(description="Rotated files are compressed, all but the newest of each log, within a minute.")
    ] = False


class Files(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    path: Annotated[
        str,
        Meta(
            min_length=1,
            description="The log, or a glob of several (**: any folders). Rotated files are found beside each by name, "
            "such as app.log.1, app.log-20261122.gz or app-20261122.log. A named pipe is read too.",
        ),
    ]
    rotated: Annotated[str, Meta(description="A glob of rotated files that are not beside the log.")] = ""
    format: Annotated[
        Form,
        Meta(
            description="text: the first word for a level, in capitals or brackets; json: an object a line; logfmt: "
            "key=value; combined: an access log of Apache or nginx; regex: `pattern`."
        ),
    ] = "text"
    pattern: Annotated[
        str,
        Meta(description=f"For format regex, in RE2's syntax, with some of the named groups {', '.join(ROLES)}."),
    ] = ""
    fields: Annotated[
        dict[str, str],
        Meta(
            description="What lines of json and logfmt call these, such as {level: severity, status: http.status}; "
            "requests are counted when status is given. combined: {duration: rt} takes it from rt=0.012, else it is "
            "the first number behind the usual fields."
        ),
    ] = field(default_factory=dict)
    duration_unit: Annotated[Literal["s", "ms", "us", "ns"], Meta(description="What the duration is in.")] = "s"
    service: Annotated[
        str,
        Meta(
            max_length=100,
            description="The service whose access log it is: its requests are counted as that service's too, by "
            "route, as long as neither OTLP nor an SDK tells of them.",
        ),
    ] = ""
    loggers: Annotated[
        tuple[str, ...],
        Meta(
            description="The loggers to tell apart, each with those below it (celery: celery.worker too); the rest is "
            "`other`. Without: the first 50 that come."
        ),
    ] = ()
    begin: Annotated[
        Literal["end", "start"],
        Meta(
            description="Where to begin in files that are there when the component is first seen. What appears later "
            "is read from its start."
        ),
    ] = field(default="end", name="from")
    required: Annotated[
        bool, Meta(description="There must be a file; false for one that comes with its first line.")
    ] = True
    policy: Annotated[
        Policy | None, Meta(description="How files are rotated and kept: size, keep, files, compressed.")
    ] = None

    def __post_init__(self) -> None:
        for name in ("path", "rotated"):
            value = getattr(self, name)
            if value and (not value.startswith("/") or "\0" in value):
                raise ValueError(f"{name}: expected an absolute path, such as /var/log/shop/*.log")
        if bool(self.pattern) != (self.format == "regex"):
            raise ValueError("pattern: it is what format regex needs, and no other takes")
        known = {"json": ROLES, "logfmt": ROLES, "combined": ("duration",)}.get(self.format, ())
        for role in self.fields:
            if role not in known:
                raise ValueError(f"fields.{role}: format {self.format} does not take it")
        try:
            parser(self.format, self.fields, self.pattern)
        except ValueError as error:
            raise ValueError(f"pattern: {error}") from None
