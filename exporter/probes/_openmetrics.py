"""A few families out of another program's /metrics page."""

from collections.abc import Iterator, Mapping

from prometheus_client.parser import text_string_to_metric_families

from exporter.probe import Down


def samples(page: bytes, names: frozenset[str], where: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Name, labels and value of each sample of these names. Raises Down for a page that is none.

    Only their lines are parsed: prometheus_client takes a second for the 2 MB that a large Prometheus says of itself.
    """
    wanted = [line for line in page.decode(errors="replace").splitlines() if _name(line) in names]
    try:
        for family in text_string_to_metric_families("\n".join(wanted) + "\n"):
            yield from ((one.name, one.labels, one.value) for one in family.samples)
    except (ValueError, KeyError, IndexError) as error:
        raise Down("not_metrics", f"{where}: /metrics is not in Prometheus' format: {error}"[:200]) from None


def _name(line: str) -> str:
    return line.partition("{")[0].partition(" ")[0]
