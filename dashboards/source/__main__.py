"""python -m dashboards.source [--check]: writes dashboards/*.json, or says which of them would be written anew."""

import argparse
import sys
from pathlib import Path

from dashboards.source.written import written

FOLDER = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m dashboards.source", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file differs")
    check = parser.parse_args().check
    made = written()
    there = {path.name: path.read_text() for path in FOLDER.glob("stack-*.json")}
    differing = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
    if check:
        for name in differing:
            print(f"dashboards/{name}: is not as `make dashboards` writes it", file=sys.stderr)
        return 1 if differing else 0
    for name in differing:
        if name in made:
            (FOLDER / name).write_text(made[name])
        else:
            (FOLDER / name).unlink()
    print(f"{len(made)} dashboards in {FOLDER.name}/, {len(differing)} of them changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
