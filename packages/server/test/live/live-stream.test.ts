import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LIVE_IDS, LIVE_TOPICS } from '@resplice/protocol/console';
import { encodeAnnouncement, parseAnnouncement } from '../../src/live/announcement.js';
import { type LiveSink, LiveStream } from '../../src/live/live-stream.js';

class Sink implements LiveSink {
  readonly written: string[] = [];
  full = false;
  state: 'open' | 'ended' | 'destroyed' = 'open';
  #drained: (() => void) | undefined;

  write(text: string): boolean {
    this.written.push(text);
    return !this.full;
  }
  once(event: 'drain' | 'close', listener: () => void): void {
    if (event === 'drain') this.#drained = listener;
  }
  drain(): void {
    this.full = false;
    this.#drained?.();
  }
  end(): void {
    this.state = 'ended';
  }
  destroy(): void {
    this.state = 'destroyed';
  }
}

const all = new Set(LIVE_TOPICS);

describe('an open page', () => {
  it('is told at once, and then at most twice a second', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    const sink = new Sink();
    const stream = new LiveStream('o', all, sink);
    assert.deepEqual(sink.written, ['retry: 3000\n\n', 'event: ready\ndata: {}\n\n']);
    for (const id of ['a', 'b', 'a']) stream.add({ topic: 'machines', ids: [id], more: false });
    context.mock.timers.tick(499);
    assert.equal(sink.written.length, 2);
    context.mock.timers.tick(1);
    assert.equal(sink.written[2], 'event: machines\ndata: {"ids":["a","b"],"more":false}\n\n');
    stream.close();
    assert.equal(sink.state, 'ended');
  });

  it('that does not read costs no more than a list of ids, and gets it when it reads again', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    const sink = new Sink();
    const stream = new LiveStream('o', all, sink);
    sink.full = true;
    stream.add({ topic: 'jobs', ids: ['first'], more: false });
    context.mock.timers.tick(1000);
    const written = sink.written.length;
    for (let at = 0; at < 100_000; at += 1) stream.add({ topic: 'machines', ids: [`m${at}`], more: false });
    context.mock.timers.tick(10_000);
    assert.equal(sink.written.length, written);
    sink.drain();
    context.mock.timers.tick(1000);
    const data = JSON.parse(/data: (.*)/.exec(sink.written.at(-1) ?? '')?.[1] ?? '');
    assert.equal(data.ids.length, LIVE_IDS);
    assert.equal(data.more, true);
    stream.close();
  });

  it('that reads nothing for a minute is let go', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    const sink = new Sink();
    sink.full = true;
    new LiveStream('o', all, sink);
    context.mock.timers.tick(60_000);
    assert.equal(sink.state, 'open');
    context.mock.timers.tick(20_000);
    assert.equal(sink.state, 'destroyed');
  });

  it('hears of no topic that it did not ask for', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
    const sink = new Sink();
    const stream = new LiveStream('o', new Set(['rollouts'] as const), sink);
    stream.add({ topic: 'machines', ids: ['a'], more: false });
    stream.add({ topic: 'rollouts', ids: ['r'], more: false });
    context.mock.timers.tick(1000);
    assert.deepEqual(sink.written.slice(2), ['event: rollouts\ndata: {"ids":["r"],"more":false}\n\n']);
    stream.close();
  });
});

describe('an announcement', () => {
  it('fits into a notification, whatever it names', () => {
    for (const length of [1, 36, 70, 1000]) {
      const ids = Array.from({ length: 1000 }, (_, at) => `${at}`.padEnd(length, 'ü'));
      const text = encodeAnnouncement({ organisation: 'o', topic: 'machines', ids, more: false });
      assert.ok(Buffer.byteLength(text) < 8000);
      assert.equal(parseAnnouncement(text)?.more, true);
    }
  });

  it('of another version is passed over', () => {
    for (const text of ['', '{', '{"organisation":"o","topic":"later","ids":[],"more":false}'])
      assert.equal(parseAnnouncement(text), undefined);
  });
});
