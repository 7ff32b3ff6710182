"""Run a published tree on this machine, with a backend to try it on."""
