#!/bin/sh
# Installs the Debian packages whose programs are missing. Arguments: PROGRAM=PACKAGE, or =PACKAGE for one without a program.
# Nothing is installed, and the exit code is 1, unless this is Debian and we are root.
set -eu

missing=
for pair in "$@"; do
    program=${pair%%=*}
    package=${pair#*=}
    if [ -n "$program" ] && command -v "$program" >/dev/null 2>&1; then
        continue
    fi
    case " $missing " in
    *" $package "*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
    echo "missing:$missing. On Debian and Ubuntu, as root: apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

# A service that starts by itself would take the ports of the user's own: 101 means "not allowed" (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

printf '\n== installing%s from Debian\n' "$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q -o DPkg::Lock::Timeout=120 2>&1 | tail -n 1
# shellcheck disable=SC2086 # one word per package
apt-get install -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends $missing 2>&1 | grep -E '^(Need to get|Setting up|E:|W:)' || true

for package in $missing; do
    if ! dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed$'; then
        echo "apt-get did not install $package" >&2
        exit 1
    fi
done
