// SPDX-License-Identifier: GPL-2.0-only
/* sleepers COUNT: that many threads that sleep until they are killed; prints a line when all are there. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *sleep_on(void *data)
{
	for (;;)
		pause();
	return data;
}

int main(int argc, char **argv)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int count = argc > 1 ? atoi(argv[1]) : 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16384);
	for (int i = 0; i < count; i++) {
		if (pthread_create(&thread, &attributes, sleep_on, NULL)) {
			perror("pthread_create");
			return 1;
		}
	}
	printf("%d threads\n", count);
	fflush(stdout);
	sleep_on(NULL);
}
