/* A pod's application: lookup [-every SECONDS] NAME...
   Looks each name up as any program does, by getaddrinfo, and prints a line for each: NAME ADDRESSES or NAME: ERROR.
   Linked to glibc and to musl, it is the stub resolver of either. With -every it goes on for ever. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void look_up(const char *name) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(name, NULL, &hints, &found);
    if (error) {
        printf("%s: %s\n", name, gai_strerror(error));
    } else {
        int addresses = 0;
        for (struct addrinfo *each = found; each; each = each->ai_next) addresses++;
        freeaddrinfo(found);
        printf("%s %d\n", name, addresses);
    }
    fflush(stdout);
}

int main(int count, char **words) {
    int first = 1;
    unsigned every = 0;
    if (count > 2 && !strcmp(words[1], "-every")) {
        every = (unsigned)atoi(words[2]);
        first = 3;
    }
    do {
        for (int i = first; i < count; i++) look_up(words[i]);
        sleep(every);
    } while (every);
    return 0;
}
