# Sourced by the scripts at the top: finds what they need, and installs what is missing where that is allowed (apt as
# root). Everything here may run any number of times.

# Fail with one line.
die() {
  echo "$(basename "$0"): $*" >&2
  exit 69
}

need_dotnet() {
  command -v dotnet >/dev/null 2>&1 || die "the .NET 10 SDK is not installed: https://dot.net/download"
  export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
}

# Packages for each of which its command is missing: need_apt COMMAND PACKAGE...
need_apt() {
  command -v "$1" >/dev/null 2>&1 && return 0
  command_name=$1
  shift
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "$(basename "$0"): $command_name is not installed; install it first: sudo apt-get install $*" >&2
    return 1
  fi
  echo "installing $* ..." >&2
  mkdir -p "$root/artifacts"
  {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  } >"$root/artifacts/apt.log" 2>&1 || {
    echo "$(basename "$0"): apt-get install $* failed; artifacts/apt.log has its words, the last of which are:" >&2
    tail -n 3 "$root/artifacts/apt.log" >&2
    return 1
  }
}

# What guests in C are built with.
need_guest_tools() {
  need_apt clang-19 clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 &&
    need_apt wasm-ld-19 lld-19 &&
    need_apt node nodejs npm &&
    need_apt npm npm
}

# Servers that tests start on ports of their own, and what decodes pictures of cameras; where one is missing, its tests are
# skipped.
need_servers() {
  servers=0
  need_apt /usr/sbin/mosquitto mosquitto || servers=1
  need_apt redis-server redis-server || servers=1
  need_apt /usr/sbin/nats-server nats-server || servers=1
  need_apt /usr/bin/docker-registry docker-registry || servers=1
  need_apt ffmpeg ffmpeg || servers=1
  need_apt age age || servers=1
  return $servers
}

# A browser, in which tests open the page of the view; where there is none, they are skipped.
need_browser() { need_apt chromium chromium; }

# An emulator for arm64 programs, and the one library of that processor which the program takes from the system (no
# package for cross-compiling has OpenSSL, so the arm64 package is unpacked under artifacts/). Sets arm64_emulator.
need_arm64_emulator() {
  need_apt aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross &&
    need_apt qemu-aarch64-static qemu-user-static || return 1
  there="$root/artifacts/arm64"
  if [ -z "$(find "$there/root" -name 'libssl.so*' 2>/dev/null | head -n 1)" ]; then
    rm -rf "$there"
    mkdir -p "$there/lists/partial" "$there/cache/archives/partial" "$there/root"
    set -- -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o "Dir::State::lists=$there/lists" -o "Dir::Cache=$there/cache" -o Dir::State::status=/dev/null -o Acquire::Languages=none -o APT::Sandbox::User=root
    (cd "$there" && apt-get "$@" update && apt-get "$@" download libssl3 && dpkg-deb -x libssl3_*.deb root && rm -rf lists cache ./*.deb) >"$root/artifacts/apt.log" 2>&1 || {
      echo "$(basename "$0"): libssl3 for arm64 cannot be had (artifacts/apt.log)" >&2
      return 1
    }
  fi
  arm64_emulator="qemu-aarch64-static -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=$there/root/usr/lib/aarch64-linux-gnu"
}

# Is TARGET missing, or older than a file in one of the other arguments?
older() {
  [ -e "$1" ] || return 0
  target=$1
  shift
  [ -n "$(find "$@" -newer "$target" -type f ! -path '*/node_modules/*' ! -path '*/bindings/*' ! -name '*.wasm' -print 2>/dev/null | head -n 1)" ]
}

# Build a project in Release, quietly; its errors are shown.
build() {
  mkdir -p "$root/artifacts"
  if ! dotnet build "$root/$1" -c Release --nologo -v quiet >"$root/artifacts/build.log" 2>&1; then
    grep -E 'error|warning' "$root/artifacts/build.log" | sort -u | head -n 20 >&2
    die "the build of $1 failed; artifacts/build.log has all of it"
  fi
}

# The sample's component, built when its sources are newer. `mote` itself must be there already.
build_sample() {
  older "$root/samples/01-factory/filter.wasm" "$root/samples/01-factory/filter" "$root/samples/01-factory/build.sh" "$root/guests/lib" "$root/tools/guests/build-c.mjs" || return 0
  need_guest_tools || exit 69
  echo "building samples/01-factory ..." >&2
  MOTE="$root/mote" "$root/samples/01-factory/build.sh" >"$root/artifacts/sample.log" 2>&1 || {
    cat "$root/artifacts/sample.log" >&2
    die "the sample's component could not be built"
  }
}
