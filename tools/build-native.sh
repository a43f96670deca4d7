#!/bin/sh
# ./mote build-native [RID]: the program compiled ahead of time, for this machine or for linux-x64 or linux-arm64. One
# folder comes out, artifacts/publish/Mote.Cli/release_RID: the executable and its native libraries. What is there and
# newer than the sources stays. Exit code 64: no such processor; 69: something is missing or the build failed.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/setup.sh"
cd "$root"

case "$(uname -m)" in x86_64) here=linux-x64 ;; aarch64) here=linux-arm64 ;; *) here=none ;; esac
rid=${1:-$here}
case "$rid" in
  linux-x64) cross=x86_64-linux-gnu cross_gcc=gcc-x86-64-linux-gnu cross_libc=libc6-dev-amd64-cross ;;
  linux-arm64) cross=aarch64-linux-gnu cross_gcc=gcc-aarch64-linux-gnu cross_libc=libc6-dev-arm64-cross ;;
  -h | --help)
    sed -n '2,4s/^# //p' "$0"
    exit 0 ;;
  *)
    echo "mote build-native: no ahead-of-time build for '$rid': it is linux-x64 or linux-arm64 (docs/portability.md says why)" >&2
    exit 64 ;;
esac
out="artifacts/publish/Mote.Cli/release_$rid"
sizes() {
  echo "$out"
  (cd "$out" && find . -type f -printf '%s %f\n' | sort -rn | awk '{ printf "  %-20s %6.1f MiB\n", $2, $1 / 1048576; sum += $1 } END { printf "  %-20s %6.1f MiB\n", "together", sum / 1048576 }')
}
older "$out/mote" src wit tools/build-native.sh Directory.Build.props Directory.Packages.props || {
  sizes
  exit 0
}

need_dotnet
set -- -p:CopyOutputSymbolsToPublishDirectory=false
if [ "$rid" = "$here" ]; then
  need_apt cc gcc libc6-dev || exit 69
else
  need_apt "$cross-gcc" "$cross_gcc" "$cross_libc" || exit 69
  # The SDK calls the linker as it calls clang, with --target=…; gcc has its target in its name and refuses that.
  mkdir -p artifacts/tools
  cat >"artifacts/tools/$cross-link" <<END
#!/bin/sh
for a do
  shift
  case "\$a" in --target=*) ;; *) set -- "\$@" "\$a" ;; esac
done
exec $cross-gcc "\$@"
END
  chmod +x "artifacts/tools/$cross-link"
  set -- "$@" "-p:CppCompilerAndLinker=$root/artifacts/tools/$cross-link" "-p:ObjCopyName=$cross-objcopy"
fi

mkdir -p artifacts
log="artifacts/publish-$rid.log"
begun=$(mktemp)
dotnet publish src/Mote.Cli/Mote.Cli.csproj -c Release -r "$rid" --nologo -v quiet "$@" >"$log" 2>&1 || {
  grep -E 'error|warning' "$log" | sort -u | head -n 20 >&2
  die "the NativeAOT build for $rid failed; $log has all of it"
}
rm -f "$out"/*.pdb "$out"/*.dbg # names for a debugger: they are in artifacts/bin
touch -r "$begun" "$out/mote" # what changed meanwhile is built next time
rm -f "$begun"
sizes
