#!/usr/bin/env bash
# The Python that runs the build. None is needed when the app runs.

# The system's own: one that another buildpack installed may be of any version, and not stay.
SYSTEM_PYTHON="/usr/bin/python3"

# Stop, and say why, where it cannot run waf-builder.
function python::require() {
	if [[ ! -x "${SYSTEM_PYTHON}" ]]; then
		output::error <<-EOF
			Error: This stack has no ${SYSTEM_PYTHON}.
			
			waf-builder needs Python 3.10 or newer while the app is built. Each of the platform's
			stacks since scalingo-22 has it; elsewhere, install the package python3.
		EOF
		exit 1
	fi
	if ! "${SYSTEM_PYTHON}" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
		local version
		version="$("${SYSTEM_PYTHON}" -I --version 2>&1)"
		output::error <<-EOF
			Error: The Python of this stack is too old: ${version}.
			
			waf-builder needs Python 3.10 or newer while the app is built.
			Use a newer stack: 'scalingo stacks-set scalingo-26', then deploy again.
		EOF
		exit 1
	fi
}
