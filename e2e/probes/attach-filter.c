/*
 * CVE-2026-53236, "tcp: restrict SO_ATTACH_FILTER to priv users": sk_setsockopt() in net/core/sock.c (vmlinux).
 *
 * Before the fix anybody may put a socket filter on a TCP socket; after it that takes CAP_NET_ADMIN, else EPERM.
 * Runs unprivileged: started as root it first becomes nobody. A UDP socket, which the fix leaves alone, is tried
 * first, so that a sandbox that forbids filters altogether is not taken for the fix.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verdict.h"

#define NOBODY 65534

static int attach_filter(int type)
{
	struct sock_filter accept_all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	struct sock_fprog program = { .len = 1, .filter = &accept_all };
	int fd = socket(AF_INET, type, 0);

	if (fd < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

int main(void)
{
	if (geteuid() == 0) {
		REQUIRE(setgroups(0, NULL) == 0);
		REQUIRE(setresgid(NOBODY, NOBODY, NOBODY) == 0);
		REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	}
	REQUIRE(attach_filter(SOCK_DGRAM) == 0);

	if (attach_filter(SOCK_STREAM) == 0)
		conclude(EXPOSED, "uid %d attached a filter to a TCP socket", (int)geteuid());
	if (errno == EPERM)
		conclude(SAFE, "SO_ATTACH_FILTER on a TCP socket is refused to uid %d: EPERM", (int)geteuid());
	conclude(CANNOT_TELL, "SO_ATTACH_FILTER on a TCP socket: %s", strerror(errno));
}
