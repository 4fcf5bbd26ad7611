// Keys that do something anywhere on a page. `g f` is one key after the other. The list that `?` shows is this list.

import { useEffect } from 'preact/hooks';

export interface Shortcut {
  readonly keys: string;
  readonly title: string;
  readonly run: () => void;
}

const SEQUENCE_MS = 1200;
const active = new Map<string, Shortcut>();
let first: { readonly key: string; readonly at: number } | undefined;

export function listShortcuts(): readonly Shortcut[] {
  return [...active.values()];
}

export function useShortcut(keys: string, title: string, run: () => void): void {
  useEffect(() => {
    const shortcut = { keys, title, run };
    active.set(keys, shortcut);
    return () => {
      if (active.get(keys) === shortcut) active.delete(keys);
    };
  });
}

export function listenToKeys(): () => void {
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
  const before = first !== undefined && Date.now() - first.at < SEQUENCE_MS ? `${first.key} ` : '';
  first = undefined;
  const shortcut = active.get(before + event.key);
  if (shortcut !== undefined) {
    event.preventDefault();
    shortcut.run();
    return;
  }
  if ([...active.keys()].some((keys) => keys.startsWith(`${event.key} `)))
    first = { key: event.key, at: Date.now() };
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest('input:not([type=checkbox]), textarea, select, [contenteditable]') !== null
  );
}
