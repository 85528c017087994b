"""The packaged alert rules: where they are, how they are written out, and how their waits are shortened."""
