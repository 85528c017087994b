"""HTTP: the listeners, who may see what, and the answers."""
