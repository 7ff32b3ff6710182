"""`python -m waf_builder` is the command `waf-builder`."""

from waf_builder.cli import main

main()
