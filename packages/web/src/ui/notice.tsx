// What was done, said once at the edge of the page and to screen readers.

import { useEffect, useState } from 'preact/hooks';

interface Notice {
  readonly id: number;
  readonly text: string;
}

const SHOWN_MS = 6000;
let notices: readonly Notice[] = [];
let redraw: (() => void) | undefined;
let count = 0;

export function say(text: string): void {
  count += 1;
  const id = count;
  notices = [...notices.slice(-2), { id, text }];
  redraw?.();
  window.setTimeout(() => {
    notices = notices.filter((notice) => notice.id !== id);
    redraw?.();
  }, SHOWN_MS);
}

export function Notices() {
  const [, setVersion] = useState(0);
  useEffect(() => {
    redraw = () => setVersion((version) => version + 1);
    return () => {
      redraw = undefined;
    };
  }, []);
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map(({ id, text }) => (
        <p key={id} class="notice">
          {text}
        </p>
      ))}
    </div>
  );
}
