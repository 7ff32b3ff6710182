"""The doctor: what keeps a WAF from working here, looked at from where it runs."""
