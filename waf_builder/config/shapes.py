r"""Shapes: what an attack of a kind has to look like, wider than the rules that judge it.

Each is an operator of SecLang. Quotes and backslashes are written as \x22, \x27, \x60 and \x5c, so
that none of them needs another kind of escaping. What repeats is bounded, so that no value keeps
an expression busy for longer than its length takes.
"""

from __future__ import annotations

ARGS = "REQUEST_COOKIES|REQUEST_COOKIES_NAMES|ARGS_NAMES|ARGS|XML:/*|XML://@*"
MARKUP = f"{ARGS}|REQUEST_HEADERS:User-Agent|REQUEST_HEADERS:Referer|REQUEST_FILENAME"
FILE_NAMES = (
    "FILES|REQUEST_HEADERS:X-Filename|REQUEST_HEADERS:X_Filename|REQUEST_HEADERS:X-File-Name"
    "|REQUEST_HEADERS:X.Filename"
)
MARKUP_DECODED = (
    "t:none,t:utf8toUnicode,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:cssDecode,t:removeNulls"
)

FILE_NAME = r"@rx [\x22\x5c=]|;(?! [^;=/]*$)"
FILE_OF_SETTINGS = (
    r"@rx (?i)^\.|[/\x5c]|(?<!\.pdf|\.doc|\.xls|\.ppt|\.odt|\.ods|\.odp|\.rtf|\.png|\.jpg|\.gif"
    r"|\.bmp|\.mp3|\.mp4|\.mov|\.wav|\.m4a|\.docx|\.xlsx|\.pptx|\.jpeg|\.webp|\.heic|\.avif|\.tiff"
    r"|\.webm)$"
)
FIELD_NAME = r"@rx [\x22\x27\x5c=;]"
# libinjection's fingerprint of a match is a letter for each word: without a keyword, a function,
# a variable's assignment or a logical operator there is no statement that could do anything.
STATEMENT = "&TX:'/^waf_sqli_(?!nc$)(?![n1vo(),.:]+$)(?![n1vos(),.:]*;[n1vos(),.:;]*$)/'"
MONGO_KEY = (
    # A key of an object or of a form, or a name of an argument that is not one of OData's.
    r"@rx (?i)[\[.{\x22\x27]\s*\$[a-z]"
    r"|^\$(?!(?:apply|compute|count|expand|filter|format|index|levels|orderby|search|select"
    r"|skip|skiptoken|top)$)[a-z]+$"
)
UNIX_COMMAND = (
    # What follows a separator: names of commands have no capital, or capitals only.
    r"@rx \|\s*(?:[^\sA-Z]|[A-Z]{2})"
    r"|(?<!&amp)(?<!&lt)(?<!&gt)(?<!&quot)(?<!&nbsp)(?<!&#39)"
    r";\s*(?!base64,|charset=)(?:[^\sA-Z]|[A-Z]{2})"
    r"|&(?![\w\[\].%-]{0,80}=|#?\w{1,10};)\s*(?:[^\sA-Z]|[A-Z]{2})"
    r"|\$[({\x22\x27]|[<>]\(|\(\)\s*\{"
    r"|\x60\s*(?:[$(/{!~.?*\x5c]|[\w./\x22\x27\x5c-]{1,80}\s*\x60"
    r"|[\w./\x22\x27\x5c-]{1,80}[ \t]{1,20}[^\x60\s]{0,80}[-./~$:@%*=<>|\x5c])"
    # A command at the beginning or on a line of its own, and what only a command is told.
    r"|(?:^|[\r\n{(,=!])[\s\x22\x27({!,]{0,8}(?:[\w\x22\x27\x5c]{1,40}[ \t]{1,8}/\w"
    r"|[a-z0-9_./\x22\x27\x5c*?\[\]$@-]{1,40}(?:[ \t]{1,8}[\w./-]{1,40}){0,3}?[ \t]{1,8}"
    r"(?:--?\w|[\x22\x27]?(?:\$|[^\s]{0,80}(?:[/~*%=\x5c]|\w@))|[<>&]{1,3}\s{0,8}[/~.$&]))"
    # Commands that run others.
    r"|(?i:(?:^|[\r\n=(])\s{0,8}[\x22\x27]?(?:busybox|doas|env|exec|nice|nohup|setsid|stdbuf"
    r"|strace|sudo|time|timeout|watch|xargs)\s)"
)
SOLE_COMMAND = (
    # 932260 knows commands at the beginning of a value, and ;base64 as one of them.
    UNIX_COMMAND + r"|^\W*(?:json\.)?[a-z][\w.-]*[ \t]+\w|^\W*(?:[a-z]+-[a-z]+|visudo)\W*$"
)
WINDOWS_COMMAND = (
    r"@rx (?i)&(?![\w\[\].%-]{0,80}=|#?\w{1,10};)\s*\S|\|\s*\S"
    r"|[;\r\n\x60{][\s\x22\x27(,@]{0,8}(?:[\w.:\x22\x27^-]{0,40}[/\x5c]){0,12}[\w.\x22\x27^-]{1,40}"
    r"(?:\.(?:exe|bat|cmd|ps1)\b|[ \t]{1,8}[\x22\x27]?(?:[-/%$({@]|[^\s]{0,80}[\x5c:/*]))"
)
POWERSHELL = (
    r"@rx (?i)(?:powershell|pwsh)(?:\.exe)?[^\r\n]{0,200}[-({$|;/:\x5c]"
    r"|[;|&({=]\s*(?:powershell|pwsh)|[a-z]{2}-[a-z]{3}"
)
CALL = (
    r"@rx (?i)\b(?:eval|set(?:timeout|interval)|function|atob|btoa|console\.(?:log|dir))\s*[({]"
    r"|\b(?:alert|prompt|import|confirm|fetch)(?:[({]|\s+[({](?![a-z ]+\)(?:\s|$)))"
)
URL_THAT_RUNS = (
    r"@rx (?i)j\s*a\s*v\s*a\s*s\s*c\s*r\s*i\s*p\s*t\s*"
    r":(?!\s*void\(0\)\s*;?\s*(?:$|[\x22\x27\x5c]))|&(?:#|tab|newline|colon)"
    r"|data:(?!image/(?:png|gif|jpe?g|webp|avif);base64,[\w+/=\s]*(?:$|[\x22\x27)\x5c]))"
    r"|(?<!data:image/png)(?<!data:image/gif)(?<!data:image/jpg)(?<!data:image/jpeg)"
    r"(?<!data:image/webp)(?<!data:image/avif);base64"
    r"|@(?![a-hj-z0-9_])|-(?:\W|m)|x(?:link:href|html|mlns)|formaction|pattern|!entity"
)
HTTP_LINE = (
    r"@rx (?:^|[\r\n]|%0[ad])[ \t\x0b\x22\x27]{0,20}(?:http/\d|(?:get|post|head|options|connect|put"
    r"|delete|trac[ek]|patch|propfind|propatch|mkcol|copy|move|(?:un)?lock)\s)"
    r"|http/[0-9.]{1,4}[ \t]{0,20}(?:[\r\n]|$)|<(?:html|meta)\b"
)


SQL_AFTER_SEMICOLON = (
    r"@rx (?i)create\s+function|;\s*(?:\w+\s*/\*|select\b"
    r"|(?:alter|create|delete|desc|drop|insert|load|rename|replace|truncate|update)\b\s*[\[(]?"
    r"(?!(?:an|his|her|it|its|me|my|our|that|the|their|them|these|this|those|us|your)\b)\w{2})"
)
NOT_CSV = r"!@rx ^text/csv\s*(?:;|$)"
NOT_CSP = r"!@rx ^application/csp-report\s*(?:;|$)"
CONTENT_TYPE = "REQUEST_HEADERS:Content-Type"
