#!/bin/sh
# Builds the stream's kernels and the magnitudes with every compiler and optimisation at hand, with
# the sanitizers of addresses and undefined behaviour, and for other processors, which qemu runs:
# AArch64 with its own kernel, s390x, whose byte order is the other one, and 32-bit ones. Compares
# the digests of all with those on record, and makes random fills (fuzz.c) in some.
# A missing tool is a SKIP line; a different digest ends with status 1.
set -u
here=$(cd "$(dirname "$0")" && pwd)
sources="$here/../../src_c"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# What the frozen stream has always been; a new law adds lines.
cp "$here/../data/stream_digests.txt" "$work/vectors.first"

fail() {
    echo "FAIL $*"
    failed=1
}

# build NAME COMPILER FLAGS...: compile the programs into the folder $work/NAME
build() {
    folder="$work/$1"
    shift
    mkdir -p "$folder" && cd "$folder" &&
        "$@" -std=gnu11 -ffp-contract=off -Wall -Wextra -Werror -I"$sources" -c \
            "$sources"/stream/*.c "$sources"/stream/kernels/*.c "$sources"/magnitude/*.c &&
        for program in vectors magnitude fuzz; do
            "$@" -std=gnu11 -ffp-contract=off -Wall -Wextra -Werror -I"$sources" -o $program \
                "$here/$program.c" ih_*.o -lm -pthread || return
        done
}

# compare NAME PROGRAM ARGUMENT [RUNNER...]: run and compare with what the program printed first
compare() {
    name=$1
    program=$2
    argument=$3
    shift 3
    "$@" "$work/$name/$program" $argument >"$work/out"
    status=$?
    if [ $status -eq 3 ]; then
        echo "SKIP $name $program $argument: not supported here"
    elif [ $status -ne 0 ]; then
        fail "$name $program $argument: status $status"
    elif [ ! -e "$work/$program.first" ]; then
        mv "$work/out" "$work/$program.first"
        echo "ok   $name $program $argument"
    elif cmp -s "$work/out" "$work/$program.first"; then
        echo "ok   $name $program $argument"
    else
        fail "$name $program $argument: other bits"
    fi
}

# fuzz NAME CALLS [RUNNER...]: random fills
fuzz() {
    name=$1
    calls=$2
    shift 2
    if "$@" "$work/$name/fuzz" "$calls" 1 >/dev/null; then
        echo "ok   $name fuzz $calls"
    else
        fail "$name fuzz"
    fi
}

case $(uname -m) in
x86_64) kernels="portable aesni aesni_avx2 avx2 avx512" ;;
aarch64) kernels="portable neon" ;;
*) kernels="portable" ;;
esac
for compiler in gcc clang; do
    if ! command -v $compiler >/dev/null; then
        echo "SKIP $compiler: not installed"
        continue
    fi
    for level in -O0 -O2 -O3 haswell sanitized; do
        flags=$level
        [ $level = haswell ] && flags="-O2 -march=haswell"
        [ $level = sanitized ] &&
            flags="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
        if ! build "$compiler$level" $compiler $flags; then
            fail "$compiler $level: does not compile"
            continue
        fi
        if [ $level = haswell ] && ! grep -qs ' fma ' /proc/cpuinfo; then
            echo "SKIP $compiler$level: builds, and this machine cannot run it"
            continue
        fi
        compare "$compiler$level" magnitude ""
        for kernel in $kernels; do compare "$compiler$level" vectors $kernel; done
        case $level in -O3 | sanitized) fuzz "$compiler$level" 20000 ;; esac
    done
done

if ! command -v musl-gcc >/dev/null; then
    echo "SKIP musl: musl-gcc is not installed"
elif ! build musl musl-gcc -O2 -static; then
    fail "musl: does not compile"
else
    compare musl magnitude ""
    for kernel in $kernels; do compare musl vectors $kernel; done
fi

# Windows, by MinGW and wine, whose lines end otherwise; fuzz.c needs POSIX.
windows=x86_64-w64-mingw32-gcc-posix
if ! command -v $windows >/dev/null || ! command -v wine >/dev/null; then
    echo "SKIP $windows: needs it and wine"
else
    mkdir -p "$work/windows" && cd "$work/windows"
    export WINEPREFIX="$work/wine" WINEDEBUG=-all
    wine=$(command -v wine64 || ls /usr/lib/wine/wine64 2>/dev/null || command -v wine)
    under_wine() { "$wine" "$1.exe" ${2:-} | tr -d '\r'; }
    if "$windows" -std=gnu11 -O2 -ffp-contract=off -Wall -Wextra -Werror -I"$sources" -c \
        "$sources"/stream/*.c "$sources"/stream/kernels/*.c "$sources"/magnitude/*.c &&
        for program in vectors magnitude; do
            "$windows" -std=gnu11 -O2 -ffp-contract=off -static -I"$sources" -o $program.exe \
                "$here/$program.c" ih_*.o -lm -pthread || break
        done; then
        "$wine" magnitude.exe >/dev/null 2>&1 # makes its own folder first
        compare windows magnitude "" under_wine
        for kernel in $kernels; do compare windows vectors $kernel under_wine; done
        wineserver -k
    else
        fail "$windows: does not compile"
    fi
fi

# emulate COMPILER RUNNER KERNELS LEVELS [FLAGS...]: the same for another processor
emulate() {
    compiler=$1
    runner=$2
    kernels=$3
    levels=$4
    shift 4
    if ! command -v $compiler >/dev/null || ! command -v $runner >/dev/null; then
        echo "SKIP $compiler: needs it and $runner"
        return
    fi
    for level in $levels; do
        if ! build "$compiler$level" $compiler $level -static "$@"; then
            fail "$compiler $level: does not compile"
            continue
        fi
        compare "$compiler$level" magnitude "" $runner
        for kernel in $kernels; do compare "$compiler$level" vectors $kernel $runner; done
        fuzz "$compiler$level" 2000 $runner
    done
}

emulate aarch64-linux-gnu-gcc qemu-aarch64 "portable neon" "-O2 -O3"
emulate s390x-linux-gnu-gcc qemu-s390x portable "-O2 -O3"
emulate arm-linux-gnueabihf-gcc qemu-arm portable -O2
emulate riscv64-linux-gnu-gcc qemu-riscv64 portable -O2
emulate i686-linux-gnu-gcc qemu-i386 portable -O2 -msse2 -mfpmath=sse
exit $failed
