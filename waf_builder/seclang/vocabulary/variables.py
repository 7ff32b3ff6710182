"""Variables and collections, and from which phase on they hold something."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.seclang.vocabulary.word import Support, Word, by_name


@dataclass(frozen=True)
class VariableWord(Word):
    """A variable.

    keyed: whether it is a collection, which takes a selector (`ARGS:name`).
    phase: the first phase in which it can hold something: 1 request headers, 2 request body,
        3 response headers, 4 response body.
    """

    keyed: bool = False
    phase: int = 1


def _plain(names: str, phase: int = 1, since: tuple[int, ...] = ()) -> list[VariableWord]:
    return [VariableWord(name, since=since, phase=phase) for name in names.split()]


def _keyed(names: str, phase: int = 1) -> list[VariableWord]:
    return [VariableWord(name, keyed=True, phase=phase) for name in names.split()]


def _refused(names: str, why: str) -> list[VariableWord]:
    return [VariableWord(name, Support.REFUSED, why) for name in names.split()]


VARIABLES = by_name(
    [
        *_keyed(
            "ARGS ARGS_GET ARGS_GET_NAMES ARGS_NAMES ENV GEO GLOBAL IP MATCHED_VARS"
            " MATCHED_VARS_NAMES REQUEST_COOKIES REQUEST_COOKIES_NAMES REQUEST_HEADERS"
            " REQUEST_HEADERS_NAMES RESOURCE RULE SESSION TX USER"
        ),
        *_keyed(
            "ARGS_POST ARGS_POST_NAMES FILES FILES_NAMES FILES_SIZES FILES_TMPNAMES"
            " FILES_TMP_CONTENT MULTIPART_FILENAME MULTIPART_NAME MULTIPART_PART_HEADERS XML",
            phase=2,
        ),
        *_keyed("RESPONSE_HEADERS RESPONSE_HEADERS_NAMES", phase=3),
        *_plain(
            "ARGS_COMBINED_SIZE AUTH_TYPE DURATION HIGHEST_SEVERITY MATCHED_VAR MATCHED_VAR_NAME"
            " MODSEC_BUILD PATH_INFO QUERY_STRING REMOTE_ADDR REMOTE_HOST REMOTE_PORT REMOTE_USER"
            " REQBODY_PROCESSOR REQUEST_BASENAME REQUEST_FILENAME REQUEST_LINE REQUEST_METHOD"
            " REQUEST_PROTOCOL REQUEST_URI REQUEST_URI_RAW SERVER_ADDR SERVER_NAME SERVER_PORT"
            " SESSIONID TIME TIME_DAY TIME_EPOCH TIME_HOUR TIME_MIN TIME_MON TIME_SEC TIME_WDAY"
            " TIME_YEAR UNIQUE_ID URLENCODED_ERROR USERID WEBAPPID"
        ),
        *_plain("MSC_PCRE_ERROR MSC_PCRE_LIMITS_EXCEEDED", since=(3, 0, 10)),
        *_plain(
            "FILES_COMBINED_SIZE FULL_REQUEST FULL_REQUEST_LENGTH INBOUND_DATA_ERROR"
            " MULTIPART_BOUNDARY_QUOTED MULTIPART_BOUNDARY_WHITESPACE MULTIPART_CRLF_LF_LINES"
            " MULTIPART_DATA_AFTER MULTIPART_DATA_BEFORE MULTIPART_FILE_LIMIT_EXCEEDED"
            " MULTIPART_HEADER_FOLDING MULTIPART_INVALID_HEADER_FOLDING MULTIPART_INVALID_PART"
            " MULTIPART_INVALID_QUOTING MULTIPART_LF_LINE MULTIPART_MISSING_SEMICOLON"
            " MULTIPART_SEMICOLON_MISSING MULTIPART_STRICT_ERROR MULTIPART_UNMATCHED_BOUNDARY"
            " REQBODY_ERROR REQBODY_ERROR_MSG REQBODY_PROCESSOR_ERROR REQBODY_PROCESSOR_ERROR_MSG"
            " REQUEST_BODY REQUEST_BODY_LENGTH",
            phase=2,
        ),
        *_plain(
            "RESPONSE_CONTENT_LENGTH RESPONSE_CONTENT_TYPE RESPONSE_PROTOCOL RESPONSE_STATUS"
            " STATUS STATUS_LINE",
            phase=3,
        ),
        *_plain("OUTBOUND_DATA_ERROR RESPONSE_BODY", phase=4),
        *_refused("WEBSERVER_ERROR_LOG", "it does not see the server's log"),
        *_refused(
            "PERF_ALL PERF_COMBINED PERF_GC PERF_LOGGING PERF_PHASE1 PERF_PHASE2 PERF_PHASE3"
            " PERF_PHASE4 PERF_PHASE5 PERF_RULES PERF_SREAD PERF_SWRITE",
            "it does not time its rules",
        ),
        *_refused(
            "SCRIPT_BASENAME SCRIPT_FILENAME SCRIPT_GID SCRIPT_GROUPNAME SCRIPT_MODE SCRIPT_UID"
            " SCRIPT_USERNAME",
            "it is about Apache's files on disk",
        ),
        *_refused("STREAM_INPUT_BODY", "use REQUEST_BODY"),
        *_refused("STREAM_OUTPUT_BODY", "use RESPONSE_BODY"),
        *_refused("USERAGENT_IP", "use REMOTE_ADDR, which nginx's real_ip sets"),
        *_refused("SDBM_DELETE_ERROR", "it keeps its collections elsewhere"),
    ]
)
