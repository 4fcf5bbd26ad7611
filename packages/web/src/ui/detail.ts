/** Details of an event or an entry of the audit log in one line: `state: denied, tags: web, db`. */
export function detailText(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => `${name}: ${valueText(value)}`)
    .join(', ');
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(' ') || 'none';
  if (typeof value === 'object' && value !== null) return `(${detailText({ ...value })})`;
  return String(value);
}
