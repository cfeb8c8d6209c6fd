#!/usr/bin/env bash
# Builds programs that the tests measure the product against and that only the Go module proxy has: each folder beside
# this file is a Go module that pins them (go.mod, go.sum) and names them (its `tool` lines).
#   scripts/go-tools/build.sh TARGET...    for example: conformance distribution versitygw kwok kubernetes
# They are left in ${AIRGAP_TOOLS:-<repository>/.tools}/go-tools/TARGET/. A second run finds the stamp and does nothing.
# Another program: a folder with a go.mod of its own, or a `tool` line and `go mod tidy` where versions agree.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

sources=$repo/scripts/go-tools
tools=${AIRGAP_TOOLS:-$repo/.tools}/go-tools

targets() { find "$sources" -mindepth 2 -maxdepth 2 -name go.mod -printf '%P\n' | sed 's#/go.mod$##' | LC_ALL=C sort | paste -sd' '; }

(($# > 0)) || fail 'nothing to build' "hint: name one or more of: $(targets)"
command -v go >/dev/null || fail 'go is not installed' 'hint: install Go 1.26 or newer; the tests that need these programs are skipped without'

# A program that asks for its own version at link time calls itself v0.0.0 otherwise.
linker_flags() {
  local version
  case $1 in
    kubernetes)
      version=$(sed -n 's#^[[:space:]]*k8s\.io/kubernetes v\([0-9.]*\).*#\1#p' "$sources/kubernetes/go.mod")
      local field=k8s.io/component-base/version
      printf -- ' -X %s.gitVersion=v%s -X %s.gitMajor=%s -X %s.gitMinor=%s -X %s.gitTreeState=archive' \
        "$field" "$version" "$field" "${version%%.*}" "$field" "$(cut -d. -f2 <<<"$version")" "$field"
      ;;
  esac
}

build() {
  local target=$1 source=$sources/$1 folder=$tools/$1 wanted
  [[ -f $source/go.mod ]] || fail "there is no target $target" "hint: the targets are: $(targets)"
  wanted=$({ find "$source" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat && linker_flags "$target" && go env GOVERSION GOARCH; } | sha256sum | cut -d' ' -f1)
  is_built() { [[ -f $folder/.stamp && $(<"$folder/.stamp") == "$wanted" ]]; }
  if is_built; then return; fi
  mkdir -p "$folder"
  exec 9>"$folder/.lock"
  flock 9
  if is_built; then return; fi
  note "building the Go programs of $target"
  work=$(mktemp -d "$folder/.work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # Out of the way of whoever works here; no paths and no version control in the programs.
  (cd "$source" && CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOWORK=off nice -n 19 \
    go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=$(linker_flags "$target")" -o "$work/" tool)
  rm -f "$folder/.stamp"
  mv -f "$work"/* "$folder/"
  printf '%s' "$wanted" >"$folder/.stamp"
}

# Each in a shell of its own: the lock and the trap end with it.
for target in "$@"; do (build "$target"); done
