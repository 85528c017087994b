"""Each dashboard's file name and text, as Grafana imports it."""

import importlib
import json
import pkgutil

from grafana_foundation_sdk.cog.encoder import JSONEncoder

import dashboards.source
from dashboards.source.board import Board, built

TITLES = {
    "Critical alerts": "{{alertname}}",
    "Warnings": "{{alertname}}",
    "Releases": "{{service}} {{release}}",
    "Deploys": "{{service}} deployed",
}
TEXTS = dict.fromkeys(("Critical alerts", "Warnings"), "{{component}}{{service}}")


def written() -> dict[str, str]:
    """Of every module here that has a BOARD."""
    names = [found.name for found in pkgutil.iter_modules(dashboards.source.__path__) if found.name != "__main__"]
    modules = [importlib.import_module(f"dashboards.source.{name}") for name in names]
    boards: list[Board] = [module.BOARD for module in modules if hasattr(module, "BOARD")]
    return {f"{board.uid}.json": text(board) for board in boards}


def text(board: Board) -> str:
    made = json.loads(json.dumps(built(board).build(), cls=JSONEncoder))
    for annotation in made["annotations"]["list"]:
        # What Prometheus' own annotations have beside the SDK's fields.
        name = annotation["name"]
        annotation |= {"titleFormat": TITLES[name], "textFormat": TEXTS.get(name, ""), "step": "15s"}
        # Their value is when it happened, in milliseconds: each is marked there, and not at every sample.
        annotation["useValueForTime"] = True
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
