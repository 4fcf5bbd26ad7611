/*
 * "nfc: llcp: getsockopt() checks the length first" in 6.12.111: room for less than a value was not noticed, so that a negative length passed as
 * a huge one. An unbound socket shows it without any NFC device: the length is now refused before the missing device is.
 */
#include <linux/nfc.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verdict.h"

enum { LEVEL_NFC = 280, OPTION_RW = 0 };

int main(void)
{
	int nfc = socket(AF_NFC, SOCK_STREAM, NFC_SOCKPROTO_LLCP);
	socklen_t length = 1;
	unsigned int value;

	REQUIRE(nfc >= 0);
	if (getsockopt(nfc, LEVEL_NFC, OPTION_RW, &value, &length) == 0)
		conclude(CANNOT_TELL, "an option of an unbound socket could be read");
	if (errno == ENODEV)
		conclude(EXPOSED, "room for one byte of four is accepted: the missing device is what the kernel complains of");
	if (errno == EINVAL)
		conclude(SAFE, "room for one byte of four is refused: EINVAL");
	conclude(CANNOT_TELL, "getsockopt: %s", strerror(errno));
}
