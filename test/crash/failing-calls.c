/*
 * Lets one system call of a process go wrong, for files below a folder. Loaded with LD_PRELOAD; told by the
 * environment:
 *   FAULT_FOLDER  calls on other files are passed on and not counted
 *   FAULT_AT      which call, from 1 on, counting all of them
 *   FAULT_KIND    EIO, ENOSPC, short (a write takes half), kill (before the call), kill-after
 *   FAULT_REPORT  a file that is created when it happens
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { PASS, FAIL_EIO, FAIL_ENOSPC, SHORT, KILL, KILL_AFTER };

static atomic_long calls;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_below(const char *path) {
  const char *folder = getenv("FAULT_FOLDER");
  return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_file_below(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_below(path);
}

/* Counts a call and says what is to become of it. */
static enum kind next(void) {
  const char *at = getenv("FAULT_AT"), *kind = getenv("FAULT_KIND"), *report = getenv("FAULT_REPORT");
  if (at == NULL || kind == NULL || report == NULL) return PASS;
  if (atomic_fetch_add(&calls, 1) + 1 != atol(at)) return PASS;
  syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, report, O_CREAT | O_WRONLY, 0644));
  if (strcmp(kind, "EIO") == 0) return FAIL_EIO;
  if (strcmp(kind, "ENOSPC") == 0) return FAIL_ENOSPC;
  if (strcmp(kind, "short") == 0) return SHORT;
  if (strcmp(kind, "kill-after") == 0) return KILL_AFTER;
  kill(getpid(), SIGKILL);
  return KILL;
}

static int failure(int error) {
  errno = error;
  return -1;
}

/* Makes the call as it was decided; `half` is the call with half of the bytes. */
#define DECIDE(concerned, whole, half)            \
  enum kind kind = (concerned) ? next() : PASS;   \
  if (kind == FAIL_EIO) return failure(EIO);      \
  if (kind == FAIL_ENOSPC) return failure(ENOSPC); \
  if (kind == SHORT) return half;                 \
  __typeof__(whole) result = whole;               \
  if (kind == KILL_AFTER) kill(getpid(), SIGKILL); \
  return result

ssize_t write(int file, const void *bytes, size_t length) {
  DECIDE(is_file_below(file), REAL(write)(file, bytes, length), REAL(write)(file, bytes, length / 2));
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t at) {
  DECIDE(is_file_below(file), REAL(pwrite64)(file, bytes, length, at),
         REAL(pwrite64)(file, bytes, length / 2, at));
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
  DECIDE(is_file_below(file), REAL(pwrite)(file, bytes, length, at),
         REAL(pwrite)(file, bytes, length / 2, at));
}

int fsync(int file) {
  DECIDE(is_file_below(file), REAL(fsync)(file), REAL(fsync)(file));
}

int fdatasync(int file) {
  DECIDE(is_file_below(file), REAL(fdatasync)(file), REAL(fdatasync)(file));
}

int rename(const char *from, const char *to) {
  DECIDE(is_below(to), REAL(rename)(from, to), REAL(rename)(from, to));
}

int unlink(const char *path) {
  DECIDE(is_below(path), REAL(unlink)(path), REAL(unlink)(path));
}

int mkdir(const char *path, mode_t mode) {
  DECIDE(is_below(path), REAL(mkdir)(path, mode), REAL(mkdir)(path, mode));
}

static mode_t mode_in(int flags, va_list more) {
  return (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_in(flags, more);
  va_end(more);
  DECIDE(is_below(path), REAL(open)(path, flags, mode), REAL(open)(path, flags, mode));
}

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = mode_in(flags, more);
  va_end(more);
  DECIDE(is_below(path), REAL(open64)(path, flags, mode), REAL(open64)(path, flags, mode));
}
