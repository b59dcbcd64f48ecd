#!/bin/sh
# Makes sure that a Chromium and the driver that belongs to it are on the PATH: the browser
# tests drive the real page. Uses apt where that is possible; elsewhere it says what to install.
set -eu

have_browser() {
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null 2>&1 && return 0
    done
    return 1
}

have_driver() { command -v chromedriver >/dev/null 2>&1; }

if have_browser && have_driver; then
    exit 0
fi

sudo=""
if [ "$(id -u)" != 0 ]; then
    # -n: never stop a test run to ask for a password.
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo="no"; fi
fi

if command -v apt-get >/dev/null 2>&1 && [ "$sudo" != no ]; then
    echo "Installing Chromium and its driver with apt ..."
    export DEBIAN_FRONTEND=noninteractive
    { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends \
        chromium chromium-driver fonts-dejavu-core >/dev/null; } || true
fi

if have_browser && have_driver; then
    exit 0
fi
echo "The browser tests need Chromium and a chromedriver of the same version on the PATH:" \
     "install them (Debian: chromium chromium-driver; macOS: brew install --cask chromium chromedriver)" \
     "and run this again." >&2
exit 1
