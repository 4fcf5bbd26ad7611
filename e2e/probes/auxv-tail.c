/*
 * "prctl_set_auxv: copy all of the vector" in 6.12.111: prctl_set_auxv() in kernel/sys.c (vmlinux).
 *
 * Before the fix a process that sets a shorter auxiliary vector keeps the entries of the old one behind it: addresses that it meant to
 * be rid of stay in /proc/PID/auxv. After it the rest is zero. Needs root (CAP_SYS_RESOURCE); only the probe's own vector changes.
 */
#include <elf.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "verdict.h"

static unsigned long vector[128];

/* Entries before the end of the vector. */
static int count_entries(void)
{
	int file = open("/proc/self/auxv", O_RDONLY);
	int length, count = 0;

	REQUIRE(file >= 0);
	length = read(file, vector, sizeof(vector)) / (2 * sizeof(vector[0]));
	close(file);
	while (count < length && vector[2 * count] != AT_NULL)
		count++;
	return count;
}

int main(void)
{
	unsigned long one[2] = { AT_PAGESZ, 4096 };
	int entries = count_entries();

	if (entries < 3)
		conclude(CANNOT_TELL, "the auxiliary vector has %d entries at the start", entries);
	if (prctl(PR_SET_MM, PR_SET_MM_AUXV, one, sizeof(one), 0) != 0)
		conclude(CANNOT_TELL, "the auxiliary vector cannot be set (needs root): %s", strerror(errno));

	entries = count_entries();
	if (vector[0] != AT_PAGESZ)
		conclude(CANNOT_TELL, "the new vector is not there");
	if (entries == 1)
		conclude(SAFE, "nothing is left behind a new auxiliary vector of one entry");
	conclude(EXPOSED, "%d old entries are left behind a new auxiliary vector of one entry", entries - 1);
}
