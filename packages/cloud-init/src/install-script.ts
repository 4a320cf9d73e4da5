/**
 * `/opt/samovar/install.sh`: the steps of a node's first boot. POSIX sh, no HOME needed, safe to repeat: what is already installed,
 * as on a prepared image, is neither downloaded nor installed again. The text is constant: what varies comes as arguments,
 * so nothing has to be quoted. Keeps security check 35.
 */

/** The Node that a server without one gets: checksums of nodejs.org's own list for this version. */
const PINNED_NODE = {
  version: "24.21.0",
  sha256: {
    x64: "6e1db87ef58b8819e5d5402eff1536491b18edd8eb7bee5ef7897876e88dc5ff",
    arm64: "724282c3b43aec998aa9527380465b45d229e021b58035f5f4f63095eabfe5d5",
  },
} as const;

export const INSTALL_SCRIPT = String.raw`#!/bin/sh
# The steps of a node's first boot:
#   install.sh system              quiets what would disturb tasks
#   install.sh node                Node 24, when missing
#   install.sh agent URL SHA256    Node 24, when missing, and the vm-agent
#   install.sh tools PACKAGE...    what tasks need; the vm-agent waits for it
#   install.sh clean               removes what servers made from this one must not share
# SAMOVAR_ROOT, empty on a real server, stands before every absolute path.
set -eu

root=${"$"}{SAMOVAR_ROOT:-}
dir=$root/opt/samovar
# While this file exists, the node takes no task. It says why.
waiting=$root/etc/samovar/preparing
node_version=${PINNED_NODE.version}

say() { printf 'samovar: %s\n' "$*"; }
fail() { printf 'samovar: %s\n' "$*" >&2; exit 1; }

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then shasum -a 256 <"$1" | cut -d ' ' -f 1
  else "$dir/bin/node" -e 'process.stdout.write(require("crypto").createHash("sha256").update(require("fs").readFileSync(0)).digest("hex"))' <"$1"
  fi
}

prepare_system() {
  # Upgrades in the background hold locks and restart services under a running task. Not every image has all of these.
  systemctl mask --now apt-daily.timer apt-daily-upgrade.timer \
    apt-daily.service apt-daily-upgrade.service unattended-upgrades.service || :
  # A password that the provider chose has expired, and PAM refuses root's cron jobs and sudo until it is changed.
  chage --root "$root/" --lastday "$(date +%Y-%m-%d)" --maxdays -1 root || :
}

# apt_install PACKAGE...: recommended packages and translations cost time, and a server that crashes meanwhile is replaced anyway.
apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get --quiet --option Acquire::Retries=3 --option Acquire::Languages=none --option DPkg::Lock::Timeout=60 update &&
    apt-get --quiet --yes --no-install-recommends --option Acquire::Retries=3 --option DPkg::Lock::Timeout=60 \
      --option Dpkg::Options::=--force-unsafe-io install "$@"
}

# cloud-init makes new ssh host keys on a new server, and systemd makes a new machine id where this one is empty.
clean_image() {
  apt-get --quiet clean
  rm -rf "$root/var/lib/apt/lists"/*
  rm -f "$root/etc/ssh"/ssh_host_*
  : >"$root/etc/machine-id"
  rm -f "$root/var/lib/dbus/machine-id"
}

# missing PACKAGE...: those that are not installed.
missing() {
  for package in "$@"; do
    state=$(dpkg-query --show --showformat '${"$"}{db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || printf ' %s' "$package"
  done
}

# The control plane gives up a node that does not become ready in time; until then this tries again.
install_tools() {
  packages=$(missing "$@")
  log=$(mktemp)
  fault=
  while [ -n "$packages" ]; do
    [ ! -e "$waiting" ] || printf 'installing%s%s\n' "$packages" "$fault" >"$waiting"
    # shellcheck disable=SC2086 # one word for each package
    if apt_install $packages >"$log" 2>&1; then packages=; else
      fault=$(grep '^E: ' "$log" | tail -n 1 | cut -c 1-300) || fault=
      fault=" (the last attempt failed${"$"}{fault:+: $fault})"
    fi
    cat "$log"
    [ -z "$packages" ] || sleep 5
  done
  rm -f "$log" "$waiting"
  say "the tools are installed"
}

# Debian's images have both. What downloads without certificates is Node, which brings its own.
ensure_curl() {
  wanted=
  command -v curl >/dev/null 2>&1 || wanted=curl
  [ -s /etc/ssl/certs/ca-certificates.crt ] || wanted="$wanted ca-certificates"
  if [ -n "$wanted" ] && command -v apt-get >/dev/null 2>&1; then
    # shellcheck disable=SC2086
    again apt_install $wanted || fail "could not install $wanted"
  fi
}

# again COMMAND...: a download may fail for any reason for a while: DNS, TLS, a server that is being replaced.
again() {
  attempts=1
  until "$@"; do
    [ "$attempts" -lt 30 ] || return 1
    attempts=$((attempts + 1))
    sleep 2
  done
}

fetch() {
  if command -v curl >/dev/null 2>&1; then
    curl --fail --silent --show-error --proto '=http,https' --connect-timeout 10 --max-time 300 \
      --output "$2" --url "$1"
  elif [ -x "$dir/bin/node" ]; then
    "$dir/bin/node" -e '
      const [url, file] = process.argv.slice(1);
      fetch(url, { redirect: "error", signal: AbortSignal.timeout(300000) })
        .then(async (reply) => {
          if (!reply.ok) throw new Error("HTTP " + reply.status);
          require("fs").writeFileSync(file, Buffer.from(await reply.arrayBuffer()));
        })
        .catch((error) => { console.error(String(error)); process.exit(1); });' "$1" "$2"
  else
    fail "curl is needed to download Node $node_version"
  fi
}

# verified_fetch URL FILE SHA256: the file is there afterwards only when its hash is right.
verified_fetch() {
  rm -f "$2"
  again fetch "$1" "$2" || { rm -f "$2"; fail "could not download $1"; }
  actual=$(sha256_of "$2")
  if [ "$actual" != "$3" ]; then
    rm -f "$2"
    fail "$1 has SHA-256 $actual, expected $3"
  fi
}

recent() {
  [ -n "$1" ] && [ -x "$1" ] || return 1
  major=$("$1" -p 'process.versions.node.split(".")[0]' 2>/dev/null) || return 1
  [ "$major" -ge 24 ]
}

install_node() {
  [ "$(uname -s)" = Linux ] || fail "Node 24 or newer is needed; install it from https://nodejs.org"
  case $(uname -m) in
    x86_64) arch=x64 node_sha256=${PINNED_NODE.sha256.x64} ;;
    aarch64 | arm64) arch=arm64 node_sha256=${PINNED_NODE.sha256.arm64} ;;
    *) fail "there is no pinned Node for $(uname -m)" ;;
  esac
  archive=node-v$node_version-linux-$arch.tar.gz
  say "downloading Node $node_version"
  verified_fetch "https://nodejs.org/dist/v$node_version/$archive" "$dir/$archive" "$node_sha256"
  rm -rf "$dir/node.partial" "$dir/node"
  mkdir -p "$dir/node.partial"
  tar -xzf "$dir/$archive" -C "$dir/node.partial" --strip-components=1
  mv "$dir/node.partial" "$dir/node"
  rm -f "$dir/$archive"
}

ensure_node() {
  node=$dir/node/bin/node
  recent "$node" || node=$(command -v node) || node=
  if ! recent "$node"; then
    ensure_curl
    install_node
    node=$dir/node/bin/node
  fi
  ln -sfn "$node" "$dir/bin/node"
  for tool in npm npx; do
    found=$(dirname "$node")/$tool
    [ -x "$found" ] || found=$(command -v "$tool") || continue
    ln -sfn "$found" "$dir/bin/$tool"
  done
}

install_agent() {
  agent_url=$1
  agent_sha256=$2
  agent=$dir/vm-agent.cjs
  if [ -f "$agent" ] && [ "$(sha256_of "$agent")" = "$agent_sha256" ]; then
    say "the vm-agent is there already"
    return
  fi
  verified_fetch "$agent_url" "$agent.partial" "$agent_sha256"
  chmod 0644 "$agent.partial"
  mv "$agent.partial" "$agent"
  say "the vm-agent is installed"
}

step=$1
shift
case $step in
  system) prepare_system ;;
  tools) install_tools "$@" ;;
  clean) clean_image ;;
  node | agent)
    mkdir -p "$dir/bin"
    ensure_node
    [ "$step" = node ] || install_agent "$@"
    ;;
  *) fail "there is no step $step" ;;
esac
`;
