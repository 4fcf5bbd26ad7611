// All open pages of this process, and the ear that hears what any process announces.

import type { Database, Listening } from '../database/database.js';
import { ServiceError } from '../failure.js';
import { LIVE_CHANNEL, parseAnnouncement } from './announcement.js';
import type { LiveStream } from './live-stream.js';

/** Of one process. Each costs a connection and some kilobytes. */
const STREAMS = 1000;
const STREAMS_OF_ONE_USER = 20;

export class LiveHub {
  readonly #streams = new Map<LiveStream, string>();
  #listening: Listening | undefined;

  constructor(private readonly database: Database) {}

  async start(): Promise<void> {
    this.#listening = await this.database.listen(LIVE_CHANNEL, {
      message: (text) => this.#hear(text),
      gap: () => {
        for (const stream of this.#streams.keys()) stream.restart();
      },
    });
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Throws ServiceError `server-busy`, `too-many-requests`. */
  assertRoomFor(user: string): void {
    if (this.#streams.size >= STREAMS)
      throw new ServiceError(
        'server-busy',
        'too many pages listen to this server; it works without as well',
        60,
      );
    const own = [...this.#streams.values()].filter((each) => each === user).length;
    if (own >= STREAMS_OF_ONE_USER)
      throw new ServiceError('too-many-requests', `${own} pages of this user listen already`, 60);
  }

  add(stream: LiveStream, user: string): void {
    this.#streams.set(stream, user);
  }

  /** Of a page that was closed, or is to be. */
  remove(stream: LiveStream): void {
    this.#streams.delete(stream);
    stream.close();
  }

  async close(): Promise<void> {
    for (const stream of this.#streams.keys()) this.remove(stream);
    await this.#listening?.close();
  }

  #hear(text: string): void {
    const announcement = parseAnnouncement(text);
    if (announcement === undefined) return;
    for (const stream of this.#streams.keys())
      if (announcement.organisation === 'all' || announcement.organisation === stream.organisation)
        stream.add(announcement);
  }
}
