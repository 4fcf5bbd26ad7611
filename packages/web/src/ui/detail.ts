/**
 * Details of an event or an entry of the audit log in one line: `state: denied, tags: web, db`.
 * @param most of a list that are shown
 */
export function detailText(
  detail: Readonly<Record<string, unknown>>,
  most = Number.POSITIVE_INFINITY,
): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}: ${valueText(value, most)}`)
    .join(', ');
}

function valueText(value: unknown, most: number): string {
  if (Array.isArray(value)) {
    const shown = value.slice(0, most).map((each) => valueText(each, most));
    const more = value.length > shown.length ? [`and ${value.length - shown.length} more`] : [];
    return [...shown, ...more].join(' ') || 'none';
  }
  if (typeof value === 'object' && value !== null) return `(${detailText({ ...value }, most)})`;
  return String(value);
}
