"""The words of SecLang that libmodsecurity 3 knows, refuses, or accepts without any effect.

The authority is its lexer and grammar (src/parser/seclang-scanner.ll and seclang-parser.yy in
https://github.com/owasp-modsecurity/ModSecurity); each word's example is loaded by the real engine
in tests/seclang/test_vocabulary_engine.py, which fails where this table says something else.
All words are compared without regard to case.
"""
