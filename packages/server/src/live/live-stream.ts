// One open page. It is written to as fast as it reads: while it does not, what is different is collected by topic, which never needs more room
// than a few hundred ids, and a page that reads nothing for a minute is let go. What comes close together is said once.

import { LIVE_IDS, LIVE_READY, type LiveTopic } from '@resplice/protocol/console';
import type { Announcement } from './announcement.js';

/** Between two events of one topic. */
const PAUSE_MS = 500;
/** A comment, so that proxies and the other side know that the line is alive. */
const BEAT_MS = 20_000;
const PATIENCE_MS = 60_000;

/** What a stream is written to: as node's Writable. */
export interface LiveSink {
  /** False: it does not read at present; `drain` comes when it does. */
  write(text: string): boolean;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  destroy(): unknown;
  end(): unknown;
}

export class LiveStream {
  readonly #pending = new Map<LiveTopic, { readonly ids: Set<string>; more: boolean }>();
  #ready = true;
  #blockedAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastFlush = 0;
  readonly #beat: NodeJS.Timeout;
  #closed = false;

  constructor(
    readonly organisation: string,
    private readonly topics: ReadonlySet<LiveTopic>,
    private readonly sink: LiveSink,
    private readonly now: () => number = Date.now,
  ) {
    this.#beat = setInterval(() => this.#keepAlive(), BEAT_MS);
    this.#beat.unref();
    this.#write(`retry: 3000\n\n`);
    this.#flush();
  }

  add({ topic, ids, more }: Pick<Announcement, 'topic' | 'ids' | 'more'>): void {
    if (this.#closed || !this.topics.has(topic)) return;
    const pending = this.#pending.get(topic) ?? { ids: new Set(), more: false };
    this.#pending.set(topic, pending);
    for (const id of ids) {
      if (pending.ids.size < LIVE_IDS) pending.ids.add(id);
      else if (!pending.ids.has(id)) pending.more = true;
    }
    pending.more ||= more;
    this.#schedule();
  }

  /** Something may have been missed. */
  restart(): void {
    this.#pending.clear();
    this.#ready = true;
    this.#schedule();
  }

  close(): void {
    if (this.#closed) return;
    this.#stop();
    this.sink.end();
  }

  #stop(): void {
    this.#closed = true;
    clearInterval(this.#beat);
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed || this.#blockedAt !== undefined || this.#timer !== undefined) return;
    const wait = Math.max(0, this.#lastFlush + PAUSE_MS - this.now());
    this.#timer = setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#closed || this.#blockedAt !== undefined) return;
    this.#lastFlush = this.now();
    const events = [...this.#pending].map(([topic, { ids, more }]) => event(topic, { ids: [...ids], more }));
    this.#pending.clear();
    const text = [...(this.#ready ? [event(LIVE_READY, {})] : []), ...events].join('');
    this.#ready = false;
    if (text !== '') this.#write(text);
  }

  #write(text: string): void {
    if (this.sink.write(text) || this.#blockedAt !== undefined) return;
    this.#blockedAt = this.now();
    this.sink.once('drain', () => {
      this.#blockedAt = undefined;
      if (this.#ready || this.#pending.size > 0) this.#schedule();
    });
  }

  #keepAlive(): void {
    if (this.#blockedAt === undefined) this.#write(': alive\n\n');
    else if (this.now() - this.#blockedAt > PATIENCE_MS) {
      this.#stop();
      this.sink.destroy();
    }
  }
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
