# Sourced by up and down: the two processes that `make up` started.

# running_pid serve|control: its pid, when it still runs and is ours: a pid may have been given to another program since. By folder
# and command line, since the program's file may have been replaced by a newer build.
running_pid() {
  local pid _
  read -r pid _ 2>/dev/null <"build/up/$1.pid" || return 1
  [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$PWD" ] || return 1
  [ "$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | cut -d' ' -f1-2)" = "build/release/slipway $1" ] || return 1
  printf '%s\n' "$pid"
}

# Whether that process runs the program that lies in build/release now.
is_this_build() { [ "$(stat -Lc %i "/proc/$1/exe" 2>/dev/null)" = "$(stat -c %i build/release/slipway)" ]; }
