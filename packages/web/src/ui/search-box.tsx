import { useEffect, useState } from 'preact/hooks';
import { setParams, useAddress } from '../router.js';

const CALM_MS = 250;

/** A search that is a part of the address, so that what was found can be sent to somebody. */
export function SearchBox({ name = 'q', label }: { readonly name?: string; readonly label: string }) {
  const { params } = useAddress();
  const value = params.get(name) ?? '';
  const [text, setText] = useState(value);
  // A filter that was taken away elsewhere.
  useEffect(() => {
    if (value !== text.trim()) setText(value);
  }, [value]);
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = window.setTimeout(
      () => setParams({ [name]: text.trim() === '' ? null : text.trim(), after: null }, { replace: true }),
      CALM_MS,
    );
    return () => window.clearTimeout(timer);
  }, [text, value, name]);
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={`${label}   /`}
      value={text}
      maxLength={100}
      onInput={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
    />
  );
}

/** Whether one of the texts has what is searched for. */
export function matches(search: string, ...texts: readonly string[]): boolean {
  const wanted = search.toLowerCase();
  return texts.some((text) => text.toLowerCase().includes(wanted));
}
