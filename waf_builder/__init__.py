"""From a short backend.yaml to a proven nginx + ModSecurity + Core Rule Set configuration."""

__version__ = "0.1.0"
