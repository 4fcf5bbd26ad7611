// Draws the progress events of the libraries. On a terminal: one line at the bottom that is redrawn, and a line that stays
// for each finished stage. Into a file or pipe: a line when a stage begins, ends, or has been silent for long. With
// --json: the events themselves, one JSON object a line.
//
// Not listr2: it wants to run a tree of tasks that it knows in advance and draws that tree; here the libraries run the
// work and tell what happens, so the tasks would be promises that only imitate it.

import type { ProgressEvent, ProgressSink } from '@resplice/report';
import { formatBytes, formatDuration, printable } from './printed-text.js';

export type ProgressStyle = 'terminal' | 'plain' | 'json' | 'none';

export interface ProgressPort {
  readonly write: (text: string) => void;
  /** Width of the terminal in columns. */
  readonly columns: () => number;
  /** Milliseconds from any fixed moment. */
  readonly now: () => number;
}

export interface ProgressLine {
  readonly sink: ProgressSink;
  /** Removes the line that is redrawn; what is printed next starts on an empty line. */
  readonly clear: () => void;
  readonly stop: () => void;
}

interface ActiveStage {
  readonly started: number;
  event: ProgressEvent;
  reported: number;
}

const FRAMES = ['|', '/', '-', '\\'];
const REDRAW_EVERY = 100;
const PLAIN_EVERY = 15_000;

export function startProgress(style: ProgressStyle, port: ProgressPort): ProgressLine {
  if (style === 'json') return eventLines(port);
  if (style === 'terminal') return statusLine(port);
  if (style === 'plain') return logLines(port);
  return { sink: () => {}, clear: () => {}, stop: () => {} };
}

function eventLines(port: ProgressPort): ProgressLine {
  const sink: ProgressSink = (event) => port.write(`${JSON.stringify({ type: 'progress', ...event })}\n`);
  return { sink, clear: () => {}, stop: () => {} };
}

function statusLine(port: ProgressPort): ProgressLine {
  const stages = new Map<string, ActiveStage>();
  let frame = 0;
  let drawn = false;
  const clear = (): void => {
    if (drawn) port.write('\r\u001b[K');
    drawn = false;
  };
  const draw = (): void => {
    // The stage that began last is the innermost one.
    const active = [...stages.values()].at(-1);
    if (active === undefined) {
      clear();
      return;
    }
    frame = (frame + 1) % FRAMES.length;
    const text = `${FRAMES[frame]} ${formatDuration(port.now() - active.started)} ${describe(active.event)}`;
    port.write(`\r\u001b[K${text.slice(0, Math.max(20, port.columns() - 1))}`);
    drawn = true;
  };
  const timer = setInterval(draw, REDRAW_EVERY);
  timer.unref();
  const sink: ProgressSink = (event) => {
    const ended = track(stages, event, port.now());
    if (ended === undefined) return;
    clear();
    port.write(`${endLine(ended, port.now())}\n`);
  };
  return {
    sink,
    clear,
    stop: () => {
      clearInterval(timer);
      clear();
    },
  };
}

function logLines(port: ProgressPort): ProgressLine {
  const stages = new Map<string, ActiveStage>();
  const sink: ProgressSink = (event) => {
    const now = port.now();
    const ended = track(stages, event, now);
    if (ended !== undefined) port.write(`${endLine(ended, now)}\n`);
    const active = stages.get(event.stage);
    if (active === undefined) return;
    if (event.state === 'start' || now - active.reported >= PLAIN_EVERY) {
      active.reported = now;
      port.write(`  ...  ${describe(active.event)}\n`);
    }
  };
  return { sink, clear: () => {}, stop: () => {} };
}

/** Keeps account of what runs; gives back the stage when it ended. */
function track(stages: Map<string, ActiveStage>, event: ProgressEvent, now: number): ActiveStage | undefined {
  const known = stages.get(event.stage);
  const active = known ?? { started: now, event, reported: now };
  const detail = event.detail ?? active.event.detail;
  active.event = detail === undefined ? event : { ...event, detail };
  if (event.state === 'start' || event.state === 'update') {
    stages.set(event.stage, active);
    return undefined;
  }
  stages.delete(event.stage);
  return active;
}

function endLine({ event, started }: ActiveStage, now: number): string {
  const mark = event.state === 'done' ? ' done  ' : 'failed ';
  return `${mark}${describe({ stage: event.stage, state: event.state, detail: event.detail ?? '' })} (${formatDuration(now - started)})`;
}

/** `fetch-image: 45 %, 32 MB of 70 MB, linux-image-…`; what is cut off on a narrow terminal is the detail. */
function describe({ stage, detail, done, total, unit }: ProgressEvent): string {
  const amount = (value: number): string => (unit === 'bytes' ? formatBytes(value) : `${value}`);
  const noun = unit === undefined || unit === 'bytes' ? '' : ` ${unit}`;
  const share =
    done === undefined
      ? ''
      : total === undefined || total === 0
        ? `${amount(done)}${noun}`
        : `${Math.floor((100 * done) / total)} %, ${amount(done)} of ${amount(total)}${noun}`;
  const text = printable(detail ?? '').replace(/\s+/g, ' ');
  const rest = [share, text].filter((part) => part !== '').join(', ');
  return rest === '' ? stage : `${stage}: ${rest}`;
}
