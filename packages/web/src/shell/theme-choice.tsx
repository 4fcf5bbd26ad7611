import { useState } from 'preact/hooks';
import { chooseTheme, readTheme, type Theme } from '../theme.js';

const CHOICES: readonly (readonly [Theme, string])[] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export function ThemeChoice() {
  const [theme, setTheme] = useState(readTheme());
  return (
    <select
      aria-label="Colours"
      value={theme}
      onChange={(event) => {
        const chosen = CHOICES.find(([each]) => each === event.currentTarget.value)?.[0] ?? 'system';
        chooseTheme(chosen);
        setTheme(chosen);
      }}
    >
      {CHOICES.map(([value, title]) => (
        <option key={value} value={value}>
          {title}
        </option>
      ))}
    </select>
  );
}
