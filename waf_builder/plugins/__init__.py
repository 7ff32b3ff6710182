"""Plugins of the Core Rule Set 4: where their files are, what they hold, when they are loaded."""
