"""The Core Rule Set as it comes: its defaults and ModSecurity's recommended settings.

What the default policy is compared with. The settings are those of
https://github.com/owasp-modsecurity/ModSecurity/blob/v3/master/modsecurity.conf-recommended
and the few lines of crs-setup.conf.example that are not comments.
"""

from __future__ import annotations

from pathlib import Path

from waf_builder.version import Version

_MAIN = """\
SecRuleEngine On
SecRequestBodyAccess On
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\\+|/)|text/)xml" \\
    "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" \\
    "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 131072
SecRequestBodyLimitAction Reject
SecRequestBodyJsonDepthLimit 512
SecArgumentsLimit 1000
SecRule &ARGS "@ge 1000" "id:200007,phase:2,t:none,log,deny,status:400,severity:2"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400"
SecRule MULTIPART_UNMATCHED_BOUNDARY "@eq 1" "id:200004,phase:2,t:none,log,deny,status:400"
SecPcreMatchLimit 1000
SecRule TX:/^MSC_/ "!@streq 0" "id:200005,phase:2,t:none,deny"
SecArgumentSeparator &
SecCookieFormat 0
SecUnicodeMapFile ../engine/unicode.mapping 20127
SecAuditEngine RelevantOnly
SecAuditLogRelevantStatus "^$"
SecAuditLogFormat JSON
SecAuditLogParts AHZ
SecAuditLogType Serial
SecAuditLog /dev/stdout
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecAction "id:900990,phase:1,pass,t:none,nolog,setvar:tx.crs_setup_version=@SETUP@"
Include engine/crs/rules/*.conf
"""


def make_plain(tree: Path, crs: Version) -> None:
    """Replace the policy of a rendered tree."""
    setup = "".join(str(number) for number in crs)
    main = tree / "modsecurity" / "main.conf"
    main.write_text(_MAIN.replace("@SETUP@", setup), encoding="utf-8")
