"""What of the Core Rule Set is made narrower, so that ordinary requests pass."""

from __future__ import annotations

from waf_builder.spec.model.base import SpecModel


class Corrections(SpecModel):
    """Which rules are left out for requests in which nothing has the shape that they look for."""

    apostrophe_in_file_names: bool = True
    """An apostrophe in the name of an uploaded file: `capture d'écran.png` (920120)."""

    documents_by_ending: bool = True
    """A document or picture whose name has a word of a file of settings (932180)."""

    dollar_words: bool = True
    """`$first` in GraphQL, `$filter` in OData, which are no keys of a MongoDB query (942290)."""

    commands_in_prose: bool = True
    """Names of commands in sentences, where nothing starts a command (932100 and its kind)."""

    powershell_in_prose: bool = True
    """The word PowerShell in sentences, without anything that it could run (932120)."""

    functions_in_prose: bool = True
    """`price alert (weekly)`: a word and words in brackets (941390)."""

    harmless_urls: bool = True
    """`data:image/png;base64,...` and `javascript:void(0)` (941130, 941170, 941210, 934170)."""

    csp_reports: bool = True
    """`img-src data:` in a report of a content security policy (941170)."""

    http_in_prose: bool = True
    """`GET / HTTP/1.1` and `HTTP/1.1` in the middle of a line (921110, 921130)."""

    sql_without_words: bool = True
    """Names and numbers with signs between them: `1-(2)`, `admin/**` (942100)."""

    sql_verbs_in_prose: bool = True
    """`; update the page`: a verb that SQL has too, and an article (942350)."""

    csv_quotes: bool = True
    """Quotes and semicolons in bodies of type text/csv (942100, 942540)."""
