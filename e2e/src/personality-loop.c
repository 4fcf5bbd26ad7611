/*
 * Sets a bit of its personality and asks for it over and over until SIGTERM; then prints how often it asked and how often the answer was
 * another one. A test patch stores that bit elsewhere and moves it in all tasks while the machine is stopped, so no answer may differ.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <unistd.h>

#define BIT 0x10000000

static volatile sig_atomic_t over;

static void end(int signal)
{
	(void)signal;
	over = 1;
}

int main(void)
{
	unsigned long asked = 0, wrong = 0;

	signal(SIGTERM, end);
	nice(19);
	personality(BIT);
	while (!over) {
		asked++;
		if (personality(0xffffffff) != BIT)
			wrong++;
	}
	printf("%s %lu\n", asked > 1000 ? "many" : "few", wrong);
	return 0;
}
