"""What the WAF itself says when it does not pass a request on.

Nothing here names a rule: whoever probes the WAF learns only that it refused.
"""

from __future__ import annotations

from waf_builder.config.model import ErrorPage, Target

_RETRY = "Please try again in a moment."

ERROR_PAGES = (
    ErrorPage(400, "Bad Request", "Bad request", "The server could not read this request."),
    ErrorPage(401, "Unauthorized", "Sign in first", "This address asks for a name and a password."),
    ErrorPage(
        403,
        "Forbidden",
        "Request refused",
        "This request was refused by a security rule. If you think that is a mistake, tell the"
        " site's owner the request id below.",
    ),
    ErrorPage(404, "Not Found", "Not found", "There is nothing at this address."),
    ErrorPage(
        405,
        "Method Not Allowed",
        "Method not allowed",
        "This address does not take this kind of request.",
    ),
    ErrorPage(
        413, "Content Too Large", "Too large", "What you sent is larger than this site accepts."
    ),
    ErrorPage(414, "URI Too Long", "Address too long", "The address of this request is too long."),
    ErrorPage(
        415,
        "Unsupported Media Type",
        "Type not accepted",
        "This address does not take this kind of content.",
    ),
    ErrorPage(
        429,
        "Too Many Requests",
        "Too many requests",
        "You sent many requests in a short time. " + _RETRY,
    ),
    ErrorPage(
        500,
        "Internal Server Error",
        "Something went wrong",
        "The server could not handle this request.",
    ),
    ErrorPage(
        502, "Bad Gateway", "Not available", "The site does not answer at the moment. " + _RETRY
    ),
    ErrorPage(
        503,
        "Service Unavailable",
        "Not available",
        "The site is not available at the moment. " + _RETRY,
    ),
    ErrorPage(
        504, "Gateway Timeout", "No answer in time", "The site took too long to answer. " + _RETRY
    ),
)
"""Reasons are those of RFC 9110 and RFC 6585, which RFC 9457 asks for in a JSON answer."""

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
