# What a fresh Debian 12 needs, by package name. Sourced by quickstart and tests/run; sets nothing but
# functions and the three lists below.
#
# 1. Only what dpkg does not know as installed is asked for, so a second run is quick and works offline.
# 2. No service starts: while apt-get runs there is a policy-rc.d that says no. One that is there already is
#    left alone; ours is removed again, also when apt-get fails.

BUILD_PACKAGES=(
	build-essential cmake ninja-build pkg-config
	libuv1-dev libssl-dev libsqlite3-dev libyaml-dev libuchardet-dev libseccomp-dev libjansson-dev
)
QUICKSTART_PACKAGES=(openssl swaks libnet-ssleay-perl)
TEST_PACKAGES=(
	git # what the checks look at is what git tracks
	clang libclang-rt-14-dev clang-format clang-tidy cppcheck valgrind libcmocka-dev libgmime-3.0-dev ccache
	python3 python3-pytest python3-pytest-xdist sqlite3
	swaks libnet-ssleay-perl msmtp mutt curl openssl ca-certificates
)

# say TEXT...: one line for people.
say() {
	printf '%s\n' "$*"
}

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

package_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# install_packages NAME...: those that are missing, quietly; the log of apt-get is shown when it fails.
install_packages() {
	local missing=() name
	for name in "$@"; do
		package_installed "$name" || missing+=("$name")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null ||
		die "needs the packages ${missing[*]}, and this is no Debian: install their like by hand"
	[ "$(id -u)" -eq 0 ] ||
		die "needs root to install ${missing[*]} (or: sudo apt-get install --no-install-recommends ${missing[*]})"

	say "Installing ${#missing[@]} packages: ${missing[*]}"
	local log status=0
	log=$(mktemp)
	(
		policy=/usr/sbin/policy-rc.d
		if [ ! -e "$policy" ]; then
			trap 'rm -f "$policy"' EXIT
			printf '#!/bin/sh\n# No service starts while the packages of Servelo are installed.\nexit 101\n' >"$policy"
			chmod 755 "$policy"
		fi
		export DEBIAN_FRONTEND=noninteractive
		apt_install "${missing[@]}" || { apt-get -qq update && apt_install "${missing[@]}"; }
	) >"$log" 2>&1 || status=$?
	[ "$status" -eq 0 ] || { cat "$log" >&2; rm -f "$log"; die "apt-get could not install the packages (above is what it said)"; }
	rm -f "$log"
}

apt_install() {
	apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "$@" </dev/null
}
