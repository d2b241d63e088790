#!/bin/sh
# Builds stream.rs, the stream written from docs/stream.md alone, and compares it with the recorded
# keys and vectors, or with the files KEYS.csv and VECTORS.csv that are given.
# Without rustc it is a SKIP line; a disagreement ends with status 1.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
data="$here/../data"

PATH="$PATH:${HOME:-}/.cargo/bin"
if ! command -v rustc >/dev/null; then
    echo "SKIP rust: rustc is not installed"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rustc --edition 2021 -O -o "$work/stream" "$here/stream.rs"
"$work/stream" "${1:-$data/stream_keys.csv}" "${2:-$data/stream_vectors.csv}"
