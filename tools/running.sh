# Sourced by up and down: the platform that `make up` started, in build/up, or where SLIPWAY_UP says.

state=${SLIPWAY_UP:-build/up}
slipway=build/release/slipway

# holder PART: the pid of the supervisor, of control or of the gateway. /proc/locks names who holds its lock, so no number is stale.
holder() {
  local inode
  inode=$(stat -c %i "$state/data/run/$1.lock" 2>/dev/null) || return 0
  awk -v inode="$inode" '$2 == "POSIX" { split($6, at, ":"); if (at[3] == inode) { print $5; exit } }' /proc/locks
}

# Whether all that runs is the program that lies in build/release now; true when nothing runs.
is_this_build() {
  local part pid
  for part in supervisor control gateway; do
    pid=$(holder "$part")
    [ -z "$pid" ] || [ "$(stat -Lc %i "/proc/$pid/exe" 2>/dev/null)" = "$(stat -c %i "$slipway")" ] || return 1
  done
}
