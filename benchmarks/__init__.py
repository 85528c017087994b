"""Our speed and size beside those of the programs that the daemon stands in for, each in the same run as its peer."""
