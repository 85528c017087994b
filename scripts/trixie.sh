#!/bin/sh
# Unpacks Debian trixie's Prometheus and Alertmanager into the folder $1: the newer generation, which rules are tested on too.
# Needs apt-get and dpkg, and no root: apt's lists and cache are in that folder, and nothing is installed.
set -eu

folder=$1
release=trixie
packages="prometheus promtool prometheus-alertmanager"

[ ! -e "$folder/.complete" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg >/dev/null 2>&1; then
    echo "needs apt-get and dpkg, to fetch $packages of Debian $release" >&2
    exit 1
fi
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [ ! -e "$keyring" ]; then
    echo "$keyring is missing: apt-get install debian-archive-keyring" >&2
    exit 1
fi

printf '\n== fetching %s from Debian %s (about a quarter of a minute)\n' "$packages" "$release"
# What an interrupted run left would be taken for whole.
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/packages"
folder=$(cd "$folder" && pwd)
# The mirror that this machine uses.
# shellcheck disable=SC2016 # apt-get expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
    head -n 1 || true)
if [ -z "$mirror" ]; then
    echo "apt has no source of Debian's own packages (/etc/apt/sources.list), from which to fetch $packages" >&2
    exit 1
fi
printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$release" >"$folder/apt/sources.list"

private() {
    apt-get -qq -o Dir::State="$folder/apt" -o Dir::State::lists="$folder/apt/lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$folder/apt/cache" -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User="$(id -un)" "$@"
}

private update
# shellcheck disable=SC2086 # one word per package
(cd "$folder/packages" && private download $packages)
for package in "$folder"/packages/*.deb; do
    dpkg -x "$package" "$folder"
done
rm -rf "$folder/apt" "$folder/packages"
for program in prometheus promtool prometheus-alertmanager amtool; do
    if [ ! -x "$folder/usr/bin/$program" ]; then
        echo "$program is in none of $packages of Debian $release" >&2
        exit 1
    fi
done
: >"$folder/.complete"
