"""What goes onward of what applications send: rewritten where it has to be, and errors and events as log records."""
