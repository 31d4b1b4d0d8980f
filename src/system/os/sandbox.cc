#include "system/os/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "system/os/descriptor.h"

namespace slipway::os {
namespace {

// Where the dynamic linker, the C library and the kernel's own facts lie.
constexpr const char* kSystemReadable[] = {"/usr", "/lib", "/lib64",    "/proc",
                                           "/sys", "/etc", "/dev/null", "/dev/urandom"};

// What a reader of files has no business with. The answer is "not permitted", not death: libraries try some
// of these and go on.
constexpr const char* kForbidden[] = {"socket",
                                      "socketpair",
                                      "connect",
                                      "bind",
                                      "listen",
                                      "accept",
                                      "accept4",
                                      "sendto",
                                      "sendmsg",
                                      "sendmmsg",
                                      "recvfrom",
                                      "recvmsg",
                                      "execve",
                                      "execveat",
                                      "fork",
                                      "vfork",
                                      "ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "kill",
                                      "tkill",
                                      "pidfd_send_signal",
                                      "pidfd_getfd",
                                      "rt_sigqueueinfo",
                                      "rt_tgsigqueueinfo",
                                      "open_by_handle_at",
                                      "open_tree",
                                      "move_mount",
                                      "unlink",
                                      "unlinkat",
                                      "rename",
                                      "renameat",
                                      "renameat2",
                                      "mkdir",
                                      "mkdirat",
                                      "rmdir",
                                      "link",
                                      "linkat",
                                      "symlink",
                                      "symlinkat",
                                      "creat",
                                      "mknod",
                                      "mknodat",
                                      "truncate",
                                      "ftruncate",
                                      "chmod",
                                      "fchmod",
                                      "fchmodat",
                                      "chown",
                                      "fchown",
                                      "fchownat",
                                      "lchown",
                                      "setxattr",
                                      "lsetxattr",
                                      "fsetxattr",
                                      "utimensat",
                                      "mount",
                                      "umount2",
                                      "pivot_root",
                                      "chroot",
                                      "unshare",
                                      "setns",
                                      "bpf",
                                      "perf_event_open",
                                      "io_uring_setup",
                                      "keyctl",
                                      "add_key",
                                      "request_key",
                                      "memfd_create",
                                      "userfaultfd",
                                      "init_module",
                                      "finit_module",
                                      "kexec_load",
                                      "reboot",
                                      "swapon",
                                      "swapoff",
                                      "sethostname",
                                      "setuid",
                                      "setgid",
                                      "setresuid",
                                      "setresgid"};

// Argument `index` has, under the mask, this value.
scmp_arg_cmp masked(unsigned index, uint64_t mask, uint64_t value) {
  return {.arg = index, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

bool forbid_calls() {
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter(::seccomp_init(SCMP_ACT_ALLOW),
                                                                ::seccomp_release);
  if (!filter) return false;
  const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
  for (const char* name : kForbidden) {
    const int call = ::seccomp_syscall_resolve_name(name);
    if (call >= 0) ::seccomp_rule_add(filter.get(), refuse, call, 0);  // this architecture may lack one
  }
  // Opening to write, by each flag that writes. openat2 hides its flags in memory, so only the checked reader
  // may use it; a Landlock ruleset and RLIMIT_FSIZE stand behind it.
  for (const uint64_t flag : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC}) {
    ::seccomp_rule_add(filter.get(), refuse, SCMP_SYS(openat), 1, masked(2, flag, flag));
    ::seccomp_rule_add(filter.get(), refuse, SCMP_SYS(open), 1, masked(1, flag, flag));
  }
  // Threads yes, processes no. clone3 hides its flags in memory; without it the C library falls back to
  // clone.
  ::seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  ::seccomp_rule_add(filter.get(), refuse, SCMP_SYS(clone), 1, masked(0, CLONE_THREAD, 0));
  return ::seccomp_load(filter.get()) == 0;
}

void allow_reading(int ruleset, const std::string& path) {
  const Descriptor place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (place.get() < 0) return;
  landlock_path_beneath_attr rule{};
  rule.parent_fd = place.get();
  rule.allowed_access =
      LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0) return;
  rule.allowed_access =
      LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;  // a file has no directory rights
  ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

bool allow_only(const std::vector<std::string>& readable) {
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs =
      (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // everything that the first version knows
  const Descriptor ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (ruleset.get() < 0) return false;
  for (const char* path : kSystemReadable) allow_reading(ruleset.get(), path);
  for (const std::string& path : readable) allow_reading(ruleset.get(), path);
  return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0;
}

bool limit(__rlimit_resource resource, rlim_t value) {
  const rlimit both{.rlim_cur = value, .rlim_max = value};
  return ::setrlimit(resource, &both) == 0;
}

}  // namespace

Result<Confined> confine(const Confinement& confinement) {
  const bool limited = limit(RLIMIT_CPU, confinement.cpu_seconds) &&
                       limit(RLIMIT_DATA, confinement.memory_bytes) && limit(RLIMIT_CORE, 0) &&
                       limit(RLIMIT_FSIZE, 0);
  if (!limited) return fail(Code::kInternal, "setrlimit: {}", std::strerror(errno));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail(Code::kInternal, "no_new_privs: {}", std::strerror(errno));
  Confined confined;
  confined.files = allow_only(confinement.readable);
  confined.system_calls = forbid_calls();
  return confined;
}

}  // namespace slipway::os
