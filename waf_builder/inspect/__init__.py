"""What the WAF would say to a request: which rules match, why, and what would let it pass."""
