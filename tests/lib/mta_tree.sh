#!/bin/bash
# Makes a tree with real mail servers in it: Postfix, Exim and OpenSMTPD, unpacked from Debian's packages.
#
#	mta_tree.sh FOLDER		-> FOLDER/tree
#
# Debian lets only one of them be installed, and installing one changes the machine. So nothing is installed:
# the three packages and the libraries below them are downloaded and unpacked into a folder, with the users
# they want in its own /etc/passwd, and the system tests run them there with chroot(8). The network is the
# machine's own, so they reach a server on loopback. No mount, no namespace: it works in a plain container too.
#
# Done once; a finished tree is kept (FOLDER/tree.done) and needs no network.
set -euo pipefail

folder=${1:?folder}
[ -e "$folder/tree.done" ] && exit 0
[ "$(id -u)" -eq 0 ] || { echo "needs root" >&2; exit 1; }

packages=(opensmtpd exim4-base exim4-daemon-light postfix busybox-static tzdata)

# The packages and, below them, every library; what else they depend on (debconf, cron) is for installing.
closure() {
	local known='' new="$*"
	while [ -n "$new" ]; do
		known=$(printf '%s\n' $known $new | sort -u)
		new=$(apt-cache depends $new | sed -nE 's/^  (Pre)?Depends: (lib[^ ]*|zlib1g|gcc-12-base)$/\2/p' | sort -u |
			comm -23 - <(printf '%s\n' $known))
	done
	printf '%s\n' $known
}

mkdir -p "$folder"
cd "$folder"
rm -rf debs tree tree.new
mkdir debs tree.new
apt-cache show postfix >/dev/null 2>&1 || apt-get -qq update
mapfile -t all < <(closure "${packages[@]}")
(cd debs && apt-get -qq -o APT::Sandbox::User=root download "${all[@]}")

# Merged /usr, as Debian has it: a folder of its own for /lib in a package must not hide the real one.
cd tree.new
mkdir -p usr/bin usr/sbin usr/lib usr/lib64 etc dev tmp run proc var/mail var/spool root
ln -s usr/bin bin
ln -s usr/sbin sbin
ln -s usr/lib lib
ln -s usr/lib64 lib64
for deb in ../debs/*.deb; do
	dpkg-deb --fsys-tarfile "$deb" |
		tar -x --keep-directory-symlink --exclude=./usr/share/doc --exclude=./usr/share/man
done
for applet in sh cat cp mv rm ln ls mkdir chown chgrp chmod sed awk grep egrep cmp find sort tr uname expr basename \
	dirname sleep kill id test; do
	[ -e "usr/bin/$applet" ] || ln -s busybox "usr/bin/$applet"
done
chmod 1777 tmp
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
cat >etc/passwd <<END
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
mail:x:8:8:mail:/var/mail:/bin/sh
Debian-exim:x:901:901::/var/spool/exim4:/bin/sh
postfix:x:902:902::/var/spool/postfix:/bin/sh
opensmtpd:x:904:904::/var/empty:/bin/sh
opensmtpq:x:905:905::/var/empty:/bin/sh
END
cat >etc/group <<END
root:x:0:
mail:x:8:
nogroup:x:65534:
Debian-exim:x:901:
postfix:x:902:
postdrop:x:903:
opensmtpd:x:904:
opensmtpq:x:905:
END
printf 'passwd: files\ngroup: files\nhosts: files\n' >etc/nsswitch.conf
printf '127.0.0.1 localhost client.example.net mx.example.com example.com\n' >etc/hosts
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' >etc/resolv.conf
printf 'smtp 25/tcp\nsubmission 587/tcp\n' >etc/services
# What the packages' own installation would have done.
ln -sfn ../run var/run
mkdir -p run/opensmtpd var/empty var/lib/opensmtpd/empty var/spool/smtpd var/spool/exim4 var/spool/postfix \
	var/lib/postfix var/log usr/lib/opensmtpd etc/exim4
chmod 711 var/spool/smtpd
chown 901:901 var/spool/exim4
chown 902:902 var/lib/postfix
chgrp 903 usr/sbin/postdrop usr/sbin/postqueue
chmod 2755 usr/sbin/postdrop usr/sbin/postqueue
chgrp 905 usr/sbin/smtpctl
chmod 2755 usr/sbin/smtpctl
ln -s ../../sbin/smtpctl usr/lib/opensmtpd/sendmail
: >etc/postfix/dynamicmaps.cf
cd ..
mv tree.new tree
touch tree.done
