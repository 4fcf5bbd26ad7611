// When machines may install: rows of days and hours in the time of a place.

import type { MaintenanceWindow } from '@resplice/protocol/console';
import { TextField } from '../ui/form.js';

const DAYS = [
  ['mon', 'Mon'],
  ['tue', 'Tue'],
  ['wed', 'Wed'],
  ['thu', 'Thu'],
  ['fri', 'Fri'],
  ['sat', 'Sat'],
  ['sun', 'Sun'],
] as const;

export interface WindowsFieldProps {
  readonly legend: string;
  readonly hint: string;
  readonly windows: readonly MaintenanceWindow[];
  readonly onWindows: (windows: readonly MaintenanceWindow[]) => void;
}

export function WindowsField({ legend, hint, windows, onWindows }: WindowsFieldProps) {
  const change = (index: number, part: Partial<MaintenanceWindow>): void =>
    onWindows(windows.map((window, at) => (at === index ? { ...window, ...part } : window)));
  const add = (): void =>
    onWindows([
      ...windows,
      {
        days: ['sat', 'sun'],
        from: '02:00',
        to: '05:00',
        timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      },
    ]);
  return (
    <fieldset>
      <legend>{legend}</legend>
      <p class="hint">{hint}</p>
      {windows.map((window, index) => (
        <div key={`${index} ${windows.length}`} class="window">
          <div class="row-of">
            {DAYS.map(([day, title]) => (
              <label key={day} class="choice">
                <input
                  type="checkbox"
                  checked={window.days.includes(day)}
                  onChange={({ currentTarget: { checked } }) =>
                    change(index, {
                      days: DAYS.map(([each]) => each).filter((each) =>
                        each === day ? checked : window.days.includes(each),
                      ),
                    })
                  }
                />
                <span>{title}</span>
              </label>
            ))}
          </div>
          <div class="window-times">
            <TextField
              label="From"
              type="time"
              value={window.from}
              onValue={(from) => change(index, { from })}
              required
            />
            <TextField
              label="To"
              type="time"
              value={window.to}
              onValue={(to) => change(index, { to })}
              required
            />
            <TextField
              label="Time of"
              placeholder="Europe/Berlin"
              value={window.timeZone}
              onValue={(timeZone) => change(index, { timeZone })}
              required
            />
            <button
              type="button"
              class="small"
              onClick={() => onWindows(windows.filter((_, at) => at !== index))}
            >
              Remove
            </button>
          </div>
        </div>
      ))}
      <button type="button" class="small" onClick={add}>
        Add a window
      </button>
    </fieldset>
  );
}
