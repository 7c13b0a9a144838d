#!/usr/bin/env bash
# Makes a Debian forky chroot with the S3 servers that the tests run against: Ceph (mon, osd, radosgw), moto and a git
# that knows reftables. Once for all checkouts: about 1.3 GB and two minutes. Needs root on a Debian or a derivative.
# usage: install-lab.sh <folder>      the chroot is <folder>/root, complete where <folder>/root/.complete exists
set -euo pipefail
folder=${1:?a folder for the chroot}
revision=1 # count up when the list of packages changes
packages=(ceph-mon ceph-osd radosgw ceph-common git python3-moto python3-flask-cors)

is_complete() { [ "$(cat "$folder/root/.complete" 2>/dev/null)" = "$revision" ]; }
is_complete && exit 0
[ "$(id -u)" = 0 ] || { echo "install-lab.sh: needs root for a chroot" >&2; exit 77; }
command -v apt-get >/dev/null || { echo "install-lab.sh: needs apt" >&2; exit 77; }

mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
is_complete && exit 0

if ! command -v debootstrap >/dev/null; then
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap
fi

# The archive that this machine's own apt uses, with its proxies and its opinion on old snapshots.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(SITE)' 2>/dev/null | sed -n 's/^Debian //p' | grep -v security | sort -u | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian}
settings=$(apt-config dump | grep -E '^Acquire::(Check-Valid-Until|https?::|Retries)' || true)
proxy=$(apt-config shell proxy Acquire::http::Proxy | sed "s/^proxy='\(.*\)'$/\1/")
[ -z "$proxy" ] || export http_proxy=$proxy

fresh=$(mktemp -d "$folder/fresh.XXXXXX")
trap 'umount "$fresh/proc" 2>/dev/null || true; rm -rf --one-file-system "$fresh"' EXIT
# Debian releases younger than debootstrap have no script of their own; sid's is right for them.
debootstrap --variant=minbase --include=ca-certificates forky "$fresh" "$mirror" /usr/share/debootstrap/scripts/sid
[ -z "$settings" ] || echo "$settings" >"$fresh/etc/apt/apt.conf.d/90host"
printf '#!/bin/sh\nexit 101\n' >"$fresh/usr/sbin/policy-rc.d"
chmod +x "$fresh/usr/sbin/policy-rc.d"
cp /etc/resolv.conf "$fresh/etc/resolv.conf"
mount -t proc proc "$fresh/proc"
in_chroot() { chroot "$fresh" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
in_chroot apt-get update -q
in_chroot apt-get install -y -q --no-install-recommends "${packages[@]}"
in_chroot apt-get clean
umount "$fresh/proc"

echo "$revision" >"$fresh/.complete"
rm -rf --one-file-system "$folder/root"
mv "$fresh" "$folder/root"
chmod 755 "$folder/root"
