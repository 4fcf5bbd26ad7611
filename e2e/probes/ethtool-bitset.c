/*
 * "ethtool: fix ethnl_bitmap32_not_zero() bit interval semantics": compiled into ethnl_compact_sanity_checks() in
 * net/ethtool/bitset.c (vmlinux); no CVE number.
 *
 * Before the fix a bitset with more bits than the kernel knows is accepted although its mask asks to change one of them;
 * after it that is EINVAL with a message. The message is the point of this probe: it is a static `__msg.N`, one of many
 * symbols of that name in vmlinux, and its text shows whether new code found the right one.
 * Needs root (CAP_NET_ADMIN). It asks for features of `lo` that do not exist, so nothing changes. A bitset that fits is
 * tried first.
 */
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <sys/socket.h>

#include "verdict.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#define MESSAGE "cannot modify bits past kernel bitset size"
/* More than the kernel's features (at most 64), ending inside the fourth word. */
#define TOO_MANY 127

static int netlink;
/* What the kernel said to the last request, if anything. */
static char said[256];

struct request {
	struct nlmsghdr header;
	struct genlmsghdr command;
	char attributes[512];
};

static struct nlattr *put(struct request *request, int type, const void *value, size_t length)
{
	struct nlattr *attribute = (struct nlattr *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + length;
	if (length)
		memcpy((char *)attribute + NLA_HDRLEN, value, length);
	request->header.nlmsg_len = (char *)attribute - (char *)request + NLA_ALIGN(attribute->nla_len);
	return attribute;
}

static void end_nest(struct request *request, struct nlattr *nest)
{
	nest->nla_len = (char *)request + request->header.nlmsg_len - (char *)nest;
}

static struct request start(int family, int command)
{
	struct request request = {
		.header = { NLMSG_HDRLEN + GENL_HDRLEN, family, NLM_F_REQUEST | NLM_F_ACK, 1, 0 },
		.command = { .cmd = command, .version = 1 },
	};

	return request;
}

static struct nlattr *find(void *from, int length, int type)
{
	for (struct nlattr *at = from; length >= (int)sizeof(*at) && at->nla_len >= sizeof(*at);
	     length -= NLA_ALIGN(at->nla_len), at = (struct nlattr *)((char *)at + NLA_ALIGN(at->nla_len)))
		if ((at->nla_type & NLA_TYPE_MASK) == type)
			return at;
	return NULL;
}

/* Keeps the text of an extended acknowledgement; with NETLINK_CAP_ACK it follows the header of the request. */
static void keep_message(struct nlmsghdr *header)
{
	struct nlmsgerr *error = NLMSG_DATA(header);
	char *tail = (char *)(error + 1);
	struct nlattr *text = NULL;

	if (header->nlmsg_flags & NLM_F_ACK_TLVS)
		text = find(tail, (char *)header + header->nlmsg_len - tail, NLMSGERR_ATTR_MSG);
	snprintf(said, sizeof(said), "%s", text ? (char *)text + NLA_HDRLEN : "");
}

/* Sends and waits for the acknowledgement: 0 or an errno. `family` gets CTRL_ATTR_FAMILY_ID of an answer. */
static int talk(struct request *request, uint16_t *family)
{
	_Alignas(struct nlmsghdr) char answer[8192];

	REQUIRE(send(netlink, request, request->header.nlmsg_len, 0) >= 0);
	for (;;) {
		int length = recv(netlink, answer, sizeof(answer), 0);

		REQUIRE(length > 0);
		for (struct nlmsghdr *at = (struct nlmsghdr *)answer; NLMSG_OK(at, length);
		     at = NLMSG_NEXT(at, length)) {
			char *attributes = (char *)NLMSG_DATA(at) + GENL_HDRLEN;
			struct nlattr *id;

			if (at->nlmsg_type == NLMSG_ERROR) {
				keep_message(at);
				return -((struct nlmsgerr *)NLMSG_DATA(at))->error;
			}
			id = find(attributes, (char *)at + at->nlmsg_len - attributes, CTRL_ATTR_FAMILY_ID);
			if (family && id)
				memcpy(family, (char *)id + NLA_HDRLEN, sizeof(*family));
		}
	}
}

/* Asks for features of lo by a bitset of `bits` bits with this mask. */
static int want_features(uint16_t family, uint32_t bits, uint32_t mask[4])
{
	static const uint32_t value[4];
	size_t length = (bits + 31) / 32 * sizeof(uint32_t);
	struct request request = start(family, ETHTOOL_MSG_FEATURES_SET);
	struct nlattr *nest = put(&request, ETHTOOL_A_FEATURES_HEADER | NLA_F_NESTED, NULL, 0);

	put(&request, ETHTOOL_A_HEADER_DEV_NAME, "lo", sizeof("lo"));
	end_nest(&request, nest);
	nest = put(&request, ETHTOOL_A_FEATURES_WANTED | NLA_F_NESTED, NULL, 0);
	put(&request, ETHTOOL_A_BITSET_SIZE, &bits, sizeof(bits));
	put(&request, ETHTOOL_A_BITSET_VALUE, value, length);
	put(&request, ETHTOOL_A_BITSET_MASK, mask, length);
	end_nest(&request, nest);
	return talk(&request, NULL);
}

int main(void)
{
	struct request request = start(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	uint32_t nothing[4] = { 0 }, unknown[4] = { 0, 0, 1, 0 };
	uint16_t family = 0;
	int on = 1, error;

	netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	REQUIRE(netlink >= 0);
	REQUIRE(setsockopt(netlink, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) == 0);
	REQUIRE(setsockopt(netlink, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) == 0);
	put(&request, CTRL_ATTR_FAMILY_NAME, ETHTOOL_GENL_NAME, sizeof(ETHTOOL_GENL_NAME));
	error = talk(&request, &family);
	if (error || !family)
		conclude(CANNOT_TELL, "no netlink family " ETHTOOL_GENL_NAME ": %s", strerror(error));
	error = want_features(family, 32, nothing);
	if (error)
		conclude(CANNOT_TELL, "asking lo for no feature (needs root): %s %s", strerror(error), said);

	error = want_features(family, TOO_MANY, unknown);
	if (!error)
		conclude(EXPOSED, "a mask with a bit the kernel does not know is accepted");
	if (error == EINVAL && !strcmp(said, MESSAGE))
		conclude(SAFE, "a mask with a bit the kernel does not know is refused: EINVAL, \"%s\"", said);
	conclude(CANNOT_TELL, "a mask with a bit the kernel does not know: %s, \"%s\"", strerror(error), said);
}
