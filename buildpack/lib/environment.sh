#!/usr/bin/env bash
# What is around the build: left by the platform, and by other buildpacks before this one.

# Another buildpack's Python or libraries would be picked up by the system's own programs.
# Whatever is made here is read by another user later, so the umask is set too.
function environment::reset() {
	unset LD_LIBRARY_PATH LD_PRELOAD CDPATH PERL5LIB PERL5OPT
	unset "${!PYTHON@}"
	export PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	export LC_ALL="C.UTF-8"
	umask 022
}
