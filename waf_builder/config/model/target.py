"""The versions that a configuration is written for."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.version import Version

CRS_3, CRS_4 = 3, 4
"""Major versions of the Core Rule Set: names of variables and rules differ, and 4 has plugins."""


@dataclass(frozen=True)
class Target:
    """The versions that a configuration is written for."""

    nginx: Version
    modsecurity: Version
    connector: Version
    crs: Version

    @property
    def has_crs_4(self) -> bool:
        """Whether the rule set is a 4, or newer."""
        return self.crs.major >= CRS_4

    @property
    def logs_redirected_refusals(self) -> bool:
        """Whether a refusal that got an own error page still reaches the audit log.

        Before ModSecurity-nginx 1.0.4 the redirect to the page loses the transaction.
        https://github.com/owasp-modsecurity/ModSecurity-nginx/pull/346
        """
        return self.connector >= Version(1, 0, 4)

    @property
    def resolves_upstreams(self) -> bool:
        """`server NAME resolve` is in open-source nginx since 1.27.3.

        https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve
        """
        return self.nginx >= Version(1, 27, 3)

    @property
    def keeps_upstreams_by_default(self) -> bool:
        """Upstreams keep idle connections unless told not to since nginx 1.29.7.

        https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive
        """
        return self.nginx >= Version(1, 29, 7)

    def __str__(self) -> str:
        return f"nginx {self.nginx}, libmodsecurity {self.modsecurity}, CRS {self.crs}"
