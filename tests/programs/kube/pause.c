/* Does nothing until it is told to end, and reaps the processes that are left to it: the first process of a pod's
   sandbox, and of the node's own pid namespace. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal) { _exit(signal == SIGTERM || signal == SIGINT ? 0 : 1); }

static void reap(int signal) {
    (void)signal;
    int before = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {}
    errno = before;
}

int main(void) {
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGCHLD, reap);
    reap(SIGCHLD);
    for (;;) pause();
}
