"""The admin API: what came in and was found, to read, and to act on; every endpoint is a row of `table`."""
