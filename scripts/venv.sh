#!/bin/sh
# Makes a virtual environment with pip in the folder $1, by $PYTHON or else the first interpreter here that is new enough.
set -eu

venv=$1

recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=
for candidate in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14}; do
    if recent "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "no Python 3.11 or newer found as ${PYTHON:-python3}. Name one: make PYTHON=/path/to/python3" >&2
    exit 1
fi
# Debian keeps ensurepip, without which there is no pip, in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$(dirname "$0")/packages.sh" "=python3-venv"
fi
printf '\n== virtual environment in %s\n' "$venv"
"$python" -m venv "$venv"
