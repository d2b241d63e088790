#!/bin/sh
# Builds the stream's kernels with every compiler and optimisation at hand, and with the sanitizers
# of addresses and undefined behaviour, for this machine and for AArch64 under qemu, and compares
# the digests of all with the portable kernel's.
# A missing tool is a SKIP line; a different digest ends with status 1.
set -u
here=$(cd "$(dirname "$0")" && pwd)
sources="$here/../../src_c"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
reference=""

# build NAME COMPILER FLAGS...: compile vectors.c with all kernels into $work/NAME
build() {
    name=$1
    shift
    "$@" -std=c11 -ffp-contract=off -Wall -Wextra -Werror -I"$sources" -o "$work/$name" \
        "$here/vectors.c" "$sources"/stream/*.c "$sources"/stream/kernels/*.c -lm -pthread
}

# compare NAME KERNEL [RUNNER...]: run and compare with the first portable digest
compare() {
    name=$1
    kernel=$2
    shift 2
    "$@" "$work/$name" "$kernel" >"$work/out"
    status=$?
    if [ $status -eq 3 ]; then
        echo "SKIP $name $kernel: not supported here"
        return
    fi
    if [ $status -ne 0 ]; then
        echo "FAIL $name $kernel: status $status"
        failed=1
        return
    fi
    digest=$(cksum <"$work/out")
    [ -n "$reference" ] || reference=$digest
    if [ "$digest" = "$reference" ]; then
        echo "ok   $name $kernel"
    else
        echo "FAIL $name $kernel: other bits"
        failed=1
    fi
}

for compiler in gcc clang; do
    if ! command -v $compiler >/dev/null; then
        echo "SKIP $compiler: not installed"
        continue
    fi
    for level in -O0 -O2 -O3 sanitized; do
        flags=$level
        [ $level = sanitized ] &&
            flags="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
        if ! build "$compiler$level" $compiler $flags; then
            echo "FAIL $compiler $level: does not compile"
            failed=1
            continue
        fi
        case $(uname -m) in
        x86_64) kernels="portable aesni aesni_avx2 avx2 avx512" ;;
        aarch64) kernels="portable neon" ;;
        *) kernels="portable" ;;
        esac
        for kernel in $kernels; do compare "$compiler$level" $kernel; done
    done
done

if ! command -v aarch64-linux-gnu-gcc >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
    echo "SKIP aarch64: needs aarch64-linux-gnu-gcc and qemu-aarch64"
else
    for level in -O2 -O3; do
        if ! build "aarch64$level" aarch64-linux-gnu-gcc $level -static; then
            echo "FAIL aarch64 $level: does not compile"
            failed=1
            continue
        fi
        for kernel in portable neon; do compare "aarch64$level" $kernel qemu-aarch64; done
    done
fi
exit $failed
