"""What of a log record is scrubbed on its way onward; all else goes on as it came, ids, flags and times among it."""

from exporter.onward.edits import ATTRIBUTE, TEXT, VALUE, Table

LOG: Table = {
    3: TEXT,  # severity_text
    5: VALUE,  # body
    6: ATTRIBUTE,
    12: TEXT,  # event_name
}
"""By field numbers of LogRecord (opentelemetry-proto, logs.proto)."""
