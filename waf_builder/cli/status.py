"""An exit status beside 0, fine, 1, problems, and click's 2, wrong usage."""

from __future__ import annotations

NOT_AS_WANTED = 3
"""Not as before, or not as wanted: a difference, a request that is refused, a test that fails."""
