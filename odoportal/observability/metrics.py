"""Counters and timings for Prometheus. No label has a value that a stranger can choose, so memory cannot be filled with labels."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, start_http_server
from prometheus_client.registry import Collector

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

HTTP = Counter("odoportal_http_requests", "HTTP requests answered", ["kind", "status"])
HTTP_SECONDS = Histogram("odoportal_http_seconds", "Seconds until an HTTP request was answered in full", ["kind"], buckets=_QUICK)
EVENTS = Counter("odoportal_events", "Events of open pages", ["outcome"])
EVENT_SECONDS = Histogram("odoportal_event_seconds", "Seconds from an event's turn to its last update", ["handler"], buckets=_QUICK)
SQL_SECONDS = Histogram("odoportal_sql_seconds", "Seconds that a statement took", ["kind"], buckets=_QUICK)
SOCKETS = Gauge("odoportal_sockets", "Open pages: sockets of this process")
FILES = Gauge("odoportal_files_in_the_making", "Exports and archives that this process is making or sending")
FAILURES = Counter("odoportal_failures", "Items that a loop left out because they failed, and jobs that were started again", ["job"])
SECURITY = Counter("odoportal_security_events", "Lines of the security log", ["event"])


def serve(address: str, figures: Collector) -> None:
    """Serve the metrics to Prometheus on a separate port, from a separate thread, until the process ends.

    Args:
        address: host and port, such as `127.0.0.1:9464`.
        figures: a collector whose values are read at each request.

    Raises:
        OSError: the address cannot be used.
    """
    host, _, port = address.rpartition(":")
    start_http_server(int(port), host.strip("[]"))
    REGISTRY.register(figures)
