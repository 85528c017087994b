"""python -m exporter.docs writes the pages."""

import sys

from exporter.docs import main

if __name__ == "__main__":
    sys.exit(main())
