/*
 * Probe for CVE-2026-53236: may an ordinary user attach a socket filter to a TCP socket?
 * Exit status 0: no, this machine is safe. 1: yes, it is exposed. 2: cannot tell.
 */
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void)
{
	struct sock_filter accept_all = { .code = BPF_RET | BPF_K, .k = 0xffffffff };
	struct sock_fprog program = { .len = 1, .filter = &accept_all };
	int tcp = socket(AF_INET, SOCK_STREAM, 0);

	if (tcp < 0) {
		printf("no TCP socket: %s\n", strerror(errno));
		return 2;
	}
	if (setsockopt(tcp, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0) {
		puts("an ordinary user attached a filter to a TCP socket");
		return 1;
	}
	printf("attaching a filter to a TCP socket: %s\n", strerror(errno));
	return errno == EPERM ? 0 : 2;
}
