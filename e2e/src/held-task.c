/*
 * Sleeps in kernel_clone() until it is killed: the parent of a vfork() waits there for its child, and is woken by nothing but
 * the child's end or its own. A live patch that replaces kernel_clone cannot complete meanwhile; the signal that the
 * kernel sends to other sleepers after 15 s does not reach this one.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
	if (vfork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return 0;
}
