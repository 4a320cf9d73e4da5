#!/bin/sh
# Makes a Hetzner snapshot with everything that nodes install at their first boot: the packages and Node, not the vm-agent.
#   HCLOUD_TOKEN=... infra/image/create-image.sh [SERVER_TYPE] [LOCATION]
# Prints the snapshot's id, the value of the setting HETZNER_IMAGE. The server that it uses is deleted in any case.
# Needs hcloud and the project's Node (npm ci).
set -eu

type=${1:-cx23}
location=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
base=${SAMOVAR_BASE_IMAGE:-debian-12}
name=samovar-image-$(date -u +%Y%m%d%H%M%S)
wait_s=${SAMOVAR_IMAGE_TIMEOUT_S:-900}
scratch=$(mktemp -d)

say() { printf '%s\n' "$*" >&2; }
clean_up() {
  status=$?
  trap - EXIT
  rm -rf "$scratch"
  if hcloud server describe "$name" >/dev/null 2>&1; then
    hcloud server delete "$name" >&2 || say "Could not delete the server $name: delete it by hand."
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

"${NODE:-$here/../../node_modules/.bin/node}" "$here/user-data.ts" >"$scratch/user-data"

say "Creating the server $name ($type, $base)."
hcloud server create --name "$name" --type "$type" --image "$base" ${location:+--location "$location"} \
  --label samovar-image=building --user-data-from-file "$scratch/user-data" >&2

# The user data powers the server off when everything is installed, and leaves it on when something failed.
waited=0
until [ "$(hcloud server describe "$name" --output 'format={{.Status}}')" = off ]; do
  if [ "$waited" -ge "$wait_s" ]; then
    say "The server did not finish within $wait_s s. Run this again; if it fails again, look at the server's console meanwhile."
    exit 1
  fi
  sleep 5
  waited=$((waited + 5))
done

say "Creating the snapshot."
created=$(hcloud server create-image --type snapshot --description "Samovar node ($base)" --label samovar-image=ready "$name")
image=$(printf '%s\n' "$created" | sed -n 's/^Image \([0-9][0-9]*\) created.*/\1/p')
[ -n "$image" ] || { say "hcloud did not name the image: $created"; exit 1; }
printf '%s\n' "$image"
say "Set HETZNER_IMAGE=$image; new nodes start from it."
