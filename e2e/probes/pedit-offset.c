/*
 * CVE-2026-46331, "net/sched: act_pedit: bounds of offsets": tcf_pedit_init() and tcf_pedit_act() in net/sched/act_pedit.c and a header
 * (module act_pedit).
 *
 * Before the fix an action takes a fixed offset that is not on a 32-bit boundary, and notices only with a packet in its hands; after it that is
 * EINVAL when the action is made. Needs root (CAP_NET_ADMIN). Actions that no filter uses are made, a sound one first, and removed again.
 */
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_pedit.h>
#include <sys/socket.h>
#include <unistd.h>

#include "verdict.h"

struct request {
	struct nlmsghdr head;
	struct tcamsg message;
	char attributes[256];
};

struct pedit {
	struct tc_pedit_sel selector;
	struct tc_pedit_key key;
};

static struct rtattr *put(struct request *request, int type, const void *value, size_t length)
{
	struct rtattr *attribute = (struct rtattr *)((char *)request + request->head.nlmsg_len);

	attribute->rta_type = type;
	attribute->rta_len = RTA_LENGTH(length);
	if (length)
		memcpy(RTA_DATA(attribute), value, length);
	request->head.nlmsg_len += RTA_ALIGN(attribute->rta_len);
	return attribute;
}

static void end_nest(struct request *request, struct rtattr *nest)
{
	nest->rta_len = (char *)request + request->head.nlmsg_len - (char *)nest;
}

/* Sends an action of kind pedit, with options if `pedit` is given; 0 or an errno. */
static int ask(int netlink, int type, int flags, const struct pedit *pedit)
{
	struct request request = {
		.head = { NLMSG_LENGTH(sizeof(request.message)), type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0 },
	};
	_Alignas(struct nlmsghdr) char answer[4096];
	struct rtattr *tab = put(&request, TCA_ACT_TAB | NLA_F_NESTED, NULL, 0);
	struct rtattr *action = put(&request, 1 | NLA_F_NESTED, NULL, 0), *options;
	struct nlmsghdr *head = (struct nlmsghdr *)answer;

	put(&request, TCA_ACT_KIND, "pedit", sizeof("pedit"));
	if (pedit) {
		options = put(&request, TCA_ACT_OPTIONS | NLA_F_NESTED, NULL, 0);
		put(&request, TCA_PEDIT_PARMS, pedit, sizeof(*pedit));
		end_nest(&request, options);
	}
	end_nest(&request, action);
	end_nest(&request, tab);
	REQUIRE(send(netlink, &request, request.head.nlmsg_len, 0) == (ssize_t)request.head.nlmsg_len);
	do {
		REQUIRE(recv(netlink, answer, sizeof(answer), 0) >= (ssize_t)NLMSG_HDRLEN);
	} while (head->nlmsg_type != NLMSG_ERROR);
	return -((struct nlmsgerr *)NLMSG_DATA(head))->error;
}

static int make_action(int netlink, int offset)
{
	struct pedit pedit = {
		.selector = { .action = TC_ACT_PIPE, .nkeys = 1 },
		.key = { .mask = ~0U, .off = offset },
	};

	return ask(netlink, RTM_NEWACTION, NLM_F_CREATE, &pedit);
}

int main(void)
{
	int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), error;
	struct timeval patience = { .tv_sec = 10 };

	REQUIRE(netlink >= 0);
	REQUIRE(setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
	error = make_action(netlink, 4);
	if (error)
		conclude(CANNOT_TELL, "an action with an offset of 4 (needs root and act_pedit): %s", strerror(error));

	error = make_action(netlink, 1);
	/* Removes all of this kind, and with them what would keep the module. */
	ask(netlink, RTM_DELACTION, NLM_F_ROOT, NULL);
	if (!error)
		conclude(EXPOSED, "an action that edits a packet at offset 1 is accepted");
	if (error == EINVAL)
		conclude(SAFE, "an action that edits a packet at offset 1 is refused: EINVAL");
	conclude(CANNOT_TELL, "an action with an offset of 1: %s", strerror(error));
}
