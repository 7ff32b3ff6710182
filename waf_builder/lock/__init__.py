"""waf.lock: which engine and rules a spec was proven with, so that a deploy takes the same."""
