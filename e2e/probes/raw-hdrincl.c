/*
 * "ipv4: raw: reject IP_HDRINCL packets with ihl < 5": raw_send_hdrinc() in net/ipv4/raw.c (vmlinux); no CVE number.
 *
 * Before the fix a raw socket sends an IPv4 header whose length field says less than the 20 bytes every header has, and
 * such a packet travels through the output path; after it sendto() gives EINVAL.
 * Needs root (CAP_NET_RAW) and `lo` up. The packet goes to 127.0.0.1, where input drops it. A sound header is sent first.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>

#include "verdict.h"

/* For experiments, RFC 3692: nobody listens. */
#define PROTOCOL 253

static ssize_t send_header(int fd, unsigned int words)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct iphdr header = {
		.version = 4,
		.ihl = words,
		.ttl = 1,
		.protocol = PROTOCOL,
		.saddr = htonl(INADDR_LOOPBACK),
		.daddr = htonl(INADDR_LOOPBACK),
	};

	return sendto(fd, &header, sizeof(header), 0, (struct sockaddr *)&to, sizeof(to));
}

int main(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);

	if (fd < 0)
		conclude(CANNOT_TELL, "a raw socket needs root: %s", strerror(errno));
	if (send_header(fd, 5) < 0)
		conclude(CANNOT_TELL, "a sound packet to 127.0.0.1 (is lo up?): %s", strerror(errno));

	if (send_header(fd, 4) >= 0)
		conclude(EXPOSED, "a packet with a 16-byte IP header (ihl 4) was sent");
	if (errno == EINVAL)
		conclude(SAFE, "a packet with a 16-byte IP header (ihl 4) is refused: EINVAL");
	conclude(CANNOT_TELL, "a packet with ihl 4: %s", strerror(errno));
}
