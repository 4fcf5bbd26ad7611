/*
 * CVE-2026-52923, "ipc: limit next_id allocation to the valid ID range": ipc_addid() in ipc/util.c (vmlinux).
 *
 * An identifier of a message queue is its index, below 32768, and a number above that. Before the fix, asking for the last index when it is taken
 * gives an index that runs over into the number: a queue that nobody can reach or remove. After it that is ENOSPC.
 * Needs root. An unfixed kernel keeps that one empty queue until it is booted again; in an IPC namespace of its own it would warn at the end.
 */
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include "verdict.h"

#define LAST_INDEX "32767"

/* An identifier, or -1. */
static int make_last_queue(void)
{
	int file = open("/proc/sys/kernel/msg_next_id", O_WRONLY);

	REQUIRE(file >= 0);
	REQUIRE(write(file, LAST_INDEX, sizeof(LAST_INDEX) - 1) > 0);
	close(file);
	return msgget(IPC_PRIVATE, 0600);
}

int main(void)
{
	int last = make_last_queue(), id, error;

	if (last != atoi(LAST_INDEX))
		conclude(CANNOT_TELL, "asked for the queue " LAST_INDEX ", got %d", last);

	id = make_last_queue();
	error = errno;
	msgctl(last, IPC_RMID, NULL);
	if (id > atoi(LAST_INDEX))
		conclude(EXPOSED, "the index of a queue runs over into the number above it: identifier %d", id);
	if (id < 0 && error == ENOSPC)
		conclude(SAFE, "no queue is made behind the last index: ENOSPC");
	conclude(CANNOT_TELL, "a second queue " LAST_INDEX ": %d, %s", id, strerror(error));
}
