"""What the WAF itself says when it does not pass a request on.

Nothing here names a rule: whoever probes the WAF learns only that it refused.
"""

from __future__ import annotations

from waf_builder.config.model import ErrorPage, Target

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
    ErrorPage(415, "Type not accepted", "This address does not take this kind of content."),
    ErrorPage(429, "Too many requests", "You sent many requests in a short time. " + _RETRY),
    ErrorPage(500, "Something went wrong", "The server could not handle this request."),
    ErrorPage(502, "Not available", "The site does not answer at the moment. " + _RETRY),
    ErrorPage(503, "Not available", "The site is not available at the moment. " + _RETRY),
    ErrorPage(504, "No answer in time", "The site took too long to answer. " + _RETRY),
)

_REFUSED_BY_RULES = frozenset({400, 403})


def error_page_statuses(target: Target) -> tuple[int, ...]:
    """Return the statuses that get a page of ours.

    A refusal without a record could never be mended, so where the page would cost the record,
    nginx's plain page is sent. The request id stands in a header in both cases.
    """
    statuses = (page.status for page in ERROR_PAGES)
    if target.logs_redirected_refusals:
        return tuple(statuses)
    return tuple(status for status in statuses if status not in _REFUSED_BY_RULES)
