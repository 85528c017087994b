"""Names that lead to less than they should."""

import dns.message

from tests.alerts.fault import Scene, Steps, provokes
from tests.fakes.nameserver import replies, serving

WHOLE = replies(
    "shop.example. 300 IN A 192.0.2.1", "shop.example. 300 IN A 192.0.2.2", "shop.example. 300 IN A 192.0.2.3"
)
LEFT = replies("shop.example. 5 IN A 192.0.2.1")


@provokes("DnsAnswersFew/warning", "DnsAnswersFew/critical", "DnsTtlLow/warning", "DnsTtlLow/critical", quick=True)
def a_name_loses_its_addresses(scene: Scene) -> Steps:
    lost: list[bool] = []

    def answer(query: dns.message.Message, protocol: str) -> list[bytes]:
        return (LEFT if lost else WHOLE)(query, protocol)

    with serving(answer) as server:
        names = {}
        for severity, other in (("warning", "critical"), ("critical", "warning")):
            limits = {"answers": {severity: 2, other: "off"}, "ttl": {severity: "1m", other: "off"}}
            fields = {"kind": "dns", "server": server.address, "query": "shop.example"}
            names[f"name_{severity}"] = fields | {"thresholds": limits}
        yield {"components": names}
        lost.append(True)
        yield None
        lost.clear()
        yield None
