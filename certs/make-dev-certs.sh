#!/bin/sh
# Self-signed certificates for development and tests: ECDSA P-256 and RSA 2048, for one host and its domain.
#
#	certs/make-dev-certs.sh [-f] DIR HOST [DOMAIN]
#
# Writes DIR/ecdsa.pem, DIR/ecdsa.key, DIR/rsa.pem, DIR/rsa.key; the keys can be read by their owner alone. The
# names are HOST, DOMAIN (default: what follows HOST's first dot), localhost, 127.0.0.1 and ::1. Each kind that
# is already there and good for another 30 days is left as it is; -f makes it anew. A certificate replaces the
# old one only when it is complete, so the script may be repeated, or be stopped, at any time.
set -eu

days=825

usage() {
	echo "usage: $0 [-f] DIR HOST [DOMAIN]" >&2
	exit 64
}

force=no
if [ "${1-}" = -f ]; then
	force=yes
	shift
fi
[ $# -ge 2 ] && [ $# -le 3 ] || usage
dir=$1
host=$2
domain=${3-${host#*.}}
for name in "$host" "$domain"; do
	case $name in
	'' | -* | *[!A-Za-z0-9.-]*)
		echo "$0: not a host name: $name" >&2
		exit 64
		;;
	esac
done

umask 077
mkdir -p "$dir"
work=$(mktemp -d "$dir/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

is_good() { # kind
	[ "$force" = no ] && [ -s "$dir/$1.pem" ] && [ -s "$dir/$1.key" ] &&
		openssl x509 -in "$dir/$1.pem" -noout -checkend 2592000 >/dev/null 2>&1 &&
		openssl x509 -in "$dir/$1.pem" -noout -checkhost "$host" | grep -q 'does match' &&
		[ "$(openssl x509 -in "$dir/$1.pem" -noout -pubkey)" = "$(openssl pkey -in "$dir/$1.key" -pubout)" ]
}

# Without a configuration of its own, `openssl req` needs the system's and adds what that says.
cat >"$work/req.cnf" <<CNF
[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = $host
[ext]
subjectAltName = DNS:$host,DNS:$domain,DNS:localhost,IP:127.0.0.1,IP:::1
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
CNF

make_one() { # kind, arguments of genpkey
	kind=$1
	shift
	if is_good "$kind"; then
		chmod 600 "$dir/$kind.key"
		return
	fi
	openssl genpkey "$@" -out "$work/$kind.key" 2>/dev/null
	openssl req -x509 -new -sha256 -config "$work/req.cnf" -key "$work/$kind.key" -days "$days" \
		-out "$work/$kind.pem"
	chmod 600 "$work/$kind.key"
	chmod 644 "$work/$kind.pem"
	mv -f "$work/$kind.key" "$dir/$kind.key"
	mv -f "$work/$kind.pem" "$dir/$kind.pem"
	echo "made $dir/$kind.pem"
}

make_one ecdsa -algorithm EC -pkeyopt ec_paramgen_curve:P-256
make_one rsa -algorithm RSA -pkeyopt rsa_keygen_bits:2048
