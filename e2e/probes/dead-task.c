/*
 * "ptrace: slightly saner 'get_dumpable()' logic" in 6.1.176: whether a task could be dumped is remembered when it loses its memory map.
 * Before, whoever has the same user id could read of a dead task what it had hidden; here, its exit status in /proc/PID/stat.
 */
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verdict.h"

enum { STATUS = 7 };

/* The last number of the line; a reader who may not see it gets 0. */
static int read_exit_status(pid_t pid)
{
	char path[64], line[2048], *last;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	REQUIRE(file);
	REQUIRE(fgets(line, sizeof(line), file));
	fclose(file);
	last = strrchr(line, ' ');
	REQUIRE(last);
	return WEXITSTATUS(atoi(last));
}

static int read_of_dead_task(int dumpable)
{
	pid_t child = fork();
	siginfo_t info;
	int status;

	if (child == 0) {
		prctl(PR_SET_DUMPABLE, dumpable);
		_exit(STATUS);
	}
	REQUIRE(child > 0);
	REQUIRE(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
	status = read_exit_status(child);
	waitpid(child, NULL, 0);
	return status;
}

int main(void)
{
	if (getuid() == 0)
		conclude(CANNOT_TELL, "root may read everything");
	if (read_of_dead_task(1) != STATUS)
		conclude(CANNOT_TELL, "the exit status of a dead task that hides nothing cannot be read");
	if (read_of_dead_task(0) == STATUS)
		conclude(EXPOSED, "uid %d read the exit status of a dead task that could not be dumped", getuid());
	conclude(SAFE, "the exit status of a dead task that could not be dumped is hidden from uid %d", getuid());
}
