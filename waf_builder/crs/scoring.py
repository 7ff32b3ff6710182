"""The rules of the Core Rule Set that add scores up and decide, and what they log."""

from __future__ import annotations

import re

JUDGES = re.compile(r"9[458][09]\d\d\d")
"""Their numbers: 949xxx, 959xxx and 980xxx."""

SCORE = re.compile(r"Score: (\d+)")
"""In their messages."""
