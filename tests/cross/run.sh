#!/bin/sh
# Builds the stream's kernels, the simulations and the magnitudes with every compiler and
# optimisation at hand, with the sanitizers of addresses and undefined behaviour, without GNU C, for
# other processors, which qemu runs (AArch64 with its own kernel, s390x, whose byte order is the
# other one, and 32-bit ones), and for other systems: Windows, which wine runs, WebAssembly, and
# macOS, which nothing here runs. Compares the digests of all with those on record, and makes random
# fills (fuzz.c) in some.
# A missing tool is a SKIP line; a different digest ends with status 1.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
ln -s "$here/../../src_c" "$work/src_c"
sources="$work/src_c"
files="$sources/stream/*.c $sources/stream/kernels/*.c $sources/montecarlo/*.c
    $sources/magnitude/*.c"
programs="vectors moments magnitude fuzz"
processors=$(getconf _NPROCESSORS_ONLN)
# What the frozen stream has always been; a new law adds lines.
cp "$here/../data/stream_digests.txt" "$work/vectors.first"

fail() {
    echo "FAIL $*"
    failed=1
}

# build NAME COMPILER FLAGS...: compile the programs into the folder $work/NAME
build() {
    folder="$work/$1"
    compiler=$2
    shift 2
    set -- -std=gnu11 -ffp-contract=off -Wall -Wextra -Werror -I"$sources" "$@"
    mkdir -p "$folder" && cd "$folder" &&
        printf '%s\n' $files | xargs -n 1 -P "$processors" $compiler "$@" -c &&
        for program in $programs; do
            $compiler "$@" -o $program "$here/$program.c" ih_*.o -lm -pthread || return
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

# compare_all NAME KERNELS [RUNNER...]: compare all programs, the kernels' by each kernel
compare_all() {
    name=$1
    wanted=$2
    shift 2
    compare $name magnitude "" "$@"
    for kernel in $wanted; do
        compare $name moments $kernel "$@"
        compare $name vectors $kernel "$@"
    done
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
        compare_all "$compiler$level" "$kernels"
        case $level in -O3 | sanitized) fuzz "$compiler$level" 20000 ;; esac
    done
done

if ! command -v musl-gcc >/dev/null; then
    echo "SKIP musl: musl-gcc is not installed"
elif ! build musl musl-gcc -O2 -static; then
    fail "musl: does not compile"
else
    compare_all musl "$kernels"
fi

# Without GNU C: by GCC, and by TinyCC, which has neither its vectors nor atomics.
for compiler in gcc tcc; do
    if ! command -v $compiler >/dev/null; then
        echo "SKIP plain $compiler: not installed"
    elif ! build "plain_$compiler" $compiler -std=c11 -pedantic -O2 -DIH_NO_GNU; then
        fail "plain $compiler: does not compile"
    else
        compare_all "plain_$compiler" portable
    fi
done

# emulate COMPILER RUNNER KERNELS LEVELS [FLAGS...]: the same for another processor
emulate() {
    compiler=$1
    runner=$2
    emulated=$3
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
        compare_all "$compiler$level" "$emulated" $runner
        fuzz "$compiler$level" 2000 $runner
    done
}

emulate aarch64-linux-gnu-gcc qemu-aarch64 "portable neon" "-O2 -O3"
emulate s390x-linux-gnu-gcc qemu-s390x portable "-O2 -O3"
emulate arm-linux-gnueabihf-gcc qemu-arm portable -O2
emulate riscv64-linux-gnu-gcc qemu-riscv64 portable -O2
emulate i686-linux-gnu-gcc qemu-i386 portable -O2 -msse2 -mfpmath=sse

programs="vectors moments magnitude" # fuzz.c needs POSIX

# Windows, by MinGW and wine, whose lines end otherwise.
mingw=x86_64-w64-mingw32-gcc-posix
under_wine() {
    "$wine" "$1.exe" ${2:-} >"$work/lines"
    status=$?
    tr -d '\r' <"$work/lines"
    return $status
}

# microsoft NAME KERNELS FLAGS...: the ABI of MSVC, by clang; MinGW links
microsoft() {
    name=$1
    wanted=$2
    shift 2
    if ! command -v clang >/dev/null; then
        echo "SKIP $name: clang is not installed"
        return
    fi
    mkdir -p "$work/$name" && cd "$work/$name"
    for header in fenv malloc math process stdlib string windows; do
        cp "$here/msvc.h" $header.h
    done
    if clang --target=x86_64-pc-windows-msvc -fms-compatibility -fms-extensions "$@" -O2 \
        -ffp-contract=off -Wall -Wextra -Werror -I"$sources" -isystem . -c $files &&
        for program in $programs; do
            $mingw -std=gnu11 -O2 -static -I"$sources" -o $program "$here/$program.c" ih_*.o \
                -Wl,--defsym,_fltused=0,--defsym,__chkstk=___chkstk_ms -lm || break
        done; then
        compare_all $name "$wanted" under_wine
    else
        fail "$name: does not compile"
    fi
}

if ! command -v $mingw >/dev/null || ! command -v wine >/dev/null; then
    echo "SKIP $mingw: needs it and wine"
else
    export WINEPREFIX="$work/wine" WINEDEBUG=-all
    wine=$(command -v wine64 || ls /usr/lib/wine/wine64 2>/dev/null || command -v wine)
    "$wine" wineboot >/dev/null 2>&1 # makes its own folder first
    if build windows $mingw -O2 -static; then
        compare_all windows "$kernels" under_wine
    else
        fail "$mingw: does not compile"
    fi

    microsoft clang_cl "$kernels" -std=gnu11
    microsoft msvc portable -std=c11 -pedantic -DIH_NO_GNU -D__STDC_NO_ATOMICS__
    wineserver -k
fi

# cross TARGET: compile and link for a system whose headers and libraries Zig has
cross() {
    mkdir -p "$work/$1" && cd "$work/$1" &&
        for program in $programs; do
            $python -m ziglang cc -target $1 -std=gnu11 -O2 -ffp-contract=off -Wall -Wextra \
                -Werror -I"$sources" -o $program "$here/$program.c" $files -lm -pthread || return
        done
}

python=${PYTHON:-python3}
if ! $python -c "import ziglang" 2>/dev/null; then
    echo "SKIP macOS, Windows on AArch64, WebAssembly: $python has no package ziglang"
else
    for target in aarch64-macos x86_64-macos aarch64-windows-gnu wasm32-wasi; do
        if cross $target; then
            echo "ok   $target: compiles and links"
        else
            fail "$target: does not compile"
        fi
    done
    if $python -c "import wasmtime" 2>/dev/null; then
        compare_all wasm32-wasi portable $python "$here/wasi.py"
    else
        echo "SKIP wasm32-wasi: $python has no package wasmtime"
    fi
fi
exit $failed
