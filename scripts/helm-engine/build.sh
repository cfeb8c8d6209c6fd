#!/usr/bin/env bash
# Builds Helm's engine as a WebAssembly module and packs it: <folder>/helm-engine.wasm.zst with helm-engine.json beside
# it (Helm's version, the digest of the packed module) and helm-engine.notices.txt (the licences of all that is compiled
# into it, which have to travel with it). The same sources and the same Go give the same bytes.
#   scripts/helm-engine/build.sh [FOLDER]    default: ${AIRGAP_TOOLS:-<repository>/.tools}/helm-engine
# Takes about three minutes of processor time once; a second run finds the stamp and takes none.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

sources=$repo/scripts/helm-engine
folder=${1:-${AIRGAP_TOOLS:-$repo/.tools}/helm-engine}

command -v go >/dev/null || fail 'go is not installed' \
  "hint: without the engine the charts are rendered by a helm program on PATH; install Go $(sed -n 's/^go //p' "$sources/go.mod") or newer to build it"

stamp=$folder/.stamp
wanted=$({ cat "$sources/main.go" "$sources/go.mod" "$sources/go.sum" "${BASH_SOURCE[0]}" "$sources"/*.ts && go env GOVERSION; } |
  sha256sum | cut -d' ' -f1)
is_built() { [[ -f $stamp && $(<"$stamp") == "$wanted" && -f $folder/helm-engine.wasm.zst && -f $folder/helm-engine.json && -f $folder/helm-engine.notices.txt ]]; }
if is_built; then exit 0; fi

mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9
if is_built; then exit 0; fi
rm -f "$stamp"
work=$(mktemp -d "$folder/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT

note 'building the engine that renders charts'
version=$(sed -n 's#^require helm\.sh/helm/v4 v##p' "$sources/go.mod")
internal=helm.sh/helm/v4/internal/version
# The engine is the same whatever this machine's own settings are.
for_engine() { (cd "$sources" && env GOOS=wasip1 GOARCH=wasm CGO_ENABLED=0 GOFLAGS=-mod=readonly GOTOOLCHAIN=local GOWORK=off GOEXPERIMENT= GOWASM= nice -n 15 go "$@"); }
# No version control, no paths, no build id: nothing of this machine is in the module. One compiler at a time, out of the
# way of whoever works here.
for_engine build -p 1 -trimpath -buildvcs=false \
  -ldflags "-s -w -buildid= -X $internal.version=v$version -X $internal.gitTreeState=clean" -o "$work/helm-engine.wasm" .
{
  printf 'Go %s\n' "$(go env GOROOT)"
  for_engine list -deps -f '{{with .Module}}{{if .Version}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' . | LC_ALL=C sort -u
} >"$work/modules"
nice -n 15 node "$sources/pack.ts" "$work" "$version"
for file in helm-engine.notices.txt helm-engine.wasm.zst helm-engine.json; do mv -f "$work/$file" "$folder/$file"; done
printf '%s' "$wanted" >"$stamp"
