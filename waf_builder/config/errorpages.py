"""What the WAF itself says when it does not pass a request on.

Nothing here names a rule: whoever probes the WAF learns only that it refused.
"""

from __future__ import annotations

from waf_builder.config.model import ErrorPage

_RETRY = "Please try again in a moment."

ERROR_PAGES = (
    ErrorPage(400, "Bad request", "The server could not read this request."),
    ErrorPage(
        403,
        "Request refused",
        "This request was refused by a security rule. If you think that is a mistake, tell the"
        " site's owner the request id below.",
    ),
    ErrorPage(404, "Not found", "There is nothing at this address."),
    ErrorPage(405, "Method not allowed", "This address does not take this kind of request."),
    ErrorPage(413, "Too large", "What you sent is larger than this site accepts."),
    ErrorPage(414, "Address too long", "The address of this request is too long."),
    ErrorPage(429, "Too many requests", "You sent many requests in a short time. " + _RETRY),
    ErrorPage(500, "Something went wrong", "The server could not handle this request."),
    ErrorPage(502, "Not available", "The site does not answer at the moment. " + _RETRY),
    ErrorPage(503, "Not available", "The site is not available at the moment. " + _RETRY),
    ErrorPage(504, "No answer in time", "The site took too long to answer. " + _RETRY),
)
