/*
 * CVE-2026-52972, "crypto: af_alg - Cap AEAD AD length to 0x80000000": af_alg_cmsg_send(), compiled into
 * af_alg_sendmsg(), in crypto/af_alg.c (module af_alg).
 *
 * Before the fix any length of associated data is taken, and later sums of lengths wrap; after it sendmsg() gives
 * EINVAL from 2 GiB on. Runs unprivileged. Only the length is set and nothing is encrypted, so nothing wraps here.
 * The kernel loads af_alg and the cipher by itself if it may; the check stands before the kind of cipher is looked at,
 * so a plain one serves where gcm(aes) is missing.
 */
#include <linux/if_alg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verdict.h"

#ifndef SOL_ALG
#define SOL_ALG 279
#endif

static const struct sockaddr_alg CIPHERS[] = {
	{ .salg_family = AF_ALG, .salg_type = "aead", .salg_name = "gcm(aes)" },
	{ .salg_family = AF_ALG, .salg_type = "skcipher", .salg_name = "cbc(aes)" },
};

static int open_cipher(void)
{
	static const uint8_t key[16];

	for (size_t i = 0; i < sizeof(CIPHERS) / sizeof(*CIPHERS); i++) {
		int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);

		if (fd < 0)
			conclude(CANNOT_TELL, "no AF_ALG sockets here (module af_alg): %s", strerror(errno));
		if (bind(fd, (const struct sockaddr *)&CIPHERS[i], sizeof(CIPHERS[i])) == 0) {
			REQUIRE(setsockopt(fd, SOL_ALG, ALG_SET_KEY, key, sizeof(key)) == 0);
			return fd;
		}
		close(fd);
	}
	conclude(CANNOT_TELL, "neither gcm(aes) nor cbc(aes) (modules algif_aead, algif_skcipher): %s", strerror(errno));
}

static void put_option(struct cmsghdr *option, int type, uint32_t value)
{
	option->cmsg_level = SOL_ALG;
	option->cmsg_type = type;
	option->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(option), &value, sizeof(value));
}

static ssize_t set_length(int cipher, uint32_t length)
{
	_Alignas(struct cmsghdr) char control[2 * CMSG_SPACE(sizeof(uint32_t))] = { 0 };
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
	int operation = accept(cipher, NULL, NULL);
	struct cmsghdr *option = CMSG_FIRSTHDR(&message);

	REQUIRE(operation >= 0);
	put_option(option, ALG_SET_OP, ALG_OP_ENCRYPT);
	put_option(CMSG_NXTHDR(&message, option), ALG_SET_AEAD_ASSOCLEN, length);
	return sendmsg(operation, &message, MSG_MORE);
}

int main(void)
{
	int cipher = open_cipher();

	REQUIRE(set_length(cipher, 16) >= 0);

	if (set_length(cipher, 0x80000000u) >= 0)
		conclude(EXPOSED, "0x80000000 bytes of associated data are accepted");
	if (errno == EINVAL)
		conclude(SAFE, "0x80000000 bytes of associated data are refused: EINVAL");
	conclude(CANNOT_TELL, "0x80000000 bytes of associated data: %s", strerror(errno));
}
