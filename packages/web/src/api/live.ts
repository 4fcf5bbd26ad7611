// What changed on the server, as it happens: one stream of events for the whole page. An event only says what to ask for again, so one
// that was missed costs nothing but time. Where the stream cannot be had, pages ask every half minute.

import type { LiveTopic } from '@resplice/protocol/console';

/** All of the protocol, of which only types are imported. */
const ALL: Readonly<Record<Topic, true>> = {
  machines: true,
  groups: true,
  updates: true,
  rollouts: true,
  candidates: true,
  jobs: true,
  workers: true,
  fleet: true,
};
const TOPICS = Object.keys(ALL) as readonly Topic[];
export type Topic = LiveTopic;

export type LiveState = 'live' | 'connecting' | 'polling';

const POLL_MS = 30_000;
/** A fleet that checks in sends many events; what is shown is asked for again at most this often. */
const CALM_MS = 1500;

type Listener = (topic: Topic) => void;
const listeners = new Set<Listener>();
const stateListeners = new Set<() => void>();

let state: LiveState = 'connecting';
let source: EventSource | undefined;
let poll: number | undefined;
let retry: number | undefined;

/** Returns the way to stop. */
export function onTopic(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function liveState(): LiveState {
  return state;
}

export function onLiveState(listener: () => void): () => void {
  stateListeners.add(listener);
  return () => stateListeners.delete(listener);
}

export function startLive(): () => void {
  connect();
  return () => {
    source?.close();
    window.clearInterval(poll);
    window.clearTimeout(retry);
    poll = undefined;
  };
}

function connect(): void {
  source = new EventSource('/api/v1/events');
  source.onopen = () => {
    window.clearInterval(poll);
    poll = undefined;
    // What happened while there was no stream.
    if (state === 'polling') for (const topic of TOPICS) tell(topic);
    become('live');
  };
  source.onerror = () => {
    become('polling');
    poll ??= window.setInterval(() => {
      if (!document.hidden) for (const topic of TOPICS) tell(topic);
    }, POLL_MS);
    // The browser connects again by itself, except when the answer was no stream at all.
    if (source?.readyState === EventSource.CLOSED) retry = window.setTimeout(connect, POLL_MS);
  };
  for (const topic of TOPICS) source.addEventListener(topic, () => tell(topic));
  // Said when a stream begins, and in its middle when the server itself may have missed something.
  let begun = false;
  source.addEventListener('ready', () => {
    if (begun) for (const topic of TOPICS) tell(topic);
    begun = true;
  });
}

const waiting = new Set<Topic>();

function tell(topic: Topic): void {
  if (waiting.has(topic)) return;
  waiting.add(topic);
  window.setTimeout(() => {
    waiting.delete(topic);
    for (const listener of listeners) listener(topic);
  }, CALM_MS);
}

function become(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const listener of stateListeners) listener();
}
