"""How tests are shared among workers: a file at a time, and those first that wait the longest."""

import pytest
from xdist.scheduler import LoadGroupScheduling

# What ends last decides how long all take: a minute of waiting has to be begun early. Of the others the order is theirs.
LONGEST = (
    "tests/alerts/",
    "tests/demo/",
    "tests/dashboards/",
    "tests/end_to_end/",
    "tests/rules/",
    "tests/web/",
    "tests/store/",
)


class Sharing(LoadGroupScheduling):
    """Of a file without a group all tests go to one worker, so that its servers are started once. And xdist counts what
    it has given away with each test that ends: 11 000 tests that each were given by themselves cost it half a minute.
    """

    def _split_scope(self, nodeid: str) -> str:
        group = super()._split_scope(nodeid)
        return group.partition("::")[0] if group == nodeid else group


def ordered(items: list[pytest.Item]) -> list[pytest.Item]:
    return sorted(
        items, key=lambda item: next((n for n, path in enumerate(LONGEST) if item.nodeid.startswith(path)), 99)
    )
