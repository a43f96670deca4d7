// A disk whose fsync fails, for a program that is started with this as LD_PRELOAD. It does what Linux does: pages that an
// fsync failed to write are clean afterwards, the next fsync does not write them and succeeds, and a reader sees them all
// the same until the machine is switched off.
//
//   MOTE_DISK_FOLDER  the files right in this folder are on that disk
//   MOTE_DISK_SHADOW  the folder that holds what a power cut would leave of them, and which of their pages are dirty
//   MOTE_DISK_FAULT   a file: how many of 100 fsyncs fail; where it is not there, none does
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES (1 << 16) // files of up to 256 MiB
#define FILES 16

typedef struct {
  char name[NAME_MAX + 1];
  unsigned char *dirty; // a byte for each page, in a file, so that it outlives the process as the kernel's page cache does
  int shadow;
} File;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static File files[FILES];
static int count;
static unsigned long long state;
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);

static void begin(void) {
  pthread_mutex_lock(&lock);
  if (real_fsync) return;
  real_pwrite = (ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
  real_ftruncate = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate64");
  real_unlink = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
  real_fsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  state = (unsigned long long)getpid() * 2654435761u + 1;
}

static void end(void) { pthread_mutex_unlock(&lock); }

static void refuse(const char *what) {
  perror(what);
  abort();
}

// The name of a file on this disk; NULL for others. SQLite's shared memory is none that anything must find again.
static const char *name_of(const char *path) {
  const char *folder = getenv("MOTE_DISK_FOLDER");
  size_t n = folder ? strlen(folder) : 0;
  if (!n || strncmp(path, folder, n) || path[n] != '/') return NULL;
  const char *name = path + n + 1;
  size_t length = strlen(name);
  return strchr(name, '/') || (length > 4 && !strcmp(name + length - 4, "-shm")) ? NULL : name;
}

static void shadow_path(char *to, const char *name, const char *suffix) {
  const char *folder = getenv("MOTE_DISK_SHADOW");
  if (!folder || snprintf(to, PATH_MAX, "%s/%s%s", folder, name, suffix) >= PATH_MAX) refuse("MOTE_DISK_SHADOW");
}

static File *open_file(const char *name) {
  for (int i = 0; i < count; i++)
    if (!strcmp(files[i].name, name)) return &files[i];
  if (count == FILES) refuse("too many files for this disk");
  File *f = &files[count];
  char path[PATH_MAX];
  shadow_path(path, name, ".dirty");
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || real_ftruncate(fd, PAGES)) refuse(path);
  f->dirty = mmap(NULL, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (f->dirty == MAP_FAILED) refuse("mmap");
  close(fd);
  shadow_path(path, name, "");
  f->shadow = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (f->shadow < 0) refuse(path);
  snprintf(f->name, sizeof f->name, "%s", name);
  count++;
  return f;
}

static File *file_of(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0) return NULL;
  path[n] = 0;
  const char *name = name_of(path);
  return name ? open_file(name) : NULL;
}

static int fails(void) {
  const char *path = getenv("MOTE_DISK_FAULT");
  FILE *f = path ? fopen(path, "re") : NULL;
  int percent = 0;
  if (f) {
    if (fscanf(f, "%d", &percent) != 1) percent = 0;
    fclose(f);
  }
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (int)(state % 100) < percent;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
  begin();
  File *f = file_of(fd);
  ssize_t done = real_pwrite(fd, data, size, at);
  if (f && done > 0) {
    if ((at + done - 1) / PAGE >= PAGES) refuse("a file is too large for this disk");
    memset(f->dirty + at / PAGE, 1, (size_t)((at + done - 1) / PAGE - at / PAGE + 1));
  }
  end();
  return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

int fsync(int fd) {
  begin();
  File *f = file_of(fd);
  int failed = 0;
  if (f) {
    failed = fails();
    struct stat s;
    if (fstat(fd, &s)) refuse("fstat");
    char page[PAGE];
    for (off_t i = 0; i * PAGE < s.st_size; i++) {
      if (!f->dirty[i]) continue;
      f->dirty[i] = 0; // also where it fails: that is the point
      if (failed) continue;
      ssize_t n = pread(fd, page, PAGE, i * PAGE);
      if (n > 0 && real_pwrite(f->shadow, page, (size_t)n, i * PAGE) != n) refuse("shadow");
    }
    // What lies between pages that were never written is a hole, and the length is as it is.
    if (!failed && real_ftruncate(f->shadow, s.st_size)) refuse("shadow");
  }
  int result = failed ? -1 : f ? 0 : real_fsync(fd);
  end();
  if (failed) errno = EIO;
  return result;
}

int fdatasync(int fd) { return fsync(fd); }

int ftruncate64(int fd, off_t size) {
  begin();
  File *f = file_of(fd);
  int result = real_ftruncate(fd, size);
  if (f && !result) {
    struct stat s;
    if (fstat(f->shadow, &s) == 0 && s.st_size > size && real_ftruncate(f->shadow, size)) refuse("shadow");
    for (off_t i = (size + PAGE - 1) / PAGE; i < PAGES; i++) f->dirty[i] = 0;
  }
  end();
  return result;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int unlink(const char *path) {
  begin();
  char folder[PATH_MAX], full[PATH_MAX];
  const char *name = name_of(path[0] == '/' ? path : realpath(path, full) ? full : "");
  int result = real_unlink(path);
  if (name && !result) {
    for (int i = 0; i < count; i++) {
      if (strcmp(files[i].name, name)) continue;
      munmap(files[i].dirty, PAGES);
      close(files[i].shadow);
      files[i] = files[--count];
      break;
    }
    shadow_path(folder, name, "");
    real_unlink(folder);
    shadow_path(folder, name, ".dirty");
    real_unlink(folder);
  }
  end();
  return result;
}
