#!/usr/bin/env bash
# What people see in the build log, in the form that the platform's own buildpacks have.

# Print stdin as a paragraph that says what is wrong, why, and how to mend it.
function output::error() {
	local line
	printf '\n'
	while IFS= read -r line; do
		printf '%s\n' " !${line:+     ${line}}"
	done
	printf '\n'
} >&2
