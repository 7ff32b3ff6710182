"""The OWASP Core Rule Set that is there: where it is and which version."""
