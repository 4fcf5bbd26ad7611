import type { ComponentChildren, Ref } from 'preact';

export interface ScrollRegionProps {
  readonly label: string;
  readonly kind: 'code-scroll' | 'log' | 'log tall';
  readonly children: ComponentChildren;
  readonly boxRef?: Ref<HTMLElement>;
  readonly onScroll?: (box: HTMLElement) => void;
}

/** What scrolls by itself, and so must be reached by the keyboard. */
export function ScrollRegion({ label, kind, children, boxRef, onScroll }: ScrollRegionProps) {
  return (
    <section
      ref={boxRef ?? null}
      class={kind}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
      tabIndex={0}
      onScroll={(event) => onScroll?.(event.currentTarget)}
    >
      {children}
    </section>
  );
}
