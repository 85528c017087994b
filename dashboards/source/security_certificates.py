"""Certificates: how long each is still valid, where it is used, and whether connections are trusted and encrypted."""

from dashboards.source.looks import CRITICAL, GOOD, WARNING
from dashboards.source.panels import stat, timeseries
from dashboards.source.query import ON, Query, component_limits
from dashboards.source.tables import Column, table

OF = 'component=~"$component"'
_WITH = (
    "alertmanager", "celery", "certificate", "dns", "grpc", "http", "memcached", "mongodb",
    "mysql", "postgres", "prometheus", "rabbitmq", "redis", "s3", "smtp", "tcp",
)  # fmt: skip
KINDS = "|".join(_WITH)
REMAINING = "\n  or ".join(
    f"stack_{'' if kind == 'certificate' else kind + '_'}certificate_remaining_seconds{{{OF}}}" for kind in _WITH
)
VERIFIED = "\n  or ".join(
    f"stack_{kind}_certificate_verified{{{OF}}}" for kind in ("dns", "grpc", "http", "smtp", "tcp")
)
CLOSER = "/d/stack-components?var-component=${__value.text:percentencode}&${__url_time_range}"
OWNER = f"* on ({ON}) group_left (kind, team) stack_component_info"
DAY = 86_400
LEFT = ((-1e9, CRITICAL), (3 * DAY, WARNING), (20 * DAY, GOOD))
NO = {"1": ("yes", GOOD), "0": ("no", WARNING)}

FIRST_TO_END = stat(
    "First certificate ends in",
    "Time until the first certificate expires, of all servers and files that are watched; below 0 it has. From 20 "
    "days on renew it in office hours (CertificateExpiring); once it has ended, clients refuse to connect.",
    Query(f"min(\n  {REMAINING}\n)"),
    unit="s",
    decimals=0,
    steps_=LEFT,
    none="no certificate",
)

CERTIFICATES = [
    table(
        "Certificates, the one that ends first on top",
        "Every certificate that a component showed, or that lies in a file. Renew what is orange, and at once what is "
        "red; if a renewed one still shows, the server was not reloaded. `Trusted: no` is a chain that could not be "
        "verified, or verification that is switched off (CertificateUnverified).",
        Query(f"min by (component, kind, team, file) (\n  (\n  {REMAINING}\n  )\n  {OWNER}\n)"),
        Query(f"min by (component, kind, team, file) (\n  (time() + (\n  {REMAINING}\n  )) * 1000\n  {OWNER}\n)"),
        Query(f"min by (component, kind, team) (\n  (\n  {VERIFIED}\n  )\n  {OWNER}\n)"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("Value #A", "Ends in", unit="s", decimals=0, steps=LEFT, color="background", width=110),
            Column("Value #B", "Ends on", unit="dateTimeAsIso", width=170),
            Column("Value #C", "Trusted", words=NO, color="text", width=80),
            Column("file", "File"),
            Column("kind", "Kind", width=100),
            Column("team", "Team", width=110),
        ],
        width=14,
        sort="Ends in",
        descending=False,
        none="no component shows a certificate",
    ),
    timeseries(
        "Time left, by certificate",
        "Each line falls by a day each day, and jumps up when the certificate is renewed. One that comes near the "
        "dashed lines was forgotten, or its renewal fails: look at the log of what renews it.",
        Query(f"min by (component, file) (\n  {REMAINING}\n)", "{{component}} {{file}}"),
        *component_limits("seconds", "certificate", above=False),
        unit="s",
        width=10,
        calcs=("lastNotNull", "min"),
        none="no component shows a certificate",
    ),
    table(
        "Certificate files",
        "What lies in watched files: whom the first certificate is for, who issued it, and how many there are in the "
        "file (the rest is its chain). Compare the serial number with what the server shows, to see whether it was "
        "reloaded.",
        Query(f"max by (component, file, subject, issuer, serial) (stack_certificate_info{{{OF}}})"),
        Query(f"max by (component, file) (stack_certificate_certificates{{{OF}}})"),
        columns=[
            Column("component", "Component", url=CLOSER, width=120),
            Column("file", "File"),
            Column("subject", "For"),
            Column("issuer", "Issued by"),
            Column("serial", "Serial number"),
            Column("Value #B", "In the file", unit="short", decimals=0, width=90),
        ],
        width=16,
        height=6,
        none="no component of the kind certificate",
    ),
    table(
        "Connections: trusted and encrypted",
        "Whether the other side's certificate could be verified, and whether mail is sent encrypted. Where it says "
        "no, whoever sits between can read and change what is sent: mend the chain, or switch verification on.",
        Query(f"min by (component) (\n  {VERIFIED}\n)"),
        Query(f"min by (component) (stack_smtp_encrypted{{{OF}}})"),
        columns=[
            Column("component", "Component", url=CLOSER),
            Column("Value #A", "Trusted", words=NO, color="text", width=90),
            Column("Value #B", "Encrypted", words=NO, color="text", width=90),
        ],
        width=8,
        height=6,
        none="no connection is made with TLS",
    ),
]
