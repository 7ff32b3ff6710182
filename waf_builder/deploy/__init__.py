"""What a buildpack does with an app: from its spec to a WAF that starts with the container."""
