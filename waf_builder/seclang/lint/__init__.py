"""What is wrong with rules that can be read: each module knows one part of a directive.

Every check is about what libmodsecurity 3 does, tried on 3.0.9 and 3.0.16: it refuses some
mistakes with a message that names another place, and takes many more without a word.
`waf_builder.check.seclang.lint` calls them all.
"""
