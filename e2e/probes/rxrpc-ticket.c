/*
 * CVE-2026-31696, "rxrpc: Fix missing validation of ticket length in non-XDR key preparsing": rxrpc_preparse() in
 * net/rxrpc/key.c (module rxrpc).
 *
 * Before the fix a key of type rxrpc takes a ticket of any length; after it more than 12000 bytes are EKEYREJECTED.
 * Runs unprivileged. The key goes to the process's own keyring, is never read (that would make the unfixed kernel
 * warn), and is gone when the probe exits. A short ticket is tried first. Key types do not load their modules, so rxrpc must
 * be loaded; opening a socket of its family may do that.
 */
#include <linux/keyctl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verdict.h"

#define RXKAD 2
#define LONGEST_TICKET 12000

/* Version word and struct rxrpc_key_data_v1 of include/keys/rxrpc-type.h. */
struct key_v1 {
	uint32_t version;
	uint16_t security_index;
	uint16_t ticket_length;
	uint32_t expiry;
	uint32_t kvno;
	uint8_t session_key[8];
	uint8_t ticket[LONGEST_TICKET + 1];
};

static long add_key(const char *name, uint16_t ticket_length)
{
	static struct key_v1 key = { .version = 1, .security_index = RXKAD, .expiry = UINT32_MAX };
	size_t length = offsetof(struct key_v1, ticket) + ticket_length;

	key.ticket_length = ticket_length;
	return syscall(SYS_add_key, "rxrpc", name, &key, length, KEY_SPEC_PROCESS_KEYRING);
}

int main(void)
{
	/* Whether it opens does not matter, only that the module gets its chance to be loaded. */
	(void)!socket(AF_RXRPC, SOCK_DGRAM, PF_INET);
	if (add_key("resplice-short", 8) < 0)
		conclude(CANNOT_TELL, "no key of type rxrpc (modprobe rxrpc): %s", strerror(errno));

	if (add_key("resplice-long", LONGEST_TICKET + 1) >= 0)
		conclude(EXPOSED, "a key with a ticket of %d bytes is accepted", LONGEST_TICKET + 1);
	if (errno == EKEYREJECTED)
		conclude(SAFE, "a key with a ticket of %d bytes is refused: EKEYREJECTED", LONGEST_TICKET + 1);
	conclude(CANNOT_TELL, "a key with a ticket of %d bytes: %s", LONGEST_TICKET + 1, strerror(errno));
}
