#!/bin/sh
# Installs a release of Barline: takes the tarball for this machine, compares its SHA-256 with the list of the release, and copies
# the binary.
#
#     sh install.sh --base-url https://example.org/barline/0.1.0 [--to ~/.local/bin]
set -eu

version=@VERSION@
base_url=
to=${HOME:-}/.local/bin

fail() {
  echo "$1" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
  --base-url | --to)
    [ $# -ge 2 ] || fail "Cannot use $1: it needs a value"
    if [ "$1" = --to ]; then to=$2; else base_url=${2%/}; fi
    shift 2
    ;;
  --base-url=*) base_url=${1#*=} base_url=${base_url%/}; shift ;;
  --to=*) to=${1#*=}; shift ;;
  *) fail "Cannot understand \"$1\": expected --base-url URL or --to DIRECTORY" ;;
  esac
done
[ -n "$base_url" ] || fail "Cannot install: --base-url is not given, expected where the files of the release are"

case $(uname -s) in
Linux) system=linux ;;
Darwin) system=macos ;;
*) fail "Cannot install on $(uname -s): there are releases for Linux and macOS; for Windows take the tarball" ;;
esac
case $(uname -m) in
x86_64 | amd64) processor=x64 ;;
aarch64 | arm64) processor=arm64 ;;
*) fail "Cannot install on $(uname -m): there are releases for x86-64 and arm64" ;;
esac
if [ "$system" = linux ] && ldd --version 2>&1 | grep -qi musl; then
  fail "Cannot install here: the binary needs glibc, and this system has musl. Use the container"
fi

if command -v curl >/dev/null; then
  fetch() { curl -fsSL -o "$2" "$1"; }
elif command -v wget >/dev/null; then
  fetch() { wget -q -O "$2" "$1"; }
else
  fail "Cannot download: there is neither curl nor wget, install one of them"
fi
if command -v sha256sum >/dev/null; then
  sum() { sha256sum "$1" | cut -d' ' -f1; }
elif command -v shasum >/dev/null; then
  sum() { shasum -a 256 "$1" | cut -d' ' -f1; }
else
  fail "Cannot compare checksums: there is neither sha256sum nor shasum, install one of them"
fi

name=barline-$version-$system-$processor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch "$base_url/SHA256SUMS" "$work/SHA256SUMS" || fail "Cannot download $base_url/SHA256SUMS"
expected=$(grep "  $name.tar.gz\$" "$work/SHA256SUMS" | cut -d' ' -f1) || true
[ -n "$expected" ] || fail "Cannot install: the release has no $name.tar.gz"
fetch "$base_url/$name.tar.gz" "$work/$name.tar.gz" || fail "Cannot download $base_url/$name.tar.gz"
actual=$(sum "$work/$name.tar.gz")
[ "$actual" = "$expected" ] ||
  fail "Cannot install: $name.tar.gz has SHA-256 $actual, expected $expected. Nothing was installed"

tar -xzf "$work/$name.tar.gz" -C "$work"
mkdir -p "$to"
# Renamed into its place: a binary that runs cannot be written over.
cp "$work/$name/barline" "$to/.barline.$$"
chmod 755 "$to/.barline.$$"
mv -f "$to/.barline.$$" "$to/barline"
echo "Installed $("$to/barline" version) as $to/barline"
case :$PATH: in
*:"$to":*) ;;
*) echo "Add $to to PATH to call it as barline" ;;
esac
