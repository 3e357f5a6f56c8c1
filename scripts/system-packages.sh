#!/bin/sh
# Sees to the system packages that pip cannot bring. Tries the real thing first, and installs only what does not work.
#   system-packages.sh venv PYTHON      PYTHON can make a virtual environment
#   system-packages.sh display PYTHON   PYTHON's Qt opens a window with OpenGL, on a virtual screen (Linux only)
# Where apt-get and root are at hand the packages are installed; elsewhere the one line to run is printed, exit status 1.
set -u
what=$1
python=$2

VENV_PACKAGES="python3-venv"
DISPLAY_PACKAGES="xvfb xauth libdbus-1-3 libegl1 libfontconfig1 libgl1 libglib2.0-0 libopengl0 libxcb-cursor0 \
libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 \
libxcb-xkb1 libxkbcommon-x11-0"

venv_works() {
    "$python" -c "import ensurepip, venv" >/dev/null 2>&1
}

display_works() {
    command -v xvfb-run >/dev/null 2>&1 || return 1
    # In a shell of its own, so that the crash of a Qt without its libraries is not reported as ours.
    sh -c 'xvfb-run -a "$0" -c "
import sys
from qtpy.QtGui import QOpenGLContext
from qtpy.QtWidgets import QApplication
app = QApplication([])
sys.exit(not QOpenGLContext().create())
"' "$python" >/dev/null 2>&1
}

works() {
    if [ "$what" = venv ]; then venv_works; else display_works; fi
}

[ "$what" = display ] && [ "$(uname -s)" != Linux ] && exit 0
works && exit 0

if [ "$what" = venv ]; then
    reason="this Python cannot make a virtual environment"
    packages=$VENV_PACKAGES
    # Debian's venv package is versioned: python3.12 needs python3.12-venv, unless it is the system's python3.
    version=$("$python" -c "import sys; print('%d.%d' % sys.version_info[:2])")
    [ "$version" = "$(/usr/bin/python3 -c "import sys; print('%d.%d' % sys.version_info[:2])" 2>/dev/null)" ] ||
        packages="python$version-venv"
else
    reason="Qt cannot open a window on a virtual screen"
    packages=$DISPLAY_PACKAGES
fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "error: $reason; install what your system calls these Debian packages: $packages" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "error: $reason; run this line, then try again: sudo apt-get update && sudo apt-get install -y $packages" >&2
    exit 1
fi
echo "Installing system packages, because $reason: $packages"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the list is meant to be split
apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages </dev/null >/dev/null || {
    echo "error: $reason, and apt-get could not install: $packages" >&2
    exit 1
}
works || {
    echo "error: $reason, even with these packages installed: $packages" >&2
    exit 1
}
