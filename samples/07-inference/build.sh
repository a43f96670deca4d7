#!/bin/sh
# Builds vibration.wasm: bindings from the WIT world, then C to a component. Needs clang, lld and Node.js (`./mote doctor`).
set -eu
cd "$(dirname "$0")"
root=../..
"${MOTE:-$root/mote}" bindings c vibration --out vibration/bindings
node $root/tools/guests/build-c.mjs --wit vibration --world vibration --deps $root/wit --out vibration.wasm -O2 -I vibration/bindings -I $root/guests/lib vibration/main.c vibration/bindings/vibration.c
