// The message around a diff: what `git format-patch`, a mailing list archive or quilt put in front of it. Only the
// subject and CVE numbers are taken; a mail whose body is still encoded for transport is refused, because decoding mail
// is the mail tool's work (`git mailinfo`, `b4 am`) and doing it half would change the patch.

import { InputError } from '@resplice/report';
import { readableText } from './patch-line.js';

const MAIL_START = /^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001\r?$/m;
const CVE = /\bCVE-\d{4}-\d{4,}\b/gi;

export interface Message {
  readonly subject: string;
  readonly cves: readonly string[];
}

/** Cuts the output of `git format-patch --stdout` into its mails; anything else is one piece. */
export function splitMails(bytes: string): string[] {
  const starts = [...bytes.matchAll(new RegExp(MAIL_START, 'gm'))].map((match) => match.index);
  if (starts.length < 2) return [bytes];
  return starts.map((start, index) => bytes.slice(start, starts[index + 1]));
}

/** Reads the message in front of the first diff. `name` is for errors. */
export function parseMessage(head: string, name: string): Message {
  const cves = [...new Set([...head.matchAll(CVE)].map((match) => match[0].toUpperCase()))];
  // `git show > fix.patch` is how many a patch is made: no mail, the message is indented.
  const shown = /^commit [0-9a-f]{40}\b[\s\S]*?\n {4}(\S.*)/.exec(head)?.[1];
  if (shown !== undefined) return { subject: shown.trim(), cves };
  const isMail = /^(From [0-9a-f]{40} |[A-Za-z][A-Za-z0-9-]*: )/.test(head);
  if (!isMail) return { subject: '', cves };
  const blank = /\r?\n\r?\n/.exec(head);
  const headers = head.slice(0, blank?.index).replace(/\r?\n[ \t]+/g, ' ');
  assertPlain(headers, name);
  const subject = /^Subject: *(.*?)\r?$/im.exec(headers)?.[1] ?? '';
  return { subject: cleanSubject(subject), cves };
}

function cleanSubject(raw: string): string {
  const joined = raw.replace(/\?= +=\?/g, '?==?');
  const decoded = joined.replace(/=\?([^?]+)\?([QqBb])\?([^?]*)\?=/g, decodeWord);
  return readableText(decoded)
    .replace(/^(\s*\[[^\]]*\])+\s*/, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** An encoded word of RFC 2047 to bytes; other character sets than UTF-8 are left to look odd rather than fail. */
function decodeWord(_whole: string, _charset: string, encoding: string, data: string): string {
  if (encoding.toUpperCase() === 'B') return Buffer.from(data, 'base64').toString('latin1');
  const spaced = data.replace(/_/g, ' ');
  return spaced.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function assertPlain(headers: string, name: string): void {
  const encoding = /^Content-Transfer-Encoding: *(\S+)/im.exec(headers)?.[1]?.toLowerCase();
  const multipart = /^Content-Type: *multipart\//im.test(headers);
  const found = multipart ? 'multipart' : encoding;
  if (found === undefined || /^(7bit|8bit|binary)$/.test(found)) return;
  throw new InputError(
    'patch-mail-encoded',
    `${name}: this mail is still ${found} encoded; save it with "b4 am" or take the patch from git ("git format-patch -1 COMMIT")`,
    { context: { patch: name, encoding: found } },
  );
}
