"""A small shop that is watched, and that can be broken: `make demo`."""
