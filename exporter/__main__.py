"""python -m exporter is stack-exporter."""

from exporter.cli import main

if __name__ == "__main__":
    main()
