#!/bin/sh
# Runs the C files under the sanitizers of addresses, leaks and undefined behaviour, of threads, and
# under valgrind: threads.c, several callers at once, and fuzz.c, random fills. First each tool must
# report a fault that threads.c makes on request. A missing tool is a SKIP line; anything that a tool
# finds ends with status 1.
set -u
here=$(cd "$(dirname "$0")" && pwd)
sources="$here/../../src_c"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
processors=$(getconf _NPROCESSORS_ONLN)

# build NAME COMPILER FLAGS...: compile the programs into $work/NAME
build() {
    folder="$work/$1"
    shift
    mkdir -p "$folder" && cd "$folder" &&
        printf '%s\0' "$sources"/*/*.c "$sources"/stream/kernels/*.c |
        xargs -0 -n 1 -P "$processors" \
            "$@" -std=gnu11 -g -ffp-contract=off -fno-math-errno -pthread -I"$sources" -c &&
        for program in threads fuzz; do
            "$@" -std=gnu11 -g -ffp-contract=off -pthread -I"$sources" -o $program \
                "$here/$program.c" ih_*.o -lm || return
        done
}

# check NAME FAULT REPORT CALLS [RUNNER...]: the fault gets its report, and nothing else gets one
check() {
    name=$1
    fault=$2
    report=$3
    calls=$4
    shift 4
    if "$@" ./threads "$fault" >"$work/out" 2>&1 || ! grep -q "$report" "$work/out"; then
        echo "FAIL $name does not report $fault"
        failed=1
        return
    fi
    for command in "threads" "fuzz $calls 1"; do
        if "$@" ./$command >"$work/out" 2>&1; then
            echo "ok   $name $command"
        else
            echo "FAIL $name $command"
            head -n 40 "$work/out"
            failed=1
        fi
    done
}

if build address gcc -O1 -fsanitize=address,undefined -fno-sanitize-recover=all; then
    check "addresses, leaks, undefined behaviour" overrun heap-buffer-overflow 20000
else
    echo "FAIL addresses, leaks, undefined behaviour: does not compile"
    failed=1
fi
# By clang: the loader asks GCC's copies for several processors before its sanitizer is ready.
if ! command -v clang >/dev/null; then
    echo "SKIP threads: clang is not installed"
elif build thread clang -O1 -fsanitize=thread; then
    check "threads" race "data race" 2000
else
    echo "FAIL threads: does not compile"
    failed=1
fi
if ! command -v valgrind >/dev/null; then
    echo "SKIP valgrind: not installed"
elif build valgrind gcc -O2; then
    check "valgrind" overrun "Invalid write" 500 valgrind -q --error-exitcode=9 --leak-check=full
else
    echo "FAIL valgrind: does not compile"
    failed=1
fi
exit $failed
