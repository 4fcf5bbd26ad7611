/*
 * Sends itself an ICMP echo request of 777 bytes. The kernel copies them with csum_partial_copy_generic(), which is written in assembly; a test
 * patch makes it report a fault for that length, and sending then fails with EFAULT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char packet[sizeof(struct icmphdr) + 777] = { ICMP_ECHO };
	int range = open("/proc/sys/net/ipv4/ping_group_range", O_WRONLY);
	int fd;

	if (range < 0 || write(range, "0 65535", 7) != 7)
		return 2;
	fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	if (fd < 0)
		return 2;
	if (sendto(fd, packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) == sizeof(packet)) {
		puts("sent");
		return 1;
	}
	puts(strerror(errno));
	return errno == EFAULT ? 0 : 2;
}
