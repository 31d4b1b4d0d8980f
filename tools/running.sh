# Sourced by up and down: the platform that `make up` started.

# The supervisor's pid, when one runs: /proc/locks names who holds its lock, so no number can be stale.
supervisor_pid() {
  local lock=build/up/data/run/supervisor.lock inode
  inode=$(stat -c %i "$lock" 2>/dev/null) || return 0
  awk -v inode="$inode" '$2 == "POSIX" { split($6, at, ":"); if (at[3] == inode) { print $5; exit } }' /proc/locks
}

# Whether that process runs the program that lies in build/release now; true when there is none.
is_this_build() { [ -z "$1" ] || [ "$(stat -Lc %i "/proc/$1/exe" 2>/dev/null)" = "$(stat -c %i build/release/slipway)" ]; }
