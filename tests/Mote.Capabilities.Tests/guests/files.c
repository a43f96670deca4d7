// A program as people write them: files through stdio and POSIX. It prints a line for each thing it does, so that the
// same lines are expected of it as a preview-1 module and as a component.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static void say(const char *what, int ok) {
  if (ok >= 0)
    printf("%s: ok\n", what);
  else
    printf("%s: %s\n", what, strerror(errno));
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *path) {
  DIR *dir = opendir(path);
  if (!dir) {
    say(path, -1);
    return;
  }
  char *names[200];
  int count = 0;
  struct dirent *e;
  while ((e = readdir(dir)) && count < 200)
    if (e->d_name[0] != '.') names[count++] = strdup(e->d_name);
  closedir(dir);
  qsort(names, count, sizeof *names, compare);
  printf("%s:", path);
  for (int i = 0; i < count && i < 5; i++) printf(" %s", names[i]);
  printf(" (%d)\n", count);
}

static void show(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) {
    say(path, -1);
    return;
  }
  char line[100];
  while (fgets(line, sizeof line, f)) printf("%s: %s", path, line);
  fclose(f);
}

static void change(void) {
  FILE *f = fopen("/data/new.txt", "w+");
  if (!f) {
    say("create", -1);
    say("mkdir", mkdir("/data/dir", 0777));
    say("unlink", unlink("/data/in.txt"));
    say("rename", rename("/data/in.txt", "/data/out.txt"));
    say("truncate", truncate("/data/in.txt", 0));
    return;
  }
  for (int i = 0; i < 1000; i++) fprintf(f, "line %d\n", i);
  fseek(f, 0, SEEK_SET);
  char line[100];
  int lines = 0;
  while (fgets(line, sizeof line, f)) lines++;
  printf("lines: %d, at %ld, last %s", lines, ftell(f), line);
  fclose(f);

  int fd = open("/data/new.txt", O_WRONLY | O_APPEND);
  say("append", write(fd, "appended\n", 9));
  lseek(fd, 0, SEEK_SET);
  say("append", write(fd, "again\n", 6));
  printf("position %d\n", (int)lseek(fd, 0, SEEK_CUR));
  say("fsync", fsync(fd));
  close(fd);
  struct stat s;
  say("stat", stat("/data/new.txt", &s));
  printf("size %d, links %d, regular %d\n", (int)s.st_size, (int)s.st_nlink, S_ISREG(s.st_mode));
  say("truncate", truncate("/data/new.txt", 6));
  show("/data/new.txt");
  struct timespec times[2] = {{1000000000, 5}, {1500000000, 7}};
  say("utimens", utimensat(AT_FDCWD, "/data/new.txt", times, 0));
  stat("/data/new.txt", &s);
  printf("modified %d\n", (int)s.st_mtim.tv_sec);

  say("mkdir", mkdir("/data/dir", 0777));
  say("mkdir", mkdir("/data/dir", 0777));
  say("rename", rename("/data/new.txt", "/data/dir/moved.txt"));
  say("link", link("/data/dir/moved.txt", "/data/dir/linked.txt"));
  say("symlink", symlink("dir/moved.txt", "/data/soft"));
  say("symlink", symlink("/etc/passwd", "/data/hard"));
  char target[100] = {0};
  say("readlink", (int)readlink("/data/soft", target, sizeof target));
  printf("soft is %s\n", target);
  show("/data/soft");
  for (int i = 0; i < 120; i++) {
    char name[64];
    snprintf(name, sizeof name, "/data/dir/entry-%03d-with-a-long-name", i);
    close(open(name, O_CREAT | O_WRONLY, 0666));
  }
  list("/data/dir");
  say("rmdir", rmdir("/data/dir"));
  for (int i = 0; i < 120; i++) {
    char name[64];
    snprintf(name, sizeof name, "/data/dir/entry-%03d-with-a-long-name", i);
    unlink(name);
  }
  say("unlink", unlink("/data/dir/linked.txt"));
  say("unlink", unlink("/data/dir/moved.txt"));
  say("unlink", unlink("/data/soft"));
  say("rmdir", rmdir("/data/dir"));
}

int main(void) {
  list("/data");
  show("/data/in.txt");
  show("/data/sub/deep.txt");
  show("/data/nowhere.txt");
  show("/data/out-link");
  show("/data/../data/in.txt");
  show("/data/../../etc/passwd");
  show("/etc/passwd");
  struct pollfd p = {open("/data/in.txt", O_RDONLY), POLLIN, 0};
  printf("poll %d\n", poll(&p, 1, 1000));
  change();
  return 0;
}
