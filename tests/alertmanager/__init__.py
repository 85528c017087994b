"""deploy/alertmanager in a real Alertmanager: who is told what, how it looks, and what is kept quiet."""
