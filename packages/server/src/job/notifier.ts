// Tells the world outside what happened: a job for each webhook that asked for the event, and a mail where one is due. What many
// machines have in common is one event with a list, so that a fleet that restarts does not send ten thousand mails.

import type { Orm } from '../database/database.js';
import { organisations, webhooks } from '../database/schema.js';
import type { JobQueue } from './job-queue.js';

/** Every event, and whether a mail is sent as well. */
export const EVENTS = {
  'machine.registered': { mail: false, title: 'machines registered' },
  'machine.conflict': { mail: true, title: 'a machine is a copy of another one, or was restored' },
  'machine.health-bad': { mail: true, title: 'machines complain after an update' },
  'machine.crash-loop': { mail: true, title: 'machines switched updates off after a crash' },
  'update.failed': { mail: true, title: 'updates failed or were refused' },
  'update.published': { mail: true, title: 'updates were published' },
  'update.gone': { mail: false, title: 'updates are no longer in the repository' },
  'update.released': { mail: false, title: 'an update was released to more rings' },
  'update.withdrawn': { mail: true, title: 'an update was withdrawn' },
  'rollout.ring': { mail: false, title: 'a roll-out reached its next ring' },
  'rollout.halted': { mail: true, title: 'a roll-out was halted and its updates are taken back' },
  'rollout.finished': { mail: false, title: 'a roll-out reached every machine' },
} as const;

export type EventName = keyof typeof EVENTS;
export const EVENT_NAMES = Object.keys(EVENTS) as [EventName, ...EventName[]];

/** Subscriptions are read again after this time. */
const FRESH_MS = 3000;

interface Subscriptions {
  readonly at: number;
  readonly hooks: readonly { id: string; organisationId: string; events: readonly string[] }[];
  readonly mail: readonly { id: string; name: string; recipients: readonly string[] }[];
}

export class Notifier {
  #subscriptions: Subscriptions | undefined;

  constructor(
    private readonly orm: Orm,
    private readonly jobs: JobQueue,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** `items` say what it is about, each on a line of its own in a mail. Never rejects. */
  async notify(organisationId: string | 'all', event: EventName, items: readonly Item[]): Promise<void> {
    try {
      await this.send(organisationId, event, items);
    } catch (error) {
      this.onError(error);
    }
  }

  /** The same; rejects when it could not be left to the queue. */
  async send(organisationId: string | 'all', event: EventName, items: readonly Item[]): Promise<void> {
    if (items.length === 0) return;
    const { hooks, mail } = await this.#read();
    const concerns = (id: string): boolean => organisationId === 'all' || organisationId === id;
    const body = JSON.stringify({ event, at: new Date().toISOString(), items });
    for (const hook of hooks) {
      if (concerns(hook.organisationId) && hook.events.includes(event))
        await this.jobs.send('webhook', { webhook: hook.id, event, body });
    }
    if (!EVENTS[event].mail) return;
    for (const { id, name, recipients } of mail) {
      if (!concerns(id) || recipients.length === 0) continue;
      const lines = items.slice(0, 100).map((item) => JSON.stringify(item));
      const rest = items.length > 100 ? [`and ${items.length - 100} more`] : [];
      const text = [`${name}: ${EVENTS[event].title}`, '', ...lines, ...rest, ''].join('\n');
      await this.jobs.send('mail', { to: recipients, subject: `Resplice: ${EVENTS[event].title}`, text });
    }
  }

  /** After a change of subscriptions in this process. */
  forget(): void {
    this.#subscriptions = undefined;
  }

  async #read(): Promise<Subscriptions> {
    if (this.#subscriptions !== undefined && Date.now() - this.#subscriptions.at < FRESH_MS)
      return this.#subscriptions;
    const hooks = await this.orm
      .select({ id: webhooks.id, organisationId: webhooks.organisationId, events: webhooks.events })
      .from(webhooks);
    const mail = await this.orm
      .select({ id: organisations.id, name: organisations.name, recipients: organisations.mailRecipients })
      .from(organisations);
    this.#subscriptions = { at: Date.now(), hooks, mail };
    return this.#subscriptions;
  }
}

export type Item = Readonly<Record<string, unknown>>;
