"""Whether compiled rules say the same as the installed ones: both are asked the same requests.

`verify` starts the engine twice, once with each, or loads both into this process, puts generated
requests to both, and compares what the audit log says of every one: each match with all its words,
every score, and the answer.
"""

from __future__ import annotations

from waf_builder.verify.compare import Difference, Verdict
from waf_builder.verify.verify import Verified, verify

__all__ = ["Difference", "Verdict", "Verified", "verify"]
