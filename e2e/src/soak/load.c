/*
 * Keeps the kernel busy while updates come and go, until it is killed: processes, programs, files, and sockets, whose options are set
 * in functions that the updates replace. It pauses between its rounds, so that an emulated guest has time for the updates, too.
 * Ends with status 1 when anything goes wrong, because then the kernel is not what it was.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char buffer[65536];

static void run_program(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		execl("/bin/busybox", "true", (char *)0);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "true ended with status %d", status);
}

static void use_file(void)
{
	static char got[sizeof(buffer)];
	int fd = open("/tmp/soak-file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, buffer, sizeof(buffer)) != sizeof(buffer))
		err(1, "write");
	if (pread(fd, got, sizeof(got), 0) != sizeof(got) || memcmp(got, buffer, sizeof(got)))
		errx(1, "the file holds something else");
	close(fd);
	unlink("/tmp/soak-file");
}

static void use_socket(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int on = 1, raw, accepted, connected;
	int server = socket(AF_INET, SOCK_STREAM, 0);

	if (server < 0 || setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(server, (struct sockaddr *)&address, sizeof(address)) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&address, &length))
		err(1, "server");
	connected = socket(AF_INET, SOCK_STREAM, 0);
	if (connected < 0 || connect(connected, (struct sockaddr *)&address, sizeof(address)))
		err(1, "connect");
	accepted = accept(server, NULL, NULL);
	if (accepted < 0 || write(connected, buffer, 4096) != 4096 || read(accepted, buffer, 4096) <= 0)
		err(1, "exchange");
	close(accepted);
	close(connected);
	close(server);
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (raw < 0 || setsockopt(raw, SOL_SOCKET, SO_SNDBUF, &on, sizeof(on)))
		err(1, "raw");
	close(raw);
}

int main(void)
{
	memset(buffer, 0x5a, sizeof(buffer));
	for (;;) {
		run_program();
		use_file();
		use_socket();
		usleep(15000);
	}
}
