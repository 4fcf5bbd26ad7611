// One event to one address. Signed like those of the large services, so that receivers find a library for it:
// `resplice-signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 over `SECONDS.BODY` with the webhook's secret.
//
// An administrator may name an address of the inside network, on purpose; so redirects, which would let the receiver choose one, are
// not followed, and no answer is shown but its status.

import { createHmac } from 'node:crypto';
import { eq } from 'drizzle-orm';
import type { Orm } from '../database/database.js';
import { webhooks } from '../database/schema.js';
import type { Jobs } from './job-queue.js';

const PATIENCE_MS = 15_000;

export function signWebhook(secret: string, seconds: number, body: string): string {
  const hex = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${hex}`;
}

/** Rejects unless the answer is a 2xx; the queue tries again. */
export async function deliverWebhook(orm: Orm, job: Jobs['webhook'], now: Date): Promise<void> {
  const [hook] = await orm.select().from(webhooks).where(eq(webhooks.id, job.webhook));
  // Removed meanwhile.
  if (hook === undefined) return;
  const status = await post(
    hook.url,
    job,
    signWebhook(hook.secret, Math.floor(now.getTime() / 1000), job.body),
  );
  await orm
    .update(webhooks)
    .set({ lastStatus: String(status), lastAt: now })
    .where(eq(webhooks.id, hook.id));
  if (typeof status !== 'number' || status < 200 || status > 299)
    throw new Error(`webhook ${hook.id}: ${status}`);
}

async function post(
  url: string,
  { event, body }: Jobs['webhook'],
  signature: string,
): Promise<number | string> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'resplice-event': event,
        'resplice-signature': signature,
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    await answer.body?.cancel();
    return answer.status;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
}
