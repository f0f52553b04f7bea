// Stands between a program and libc (LD_PRELOAD). Each knob is a file that holds a number, read anew every time:
//   SHIM_FSYNC  milliseconds that fsync and fdatasync take longer; -1: they fail with EIO
//   SHIM_WRITE  milliseconds that a write to a regular file takes longer
//   SHIM_CLOCK  seconds that the wall clock is ahead; the monotonic one is left alone
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long knob(const char *name) {
  const char *path = getenv(name);
  if (!path) return 0;
  long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return 0;
  char text[32] = {0};
  syscall(SYS_read, fd, text, sizeof text - 1);
  syscall(SYS_close, fd);
  return atol(text);
}

static void wait_ms(long ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (ms > 0 && syscall(SYS_nanosleep, &left, &left) == -1 && errno == EINTR) {}
}

static int slow_sync(long call, int fd) {
  long ms = knob("SHIM_FSYNC");
  if (ms < 0) {
    errno = EIO;
    return -1;
  }
  wait_ms(ms);
  return syscall(call, fd);
}

int fsync(int fd) { return slow_sync(SYS_fsync, fd); }
int fdatasync(int fd) { return slow_sync(SYS_fdatasync, fd); }

ssize_t write(int fd, const void *bytes, size_t count) {
  struct stat found;
  if (getenv("SHIM_WRITE") && fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) wait_ms(knob("SHIM_WRITE"));
  return syscall(SYS_write, fd, bytes, count);
}

int clock_gettime(clockid_t id, struct timespec *t) {
  int said = syscall(SYS_clock_gettime, id, t);
  if (said == 0 && id == CLOCK_REALTIME) t->tv_sec += knob("SHIM_CLOCK");
  return said;
}
