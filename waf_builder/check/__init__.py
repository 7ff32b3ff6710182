"""Proof that a rendered tree is right: nginx's syntax, known holes, rules, nginx itself."""
