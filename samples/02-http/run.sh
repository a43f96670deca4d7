#!/bin/sh
# Builds both components and runs the app until Ctrl-C; what is given goes to `mote up`. Needs clang, lld, wasi-libc and
# Node.js with npm.
set -eu
cd "$(dirname "$0")"
for component in hello-c hello-js; do "${MOTE:-../../mote}" bindings wit $component/wit; done
"${MOTE:-../../mote}" build
exec "${MOTE:-../../mote}" up "$@"
