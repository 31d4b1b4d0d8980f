# Sourced by up and down: the server that `make up` started.

# Its pid, when it still runs and is ours: a pid may have been given to another program since.
running_pid() {
  local pid _
  read -r pid _ 2>/dev/null <build/up/pid || return 1
  [ "$(readlink "/proc/$pid/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$PWD/build/release/slipway" ] || return 1
  printf '%s\n' "$pid"
}
