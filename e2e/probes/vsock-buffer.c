/*
 * CVE-2026-46234, "vsock: fix buffer size clamping order": vsock_update_buffer_size() in net/vmw_vsock/af_vsock.c
 * (module vsock).
 *
 * Before the fix the minimum is applied after the maximum: a socket whose minimum is set above its maximum gets a buffer
 * above the maximum; after it the maximum has the last word. Runs unprivileged, needs no hypervisor: a socket that is
 * not connected has no transport, and only the number is read back. The kernel loads vsock by itself if it may.
 */
#include <stdint.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

#include "verdict.h"

static uint64_t read_size(int fd, int option)
{
	uint64_t value = 0;
	socklen_t length = sizeof(value);

	REQUIRE(getsockopt(fd, AF_VSOCK, option, &value, &length) == 0);
	return value;
}

int main(void)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	uint64_t maximum, minimum, size;

	if (fd < 0)
		conclude(CANNOT_TELL, "no AF_VSOCK sockets here (module vsock): %s", strerror(errno));
	maximum = read_size(fd, SO_VM_SOCKETS_BUFFER_MAX_SIZE);
	minimum = 4 * maximum;
	REQUIRE(setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MIN_SIZE, &minimum, sizeof(minimum)) == 0);
	size = read_size(fd, SO_VM_SOCKETS_BUFFER_SIZE);

	if (size > maximum)
		conclude(EXPOSED, "the buffer is %llu bytes, its maximum %llu",
			 (unsigned long long)size, (unsigned long long)maximum);
	if (size == maximum)
		conclude(SAFE, "the buffer stays at its maximum of %llu bytes", (unsigned long long)maximum);
	conclude(CANNOT_TELL, "the buffer is %llu bytes, expected at least its maximum of %llu",
		 (unsigned long long)size, (unsigned long long)maximum);
}
