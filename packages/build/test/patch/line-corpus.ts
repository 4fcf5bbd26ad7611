// A C file with every construct that makes it hard to say where a directive may stand. Behind a `/* sync */` line, which
// stands where it always may, all unchanged lines must have their numbers again.

export const CORPUS = String.raw`/* A header
 * over several ( lines " '
 */
extern void log(const char *file, int line);
#define HERE() log(__FILE__, __LINE__)

#define TWICE(a, b) do { \
		(void)(a); \
	\
		(void)(b); \
	} while (0)
/* sync */
static int table[] = {
	1, 2,
	3,

	[10] = 4,
};
int plain(int a)
{
	int b = 0;

	b = a;
	if (a &&
	    b)
		HERE();
	/* sync */
	HERE(); HERE();

	return a +
		b;
}
/* sync */
int later(void) { HERE(); return __LINE__; }

#ifdef CONFIG_A
int chosen(int a)
{
	if (a ||
#ifdef CONFIG_B
	    a > 2 ||

#else
	    a > 3 || (a < 2 &&
#endif
#ifndef CONFIG_B
	    a > 1) ||
#endif
	    a < 5)
		HERE();
	return 1;
}
#else
int other(void) { HERE(); return __LINE__; }

#endif
/* sync */
int after_conditionals(void)
{
	HERE();

	TWICE(plain(
		1),

		later());
	asm volatile("nop\n\t"
		"# a ( comment"
		: : "r" (1) : "memory");
	/* sync */
	return '(' + '"' + '\'' + "a \" ( \
	b ) { ; "[0];
}

#if 0
do not (look { here

#endif
/* sync */
int line_comments(void)
{
	int a = 1; // not ( closed
	// continued \
	   ( here too

	int b = a; /* one */ /* two
	*/ HERE();
	a = b;
	/* sync */
	return a;
}

TWICE
(
	1,
	2
);
/* sync */
enum names {
	ONE,

	TWO,
};
int last(void) { HERE(); return __LINE__; }
`;
