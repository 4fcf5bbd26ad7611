/*
 * "tls: sockets in a sockmap cannot be upgraded" in 6.12.111: do_tls_setsockopt_conf() in net/tls/tls_main.c (module tls).
 *
 * Before the fix a TCP socket that is in a BPF sockmap can be made a TLS socket, and two owners replace its functions. After it that is
 * EINVAL. To leave the socket whole, the key is given at an address that cannot be read: an unfixed kernel comes as far as reading it.
 * Needs root (CAP_BPF, CAP_NET_ADMIN), `lo` up, and the module tls. A socket outside the sockmap is tried first.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verdict.h"

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

/* One end of a TCP connection over lo. */
static int connect_to_self(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

	REQUIRE(listener >= 0 && fd >= 0);
	REQUIRE(bind(listener, (struct sockaddr *)&address, length) == 0);
	REQUIRE(listen(listener, 1) == 0);
	REQUIRE(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
	REQUIRE(connect(fd, (struct sockaddr *)&address, length) == 0);
	return fd;
}

static void put_into_sockmap(int fd)
{
	union bpf_attr create = {
		.map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 4, .max_entries = 1,
	};
	int key = 0, map = syscall(SYS_bpf, BPF_MAP_CREATE, &create, sizeof(create));
	union bpf_attr update = { .map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)&fd };

	REQUIRE(map >= 0);
	REQUIRE(syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &update, sizeof(update)) == 0);
}

/* errno of setting a key that cannot be read. */
static int set_unreadable_key(int fd)
{
	REQUIRE(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0);
	return setsockopt(fd, SOL_TLS, TLS_TX, (void *)8, sizeof(struct tls12_crypto_info_aes_gcm_128)) ? errno : 0;
}

int main(void)
{
	int plain = connect_to_self(), mapped = connect_to_self(), error;

	error = set_unreadable_key(plain);
	if (error != EFAULT)
		conclude(CANNOT_TELL, "a TLS key that cannot be read: %s", strerror(error));

	put_into_sockmap(mapped);
	error = set_unreadable_key(mapped);
	if (error == EFAULT)
		conclude(EXPOSED, "a socket in a sockmap is asked for its TLS key");
	if (error == EINVAL)
		conclude(SAFE, "a socket in a sockmap cannot become a TLS socket: EINVAL");
	conclude(CANNOT_TELL, "a TLS key for a socket in a sockmap: %s", strerror(error));
}
