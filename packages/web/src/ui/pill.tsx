import type { ComponentChildren } from 'preact';

/** Never by colour alone: the words say it too. */
export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'quiet';

export interface PillProps {
  readonly tone: Tone;
  readonly title?: string | undefined;
  readonly children: ComponentChildren;
}

export function Pill({ tone, title, children }: PillProps) {
  return (
    <span class={`pill ${tone}`} title={title}>
      {children}
    </span>
  );
}

export function Tag({ children }: { readonly children: ComponentChildren }) {
  return <span class="tag">{children}</span>;
}

export function CveLink({ cve }: { readonly cve: string }) {
  return (
    <a class="cve" href={`/cves?q=${encodeURIComponent(cve)}`}>
      {cve}
    </a>
  );
}
