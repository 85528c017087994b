"""The daemon with one more folder of kinds, its first argument."""

import sys

import exporter.probes
from exporter.cli import main

exporter.probes.__path__.append(sys.argv.pop(1))
main()
