/*
 * What a probe says: one line of what it saw, and the exit status that `resplice try --probe` reads.
 * Cannot tell is for everything that is neither: a missing module, a missing privilege, an answer nobody expected.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum verdict { SAFE = 0, EXPOSED = 1, CANNOT_TELL = 2 };

__attribute__((noreturn, format(printf, 2, 3)))
static void conclude(enum verdict verdict, const char *format, ...)
{
	static const char *const names[] = { "safe", "exposed", "cannot tell" };
	va_list arguments;

	printf("%s: ", names[verdict]);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	exit(verdict);
}

/* For steps on the way whose failure says nothing about the fix. */
#define REQUIRE(step) \
	do { \
		if (!(step)) \
			conclude(CANNOT_TELL, "%s: %s", #step, strerror(errno)); \
	} while (0)

#endif
