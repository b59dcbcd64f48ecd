#!/bin/sh
# Gets the programs that the tests need beside Python's packages, with apt where that is possible:
#   sh tests/install_tools.sh [browser] [compiler] [arm64] [redis]
# The page is the product, so a missing browser stops the run. Of the others the run itself says at
# its end what could not be tested without them.
set -eu

is_there() { command -v "$1" >/dev/null 2>&1; }

have() {
    case $1 in
    browser)
        is_there chromedriver && { is_there chromium || is_there chromium-browser || is_there google-chrome; }
        ;;
    # With the sanitisers' libraries: without them gcc -print-file-name only repeats the name.
    compiler) is_there gcc && [ "$(gcc -print-file-name=libasan.so)" != libasan.so ] ;;
    arm64) is_there qemu-aarch64 || is_there qemu-aarch64-static ;;
    redis) is_there redis-server ;;
    *) echo "install_tools.sh: \"$1\" is none of browser, compiler, arm64, redis" >&2 && exit 2 ;;
    esac
}

packages_of() {
    case $1 in
    browser) echo chromium chromium-driver fonts-dejavu-core ;;
    compiler) echo gcc libc6-dev ;;
    arm64) echo qemu-user libc6-arm64-cross ;;
    redis) echo redis-server ;;
    esac
}

missing=""
for tool in "$@"; do
    have "$tool" || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
    # -n: never stop a test run to ask for a password.
    if is_there sudo && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo="no"; fi
fi

if is_there apt-get && [ "$sudo" != no ]; then
    export DEBIAN_FRONTEND=noninteractive
    echo "Installing what the tests need with apt:$missing ..."
    $sudo apt-get update -qq || true
    # One after the other: a package that cannot be had keeps none of the others away.
    for tool in $missing; do
        # shellcheck disable=SC2046 # several packages are several words
        $sudo apt-get install -y -qq --no-install-recommends $(packages_of "$tool") >/dev/null || true
    done
fi

for tool in $missing; do
    have "$tool" && continue
    if [ "$tool" = browser ]; then
        echo "The browser tests need Chromium and a chromedriver of the same version on the PATH:" \
            "install them (Debian: chromium chromium-driver; macOS: brew install --cask chromium chromedriver)" \
            "and run this again." >&2
        exit 1
    fi
    echo "Not installed: $(packages_of "$tool"). The tests that need it are left out." >&2
done
