/** Several of a list, each with what it means. */
export interface ChecksProps<T extends string> {
  readonly legend: string;
  readonly options: readonly (readonly [value: T, title: string])[];
  readonly chosen: readonly T[];
  readonly onChosen: (chosen: readonly T[]) => void;
}

export function Checks<T extends string>({ legend, options, chosen, onChosen }: ChecksProps<T>) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      <div class="choices">
        {options.map(([value, title]) => (
          <label key={value} class="choice">
            <input
              type="checkbox"
              checked={chosen.includes(value)}
              onChange={(event) =>
                onChosen(
                  event.currentTarget.checked ? [...chosen, value] : chosen.filter((each) => each !== value),
                )
              }
            />
            <span>{title}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
