"""What differs between two specs, two locks or two rule sets, and in what they say to requests."""
